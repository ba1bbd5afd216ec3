"""Ends runs whose process died without reporting (kill -9, no memory, power).

Such a run stays "started": it keeps the slot of its pool, so that the next run of the source never begins, and its
sessions count as in progress, so that nothing heals them. Dagster's own monitoring sees only runs that its daemon
has launched. What the run had stored is the business of `unit_log` and `collect`.
"""

from __future__ import annotations

import dagster as dg
import psutil

CLOCK_TOLERANCE = 2.0
"""Seconds by which the start of a process and the time of its first event may disagree."""


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark as failed every started run whose process does not live on this machine, free its slots, and return their ids.

    A run that has not yet told its process is left alone. All processes of an instance must be on this machine, as its
    SQLite storage demands anyway.
    """
    dead = []
    for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING])):
        process = _process_of(instance, run.run_id)
        if process is None or _lives(*process):
            continue
        message = f"Run process {process[0]} died without reporting; stored data is kept."
        instance.report_run_failed(run, message)
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        dead.append(run.run_id)
    return dead


def dead_runs_sensor() -> dg.SensorDefinition:
    """Return the sensor that looks for dead runs every minute."""

    @dg.sensor(
        name="end_dead_runs",
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Ends runs whose process is gone, so that their sessions can be healed.",
    )
    def look(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        dead = end_dead_runs(context.instance)
        return dg.SkipReason(f"ended {', '.join(dead)}" if dead else "no run is dead")

    return look


def _process_of(instance: dg.DagsterInstance, run_id: str) -> tuple[int, float] | None:
    """Return the process that executes a run and when it reported that; None if it has not."""
    told = None
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
        event = entry.dagster_event
        pid = event.engine_event_data.metadata.get("pid") if event else None
        if pid is not None and str(pid.value).isdigit():
            told = (int(str(pid.value)), entry.timestamp)
    return told


def _lives(pid: int, told_at: float) -> bool:
    """Return whether the process that told its id then is still there; a later one may have been given the same id."""
    try:
        process = psutil.Process(pid)
        return bool(process.status() != psutil.STATUS_ZOMBIE and process.create_time() <= told_at + CLOCK_TOLERANCE)
    except psutil.NoSuchProcess:
        return False
