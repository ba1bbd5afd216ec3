"""Runs whose process is gone: they are ended, so that neither pools nor healing wait for them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._core.events import EngineEventData

from fin_assets.core.orchestration.dead_runs import _lives, dead_runs_sensor, end_dead_runs


@dg.job
def nothing() -> None:
    """Do nothing."""


@pytest.fixture
def gone() -> int:
    """Return the id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def started(instance: dg.DagsterInstance, pid: int | None) -> str:
    run = instance.create_run_for_job(job_def=nothing, status=dg.DagsterRunStatus.STARTED)
    if pid is not None:
        instance.report_engine_event("Executing steps in process", run, EngineEventData.in_process(pid))
    return run.run_id


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def test_a_run_whose_process_is_gone_is_ended_and_frees_its_slot(tmp_path: Path, gone: int) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        storage = instance.event_log_storage
        storage.set_concurrency_slots("source_fake", 1)
        dead, waiting = started(instance, gone), started(instance, os.getpid())
        assert storage.claim_concurrency_slot("source_fake", dead, "step").is_claimed
        assert not storage.claim_concurrency_slot("source_fake", waiting, "step").is_claimed
        assert end_dead_runs(instance) == [dead]
        assert status(instance, dead) is dg.DagsterRunStatus.FAILURE
        assert storage.claim_concurrency_slot("source_fake", waiting, "step").is_claimed
        assert end_dead_runs(instance) == []


def test_a_run_that_lives_or_has_not_told_its_process_is_left_alone() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        runs = [started(instance, os.getpid()), started(instance, None)]
        assert end_dead_runs(instance) == []
        assert {status(instance, run) for run in runs} == {dg.DagsterRunStatus.STARTED}


def test_a_process_that_was_given_the_same_id_later_is_not_the_one() -> None:
    begun = psutil.Process().create_time()
    assert _lives(os.getpid(), begun + 1)
    assert not _lives(os.getpid(), begun - 60)


def test_the_sensor_ends_dead_runs(gone: int) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        dead = started(instance, gone)
        data = dead_runs_sensor().evaluate_tick(dg.build_sensor_context(instance=instance))
        assert data.skip_message == f"ended {dead}"
