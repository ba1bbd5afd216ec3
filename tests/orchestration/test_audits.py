"""What a source asks for beside its daily sessions: closed days, the week, the running session."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from fin_assets.core.calendars.exchange import get_calendar
from fin_assets.core.collection.audits import audit, closed_days
from fin_assets.core.contract.calendar import CalendarOf
from fin_assets.core.contract.failures import NetworkFailure, StaleDate
from fin_assets.core.contract.manifest import Manifest, PartitionState, UnitRecord, UnitState
from fin_assets.core.contract.source import Finding, Source, Staged
from fin_assets.core.orchestration.assets import CLOSED_DAYS
from fin_assets.core.orchestration.audits import audit_config, audit_job_name
from fin_assets.core.orchestration.snapshots import INTRADAY
from fin_assets.core.storage.store import Store
from fin_assets.definitions import build_definitions
from fin_assets.settings import Settings
from tests.core.fakes import NAME, FakeClients, FakeSite, fake_source, stage

SATURDAY, SUNDAY = date(2026, 3, 28), date(2026, 3, 29)
FRIDAY = date(2026, 3, 27)


@pytest.fixture(autouse=True)
def no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fin_assets.definitions.Clients", FakeClients)
    monkeypatch.setenv("FIN_CLOCK", "2026-03-30T00:00:00+00:00")


def asked(source: Source, days: list[date], store: Store) -> dict[date, Finding]:
    with FakeClients() as clients:
        return audit(source, source.tables[0], days, store=store, clients=clients)


def quarantined_off_sessions(units, session) -> Staged:
    staged = stage(units, session)
    if get_calendar("XHKG").is_session(session):
        return staged
    return Staged(staged.frame.clear(), staged.frame.with_columns(rule=pl.lit("not_a_session")))


def audited(site: FakeSite, **changes: object) -> Source:
    return fake_source(site, stage=quarantined_off_sessions, off_calendar=True, units=lambda _day: ["a"], **changes)


def empty_site() -> FakeSite:
    return FakeSite(broken={("a", day): StaleDate("no rows") for day in (SATURDAY, SUNDAY)})


def test_a_closed_day_of_which_the_site_has_nothing_is_as_it_should_be(tmp_path: Path) -> None:
    source = audited(empty_site())
    found = asked(source, [SATURDAY, SUNDAY], Store(tmp_path))
    assert {day: finding.passed for day, finding in found.items()} == {SATURDAY: True, SUNDAY: True}


def test_what_a_site_serves_for_a_closed_day_is_quarantined_and_no_session(tmp_path: Path) -> None:
    source, store = audited(FakeSite(rows=7)), Store(tmp_path)
    found = asked(source, [SATURDAY], store)
    assert not found[SATURDAY].passed
    assert "the site served 7 rows" in found[SATURDAY].summary
    file = tmp_path / str(found[SATURDAY].numbers["file"])
    rows = pl.read_parquet(file)
    assert rows.height == 7
    assert set(rows["rule"]) == {"not_a_session"}
    assert not list(store.manifests())


@pytest.mark.parametrize("day", [date(2026, 4, 3), SATURDAY])
def test_the_whole_list_of_a_weekday_proposes_the_override_that_makes_it_a_session(tmp_path: Path, day: date) -> None:
    source = audited(FakeSite(rows=7))
    calendar = CalendarOf(timezone="Asia/Hong_Kong", days=lambda first, last: [], mic="XHKG")
    source = replace(source, tables=(replace(source.tables[0], calendar=calendar),))
    said = asked(source, [day], Store(tmp_path))[day].summary
    assert ("[[override]]" in said) is (day != SATURDAY)
    if day != SATURDAY:
        entry = said[said.index("[[override]]") :]
        (loaded,) = tomllib.loads(entry)["override"]
        assert {key: loaded[key] for key in ("mic", "day", "kind", "link")} == {
            "mic": "XHKG",
            "day": day,
            "kind": "open",
            "link": source.link,
        }
        assert f"fin run {source.name} --session {day}" in said


def test_half_a_list_on_a_closed_weekday_proposes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, source = Store(tmp_path), audited(FakeSite(rows=7))
    calendar = CalendarOf(timezone="Asia/Hong_Kong", days=lambda first, last: [], mic="XHKG")
    source = replace(source, tables=(replace(source.tables[0], calendar=calendar),))
    sealed = [_sealed(source, date(2026, 3, day), rows=100) for day in range(16, 21)]
    monkeypatch.setattr(store, "manifests", lambda *_names, **_days: iter(sealed))
    found = asked(source, [date(2026, 4, 3)], store)[date(2026, 4, 3)]
    assert "the site served 7 rows" in found.summary
    assert "[[override]]" not in found.summary


def _sealed(source: Source, session: date, *, rows: int) -> Manifest:
    unit = UnitRecord(unit="a", state=UnitState.FETCHED, attempts=1, rows=rows, bytes=1)
    return Manifest(
        source=source.name,
        table=source.tables[0].name,
        session=session,
        state=PartitionState.COMPLETE,
        units=(unit,),
        attempts=1,
        first_attempt_at=datetime(2026, 3, 21, tzinfo=UTC),
        last_attempt_at=datetime(2026, 3, 21, tzinfo=UTC),
    )


def test_a_closed_day_that_could_not_be_asked_for_is_not_taken_for_empty(tmp_path: Path) -> None:
    broken = FakeSite(broken={("a", SATURDAY): NetworkFailure("reset")})
    source = audited(broken)
    found = asked(source, [SATURDAY], Store(tmp_path))
    assert not found[SATURDAY].passed
    assert "could not be asked for: reset" in found[SATURDAY].summary


def test_the_audit_of_a_week_asks_for_its_closed_days_alone() -> None:
    table = audited(FakeSite()).tables[0]
    assert closed_days(table, until=SUNDAY) == [SATURDAY, SUNDAY]


def test_a_site_that_answers_a_closed_day_with_the_session_before_has_no_data_for_it(tmp_path: Path) -> None:
    source = audited(FakeSite(stated={SATURDAY: FRIDAY}))
    found = asked(source, [SATURDAY], Store(tmp_path))
    assert found[SATURDAY].passed


def asked_by_the_weekly_audit(source: Source, home: Path) -> set[date]:
    job = definitions(source, home).resolve_job_def(audit_job_name(source))
    with dg.DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(instance=instance).success
    return {day for _, day in source.tables[0].fetch.__self__.asked}  # type: ignore[attr-defined]


def test_a_test_session_on_the_saturday_of_an_audit_is_found_a_week_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIN_CLOCK", "2026-03-28T01:00:00+00:00")
    today = asked_by_the_weekly_audit(audited(FakeSite()), tmp_path)
    assert SATURDAY not in today, "its data are not out yet"
    monkeypatch.setenv("FIN_CLOCK", "2026-04-04T01:00:00+00:00")
    assert {SATURDAY, SUNDAY} <= asked_by_the_weekly_audit(audited(FakeSite()), tmp_path)


def test_sessions_after_the_end_of_a_history_are_not_taken_for_closed_days(tmp_path: Path) -> None:
    source = audited(FakeSite(), end=date(2026, 2, 27))
    assert not asked_by_the_weekly_audit(source, tmp_path)


def definitions(source: Source, home: Path) -> dg.Definitions:
    return build_definitions(settings=Settings(home=home), sources=[source], marts=False)


def test_the_audit_runs_as_a_job_whose_check_says_what_was_found(tmp_path: Path) -> None:
    source = audited(FakeSite(rows=7))
    job = definitions(source, tmp_path).resolve_job_def(audit_job_name(source))
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, run_config=audit_config(source, [SATURDAY]))
    [evaluation] = result.get_asset_check_evaluations()
    assert (evaluation.check_name, evaluation.passed) == (CLOSED_DAYS, False)
    assert evaluation.severity is dg.AssetCheckSeverity.WARN
    assert "2026-03-28 is no session" in (evaluation.description or "")


def test_once_a_week_its_sessions_are_one_run(tmp_path: Path) -> None:
    source = audited(FakeSite(), weekly="0 9 * * 6")
    schedule = definitions(source, tmp_path).resolve_schedule_def(f"weekly_{NAME}__things")
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(
            instance=instance, scheduled_execution_time=datetime(2026, 3, 28, 1, tzinfo=UTC)
        )
        [request] = schedule.evaluate_tick(context).run_requests
    # A Hong Kong list of Friday is due at six on Saturday.
    assert request.tags["dagster/asset_partition_range_start"] == "2026-03-23"
    assert request.tags["dagster/asset_partition_range_end"] == "2026-03-27"


def test_a_look_at_the_running_session_stays_apart_from_what_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIN_CLOCK", "2026-03-27T04:00:00+00:00")
    site = FakeSite()
    source = fake_source(site, intraday="*/30 9-15 * * 1-5")
    defs = definitions(source, tmp_path)
    job = defs.resolve_job_def(f"intraday_{NAME}")
    with dg.DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(instance=instance).success
        assert job.execute_in_process(instance=instance).success
    data = Settings(home=tmp_path).data
    assert not list(Store(data).manifests())
    [provisional] = Store(data / INTRADAY).manifests()
    assert provisional.session == FRIDAY
    assert site.asked[("a", FRIDAY)] == 2, "each look asks again"


def test_there_is_no_look_at_a_day_without_a_session(tmp_path: Path) -> None:
    source = fake_source(FakeSite(), intraday="*/30 9-15 * * *")
    schedule = definitions(source, tmp_path).resolve_schedule_def(f"intraday_{NAME}")
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(
            instance=instance, scheduled_execution_time=datetime(2026, 3, 28, 4, tzinfo=UTC)
        )
        tick = schedule.evaluate_tick(context)
    assert not tick.run_requests
    assert "is no session" in (tick.skip_message or "")
