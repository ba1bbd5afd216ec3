"""How many workers may ask: decided from answer times and memory figures, without a clock."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fin_assets.core.transport.concurrency import MEBIBYTE, AdaptiveConcurrency, ConcurrencyRule, free_memory

RULE = ConcurrencyRule(answers=4, never_slow=timedelta(seconds=0.1), patience=2, remembered=6)
"""Two workers or fewer are judged every four answers, more of them every two answers a worker."""

PLENTY = 8 * 1024 * MEBIBYTE


def judged(
    pace: AdaptiveConcurrency, seconds: float, *, times: int = 1, trouble: int = 0, place: str = "request site/page"
) -> None:
    """Let this number of full judgements of the same answers pass; `trouble` of each are time-outs."""
    for _ in range(times):
        for number in range(max(RULE.answers, 2 * pace.allowed)):
            pace.answered(place, seconds, trouble=number < trouble)


def remember(pace: AdaptiveConcurrency, *, now: float, free_mib: float = 8192, browser_mib: float = 300) -> None:
    pace.memory(now=now, free=int(free_mib * MEBIBYTE), browser_mib=browser_mib, browser_limit_mib=1200)


def test_a_site_that_slows_down_takes_one_worker_at_a_time_and_leaves_the_last() -> None:
    pace = AdaptiveConcurrency(5, rule=RULE)
    judged(pace, 0.4)
    assert (pace.allowed, pace.said) == (5, None)
    seen = []
    for _ in range(6):
        judged(pace, 1.9)
        seen.append(pace.allowed)
    assert seen == [4, 3, 2, 1, 1, 1]
    assert pace.said == "1 of 5 workers: the site answers in 1.9 s, 0.4 s at best"


def test_workers_come_back_slowly_and_never_beyond_the_set_number() -> None:
    pace = AdaptiveConcurrency(3, rule=RULE)
    judged(pace, 0.4)
    judged(pace, 2.0, times=2)
    assert pace.allowed == 1
    judged(pace, 0.5)
    assert pace.allowed == 1, "one judgement is chance"
    judged(pace, 0.5)
    assert pace.allowed == 2
    judged(pace, 0.5, times=2)
    assert (pace.allowed, pace.said) == (3, None)
    judged(pace, 0.2, times=20)
    assert pace.allowed == 3


def test_between_usual_and_slow_nothing_changes() -> None:
    pace = AdaptiveConcurrency(4, rule=RULE)
    judged(pace, 0.4)
    judged(pace, 1.2)
    assert pace.allowed == 3
    judged(pace, 0.9, times=5)
    assert pace.allowed == 3


def test_a_site_that_is_slower_for_good_becomes_the_usual_one() -> None:
    pace = AdaptiveConcurrency(3, rule=RULE)
    judged(pace, 0.4)
    judged(pace, 2.0, times=2)
    assert pace.allowed == 1
    judged(pace, 2.0, times=RULE.remembered + 2 * RULE.patience)
    assert pace.allowed == 3


def test_a_site_that_answers_at_once_is_not_slow_when_it_takes_five_times_as_long() -> None:
    pace = AdaptiveConcurrency(5, rule=RULE)
    judged(pace, 0.01)
    judged(pace, 0.05, times=10)
    assert pace.allowed == 5


def test_a_few_slow_answers_among_many_are_no_slow_site() -> None:
    pace = AdaptiveConcurrency(5, rule=RULE)
    judged(pace, 0.3)
    for _ in range(10):
        for number in range(10):
            pace.answered("request site/page", 9.0 if number < 4 else 0.3)
    assert pace.allowed == 5


def test_time_outs_and_server_errors_take_a_worker_however_quick_they_are() -> None:
    pace = AdaptiveConcurrency(5, rule=RULE)
    judged(pace, 0.3)
    judged(pace, 0.3, trouble=2)
    assert pace.allowed == 5, "two of ten are chance"
    judged(pace, 0.01, trouble=3)
    assert pace.said == "4 of 5 workers: 3 of the last answers were time-outs or server errors"
    judged(pace, 0.3, times=2)
    assert pace.allowed == 5
    judged(pace, 0.3, times=2)
    assert pace.allowed == 5, "the quick errors are not its best time"


def test_pages_are_compared_with_pages_and_requests_with_requests() -> None:
    pace = AdaptiveConcurrency(5, rule=RULE)
    judged(pace, 0.2)
    judged(pace, 1.5, place="navigation site/page", times=3)
    assert pace.allowed == 5


def test_a_machine_short_of_memory_takes_workers_until_it_is_not() -> None:
    pace = AdaptiveConcurrency(4, rule=RULE)
    judged(pace, 0.3)
    for now in (0, 2, 4, 6, 8):
        remember(pace, now=now, free_mib=123)
    assert pace.said == "3 of 4 workers: the machine has 123 MiB of memory left"
    remember(pace, now=10, free_mib=120)
    assert pace.allowed == 2
    judged(pace, 0.3, times=6)
    assert pace.allowed == 2, "a worker came back although there is no memory for it"
    remember(pace, now=12)
    judged(pace, 0.3, times=2)
    assert pace.allowed == 3


def test_a_browser_above_its_limit_takes_a_worker() -> None:
    pace = AdaptiveConcurrency(2, rule=RULE)
    remember(pace, now=0, browser_mib=1300)
    assert pace.said == "1 of 2 workers: the browser takes 1300 MiB, 1200 are its limit"
    remember(pace, now=100, browser_mib=1300)
    assert pace.allowed == 1


def test_a_waiting_worker_is_woken_by_each_change_and_by_nothing_else() -> None:
    changes: list[int] = []
    pace = AdaptiveConcurrency(3, rule=RULE)
    pace.on_change = lambda: changes.append(pace.allowed)
    judged(pace, 0.3, times=3)
    judged(pace, 3.0, times=4)
    judged(pace, 0.3, times=9)
    assert changes == [2, 1, 2, 3]


def test_a_container_that_allows_less_than_the_machine_has_counts(tmp_path: Path) -> None:
    of_the_machine = free_memory(cgroup=tmp_path)
    assert of_the_machine > 0
    (tmp_path / "memory.stat").write_text("anon 5\ninactive_file 700\nactive_file 9\n")
    (tmp_path / "memory.current").write_text("1500\n")
    (tmp_path / "memory.max").write_text("2000\n")
    assert free_memory(cgroup=tmp_path) == 1200
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory(cgroup=tmp_path) > 1_000_000


# A busy machine is slow, not wrong.
@settings(deadline=None)
@pytest.mark.parametrize("most", [1, 20])
@given(
    answers=st.lists(st.tuples(st.floats(0, 60), st.booleans()), max_size=400),
    free=st.lists(st.floats(0, 2000), max_size=20),
)
def test_there_is_always_one_worker_and_never_more_than_set(
    most: int, answers: list[tuple[float, bool]], free: list[float]
) -> None:
    pace = AdaptiveConcurrency(most, rule=RULE)
    for now, mib in enumerate(free):
        remember(pace, now=60 * now, free_mib=mib)
        assert 1 <= pace.allowed <= most
    for seconds, trouble in answers:
        pace.answered("request site/page", seconds, trouble=trouble)
        assert 1 <= pace.allowed <= most
        assert (pace.said is None) == (pace.allowed == most)
