"""Old runs go, and what they made known of sessions and checks stays known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster import DagsterInstance

from fin_assets.core.orchestration.dagster_storage import EventLog
from fin_assets.core.orchestration.run_retention import old_runs, remove_runs

KEY = dg.AssetKey(["raw", "prices"])
CHECK = dg.AssetCheckKey(KEY, "whole")
DAYS = ["2026-03-02", "2026-03-03"]
LATER = datetime.now(UTC) + timedelta(days=1)


@dg.asset(
    key=KEY,
    check_specs=[dg.AssetCheckSpec("whole", asset=KEY)],
    partitions_def=dg.StaticPartitionsDefinition(DAYS),
)
def prices(context) -> dg.MaterializeResult:
    context.log.info("collected")
    return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True, check_name="whole")])


@dg.op
def look() -> None:
    """Do nothing."""


@dg.job
def idle() -> None:
    look()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    settings = yaml.safe_load((Path(__file__).parents[2] / "dagster.yaml").read_text())
    settings["storage"]["custom"]["config"]["base_dir"] = str(tmp_path)
    (tmp_path / "dagster.yaml").write_text(
        yaml.safe_dump({"storage": settings["storage"], "telemetry": {"enabled": False}})
    )
    with DagsterInstance.from_config(str(tmp_path)) as found:
        yield found


def collect(instance: DagsterInstance, day: str) -> str:
    return dg.materialize([prices], instance=instance, partition_key=day).run_id


def clean(instance: DagsterInstance, *, before: datetime = LATER) -> None:
    remove_runs(instance, old_runs(instance, before=before))


def logs(instance: DagsterInstance) -> set[str]:
    storage = instance.event_log_storage
    assert isinstance(storage, EventLog)
    return {path.stem for path in Path(storage.path_for_shard("x")).parent.glob("*.db")} - {"index"}


def state(instance: DagsterInstance) -> tuple[set[str], dict[str, int], str | None]:
    """Return what Dagster knows: materialized partitions, materializations by partition, outcome of the check."""
    storage = instance.event_log_storage
    check = storage.get_latest_asset_check_execution_by_key([CHECK])[CHECK]
    return (
        set(storage.get_materialized_partitions(KEY)),
        dict(storage.get_latest_storage_id_by_partition(KEY, dg.DagsterEventType.ASSET_MATERIALIZATION)),
        check.status.value if check else None,
    )


def test_partitions_and_checks_stay_known_when_the_logs_of_their_runs_go(instance: DagsterInstance) -> None:
    runs = [collect(instance, day) for day in DAYS]
    before = state(instance)
    assert before[0] == set(DAYS)
    assert logs(instance) >= set(runs)
    clean(instance)
    assert state(instance) == before
    assert logs(instance).isdisjoint(runs)
    with DagsterInstance.from_config(instance.root_directory) as again:
        assert state(again) == before
        assert again.get_run_by_id(runs[0]) is not None, "the page of the session still names its run"
        assert not list(again.all_logs(runs[0])), "its log is gone"


def test_a_run_that_a_later_one_replaced_goes_as_a_whole(instance: DagsterInstance) -> None:
    replaced, newest = collect(instance, DAYS[0]), collect(instance, DAYS[0])
    nothing = idle.execute_in_process(instance=instance).run_id
    clean(instance)
    assert {record.dagster_run.run_id for record in instance.get_run_records()} == {newest}
    assert logs(instance).isdisjoint({replaced, nothing, newest})
    assert state(instance)[0] == {DAYS[0]}


def test_young_and_unfinished_runs_stay(instance: DagsterInstance) -> None:
    run = collect(instance, DAYS[0])
    clean(instance, before=datetime.now(UTC) - timedelta(days=1))
    assert list(instance.all_logs(run))
    started = instance.create_run_for_job(idle)
    instance.report_engine_event("at work", started)
    clean(instance)
    assert instance.get_run_by_id(started.run_id) is not None


def test_nothing_is_left_to_do_after_a_cleaning(instance: DagsterInstance) -> None:
    for day in DAYS:
        collect(instance, day)
    clean(instance)
    left = old_runs(instance, before=LATER)
    assert (left.forget, left.thin, left.bytes) == ([], [], 0)


def test_a_session_is_collected_again_after_its_log_has_gone(instance: DagsterInstance) -> None:
    collect(instance, DAYS[0])
    clean(instance)
    again = collect(instance, DAYS[0])
    assert list(instance.all_logs(again))
    assert state(instance)[0] == {DAYS[0]}
