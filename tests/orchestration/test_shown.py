"""What a person sees in Dagster: a failure without frames, the units of a session, its runbook, and policies that do not lie."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.freshness import TimeWindowFreshnessPolicy

from fin_assets.core.contract.failures import ServerError
from fin_assets.core.contract.manifest import Manifest, PartitionState, UnitRecord, UnitState
from fin_assets.core.contract.source import due_at
from fin_assets.core.orchestration.assets import raw_key
from fin_assets.core.orchestration.check_metadata import SHOWN, complete_metadata, section, worst_first
from fin_assets.core.orchestration.dagster_storage import Storage
from fin_assets.core.orchestration.freshness import GRACE, freshness_policy, longest_wait, marts_policy
from fin_assets.core.storage.store import Store
from fin_assets.definitions import build_definitions
from fin_assets.discovery import discover
from fin_assets.settings import Settings
from tests.core.fakes import NAME, TABLE, FakeClients, FakeSite, fake_source

DAY = date(2026, 3, 20)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A Dagster home with the storage of dagster.yaml."""
    (tmp_path / "dagster.yaml").write_text(
        "storage: {custom: {module: fin_assets.core.orchestration.dagster_storage, class: Storage, "
        f"config: {{base_dir: {tmp_path}}}}}}}\ntelemetry: {{enabled: false}}\n"
    )
    return tmp_path


@pytest.fixture
def failed(home: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Storage, str]:
    """The stored events of a run that left one of two units."""
    monkeypatch.setattr("fin_assets.core.collection.fetch_jobs._Unit.wait", lambda _: timedelta(0))
    site = FakeSite(broken={("b", DAY): ServerError("busy", status=503)})
    with FakeClients() as clients, dg.DagsterInstance.from_config(str(home)) as instance:
        definitions = build_definitions(
            settings=Settings(home=home), sources=[fake_source(site)], clients=clients, marts=False
        )
        job = definitions.resolve_job_def(f"collect_{NAME}__{TABLE}")
        run = job.execute_in_process(instance=instance, partition_key=str(DAY), raise_on_error=False)
    assert not run.success
    return Storage.from_local(str(home)), run.run_id


def test_a_failed_run_shows_its_sentence_and_no_frames(failed: tuple[Storage, str]) -> None:
    storage, run_id = failed
    events = [entry.dagster_event for entry in storage.event_log_storage.get_logs_for_run(run_id)]
    errors: list[Any] = [event.event_specific_data for event in events if event and event.is_failure]
    assert len(errors) == 2, "of the step and of the run"
    for data in errors:
        assert "1 of 1 sessions of fake/things are not complete (2026-03-20)" in data.error.message
        assert (data.error.stack, data.error.cause, data.error.context) == ([], None, None)
        assert data.error.to_string().count("\n") <= 1
    assert errors[0].user_failure_data.metadata["mends"].value.startswith("fin ")


def test_an_unexpected_error_keeps_its_frames(home: Path) -> None:
    @dg.asset
    def broken() -> None:
        msg = "nobody expected this"
        raise RuntimeError(msg)

    with dg.DagsterInstance.from_config(str(home)) as instance:
        run = dg.materialize([broken], instance=instance, raise_on_error=False)
        logs = instance.all_logs(run.run_id)
    [step] = [entry.dagster_event for entry in logs if entry.dagster_event and entry.dagster_event.is_step_failure]
    error = step.step_failure_data.error
    assert error is not None
    assert error.cause is not None
    assert "in broken" in error.cause.stack[-1]


def test_the_check_of_an_incomplete_session_has_its_units_its_evidence_and_the_runbook(
    failed: tuple[Storage, str],
) -> None:
    storage, _ = failed
    key = dg.AssetCheckKey(raw_key(fake_source(FakeSite()), fake_source(FakeSite()).table(TABLE)), "complete")
    [record] = storage.event_log_storage.get_asset_check_execution_history(key, limit=5)
    metadata: Any = record.event.dagster_event.asset_check_evaluation_data.metadata  # type: ignore[union-attr]
    first, second = (row.data for row in metadata["units"].records)
    assert (first["unit"], first["state"], first["kind"], first["status"]) == ("b", "failed", "server_error", 503)
    assert (second["unit"], second["state"], second["rows"]) == ("a", "fetched", 100)
    assert metadata["evidence"].value.endswith(f"evidence/sandbox/{NAME}/{TABLE}/{DAY}")
    assert metadata["runbook"].value.startswith("### complete\n")
    assert "### server_error\n\nHTTP 5xx." in metadata["runbook"].value


def test_the_table_of_units_is_bounded_and_has_the_worst_first(tmp_path: Path) -> None:
    done = [UnitRecord(unit=f"u{n:03}", state=UnitState.FETCHED, coverage_pct=100 - n / 10) for n in range(900)]
    left = [UnitRecord(unit=state.value, state=state) for state in (UnitState.MISSING, UnitState.REFUSED)]
    units = (*done, *left)
    manifest = Manifest(source=NAME, table=TABLE, session=DAY, state=PartitionState.INCOMPLETE, units=units)
    assert [unit.unit for unit in worst_first(units)][:3] == ["refused", "missing", "u899"]
    metadata: Any = complete_metadata(manifest, Store(tmp_path))
    assert len(metadata["units"].records) == SHOWN
    assert metadata["units that are not shown"].value.startswith("877; ")
    complete = manifest.model_copy(update={"state": PartitionState.COMPLETE, "units": tuple(done[:2])})
    assert set(complete_metadata(complete, Store(tmp_path))) == {"units"}


def test_a_section_is_found_in_the_runbook_or_in_the_page_of_the_source() -> None:
    assert "HTTP 429" in (section("idx_brokers", "rate_limited") or "")
    assert (section("idx_brokers", "unreconciled") or "").startswith("### unreconciled\n")
    assert "## " not in (section("idx_brokers", "captcha") or "").removeprefix("### ")
    assert section("idx_brokers", "no_such_kind") is None


@pytest.mark.parametrize("name", ["hkex_southbound", "idx_brokers"])
def test_a_freshness_policy_fails_on_no_holiday_and_when_nothing_comes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIN_CLOCK", "2026-11-28T00:00:00+00:00")
    [source] = [source for source in discover(Settings(home=tmp_path)) if source.name == name]
    for table in source.tables:
        policy = freshness_policy(source, table)
        assert isinstance(policy, TimeWindowFreshnessPolicy)
        assert policy.warn_window is None, "a warning on each long weekend would be a false one"
        window = policy.fail_window.to_timedelta()
        due = [due_at(table, day) for day in table.calendar.sessions(max(source.start, date(2024, 1, 1)), DAY)]
        gaps = [later - earlier for earlier, later in pairwise(due)]
        assert all(gap + GRACE <= window for gap in gaps), "each came in time"
        assert window <= max(timedelta(days=14), 1.5 * max(gaps)), "what stops is seen"


def test_a_history_that_is_over_has_no_policy_and_the_marts_follow_the_busiest_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FIN_CLOCK", datetime(2026, 3, 24, tzinfo=UTC).isoformat())
    over, daily = fake_source(FakeSite(), end=date(2026, 2, 27)), fake_source(FakeSite())
    assert freshness_policy(over, over.table(TABLE)) is None
    assert marts_policy([over]) is None
    wait = longest_wait(daily, daily.table(TABLE))
    assert wait is not None
    found = marts_policy([over, daily])
    assert isinstance(found, TimeWindowFreshnessPolicy)
    assert found.fail_window.to_timedelta() == wait + GRACE
