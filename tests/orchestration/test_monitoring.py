"""What watches a table as a whole: nothing that nobody asks for stays unseen, and nothing is alarming too early."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fin_assets.core.contract.manifest import Manifest, PartitionState, UnitRecord, UnitState
from fin_assets.core.orchestration.monitoring import backlog, freshness
from fin_assets.core.storage.store import Store
from tests.core.fakes import NAME, TABLE, FakeSite, fake_source

NOW = datetime(2026, 3, 24, 4, tzinfo=UTC)
# Sessions before: Monday 23, Friday 20, 19, 18, ...
LAST, BEFORE, FIRST = date(2026, 3, 23), date(2026, 3, 20), date(2026, 3, 19)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def save(store: Store, session: date, *, state: PartitionState = PartitionState.COMPLETE, **changes: Any) -> None:
    unit = UnitRecord(unit="a", state=UnitState.FETCHED if state.is_done else UnitState.FAILED)
    store.save(Manifest(source=NAME, table=TABLE, session=session, state=state, units=(unit,), **changes))


def found(store: Store, *, now: datetime = NOW, **changes: Any) -> str:
    source = fake_source(FakeSite(), **changes)
    finding = backlog(source, source.tables[0], store, now=now)
    assert finding.passed == (finding.numbers["sessions"] == 0)
    return finding.summary


def test_a_session_between_others_that_was_never_collected_is_found(store: Store) -> None:
    save(store, FIRST)
    save(store, LAST)
    assert f"1 session never collected: {BEFORE}" in found(store)
    assert f"fin run {NAME} --table {TABLE} --session {BEFORE}" in found(store)
    save(store, BEFORE)
    assert found(store) == "no session is given up"


def test_a_session_that_a_blocking_check_keeps_out_of_the_marts_is_found(store: Store) -> None:
    save(store, LAST, blocked_by=("row_count_in_band",))
    assert f"1 session blocked by a check: {LAST}" in found(store)


def test_years_of_manifests_are_read_one_after_the_other(store: Store) -> None:
    units = tuple(UnitRecord(unit=f"{number}", state=UnitState.FETCHED, url="x" * 100) for number in range(500))

    def peak(sessions: int) -> int:
        for back in range(sessions):
            day = LAST - timedelta(days=back)
            store.save(Manifest(source=NAME, table=TABLE, session=day, state=PartitionState.COMPLETE, units=units))
        tracemalloc.start()
        try:
            assert found(store) == "no session is given up"
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few = peak(4)
    assert peak(40) < 1.5 * few


def test_what_healing_still_asks_for_is_no_backlog(store: Store) -> None:
    save(store, LAST, state=PartitionState.INCOMPLETE, attempts=3)
    assert found(store) == "no session is given up"
    assert f"given up: {LAST}" in found(store, max_attempts=3)
    assert f"given up: {LAST}" in found(store, now=NOW + timedelta(days=20))


def test_the_look_back_of_a_list_that_is_published_late_begins_when_it_is_due(store: Store) -> None:
    save(store, LAST, state=PartitionState.INCOMPLETE, attempts=1)
    assert found(store, now=NOW + timedelta(days=25), due=timedelta(days=20)) == "no session is given up"


def test_the_newest_due_session_must_be_there(store: Store) -> None:
    source = fake_source(FakeSite())
    table = source.tables[0]
    save(store, BEFORE)
    late = freshness(source, table, store, now=NOW)
    assert not late.passed
    assert (late.numbers["newest_due"], late.numbers["sessions_late"]) == (LAST.isoformat(), 1)
    save(store, LAST)
    assert freshness(source, table, store, now=NOW).passed
