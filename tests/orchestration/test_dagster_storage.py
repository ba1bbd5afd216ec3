"""Dagster's storage with kept connections: the same files as Dagster's own, and few open databases."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

from fin_assets.core.orchestration.dagster_storage import KEPT, EventLog, Storage

KEY = dg.AssetKey(["raw", "prices"])
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    settings = yaml.safe_load((REPOSITORY / "dagster.yaml").read_text())
    settings["storage"]["custom"]["config"]["base_dir"] = str(tmp_path)
    (tmp_path / "dagster.yaml").write_text(
        yaml.safe_dump({"storage": settings["storage"], "telemetry": {"enabled": False}})
    )
    return tmp_path


@dg.asset(key=KEY, check_specs=[dg.AssetCheckSpec("whole", asset=KEY)])
def prices(context) -> dg.MaterializeResult:
    context.log.info("collected")
    return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True, check_name="whole")])


def told(storage: DagsterSqliteStorage, run_id: str) -> list[str]:
    """The kinds of events of a run, in order."""
    records = storage.event_log_storage.get_logs_for_run(run_id)
    return [entry.dagster_event_type.value for entry in records if entry.dagster_event_type]


def test_dagster_yaml_names_this_storage_and_dagsters_own_reads_the_same_files(home: Path) -> None:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert isinstance(instance.event_log_storage, EventLog)
        run = dg.materialize([prices], instance=instance)
        assert run.success
    ours, theirs = Storage.from_local(str(home)), DagsterSqliteStorage.from_local(str(home))
    assert "ASSET_CHECK_EVALUATION" in told(ours, run.run_id)
    assert told(ours, run.run_id) == told(theirs, run.run_id)
    key = dg.AssetCheckKey(KEY, "whole")
    checks = [each.event_log_storage.get_asset_check_execution_history(key, limit=5) for each in (ours, theirs)]
    assert len(checks[0]) == 1
    assert checks[0] == checks[1]


def test_a_home_of_dagsters_own_storage_is_continued(home: Path) -> None:
    own = home / "own"
    own.mkdir()
    (own / "dagster.yaml").write_text(
        yaml.safe_dump({"storage": {"sqlite": {"base_dir": str(home)}}, "telemetry": {"enabled": False}})
    )
    with dg.DagsterInstance.from_config(str(own)) as instance:
        before = dg.materialize([prices], instance=instance).run_id
    with dg.DagsterInstance.from_config(str(home)) as instance:
        after = dg.materialize([prices], instance=instance).run_id
        assert {run.run_id for run in instance.get_runs()} == {before, after}
        assert instance.fetch_materializations(KEY, limit=5).records[1].run_id == before


def test_few_databases_stay_open_however_many_runs_there_are(home: Path) -> None:
    log = EventLog(str(home / "events"))
    runs = [f"run-{number}" for number in range(KEPT + 3)]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(log.get_logs_for_run, runs)) == [[]] * len(runs)
    assert 1 < len(log._engines) <= KEPT
    log.dispose()
    assert not log._engines
    assert log.get_logs_for_run(runs[0]) == []


def test_wiping_removes_the_databases_of_runs_and_later_runs_work(home: Path) -> None:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        run = dg.materialize([prices], instance=instance).run_id
        instance.event_log_storage.wipe()
        assert instance.event_log_storage.get_logs_for_run(run) == []
        assert instance.get_latest_materialization_event(KEY) is None
        assert dg.materialize([prices], instance=instance).success
        assert instance.get_latest_materialization_event(KEY) is not None
