"""Schedules: after publication, once a week for what the week lacks, and the hourly watch checks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)  # what define_asset_job returns has no public name

from fin_assets import clock
from fin_assets.core.contract.source import Source, Table, due_at
from fin_assets.core.orchestration.jobs import Collecting
from fin_assets.core.orchestration.monitoring import changed_watches, watch_keys
from fin_assets.core.orchestration.partitions import due_sessions
from fin_assets.core.storage.store import Store

WEEK = timedelta(days=7)


def collect_schedules(source: Source, jobs: Sequence[Collecting]) -> list[dg.ScheduleDefinition]:
    """Return, for each job that collects, a schedule after publication, on sessions only."""
    return [_collect_schedule(source, table, job) for table, job in jobs]


def _collect_schedule(source: Source, table: Table, job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"daily_{source.name}__{table.name}",
        job=job,
        cron_schedule=table.schedules.daily,
        execution_timezone=table.calendar.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"After publication, for sessions of {source.title} only.",
    )
    def daily(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        tick = context.scheduled_execution_time
        due = due_sessions(source, table, since=tick - timedelta(days=1), until=tick)
        if not due:
            return dg.SkipReason(
                f"no session of {source.name}/{table.name} became due in the day before {tick:%Y-%m-%d %H:%M %Z}"
            )
        return [dg.RunRequest(run_key=f"{table.name}:{day}", partition_key=day.isoformat()) for day in due]

    return daily


def weekly_schedules(source: Source, jobs: Sequence[Collecting]) -> list[dg.ScheduleDefinition]:
    """Return, for each job whose table has a weekly schedule, one that asks for whatever the week's sessions lack."""
    return [_weekly(source, table, job) for table, job in jobs if table.schedules.weekly is not None]


def _weekly(source: Source, table: Table, job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"weekly_{job.name.removeprefix('collect_')}",
        job=job,
        cron_schedule=table.schedules.weekly or "",
        execution_timezone=table.calendar.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Once a week, the week's sessions of {source.title} in one run: only missing units are fetched.",
    )
    def weekly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        tick = context.scheduled_execution_time
        days = table.calendar.sessions(max(source.start, (tick - WEEK).date()), tick.date())
        due = [day for day in days if due_at(table, day) <= tick]
        if not due:
            return dg.SkipReason(f"no session of {source.name} in the week before {tick:%Y-%m-%d}")
        span = {
            "dagster/asset_partition_range_start": due[0].isoformat(),
            "dagster/asset_partition_range_end": due[-1].isoformat(),
        }
        return dg.RunRequest(run_key=f"week:{due[-1]}", tags=span)

    return weekly


def watch_schedule(source: Source, store: Store) -> dg.ScheduleDefinition:
    """Return the schedule that judges the watch checks of a source every hour, and runs them if an outcome has changed."""
    keys = [key for table in source.tables for key in watch_keys(source, table)]
    job = dg.define_asset_job(
        f"watch_{source.name}",
        selection=dg.AssetSelection.checks(*keys),
        description=f"Freshness and backlog of {source.title}, without a request to the site.",
    )

    @dg.schedule(
        name=f"hourly_watch_{source.name}",
        job=job,
        cron_schedule="20 * * * *",
        execution_timezone=source.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Hourly, without a request to the site; a run only if freshness or backlog of {source.title} has changed.",
    )
    def hourly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        changed = changed_watches(source, store, context.instance, now=clock.now())
        if not changed:
            return dg.SkipReason("every check has the outcome that is recorded")
        return dg.RunRequest(tags={"changed": ", ".join(changed)[:200]})

    return hourly
