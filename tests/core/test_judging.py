"""A half table among the first sessions of a history: provisional first, blocked and asked for again later (H6)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from fin_assets.core.calendars.exchange import get_calendar
from fin_assets.core.collection.collector import Collector
from fin_assets.core.collection.finalize import SessionResult
from fin_assets.core.contract.calendar import CalendarOf
from fin_assets.core.contract.manifest import Manifest, PartitionKey, PartitionState
from fin_assets.core.contract.source import Nothing, Unit
from fin_assets.core.orchestration.automation import retry_is_due
from fin_assets.core.orchestration.monitoring import backlog
from fin_assets.core.storage.store import Store
from tests.core.fakes import NAME, TABLE, FakeClients, FakeSite, fake_source

DAYS = get_calendar("XHKG").sessions(date(2026, 1, 5), date(2026, 3, 31))
NOW = datetime(2026, 4, 1, tzinfo=UTC)
WHOLE, HALF = 532, 266
BLOCKED = ("row_count_in_band",)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIN_CLOCK", NOW.isoformat())
    monkeypatch.setattr("fin_assets.core.collection.fetch_jobs._Unit.wait", lambda _self: timedelta(0))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def site_with(half: Iterable[date]) -> FakeSite:
    """Return a site that serves both units of some sessions half."""
    return FakeSite(rows=WHOLE, rows_of={(unit, day): [HALF] for day in half for unit in ("a", "b")})


def collect(store: Store, site: FakeSite, sessions: list[date], **changes: object) -> list[SessionResult]:
    source = fake_source(site, **changes)
    with FakeClients() as clients:
        return Collector(source, source.tables[0], store=store, clients=clients, on_session=lambda _result: None).run(
            sessions
        )


def manifest(store: Store, session: date) -> Manifest:
    found = store.manifest(PartitionKey(NAME, TABLE, session))
    assert found is not None
    return found


def verdicts(store: Store) -> dict[date, tuple[tuple[str, ...], bool]]:
    return {each.session: (each.blocked_by, each.is_provisional) for each in store.manifests(NAME, TABLE)}


def test_a_half_table_is_provisional_until_five_whole_sessions_are_known_and_blocked_then(store: Store) -> None:
    site = site_with([DAYS[0]])
    for day in DAYS[:5]:
        collect(store, site, [day])
    assert verdicts(store) == dict.fromkeys(DAYS[:5], ((), True))
    [today, *again] = collect(store, site, [DAYS[5]])
    assert today.manifest.is_provisional, "only four whole sessions are known beside it"
    assert {result.manifest.session for result in again} >= {DAYS[0]}
    half = manifest(store, DAYS[0])
    assert (half.state, half.blocked_by, half.half) == (PartitionState.COMPLETE, BLOCKED, ("a", "b"))
    [told] = [result for result in again if result.manifest.session == DAYS[0]]
    assert not told.usable
    assert not told.findings["row_count_in_band"].passed
    assert "a: 266 rows, median 532 of 5 sessions" in told.findings["row_count_in_band"].summary
    assert f"fin heal {NAME} --from {DAYS[0]}" in told.findings["row_count_in_band"].summary


@pytest.mark.parametrize("half", [(0,), (0, 1, 2), (4, 11)])
def test_the_verdict_is_the_same_in_whatever_order_the_sessions_arrive(tmp_path: Path, half: tuple[int, ...]) -> None:
    days, wrong = DAYS[:12], {DAYS[n] for n in half}
    orders = {
        "at once": [days],
        "one a day": [[day] for day in days],
        "newest first": [days[n : n + 2] for n in range(10, -1, -2)],
        "the wrong ones last": [sorted(set(days) - wrong), sorted(wrong)],
    }
    for name, attempts in orders.items():
        store = Store(tmp_path / name)
        for sessions in attempts:
            collect(store, site_with(wrong), sessions)
        usable = {
            each.session
            for each in store.manifests(NAME, TABLE)
            if each.state is PartitionState.COMPLETE and not each.blocked_by
        }
        assert usable == set(days) - wrong, name
        assert not any(provisional for _, provisional in verdicts(store).values()), name


def test_whole_sessions_blocked_by_half_ones_before_them_are_freed(store: Store) -> None:
    site = site_with(DAYS[:5])
    for day in DAYS[:6]:
        collect(store, site, [day])
    assert manifest(store, DAYS[5]).blocked_by == BLOCKED, "five half ones are all that is known"
    for day in DAYS[6:16]:
        collect(store, site, [day])
    assert {each.session for each in store.manifests(NAME, TABLE) if each.blocked_by} == set(DAYS[:5])


def test_healing_asks_again_for_the_half_units_alone_and_within_its_bounds(store: Store) -> None:
    site = site_with([DAYS[0]])
    site.rows_of[("b", DAYS[0])] = [WHOLE]
    for day in DAYS[:7]:
        collect(store, site, [day])
    half = manifest(store, DAYS[0])
    assert half.half == ("a",)
    assert retry_is_due(half, now=NOW, max_attempts=24)
    [failed] = collect(store, site, [DAYS[0]])
    assert failed.problem is not None
    assert "the previous complete version is kept" in failed.problem
    waiting = manifest(store, DAYS[0])
    assert (waiting.attempts, waiting.blocked_by) == (2, BLOCKED)
    assert not retry_is_due(waiting, now=NOW, max_attempts=24), "it waits as every other partition"
    assert retry_is_due(waiting, now=NOW + timedelta(hours=1), max_attempts=24)
    assert not retry_is_due(waiting, now=NOW + timedelta(hours=1), max_attempts=2)

    site.rows_of.clear()
    [healed, *_] = collect(store, site, [DAYS[0]])
    assert healed.usable
    now = manifest(store, DAYS[0])
    assert (now.blocked_by, now.half, now.generation) == ((), (), 2)
    assert site.asked[("b", DAYS[0])] == 1, "what was whole is not asked for again"


def test_a_half_session_stands_in_the_backlog(store: Store) -> None:
    site = site_with([DAYS[0]])
    for day in DAYS[:7]:
        collect(store, site, [day])
    source = fake_source(site)
    found = backlog(source, source.tables[0], store, now=NOW)
    assert not found.passed
    assert f"1 session blocked by a check: {DAYS[0]}" in found.summary


def test_sessions_collected_at_once_are_judged_at_the_end_and_nothing_is_provisional(store: Store) -> None:
    results = collect(store, site_with([]), DAYS[:12])
    assert len(results) == 12
    assert all(result.usable and not result.manifest.unjudged for result in results)


def test_a_list_too_rare_for_a_reference_is_not_provisional(store: Store) -> None:
    quarters = [date(2025, 9, 30), date(2025, 12, 31), date(2026, 3, 31)]
    calendar = CalendarOf(
        timezone="Asia/Hong_Kong", days=lambda first, last: [day for day in quarters if first <= day <= last]
    )
    [result] = collect(store, site_with([]), [quarters[1]], calendar=calendar, start=date(2025, 1, 1))
    assert not result.manifest.is_provisional
    assert result.findings["row_count_in_band"].numbers["without_reference"] == 2


def test_days_that_the_site_no_longer_shows_are_not_waited_for(store: Store) -> None:
    units = [Unit(name="a"), Unit(name="b")]
    calendar = CalendarOf(
        timezone="Asia/Hong_Kong", days=lambda first, last: [day for day in DAYS[:9] if first <= day <= last]
    )
    [result] = collect(
        store,
        site_with([]),
        [DAYS[8]],
        calendar=calendar,
        expected=lambda day, _siblings: units if day == DAYS[8] else Nothing("the site shows its present list only"),
    )
    assert not result.manifest.is_provisional


def test_a_table_that_is_collected_again_after_a_smaller_list_proved_right_is_unblocked(store: Store) -> None:
    site = site_with([DAYS[0]])
    for day in DAYS[:7]:
        collect(store, site, [day])
    [result, *_] = collect(store, site, [DAYS[0]], row_count_below=0.6)
    assert result.usable
    assert manifest(store, DAYS[0]).half == ()
