"""The audit of closed days as Dagster sees it: its check, its job and its weekly schedule."""

# No postponed annotations here: Dagster reads the type of a check's `config` at once.
from collections.abc import Sequence
from datetime import date

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)  # what define_asset_job returns has no public name

from fin_assets.core.collection.audits import audit, past_closed_days
from fin_assets.core.contract.source import Source, Table
from fin_assets.core.orchestration.assets import CLOSED_DAYS, OpenClients, staged_key
from fin_assets.core.storage.store import Store


class AuditConfig(dg.Config):
    """Options of an audit in the launchpad.

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


def audit_checks(source: Source, store: Store, clients: OpenClients) -> list[dg.AssetChecksDefinition]:
    """Return the check `closed_days_are_empty` of each table whose site may serve days that are no session."""
    return [_audit_check(source, table, store, clients) for table in source.tables if table.off_calendar]


def _audit_op(source: Source, table: Table) -> str:
    return f"audit_{source.name}__{table.name}"


def _audit_check(source: Source, table: Table, store: Store, clients: OpenClients) -> dg.AssetChecksDefinition:
    key = dg.AssetCheckKey(staged_key(source, table), CLOSED_DAYS)
    text = "The site has no data for days without a session; rows that it serves for them are quarantined."

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
        days = days or past_closed_days(source, table)
        with clients() as pools:
            findings = audit(source, table, days, store=store, clients=pools)
        for finding in findings.values():
            context.log.info(finding.summary)
        wrong = [finding.summary for finding in findings.values() if not finding.passed]
        return dg.AssetCheckResult(
            check_name=CLOSED_DAYS,
            asset_key=key.asset_key,
            passed=not wrong,
            severity=dg.AssetCheckSeverity.WARN,
            description="; ".join(wrong) or f"{len(findings)} closed days, and the site has no data for them",
            metadata={"days": ", ".join(map(str, findings)) or "none"},
        )

    return check


def audit_jobs(
    source: Source,
) -> tuple[list[dg.JobDefinition | UnresolvedAssetJobDefinition], list[dg.ScheduleDefinition]]:
    """Return the job that audits a source's closed days, and its schedule; none if no table of it is audited."""
    audited = [table for table in source.tables if table.off_calendar]
    if not audited:
        return [], []
    job = dg.define_asset_job(
        audit_job_name(source),
        selection=dg.AssetSelection.checks(
            *(dg.AssetCheckKey(staged_key(source, table), CLOSED_DAYS) for table in audited)
        ),
        description=f"Ask {source.title} for days without a session, and quarantine the rows that it serves.",
    )
    weekly = next((table for table in audited if table.schedules.weekly is not None), None)
    if weekly is None or weekly.schedules.weekly is None:
        return [job], []
    schedule = dg.ScheduleDefinition(
        name=f"weekly_audit_{source.name}",
        job_name=audit_job_name(source),
        cron_schedule=weekly.schedules.weekly,
        execution_timezone=weekly.calendar.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Once a week, ask {source.title} for the week's days without a session.",
    )
    return [job], [schedule]
