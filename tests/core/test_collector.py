"""Collecting sessions: only what is missing is asked for, and nothing half counts as done."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from fin_assets import clock
from fin_assets.core.calendars.exchange import get_calendar
from fin_assets.core.collection.collector import Collector
from fin_assets.core.collection.finalize import SessionResult
from fin_assets.core.collection.row_baseline import ENOUGH
from fin_assets.core.contract.failures import CaptchaPage, Drift, NetworkFailure, NotAsked, RateLimited, ServerError
from fin_assets.core.contract.manifest import PartitionKey, PartitionState, RawUnit, UnitState
from fin_assets.core.contract.source import Fetched, Parsed, Staged, Unit
from fin_assets.core.contract.unread import Unread
from fin_assets.core.orchestration.automation import retry_is_due
from fin_assets.core.storage.store import Store
from fin_assets.core.storage.unit_log import PartitionBusy
from tests.core.fakes import NAME, TABLE, FakeClients, FakeSite, fake_source, parse, stage

DAYS = get_calendar("XHKG").sessions(date(2026, 1, 5), date(2026, 3, 31))
DAY = DAYS[0]


@pytest.fixture(autouse=True)
def no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeClients.opened = 0
    monkeypatch.setenv("FIN_CLOCK", "2026-04-01T00:00:00+00:00")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def run(
    store: Store, site: FakeSite, sessions: list[date], *, refetch: bool = False, **changes: object
) -> list[SessionResult]:
    source = fake_source(site, **changes)
    seen: list[SessionResult] = []
    with FakeClients() as clients:
        results = Collector(
            source, source.tables[0], store=store, clients=clients, on_session=seen.append, refetch=refetch
        ).run(sessions)
    assert seen == results
    return results


def key(session: date) -> PartitionKey:
    return PartitionKey(NAME, TABLE, session)


def test_a_session_with_every_unit_is_complete_sealed_and_staged(store: Store) -> None:
    site = FakeSite()
    [result] = run(store, site, [DAY])
    manifest = store.manifest(key(DAY))
    assert manifest == result.manifest
    assert (manifest.state, manifest.done, manifest.rows, manifest.generation) == (PartitionState.COMPLETE, 2, 200, 1)
    assert {unit.unit for unit in store.units(manifest)} == {"a", "b"}
    staged = store.read_staged(manifest)
    assert staged is not None
    assert staged.height == 200
    assert all(finding.passed for finding in result.findings.values())
    assert not (store.partition_dir(key(DAY)) / "units.log").exists()


def test_what_a_parser_did_not_understand_is_counted_and_named_and_blocks_nothing(store: Store) -> None:
    def some(fetched: Fetched, unit: Unit) -> Parsed:
        notes = tuple(Unread.of(f"weight of row {number}", "1.5") for number in range(8))
        return replace(parse(fetched, unit), unread=notes)

    [result] = run(store, FakeSite(), [DAY], parse=some, parser_version="odd")
    finding = result.findings["values_read"]
    assert (result.usable, finding.passed, finding.numbers["unread"]) == (True, False, 16)
    assert "16 values" in finding.summary
    assert "a: weight of row 0: '1.5'; a: weight of row 1" in finding.summary
    assert f"fin reparse {NAME} --from {DAY} --to {DAY}" in finding.summary
    [again] = run(store, FakeSite(), [DAY], parse=some, parser_version="odd")
    assert again.findings["values_read"] == finding, "it is kept in the manifest"
    [taught] = run(store, FakeSite(), [DAY], parser_version="taught")
    assert taught.findings["values_read"].passed


def test_a_complete_session_is_never_asked_for_again(store: Store) -> None:
    site = FakeSite()
    run(store, site, DAYS[:3])
    results = run(store, site, DAYS[:3])
    assert set(site.asked.values()) == {1}
    assert FakeClients.opened == 1
    assert not any(result.worked for result in results)


def test_a_missing_unit_leaves_the_session_incomplete_and_only_it_is_asked_for_again(store: Store) -> None:
    site = FakeSite(units=("a", "b", "c"), broken={("b", DAY): CaptchaPage("prove it", body=b"<p>captcha")})
    [result] = run(store, site, [DAY], workers=1)
    manifest = result.manifest
    assert manifest.state is PartitionState.INCOMPLETE
    assert {unit.unit: unit.state for unit in manifest.units} == {
        "a": UnitState.FETCHED,
        "b": UnitState.REFUSED,
        "c": UnitState.MISSING,
    }
    assert not result.findings["complete"].passed
    assert "2 of 3 units: 1 captcha (b); 1 not_asked (c)" in result.findings["complete"].summary
    assert manifest.staged is None
    [refused] = [unit for unit in manifest.units if unit.unit == "b"]
    assert [(store.data / path).suffix for path in refused.evidence] == [".html", ".png"]
    assert (store.data / refused.evidence[0]).read_bytes() == b"<p>captcha"

    site.broken.clear()
    [healed] = run(store, site, [DAY])
    assert healed.manifest.state is PartitionState.COMPLETE
    assert healed.manifest.attempts == 2
    assert site.asked == {("a", DAY): 1, ("b", DAY): 2, ("c", DAY): 1}


def test_a_site_that_states_how_long_to_wait_is_left_alone_until_then(store: Store) -> None:
    wish = RateLimited("busy", retry_after=timedelta(hours=2))
    recent = date(2026, 3, 30)
    [result] = run(store, FakeSite(broken={("a", recent): wish}), [recent])
    assert result.manifest.next_retry_at == clock.now() + timedelta(hours=2)
    assert "healing tries again by itself after 2026-04-01 10:00 HKT" in result.findings["complete"].summary


def test_a_site_that_wants_proof_of_a_human_rests_three_hours(store: Store) -> None:
    [result] = run(store, FakeSite(broken={("a", DAY): CaptchaPage("no")}), [DAY])
    assert result.manifest.next_retry_at == clock.now() + timedelta(hours=3)
    assert "leave the site alone for three hours" in result.findings["complete"].summary


def test_the_wait_before_the_next_attempt_doubles_up_to_six_hours(store: Store) -> None:
    site = FakeSite(broken={("a", DAY): NotAsked("the run ended")})
    waits = []
    for _ in range(8):
        [result] = run(store, site, [DAY])
        assert result.manifest.next_retry_at is not None
        waits.append(result.manifest.next_retry_at - datetime(2026, 4, 1, tzinfo=UTC))
    assert waits[:3] == [timedelta(minutes=10), timedelta(minutes=20), timedelta(minutes=40)]
    assert waits[-1] == timedelta(hours=6)


def test_failures_within_an_attempt_are_retried_as_their_kind_allows(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fin_assets.core.collection.fetch_jobs._Unit.wait", lambda _self: timedelta(0))
    site = FakeSite(faults={("a", DAY): [NetworkFailure("reset"), ServerError("503", status=503)]})
    [result] = run(store, site, [DAY])
    assert result.manifest.state is PartitionState.COMPLETE
    assert site.asked[("a", DAY)] == 3
    assert result.manifest.requests == 4


def test_an_explained_closed_day_is_proven_by_the_page_and_has_no_rows(store: Store) -> None:
    site = FakeSite(stated={DAYS[1]: DAYS[0]})
    [result] = run(store, site, [DAYS[1]], closed_reason=lambda day: "a storm" if day == DAYS[1] else None)
    assert result.manifest.state is PartitionState.CLOSED
    assert result.manifest.reason == f"a storm; the page states {DAYS[0]}"
    assert {unit.state for unit in result.manifest.units} == {UnitState.EMPTY_CONFIRMED}
    assert result.manifest.staged is None
    assert all(finding.passed for finding in result.findings.values())


def test_an_unexplained_other_date_is_stale_and_kept_under_the_date_it_states(store: Store) -> None:
    site = FakeSite(stated={DAYS[1]: DAYS[0]})
    [result] = run(store, site, [DAYS[1]])
    assert result.manifest.state is PartitionState.STALE
    assert not result.findings["complete"].passed
    assert not result.findings["date_is_the_pages_own"].passed
    assert f"asked for {DAYS[1]}, the page states {DAYS[0]}" in result.findings["date_is_the_pages_own"].summary

    [earlier] = run(store, site, [DAYS[0]])
    assert earlier.manifest.state is PartitionState.COMPLETE
    assert ("a", DAYS[0]) not in site.asked


def test_a_half_table_is_asked_for_again_and_is_never_green(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fin_assets.core.collection.fetch_jobs._Unit.wait", lambda _self: timedelta(0))
    site = FakeSite(rows_of={("a", DAYS[10]): [50, 100], ("b", DAYS[11]): [50]})
    results = run(store, site, DAYS[:12])
    states = {result.manifest.session: result.manifest.state for result in results}
    assert states[DAYS[10]] is PartitionState.COMPLETE
    assert site.asked[("a", DAYS[10])] == 2
    assert states[DAYS[11]] is PartitionState.INCOMPLETE
    assert results[-1].manifest.unfinished()[0].error_kind == "half_table"


def test_a_half_table_at_the_start_of_a_history_is_found_by_the_sessions_that_follow(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fin_assets.core.collection.fetch_jobs._Unit.wait", lambda _self: timedelta(0))
    site = FakeSite(rows_of={("a", DAYS[0]): [50, 100], ("b", DAYS[1]): [50]})
    results = run(store, site, DAYS[:9], workers=1)
    states = {result.manifest.session: result.manifest.state for result in results}
    assert states == dict.fromkeys(DAYS[:9], PartitionState.COMPLETE) | {DAYS[1]: PartitionState.INCOMPLETE}
    assert (site.asked[("a", DAYS[0])], site.asked[("b", DAYS[1])]) == (2, 4)


def test_too_many_rows_block_the_staged_session_and_keep_the_raw_one(store: Store) -> None:
    site = FakeSite(rows_of={("a", DAYS[8]): [150]})
    result = run(store, site, DAYS[:9])[-1]
    assert result.manifest.state is PartitionState.COMPLETE
    assert result.manifest.blocked_by == ("row_count_in_band",)
    assert not result.usable
    assert "a: 150 rows, median 100 of 8 sessions" in result.findings["row_count_in_band"].summary


def test_a_refetch_that_brings_other_bytes_is_a_new_generation_and_the_old_file_stays(store: Store) -> None:
    site = FakeSite()
    [first] = run(store, site, [DAY])
    [same] = run(store, site, [DAY], refetch=True)
    assert same.manifest.generation == 1
    site.rows = 101
    [revised] = run(store, site, [DAY], refetch=True)
    assert revised.manifest.generation == 2
    assert first.manifest.raw_file is not None
    assert {unit.rows for unit in store.units(first.manifest)} == {100}
    assert {unit.rows for unit in store.units(revised.manifest)} == {101}


def test_a_failed_refetch_loses_nothing(store: Store) -> None:
    site = FakeSite()
    run(store, site, [DAY])
    before = store.manifest(key(DAY))
    site.broken = {("a", DAY): CaptchaPage("no")}
    [result] = run(store, site, [DAY], refetch=True)
    assert not result.usable
    assert result.problem is not None
    assert "the previous complete version is kept" in result.problem
    assert "captcha" in result.problem
    assert result.findings["complete"].passed, "what is stored is still complete"
    assert store.manifest(key(DAY)) == before


def test_an_attempt_that_dies_keeps_its_units_and_counts_as_an_attempt(store: Store) -> None:
    site = FakeSite(units=("a", "b", "c"))

    def die(unit: str, session: date) -> None:
        del session
        if unit == "c":
            raise KeyboardInterrupt

    site.before_answer = die
    with pytest.raises(KeyboardInterrupt):
        run(store, site, [DAY], workers=1)
    interrupted = store.manifest(key(DAY))
    assert interrupted is not None
    assert (interrupted.state, interrupted.attempts) == (PartitionState.INCOMPLETE, 1)
    site.before_answer = None
    [result] = run(store, site, [DAY])
    assert result.manifest.state is PartitionState.COMPLETE
    assert site.asked == {("a", DAY): 1, ("b", DAY): 1, ("c", DAY): 2}


def test_a_session_that_another_process_collects_is_left_alone(store: Store) -> None:
    with store.open_unit_log(key(DAY)), pytest.raises(PartitionBusy):
        run(store, FakeSite(), [DAY])


def test_the_same_bytes_give_the_same_staged_file_in_whatever_order_they_came(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path / "other")
    run(store, FakeSite(), DAYS[:5], workers=1)
    run(other, FakeSite(), list(reversed(DAYS[:5])), workers=5)
    for day in DAYS[:5]:
        here, there = store.manifest(key(day)), other.manifest(key(day))
        assert here is not None
        assert there is not None
        assert here.staged == there.staged


def test_a_new_parser_version_stages_again_without_a_request(store: Store) -> None:
    site = FakeSite()
    run(store, site, [DAY])
    [result] = run(store, site, [DAY], parser_version="2")
    assert result.worked
    assert result.manifest.staged is not None
    assert result.manifest.staged.parser_version == "2"
    assert set(site.asked.values()) == {1}


def test_units_that_are_expected_since_are_asked_for_and_what_is_sealed_is_not(store: Store) -> None:
    site = FakeSite()
    run(store, site, DAYS[:2])
    site.units = ("a", "c")
    [first, _] = run(store, site, DAYS[:2])
    assert first.manifest.generation == 2
    assert {unit.unit for unit in store.units(first.manifest)} == {"a", "b", "c"}, "nothing that was collected is lost"
    assert site.asked == {(unit, day): 1 for unit in ("a", "b", "c") for day in DAYS[:2]}
    assert not any(result.worked for result in run(store, site, DAYS[:2]))


def test_a_session_that_is_busy_costs_only_itself(store: Store) -> None:
    with store.open_unit_log(key(DAYS[1])), pytest.raises(PartitionBusy, match=str(DAYS[1])):
        run(store, FakeSite(), DAYS[:3])
    states = {manifest.session: manifest.state for manifest in store.manifests()}
    assert states == {DAYS[0]: PartitionState.COMPLETE, DAYS[2]: PartitionState.COMPLETE}


def test_sessions_whose_turn_never_came_have_no_attempt_counted(store: Store) -> None:
    site = FakeSite(broken={("a", DAYS[0]): CaptchaPage("no")})
    results = run(store, site, DAYS[:3], workers=1)
    assert [result.manifest.attempts for result in results] == [1, 0, 0]
    assert all(result.manifest.next_retry_at for result in results)


def test_an_attempt_under_way_is_left_alone_by_healing(store: Store) -> None:
    site = FakeSite()
    seen = []
    site.before_answer = lambda _unit, session: seen.append(store.manifest(key(session)))
    run(store, site, [DAY])
    assert all(manifest is not None and manifest.next_retry_at is not None for manifest in seen)
    assert not any(retry_is_due(manifest, now=datetime(2026, 4, 1, tzinfo=UTC), max_attempts=8) for manifest in seen)


def test_finalized_sessions_hold_no_pages_in_memory_and_no_unit_log_open(store: Store) -> None:
    site = FakeSite()
    alive: list[int] = []
    gc.collect()
    before = sum(isinstance(found, RawUnit) for found in gc.get_objects())

    asked = 0

    def count(_unit: str, _session: date) -> None:
        nonlocal asked
        asked += 1
        if asked % 7 == 0:  # to look at every object of the process takes a quarter of a second
            alive.append(sum(isinstance(found, RawUnit) for found in gc.get_objects()) - before)

    site.before_answer = count
    run(store, site, DAYS[:40], workers=1)
    assert len(site.units) < max(alive) <= len(site.units) * (ENOUGH + 3)


def test_a_list_that_arrives_while_a_closed_session_is_collected_is_not_mixed_with_its_proof(
    store: Store,
) -> None:
    site = FakeSite(stated={DAYS[1]: DAYS[0]})

    def published(unit: str, _session: date) -> None:
        if unit == "b":
            site.stated.clear()

    site.before_answer = published
    [result] = run(store, site, [DAYS[1]], workers=1, closed_reason=lambda _day: "a storm")
    assert result.manifest.state is PartitionState.STALE
    assert "other units have data" in (result.manifest.unfinished()[0].error or "")
    [healed] = run(store, site, [DAYS[1]], closed_reason=lambda _day: "a storm")
    assert healed.manifest.state is PartitionState.COMPLETE
    assert site.asked == {("a", DAYS[1]): 2, ("b", DAYS[1]): 1}


def test_a_closed_day_is_not_believed_before_its_list_would_be_due(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = FakeSite(stated={DAYS[1]: DAYS[0]})
    early = datetime(DAYS[1].year, DAYS[1].month, DAYS[1].day, 17, tzinfo=UTC)
    monkeypatch.setenv("FIN_CLOCK", early.isoformat())
    [result] = run(store, site, [DAYS[1]], closed_reason=lambda _day: "a storm")
    assert result.manifest.state is PartitionState.STALE
    monkeypatch.setenv("FIN_CLOCK", (early + timedelta(hours=6)).isoformat())
    [later] = run(store, site, [DAYS[1]], closed_reason=lambda _day: "a storm")
    assert later.manifest.state is PartitionState.CLOSED


def test_a_page_of_a_day_before_the_sources_start_makes_no_manifest(store: Store) -> None:
    before = date(2025, 12, 31)
    run(store, FakeSite(stated={DAY: before}), [DAY])
    assert store.sessions(NAME, TABLE) == [DAY]


def test_a_page_kept_for_a_session_that_another_process_completed_meanwhile_changes_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(store, FakeSite(), [DAYS[0]])
    complete = store.manifest(key(DAYS[0]))
    # The look before the lock sees what was true a moment ago.
    monkeypatch.setattr(Collector, "_is_done", lambda _self, _key: False)
    run(store, FakeSite(stated={DAYS[1]: DAYS[0]}), [DAYS[1]])
    assert store.manifest(key(DAYS[0])) == complete


def test_a_session_that_another_process_completed_meanwhile_is_not_asked_for_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = FakeSite()
    run(store, site, [DAY])
    looks = iter([None])
    real = Store.manifest
    monkeypatch.setattr(Store, "manifest", lambda self, wanted: next(looks, real(self, wanted)))
    [result] = run(store, site, [DAY])
    assert result.manifest.state is PartitionState.COMPLETE
    assert set(site.asked.values()) == {1}


def test_stored_pages_that_the_present_parser_refuses_are_a_problem_of_their_session_alone(store: Store) -> None:
    site = FakeSite()
    before = {result.manifest.session: result.manifest for result in run(store, site, DAYS[:3])}

    def refuse(units: Sequence[RawUnit], session: date) -> Staged:
        if session == DAYS[1]:
            raise Drift("a new column")
        return stage(units, session)

    results = {
        result.manifest.session: result for result in run(store, site, DAYS[:3], stage=refuse, parser_version="2")
    }
    assert [day for day, result in results.items() if not result.usable] == [DAYS[1]]
    assert not results[DAYS[1]].findings["schema"].passed
    assert "a new column" in (results[DAYS[1]].problem or "")
    assert store.manifest(key(DAYS[1])) == before[DAYS[1]], "the rows of the old parser stay"


def test_a_damaged_raw_file_is_mended_by_the_refetch_that_its_message_names(store: Store) -> None:
    site = FakeSite()
    [first] = run(store, site, [DAY])
    assert first.manifest.raw_file is not None
    (store.data / first.manifest.raw_file).write_bytes(b"PAR1 nothing")
    [damaged] = run(store, site, [DAY], parser_version="2")
    assert not damaged.usable
    assert f"fin run {NAME} --session {DAY} --refetch" in (damaged.problem or "")
    [mended] = run(store, site, [DAY], refetch=True)
    assert mended.manifest.generation == 2
    assert len(store.units(mended.manifest)) == 2


def test_a_band_that_was_widened_unblocks_without_a_request(store: Store) -> None:
    site = FakeSite(rows_of={("a", DAYS[8]): [150]})
    run(store, site, DAYS[:9])
    [result] = run(store, site, [DAYS[8]], row_count_above=0.6)
    assert result.usable
    manifest = store.manifest(key(DAYS[8]))
    assert manifest is not None
    assert manifest.blocked_by == ()
    assert site.asked[("a", DAYS[8])] == 1


def test_only_manifests_that_can_be_a_reference_are_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    old = get_calendar("XHKG").sessions(date(2025, 1, 2), date(2025, 1, 10))
    run(store, FakeSite(), [*old, DAYS[0]])
    for day in old:
        (store.partition_dir(key(day)) / "manifest.json").write_text("not read")
    assert [result.manifest.state for result in run(store, FakeSite(), DAYS[:2])] == [PartitionState.COMPLETE] * 2


def test_generated_and_real_pages_of_a_source_never_meet(store: Store, tmp_path: Path) -> None:
    run(store, FakeSite(), [DAY])
    live_site, live = FakeSite(rows=7), Store(tmp_path, {NAME: "live"})
    assert live.manifest(key(DAY)) is None
    [result] = run(live, live_site, [DAY], mode="live")
    assert result.manifest.rows == 14
    assert live_site.asked, "the page of the sandbox is no answer to the live site"
    generated = store.manifest(key(DAY))
    assert generated is not None
    assert generated.rows == 200
    assert generated.staged is not None
    assert result.manifest.staged is not None
    assert generated.staged.file.startswith("staged/sandbox/fake/")
    assert result.manifest.staged.file.startswith("staged/live/fake/")
