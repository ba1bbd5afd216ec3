"""Provisional snapshots of the running session. They lie in a directory of their own, and no mart reads them."""

# No postponed annotations here: Dagster reads the types of an op's arguments at once.
from collections.abc import Sequence
from datetime import datetime

import dagster as dg

from fin_assets import clock
from fin_assets.core.collection.collector import Collector
from fin_assets.core.contract.source import Source, Table
from fin_assets.core.orchestration.assets import OpenClients
from fin_assets.core.storage.store import Store

INTRADAY = "intraday"
"""Directory below the data directory for provisional snapshots; no mart reads it."""


def snapshot_jobs(
    source: Source, store: Store, clients: OpenClients
) -> tuple[list[dg.JobDefinition], list[dg.ScheduleDefinition]]:
    """Return the job that takes provisional snapshots of the running session, and its schedule; none if no table asks for it."""
    tables = [table for table in source.tables if table.schedules.intraday is not None]
    if not tables:
        return [], []
    job, schedule = _snapshots(source, tables, store, clients)
    return [job], [schedule]


def _snapshots(
    source: Source, tables: Sequence[Table], store: Store, clients: OpenClients
) -> tuple[dg.JobDefinition, dg.ScheduleDefinition]:
    provisional = Store(store.data / INTRADAY, store.modes)

    @dg.op(name=f"snapshot_{source.name}", pool=f"source_{source.name}")
    def snapshot(context: dg.OpExecutionContext) -> None:
        with clients() as pools:
            for table in tables:
                collector = Collector(
                    source, table, store=provisional, clients=pools, on_session=lambda _result: None, refetch=True
                )
                for result in collector.run([clock.today(table.calendar.timezone)]):
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
        cron_schedule=tables[0].schedules.intraday or "",
        execution_timezone=tables[0].calendar.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"During a session, take provisional snapshots of {source.title}.",
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        tick: datetime = context.scheduled_execution_time
        if not tables[0].calendar.sessions(tick.date(), tick.date()):
            return dg.SkipReason(f"{tick:%Y-%m-%d} is no session of {source.name}")
        return dg.RunRequest(run_key=f"{tick:%Y-%m-%dT%H:%M}")

    return intraday, schedule
