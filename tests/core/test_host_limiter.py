"""Politeness: the pace, the hold of a whole host, and the breaker, in virtual time."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fin_assets.core.contract.failures import CircuitOpen, Drift, NetworkFailure, RateLimited, ServerError
from fin_assets.core.transport.host_limiter import BreakerRule, HostLimiter, Hosts, retry_after
from tests.core.virtual_time import run

RULE = BreakerRule(failures=4, pause=timedelta(seconds=5), pauses=2)


def limiter(*, rate: float = 10, jitter: float = 0.0) -> HostLimiter:
    return HostLimiter("site:80", rate_per_second=rate, jitter=jitter, breaker=RULE)


def now() -> float:
    return asyncio.get_running_loop().time()


async def times_of(door: HostLimiter, *, workers: int, each: int) -> list[float]:
    async def worker() -> list[float]:
        return [await door.slot() for _ in range(each)]

    found = await asyncio.gather(*(worker() for _ in range(workers)))
    return sorted(instant for times in found for instant in times)


def test_twenty_workers_together_keep_the_pace_of_one_host() -> None:
    async def scenario() -> None:
        times = await times_of(limiter(rate=10), workers=20, each=5)
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert len(times) == 100
        assert min(gaps) >= 0.1 - 1e-9
        assert times[-1] == pytest.approx(9.9)

    run(scenario())


def test_a_timer_that_fires_a_hair_early_does_not_keep_the_door_shut() -> None:
    async def scenario() -> float:
        door = limiter()
        door.hold(timedelta(seconds=5), reason="429")
        # This one's timer comes half a nanosecond before, and takes the door's along.
        early = asyncio.create_task(asyncio.sleep(5 - 5e-10))
        opened = await door.slot()
        await early
        return opened

    assert run(scenario()) == pytest.approx(5)


# A busy machine is slow, not wrong.
@settings(deadline=None)
@given(rate=st.floats(0.1, 500), jitter=st.floats(0, 0.9))
def test_jitter_never_exceeds_its_share_of_the_gap(rate: float, jitter: float) -> None:
    async def scenario() -> None:
        times = await times_of(limiter(rate=rate, jitter=jitter), workers=3, each=5)
        for earlier, later in pairwise(times):
            assert (1 - jitter) / rate - 1e-6 <= later - earlier <= (1 + jitter) / rate + 1e-6

    run(scenario())


def test_a_hold_stops_every_worker_and_a_longer_one_counts_while_they_wait() -> None:
    async def scenario() -> None:
        door = limiter()
        door.hold(timedelta(seconds=3), reason="429")
        waiting = asyncio.create_task(times_of(door, workers=5, each=1))
        await asyncio.sleep(1)
        door.hold(timedelta(seconds=6), reason="429 again")
        door.hold(timedelta(seconds=1), reason="a shorter one")
        assert door.held_for() == (timedelta(seconds=6), "429 again")
        times = await waiting
        assert times[0] == pytest.approx(7)
        assert times[-1] == pytest.approx(7.4)
        assert door.held_for() is None

    run(scenario())


def test_hosts_do_not_wait_for_one_another() -> None:
    async def scenario() -> None:
        hosts = Hosts(rate_per_second=1, jitter=0)
        hosts.of("http://a:1/x").hold(timedelta(seconds=30), reason="429")
        assert await hosts.of("http://b:2/y").slot() == pytest.approx(0, abs=1e-6)
        assert hosts.of("http://a:1/other") is hosts.of("http://a:1/x")
        assert hosts.held() == "a:1 gets no request for another 30 s: 429"
        assert hosts.requests == 1

    run(scenario())


async def fail(door: HostLimiter, times: int, failure: Exception | None = None) -> None:
    for _ in range(times):
        asked_at = await door.slot()
        door.failed(failure or NetworkFailure("reset"), asked_at=asked_at)  # type: ignore[arg-type]


def test_the_breaker_pauses_longer_and_longer_and_then_gives_the_host_up() -> None:
    async def scenario() -> None:
        door = limiter(rate=1000)
        await fail(door, RULE.failures)
        assert door.held_for() is not None
        began = now()
        await fail(door, 1)
        assert now() - began == pytest.approx(5, abs=0.01)
        began = now()
        await fail(door, 1)
        assert now() - began == pytest.approx(10, abs=0.01)
        with pytest.raises(
            CircuitOpen, match=r"site:80 gets no further requests.*6 requests in a row.*2 pauses.*reset"
        ):
            await door.slot()

    run(scenario())


def test_one_success_closes_the_breaker_again() -> None:
    async def scenario() -> None:
        door = limiter(rate=1000)
        for _ in range(5):
            await fail(door, RULE.failures - 1, ServerError("503"))
            door.succeeded()
        assert door.held_for() is None

    run(scenario())


def test_pages_with_wrong_content_do_not_open_the_breaker() -> None:
    async def scenario() -> None:
        door = limiter(rate=1000)
        await fail(door, 50, Drift("renamed"))
        assert door.held_for() is None

    run(scenario())


def test_answers_to_requests_from_before_a_pause_do_not_count_after_it() -> None:
    async def scenario() -> None:
        door = limiter(rate=1000)
        asked = [await door.slot() for _ in range(20)]
        for instant in asked:
            door.failed(RateLimited("429"), asked_at=instant)
        # Twenty late answers opened it once; they are no proof about the time after the pause.
        assert door.held_for() == (timedelta(seconds=5), "4 failures in a row, pause 1 of 2")
        assert await door.slot() == pytest.approx(5, abs=0.1)

    run(scenario())


def test_a_429_holds_the_host_before_any_worker_reacts() -> None:
    async def scenario() -> None:
        door = limiter(rate=1000)
        asked_at = await door.slot()
        door.failed(RateLimited("429", retry_after=timedelta(seconds=40)), asked_at=asked_at)
        assert await door.slot() == pytest.approx(40)

    run(scenario())


def test_giving_up_wakes_those_who_wait_for_a_slot() -> None:
    async def scenario() -> None:
        hosts = Hosts(rate_per_second=1)
        door = hosts.of("http://a/")
        door.hold(timedelta(hours=1), reason="429")
        waiting = asyncio.create_task(door.slot())
        await asyncio.sleep(1)
        hosts.give_up("a captcha")
        with pytest.raises(CircuitOpen, match="a captcha"):
            await waiting
        assert now() == pytest.approx(1)
        with pytest.raises(CircuitOpen, match="a captcha"):
            await hosts.of("http://new/").slot()

    run(scenario())


def test_a_cancelled_waiter_does_not_keep_the_door_shut() -> None:
    async def scenario() -> None:
        door = limiter(rate=1)
        await door.slot()
        waiting = asyncio.create_task(door.slot())
        await asyncio.sleep(0.1)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert await door.slot() == pytest.approx(1)

    run(scenario())


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("7", timedelta(seconds=7)),
        (" 120 ", timedelta(minutes=2)),
        ("Sat, 21 Nov 2026 08:00:30 GMT", timedelta(seconds=30)),
        ("1.5", timedelta(seconds=1.5)),
        ("86400", timedelta(days=1)),
        ("Sat, 21 Nov 2026 07:00:00 GMT", None),
        ("soon", None),
        ("-3", None),
        ("0", None),
        ("86401", None),
        ("315360000", None),
        ("86400000000000", None),
        ("300000000000", None),
        ("3e11", None),
        ("nan", None),
        ("inf", None),
        ("9" * 5000, None),
        ("²", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", None),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
        ("Sat, 21 Nov 2026 08:00:30 +99999999", None),
        ("Mon, 01 Jan 0001 00:00:00 GMT", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_beyond_a_day_nobody_means_it(
    header: str | None, expected: timedelta | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIN_CLOCK", "2026-11-21T08:00:00+00:00")
    assert retry_after(header) == expected


@given(st.text() | st.integers().map(str) | st.floats().map(str) | st.datetimes().map(format_datetime))
def test_no_retry_after_overflows_or_asks_for_more_than_the_longest(header: str) -> None:
    wait = retry_after(header, longest=timedelta(hours=1))
    assert wait is None or timedelta(0) < wait <= timedelta(hours=1)


def test_a_rate_of_zero_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="rate_per_second=0"):
        HostLimiter("site", rate_per_second=0)
