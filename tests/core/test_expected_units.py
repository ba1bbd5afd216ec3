"""Units that another table of the same session names: what is asked for, what waits, what is proven empty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from fin_assets.core.calendars.exchange import get_calendar
from fin_assets.core.collection.acceptance import Reconciled, StatesItsSession
from fin_assets.core.collection.collector import Collector
from fin_assets.core.collection.expected_units import wanted
from fin_assets.core.collection.finalize import SessionResult
from fin_assets.core.contract.expecting import named_by, present_only
from fin_assets.core.contract.failures import Drift, HalfTable
from fin_assets.core.contract.manifest import PartitionKey, PartitionState, UnitState
from fin_assets.core.contract.source import Finding, Parsed, Source
from fin_assets.core.orchestration.automation import RetryDue, retry_is_due
from fin_assets.core.storage.store import Store, store_of
from fin_assets.definitions import build_definitions
from fin_assets.settings import Settings
from tests.core.fakes import NAME, FakeClients, FakeSite, fake_source, stage

DAYS = get_calendar("XHKG").sessions(date(2026, 1, 5), date(2026, 3, 31))
DAY = DAYS[0]
NOW = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeClients.opened = 0
    monkeypatch.setenv("FIN_CLOCK", NOW.isoformat())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def reconcile(parsed: Parsed, unit: str, fact: int) -> Parsed:
    """Ten rows a traded lot are right; of nothing traded, nothing."""
    if parsed.rows == 0 and fact == 0:
        return replace(parsed, empty_reason="nothing was traded")
    if parsed.rows != 10 * fact:
        raise HalfTable(f"{unit}: {parsed.rows} rows, {10 * fact} expected")
    return replace(parsed, coverage_pct=100.0)


def two_tables(site: FakeSite, details: FakeSite, *, traded: dict[str, int]) -> Source:
    """A list whose staged rows name the units of `details`, each with what was traded of it."""

    def facts(frame: pl.DataFrame) -> Mapping[str, int]:
        assert frame.height == 200
        return traded

    source = fake_source(site)
    first = source.tables[0]
    second = replace(
        first,
        name="details",
        expected=named_by(first.name, facts),
        needs=(first.name,),
        accept=(StatesItsSession(), Reconciled(reconcile)),
        fetch=details.fetch,
    )
    return replace(source, tables=(first, second))


def of_the_present(source: Source) -> Source:
    """The source with a table that shows no history."""
    [table] = source.tables
    expected = present_only(table.name, table.expected, calendar=table.calendar, due=table.due, end=source.end)
    return replace(source, tables=(replace(table, expected=expected),))


def collect(source: Source, store: Store, sessions: list[date], table: int = 1, **more: bool) -> list[SessionResult]:
    with FakeClients() as clients:
        return Collector(
            source, source.tables[table], store=store, clients=clients, on_session=lambda _result: None, **more
        ).run(sessions)


def test_nothing_is_asked_for_before_the_table_that_names_the_units_is_complete(store: Store) -> None:
    details = FakeSite(rows=10)
    source = two_tables(FakeSite(), details, traded={"x": 1})
    [waiting] = collect(source, store, [DAY])
    assert waiting.manifest.state is PartitionState.INCOMPLETE
    assert waiting.manifest.units == ()
    assert not waiting.findings["complete"].passed
    assert "names the units, and it was never collected" in waiting.manifest.why()
    assert not details.asked
    assert FakeClients.opened == 0


def test_waiting_for_another_table_uses_up_no_attempt_and_is_never_hopeless(store: Store) -> None:
    source = two_tables(FakeSite(), FakeSite(rows=10), traded={"x": 1})
    for _ in range(5):
        [waiting] = collect(source, store, [DAY])
    manifest = waiting.manifest
    assert manifest.attempts == 0
    assert manifest.next_retry_at == NOW + timedelta(minutes=10)
    assert not manifest.exhausted
    assert not retry_is_due(manifest, now=NOW, max_attempts=3)
    assert retry_is_due(manifest, now=NOW + timedelta(minutes=10), max_attempts=3)


def test_the_named_units_are_asked_for_reconciled_and_their_coverage_is_in_the_manifest(store: Store) -> None:
    details = FakeSite(rows=10, rows_of={("y", DAY): [20]})
    source = two_tables(FakeSite(), details, traded={"x": 1, "y": 2})
    collect(source, store, [DAY], table=0)
    [result] = collect(source, store, [DAY])
    assert result.manifest.state is PartitionState.COMPLETE
    assert {unit.unit: unit.coverage_pct for unit in result.manifest.units} == {"x": 100.0, "y": 100.0}
    assert result.findings["complete"].numbers["lowest_coverage_pct"] == 100.0
    assert "row_count_in_band" not in result.findings
    assert details.asked == {("x", DAY): 1, ("y", DAY): 1}


def test_a_unit_that_contradicts_the_other_table_is_not_green_and_alone_asked_for_again(store: Store) -> None:
    details = FakeSite(rows=10, rows_of={("y", DAY): [7]})
    source = two_tables(FakeSite(), details, traded={"x": 1, "y": 1})
    collect(source, store, [DAY], table=0)
    [result] = collect(source, store, [DAY])
    assert result.manifest.state is PartitionState.INCOMPLETE
    [bad] = result.manifest.unfinished()
    assert (bad.unit, bad.error_kind, bad.error) == ("y", "half_table", "y: 7 rows, 10 expected")
    details.rows_of.clear()
    [healed] = collect(source, store, [DAY])
    assert healed.manifest.state is PartitionState.COMPLETE
    assert details.asked[("x", DAY)] == 1


def test_an_empty_answer_is_proven_for_one_unit_and_the_session_stays_open(store: Store) -> None:
    details = FakeSite(rows=10, rows_of={("y", DAY): [0]})
    source = two_tables(FakeSite(), details, traded={"x": 1, "y": 0})
    collect(source, store, [DAY], table=0)
    [result] = collect(source, store, [DAY])
    assert result.manifest.state is PartitionState.COMPLETE
    assert {unit.unit: unit.state for unit in result.manifest.units} == {
        "x": UnitState.FETCHED,
        "y": UnitState.EMPTY_CONFIRMED,
    }
    [sealed] = [unit for unit in store.units(result.manifest) if unit.unit == "y"]
    assert sealed.empty_reason == "nothing was traded"
    staged = store.read_staged(result.manifest)
    assert staged is not None
    assert set(staged["unit"]) == {"x"}


def test_a_session_of_which_the_other_table_names_no_unit_is_closed_without_a_request(store: Store) -> None:
    details = FakeSite()
    source = two_tables(FakeSite(), details, traded={})
    collect(source, store, [DAY], table=0)
    [result] = collect(source, store, [DAY])
    assert result.manifest.state is PartitionState.CLOSED
    assert result.manifest.reason == f"things of {DAY} names no unit"
    assert not details.asked


def test_a_unit_that_the_other_table_names_later_reopens_the_session_for_it_alone(store: Store) -> None:
    details, traded = FakeSite(rows=10), {"x": 1}
    source = two_tables(FakeSite(), details, traded=traded)
    collect(source, store, [DAY], table=0)
    collect(source, store, [DAY])
    traded["y"] = 1
    [result] = collect(source, store, [DAY])
    assert {unit.unit for unit in result.manifest.units} == {"x", "y"}
    assert details.asked == {("x", DAY): 1, ("y", DAY): 1}


@pytest.mark.parametrize("missing", [(), ("z",)])
def test_pages_are_reconciled_again_when_the_table_that_names_them_was_fetched_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...]
) -> None:
    broken = {(unit, DAY): Drift("new column") for unit in missing}
    details, traded = FakeSite(rows=10, broken=broken), {"x": 1, "y": 1, "z": 1}
    names = FakeSite()
    source = two_tables(names, details, traded=traded)
    collect(source, store, [DAY], table=0)
    [before] = collect(source, store, [DAY])
    assert before.manifest.state.is_done == (not missing)
    monkeypatch.setenv("FIN_CLOCK", (NOW + timedelta(hours=1)).isoformat())
    names.rows_of = {("a", DAY): [101], ("b", DAY): [99]}
    collect(source, store, [DAY], table=0, refetch=True)
    traded["y"] = 2
    details.broken.clear()
    details.rows_of = {("y", DAY): [20]}
    asked = details.asked.copy()
    [after] = collect(source, store, [DAY])
    assert after.usable
    assert {unit.unit: unit.rows for unit in after.manifest.units} == {"x": 10, "y": 20, "z": 10}
    assert details.asked[("x", DAY)] == asked[("x", DAY)]
    assert details.asked[("y", DAY)] == asked[("y", DAY)] + 1


def test_a_page_that_changed_facts_refuse_and_a_refetch_does_not_fix_is_reported(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    details, traded, names = FakeSite(rows=10), {"x": 1, "y": 1}, FakeSite()
    source = two_tables(names, details, traded=traded)
    collect(source, store, [DAY], table=0)
    collect(source, store, [DAY])
    monkeypatch.setenv("FIN_CLOCK", (NOW + timedelta(hours=1)).isoformat())
    names.rows_of = {("a", DAY): [101], ("b", DAY): [99]}
    collect(source, store, [DAY], table=0, refetch=True)
    traded["y"] = 2
    [after] = collect(source, store, [DAY])
    assert not after.usable
    assert "the previous complete version is kept" in (after.problem or "")
    assert "y" in (after.problem or "")


def test_the_same_page_that_covers_less_of_changed_facts_is_asked_for_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def covers(parsed: Parsed, unit: str, fact: int) -> Parsed:
        del unit
        return replace(parsed, coverage_pct=100.0 / fact)

    details, traded, names = FakeSite(rows=10), {"x": 1, "y": 1}, FakeSite()
    source = two_tables(names, details, traded=traded)
    first, second = source.tables
    second = replace(second, accept=(StatesItsSession(), Reconciled(covers)))
    source = replace(source, tables=(first, second))
    collect(source, store, [DAY], table=0)
    collect(source, store, [DAY])
    monkeypatch.setenv("FIN_CLOCK", (NOW + timedelta(hours=1)).isoformat())
    names.rows_of = {("a", DAY): [101], ("b", DAY): [99]}
    collect(source, store, [DAY], table=0, refetch=True)
    traded["y"] = 2
    for _ in range(2):
        [after] = collect(source, store, [DAY])
        assert after.usable
        assert {unit.unit: unit.coverage_pct for unit in after.manifest.units} == {"x": 100.0, "y": 50.0}
    assert details.asked == {("x", DAY): 1, ("y", DAY): 2}


def test_pages_that_contradict_each_other_are_taken_back_and_the_others_stay(store: Store) -> None:
    details = FakeSite(rows=10)
    source = two_tables(FakeSite(), details, traded={"x": 1, "y": 1, "z": 1})
    refused = []

    def stage_once(units, session):
        if not refused:
            refused.append(session)
            raise Drift("y and z do not agree", units=("y", "z"))
        return stage(units, session)

    source = replace(source, tables=(source.tables[0], replace(source.tables[1], stage=stage_once)))
    collect(source, store, [DAY], table=0)
    [result] = collect(source, store, [DAY])
    assert {unit.unit for unit in result.manifest.unfinished()} == {"y", "z"}
    [healed] = collect(source, store, [DAY])
    assert healed.manifest.state is PartitionState.COMPLETE
    assert details.asked == {("x", DAY): 1, ("y", DAY): 2, ("z", DAY): 2}


def test_healing_asks_for_a_session_that_no_run_came_to_once_its_units_are_named(store: Store) -> None:
    source = two_tables(FakeSite(), FakeSite(rows=10), traded={"x": 1})
    due = RetryDue(source, source.tables[1], store)
    assert not due.due_of({DAY}, now=NOW)
    collect(source, store, [DAY], table=0)
    assert due.due_of({DAY}, now=NOW)
    assert not RetryDue(source, source.tables[0], store).due_of({DAYS[1]}, now=NOW)


def test_a_list_of_the_present_is_asked_for_the_newest_session_alone(store: Store) -> None:
    site = FakeSite()
    source = of_the_present(fake_source(site))
    newest, before = DAYS[-1], DAYS[-2]
    [old, now] = collect(source, store, [before, newest], table=0)
    assert old.manifest.state is PartitionState.CLOSED
    assert "shows only its present things" in (old.manifest.reason or "")
    assert now.manifest.state is PartitionState.COMPLETE
    assert {session for _, session in site.asked} == {newest}


def test_a_list_of_the_present_is_asked_for_the_last_session_of_a_history_that_is_over(store: Store) -> None:
    site, end = FakeSite(), DAYS[10]

    source = of_the_present(fake_source(site, end=end))
    results = collect(source, store, DAYS[:11], table=0)
    assert [result.manifest.state for result in results] == [PartitionState.CLOSED] * 10 + [PartitionState.COMPLETE]
    assert {session for _, session in site.asked} == {end}


def test_a_session_whose_units_vanish_before_its_turn_is_not_green(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    details = FakeSite(rows=10)
    source = two_tables(FakeSite(), details, traded={"x": 1})
    collect(source, store, [DAY], table=0)
    named = store.manifest(PartitionKey(NAME, source.tables[0].name, DAY))
    assert named is not None
    opened = store.open_unit_log

    def blocked_meanwhile(key: PartitionKey) -> object:
        store.save(named.model_copy(update={"blocked_by": ("schema",)}))
        return opened(key)

    monkeypatch.setattr(store, "open_unit_log", blocked_meanwhile)
    [result] = collect(source, store, [DAY])
    assert result.manifest.state is PartitionState.INCOMPLETE
    assert "is blocked by schema" in result.manifest.why()
    assert not details.asked


def test_a_waiting_session_is_left_alone_while_nothing_mends_the_table_that_it_waits_for(store: Store) -> None:
    exhausted = Drift("new column")
    site = FakeSite(broken={("a", DAY): exhausted, ("b", DAY): exhausted})
    source = two_tables(site, FakeSite(rows=10), traded={"x": 1})
    for table in (0, 1):
        collect(source, store, [DAY], table=table)
    later = NOW + timedelta(days=1)
    first, second = (RetryDue(source, table, store) for table in source.tables)
    naming = store.manifest(PartitionKey(NAME, source.tables[0].name, DAY))
    assert naming is not None
    assert bool(first.due_of({DAY}, now=later)) == bool(second.due_of({DAY}, now=later)) == (not naming.exhausted)
    store.save(naming.model_copy(update={"attempts": source.settings.max_attempts}))
    assert not second.due_of({DAY}, now=later), "the table that it waits for has been given up"
    site.broken.clear()
    collect(source, store, [DAY], table=0)
    assert second.due_of({DAY}, now=later)


def test_a_check_sees_the_other_tables_of_its_session(store: Store) -> None:
    seen: dict[str, int] = {}

    def looks_beside(frame, *, session, previous, siblings) -> Finding:
        """Look."""
        seen.update({name: other.height for name, other in siblings.items()})
        return Finding(passed=True, summary="seen")

    source = two_tables(FakeSite(), FakeSite(rows=10), traded={"x": 1})
    source = replace(
        source, tables=(source.tables[0], replace(source.tables[1], checks={"looks_beside": looks_beside}))
    )
    collect(source, store, [DAY], table=0)
    collect(source, store, [DAY])
    assert seen == {"things": 200}


def test_what_is_expected_names_why_the_other_table_is_no_help(store: Store) -> None:
    broken = FakeSite(broken={("a", DAY): Drift("new column")})
    source = two_tables(broken, FakeSite(), traded={"x": 1})
    collect(source, store, [DAY], table=0)
    want = wanted(source, source.tables[1], DAY, store=store)
    assert want.units == {}
    assert want.unknown == f"things of {DAY} names the units, and it is incomplete"
    assert store.manifest(PartitionKey(NAME, "details", DAY)) is None


def test_one_run_collects_a_table_and_the_one_whose_units_it_names(tmp_path: Path) -> None:
    details = FakeSite(rows=10)
    source = two_tables(FakeSite(), details, traded={"x": 1})
    definitions = build_definitions(settings=Settings(home=tmp_path), sources=[source], marts=False)
    job = definitions.resolve_job_def(f"collect_{NAME}__things")
    with dg.DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(instance=instance, partition_key=DAY.isoformat()).success
        for table in ("things", "details"):
            done = instance.get_materialized_partitions(dg.AssetKey(["staged", NAME, table]))
            assert done == {DAY.isoformat()}, table
    assert details.asked == {("x", DAY): 1}


def test_a_run_tells_what_failed_first_and_what_followed_from_it(tmp_path: Path) -> None:
    broken = FakeSite(broken={("a", DAY): Drift("new column")})
    source = two_tables(broken, FakeSite(rows=10), traded={"x": 1})
    definitions = build_definitions(settings=Settings(home=tmp_path), sources=[source], marts=False)
    job = definitions.resolve_job_def(f"collect_{NAME}__things")
    with dg.DagsterInstance.ephemeral() as instance, pytest.raises(dg.Failure) as caught:
        job.execute_in_process(instance=instance, partition_key=DAY.isoformat())
    told = caught.value.description or ""
    assert told.index("fake/things are not complete") < told.index("fake/details are not complete")
    [waiting] = store_of(Settings(home=tmp_path)).manifests(NAME, "details")
    assert waiting.units == ()
