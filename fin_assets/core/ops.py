"""What watches a table as a whole: freshness by its own calendar, the backlog beyond healing, and its schedule."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from fin_assets.core import clock
from fin_assets.core.assets import raw_key, staged_key
from fin_assets.core.manifest import PartitionKey
from fin_assets.core.partitions import due_at, due_sessions
from fin_assets.core.source import Finding, Source, Table
from fin_assets.core.store import Store

GRACE = timedelta(hours=3)
"""After the time of publication a session may take this long before it counts as late: one heal tick and a slow site."""


def freshness(source: Source, table: Table, store: Store, *, now: datetime) -> Finding:
    """Judge whether the newest session that is due is there. Days without a list raise no alarm."""
    days = due_sessions(source, table, since=now - GRACE - timedelta(days=130), until=now - GRACE)
    if not days:
        return Finding(passed=True, summary="no session is due yet")
    newest = days[-1]
    manifest = store.manifest(PartitionKey(source.name, table.name, newest))
    green = manifest is not None and manifest.state.green
    known = [day for day in store.sessions(source.name, table.name) if day <= newest]
    late = len([day for day in days if not known or day > known[-1]])
    state = "was never collected" if manifest is None else f"is {manifest.state.value}: {manifest.why()}"
    return Finding(
        passed=green,
        summary=f"{newest} is there" if green else f"{newest} was due {due_at(source, table, newest):%Y-%m-%d %H:%M %Z} and {state}. Mend it: fin heal {source.name}",
        numbers={"newest_due": newest.isoformat(), "newest_known": known[-1].isoformat() if known else None, "sessions_late": late},
    )


def backlog(source: Source, table: Table, store: Store, *, now: datetime) -> Finding:
    """Find incomplete sessions that healing no longer asks for: older than the look-back, tried too often, or hopeless."""
    edge = now.astimezone(ZoneInfo(source.timezone)).date() - timedelta(days=source.settings.look_back_days)
    left = [
        manifest
        for manifest in store.manifests(source.name, table.name)
        if not manifest.state.green
        and (
            manifest.session < edge
            or manifest.attempts >= source.settings.max_attempts
            or not any(unit.heals for unit in manifest.unfinished())
        )
    ]
    sessions = [manifest.session.isoformat() for manifest in left]
    mends = f"fin run {source.name} --from {sessions[0]} --to {sessions[-1]}" if sessions else ""
    return Finding(
        passed=not left,
        summary=f"{len(left)} sessions that healing has given up: {', '.join(sessions[:5])}. Mend it: {mends}" if left else "nothing is given up",
        numbers={"sessions": len(left)},
    )


WATCHES = {"fresh": freshness, "backlog": backlog}


def watch_checks(source: Source, table: Table, store: Store) -> list[dg.AssetChecksDefinition]:
    """Return the unpartitioned checks `fresh` and `backlog` of a table's staged asset."""

    def one(name: str) -> dg.AssetChecksDefinition:
        judge = WATCHES[name]
        text = f"{(judge.__doc__ or '').split(chr(10))[0]} Runbook: docs/runbook.md#{name}"

        @dg.asset_check(name=name, asset=staged_key(source, table), description=text, blocking=False)
        def check() -> dg.AssetCheckResult:
            finding = judge(source, table, store, now=clock.now())
            numbers = {key: "none" if value is None else value for key, value in finding.numbers.items()}
            return dg.AssetCheckResult(passed=finding.passed, severity=dg.AssetCheckSeverity.WARN, description=finding.summary, metadata=numbers)

        return check

    return [one(name) for name in WATCHES]


def collect_schedules(source: Source) -> list[dg.ScheduleDefinition]:
    """Return, for each table, a schedule after publication, on sessions only."""
    return [_collect_schedule(source, table) for table in source.tables]


def _collect_schedule(source: Source, table: Table) -> dg.ScheduleDefinition:
    job = dg.define_asset_job(
        f"collect_{source.name}__{table.name}",
        selection=[raw_key(source, table), staged_key(source, table)],
        description=f"Collect and stage sessions of {source.title}, {table.name}.",
    )

    @dg.schedule(
        name=f"daily_{source.name}__{table.name}",
        job=job,
        cron_schedule=source.schedule,
        execution_timezone=source.timezone,
        description=f"After publication, for sessions of {source.title} only.",
    )
    def daily(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        tick = context.scheduled_execution_time
        due = due_sessions(source, table, since=tick - timedelta(days=1), until=tick)
        if not due:
            return dg.SkipReason(f"no session of {source.name}/{table.name} became due in the day before {tick:%Y-%m-%d %H:%M %Z}")
        return [dg.RunRequest(run_key=f"{table.name}:{day}", partition_key=day.isoformat()) for day in due]

    return daily


def watch_schedule(source: Source) -> dg.ScheduleDefinition:
    """Return the schedule that runs the watch checks of a source every hour."""
    keys = [dg.AssetCheckKey(staged_key(source, table), name) for table in source.tables for name in WATCHES]
    job = dg.define_asset_job(
        f"watch_{source.name}",
        selection=dg.AssetSelection.checks(*keys),
        description=f"Freshness and backlog of {source.title}, without a request to the site.",
    )
    return dg.ScheduleDefinition(name=f"hourly_watch_{source.name}", job=job, cron_schedule="20 * * * *", execution_timezone=source.timezone)
