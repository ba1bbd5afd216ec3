"""What a source may ask for beside its daily sessions: the week's gaps, its closed days, a look at the running session."""

# No postponed annotations here: Dagster reads the type of a check's `config` at once.
import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import partial

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)  # what define_asset_job returns has no public name

from fin_assets import clock
from fin_assets.core.collection.collector import Collector
from fin_assets.core.collection.fetch_jobs import Job, Outcome, run_jobs
from fin_assets.core.contract.failures import StaleDate
from fin_assets.core.contract.manifest import PartitionKey, RawUnit
from fin_assets.core.contract.source import Fetched, Finding, Parsed, Source, Table, due_at
from fin_assets.core.orchestration.assets import CLOSED_DAYS, staged_key
from fin_assets.core.orchestration.monitoring import Collecting
from fin_assets.core.storage.store import Store
from fin_assets.core.transport.browser.pool import BrowserPool
from fin_assets.settings import BrowserSettings

WEEK = timedelta(days=7)
INTRADAY = "intraday"
"""Directory below the data directory for provisional snapshots; no mart reads it."""


class AuditConfig(dg.Config):
    """What an audit can be told in the launchpad.

    Attributes:
        days: ISO dates to ask for; the closed days of the week that ended yesterday if empty.
    """

    days: list[str] = []  # noqa: RUF012 - pydantic copies it


def audit_job_name(source: Source) -> str:
    """Return the name of the job that audits a source's closed days."""
    return f"audit_{source.name}"


def audit_config(source: Source, days: Sequence[date]) -> dict[str, object]:
    """Return the run configuration that makes `audit_<source>` ask for these days."""
    wanted = {"config": {"days": [day.isoformat() for day in days]}}
    return {"ops": {_audit_op(source, table): wanted for table in source.tables if table.off_calendar}}


def audit(
    source: Source, table: Table, days: Sequence[date], *, store: Store, browser: BrowserSettings
) -> dict[date, Finding]:
    """Ask the site for days that are no session. What it serves for them goes to quarantine, and to no mart.

    Raises:
        BrowserMissing: there is no Chromium to start.
        SettingsError: the store has pages that were collected in another mode.
    """
    store.claim(source.name, mode=source.settings.mode)
    findings: dict[date, Finding] = {}
    jobs = [
        Job(
            key=PartitionKey(source.name, table.name, day),
            unit=unit,
            fetch=partial(_fetch, table, unit, day),
            parse=partial(_parse, table, unit, day),
        )
        for day in days
        for unit in table.units(day)
    ]

    def judged(outcome: Outcome) -> None:
        findings[outcome.job.key.session] = _closed_day(table, outcome, store)

    async def ask() -> None:
        settings = source.settings
        async with BrowserPool(
            browser,
            workers=1,
            rate_per_second=settings.rate_per_second,
            request_timeout=settings.request_timeout,
        ) as pool:
            await run_jobs(pool, jobs, evidence_dir=store.evidence_dir, on_outcome=judged)

    if jobs:
        asyncio.run(ask())
    return findings


async def _fetch(table: Table, unit: str, day: date, client: object) -> Fetched:
    return await table.fetch(client, unit, day)  # type: ignore[arg-type]  # a BrowserClient, which a partial cannot name


def _parse(table: Table, unit: str, day: date, fetched: Fetched) -> Parsed:
    parsed = table.parse(fetched.body, fetched.content_type, unit, day)
    if parsed.stated_date != day:
        # Some sites answer with the session before where they have nothing.
        raise StaleDate(f"asked for {day}, the page states {parsed.stated_date}", body=fetched.body)
    return parsed


def _closed_day(table: Table, outcome: Outcome, store: Store) -> Finding:
    day = outcome.job.key.session
    if isinstance(outcome.failure, StaleDate):
        return Finding(passed=True, summary=f"{day} is closed, and the site has nothing of it", numbers={"rows": 0})
    if outcome.failure is not None or outcome.fetched is None or outcome.parsed is None:
        return Finding(passed=False, summary=f"{day} could not be asked for: {outcome.failure}")
    staged = table.stage([_raw_unit(outcome.job.unit, outcome.fetched, outcome.parsed)], day)
    rows = staged.quarantine.height
    if staged.frame.height:
        return Finding(passed=False, summary=f"{day} is a session for the source and none for its calendar")
    file = store.write_quarantine(outcome.job.key, staged.quarantine)
    return Finding(
        passed=False,
        summary=f"{day} is no session of the calendar, and the site served {rows} rows for it: they are in {file}, and no "
        "mart sees them. If the exchange did trade on that day, add it to overrides.toml",
        numbers={"rows": rows, "file": file},
    )


def _raw_unit(unit: str, fetched: Fetched, parsed: Parsed) -> RawUnit:
    return RawUnit(
        unit=unit,
        body=fetched.body,
        url=fetched.url,
        status=fetched.status,
        content_type=fetched.content_type,
        transport=fetched.transport,
        fetched_at=clock.now(),
        sha256="",
        rows=parsed.rows,
        attempts=1,
        seconds=0.0,
    )


def closed_days(table: Table, *, until: date) -> list[date]:
    """Return the days of the week up to `until` that are no session."""
    days = [until - timedelta(days=back) for back in range(WEEK.days - 1, -1, -1)]
    return [day for day in days if not table.sessions(day, day)]


def _past_closed_days(source: Source, table: Table) -> list[date]:
    """Return the closed days of the week that ended yesterday: what a test session of today leaves is not there yet."""
    yesterday = clock.today(source.timezone) - timedelta(days=1)
    days = closed_days(table, until=yesterday)
    return [day for day in days if source.start <= day <= (source.end or day)]


def audit_checks(source: Source, store: Store, browser: BrowserSettings) -> list[dg.AssetChecksDefinition]:
    """Return the check `closed_days_are_empty` of each table whose site may serve days that are no session."""
    return [_audit_check(source, table, store, browser) for table in source.tables if table.off_calendar]


def _audit_op(source: Source, table: Table) -> str:
    return f"audit_{source.name}__{table.name}"


def _audit_check(source: Source, table: Table, store: Store, browser: BrowserSettings) -> dg.AssetChecksDefinition:
    key = dg.AssetCheckKey(staged_key(source, table), CLOSED_DAYS)
    text = "The site has nothing of days that are no session; what it has is quarantined."

    @dg.multi_asset_check(
        name=_audit_op(source, table),
        specs=[
            dg.AssetCheckSpec(
                CLOSED_DAYS,
                asset=key.asset_key,
                description=f"{text} Runbook: docs/runbook.md#{CLOSED_DAYS}",
            )
        ],
        pool=f"source_{source.name}",
    )
    def check(context: dg.AssetCheckExecutionContext, config: AuditConfig) -> dg.AssetCheckResult:
        days = [date.fromisoformat(day) for day in config.days]
        days = days or _past_closed_days(source, table)
        findings = audit(source, table, days, store=store, browser=browser)
        for finding in findings.values():
            context.log.info(finding.summary)
        wrong = [finding.summary for finding in findings.values() if not finding.passed]
        return dg.AssetCheckResult(
            check_name=CLOSED_DAYS,
            asset_key=key.asset_key,
            passed=not wrong,
            severity=dg.AssetCheckSeverity.WARN,
            description="; ".join(wrong) or f"{len(findings)} closed days, and the site has nothing of them",
            metadata={"days": ", ".join(map(str, findings)) or "none"},
        )

    return check


def rounds(
    source: Source, store: Store, browser: BrowserSettings, collecting: Sequence[Collecting]
) -> tuple[list[dg.JobDefinition | UnresolvedAssetJobDefinition], list[dg.ScheduleDefinition]]:
    """Return the jobs and schedules of a source that go beyond its daily ones.

    Args:
        source: whose.
        store: where.
        browser: the pool's settings.
        collecting: the jobs that collect sessions, each with a table whose sessions they take.
    """
    jobs: list[dg.JobDefinition | UnresolvedAssetJobDefinition] = []
    schedules: list[dg.ScheduleDefinition] = []
    audited = [
        dg.AssetCheckKey(staged_key(source, table), CLOSED_DAYS) for table in source.tables if table.off_calendar
    ]
    if audited:
        jobs.append(
            dg.define_asset_job(
                audit_job_name(source),
                selection=dg.AssetSelection.checks(*audited),
                description=f"Ask {source.title} for days that are no session, and quarantine what it serves.",
            )
        )
    if source.weekly_schedule is not None:
        schedules += [_weekly(source, table, job) for table, job in collecting]
        if audited:
            schedules.append(
                dg.ScheduleDefinition(
                    name=f"weekly_audit_{source.name}",
                    job_name=audit_job_name(source),
                    cron_schedule=source.weekly_schedule,
                    execution_timezone=source.timezone,
                    default_status=dg.DefaultScheduleStatus.RUNNING,
                )
            )
    if source.intraday_schedule is not None:
        job, schedule = _intraday(source, store, browser, source.intraday_schedule)
        jobs.append(job)
        schedules.append(schedule)
    return jobs, schedules


def _weekly(source: Source, table: Table, job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"weekly_{job.name.removeprefix('collect_')}",
        job=job,
        cron_schedule=source.weekly_schedule or "",
        execution_timezone=source.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Once a week, the week's sessions of {source.title} in one run: only what they lack is asked for.",
    )
    def weekly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        tick = context.scheduled_execution_time
        days = table.sessions(max(source.start, (tick - WEEK).date()), tick.date())
        due = [day for day in days if due_at(source, table, day) <= tick]
        if not due:
            return dg.SkipReason(f"no session of {source.name} in the week before {tick:%Y-%m-%d}")
        span = {
            "dagster/asset_partition_range_start": due[0].isoformat(),
            "dagster/asset_partition_range_end": due[-1].isoformat(),
        }
        return dg.RunRequest(run_key=f"week:{due[-1]}", tags=span)

    return weekly


def _intraday(
    source: Source, store: Store, browser: BrowserSettings, cron: str
) -> tuple[dg.JobDefinition, dg.ScheduleDefinition]:
    tables = [table for table in source.tables if table.units_from is None and not table.present_only]
    provisional = Store(store.data / INTRADAY)

    @dg.op(name=f"snapshot_{source.name}", pool=f"source_{source.name}")
    def snapshot(context: dg.OpExecutionContext) -> None:
        today = clock.today(source.timezone)
        for table in tables:
            collector = Collector(
                source, table, store=provisional, browser=browser, on_session=lambda _result: None, refetch=True
            )
            for result in collector.run([today]):
                context.log.info(
                    "%s of the running session: %s. %s",
                    table.name,
                    result.manifest.state.value,
                    result.problem or result.manifest.why(),
                )

    @dg.job(name=f"intraday_{source.name}", description=f"Provisional snapshots of {source.title}; no mart reads them.")
    def intraday() -> None:
        snapshot()

    @dg.schedule(
        job=intraday,
        name=f"intraday_{source.name}",
        cron_schedule=cron,
        execution_timezone=source.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        tick: datetime = context.scheduled_execution_time
        if not tables[0].sessions(tick.date(), tick.date()):
            return dg.SkipReason(f"{tick:%Y-%m-%d} is no session of {source.name}")
        return dg.RunRequest(run_key=f"{tick:%Y-%m-%dT%H:%M}")

    return intraday, schedule
