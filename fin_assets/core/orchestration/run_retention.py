"""Runs of Dagster that are old: their logs are removed, and what says which sessions and checks are green stays.

Dagster keeps the state of a partition in the events of the run that made it: to delete such a run would make the session
unknown. So of an old run that made the newest state of something, only its log is removed; of every other one, everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import dagster as dg
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    SqlEventLogStorageTable,
)  # the tables have no public name
from sqlalchemy import ColumnElement, Connection, Select, Table, func, select

from fin_assets.core.orchestration.dagster_storage import EventLog

FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]

CHUNK = 500
"""Runs in one statement: SQLite has a limit of variables."""


@dataclass(frozen=True, slots=True)
class OldRuns:
    """Runs that ended long ago.

    Attributes:
        forget: ids of those that nothing depends on any more.
        thin: ids of those that made the newest state of a partition or check, and still have their log.
        bytes: what their logs take.
    """

    forget: list[str]
    thin: list[str]
    bytes: int


def old_runs(instance: dg.DagsterInstance, *, before: datetime) -> OldRuns:
    """Return the runs that ended before an instant and have something to remove; none of another storage than ours."""
    storage = instance.event_log_storage
    if not isinstance(storage, EventLog):
        return OldRuns([], [], 0)
    records = instance.get_run_records(dg.RunsFilter(statuses=FINISHED, updated_before=before))
    ids = [record.dagster_run.run_id for record in records]
    with storage.index_connection() as connection:
        needed = _needed(connection)
    sizes = {run_id: storage.log_bytes(run_id) for run_id in ids}
    return OldRuns(
        forget=[run_id for run_id in ids if run_id not in needed],
        thin=[run_id for run_id in ids if run_id in needed and sizes[run_id]],
        bytes=sum(sizes.values()),
    )


def remove_runs(instance: dg.DagsterInstance, old: OldRuns) -> None:
    """Remove what `old_runs` found."""
    storage = instance.event_log_storage
    if not isinstance(storage, EventLog):
        return
    with storage.index_connection() as connection:
        for start in range(0, len(old.thin), CHUNK):
            _thin(connection, old.thin[start : start + CHUNK])
    for run_id in old.thin:
        storage.drop_log(run_id)
    for run_id in old.forget:
        instance.delete_run(run_id)
    with storage.index_connection() as connection:
        for start in range(0, len(old.forget), CHUNK):
            runs = old.forget[start : start + CHUNK]
            connection.execute(AssetCheckExecutionsTable.delete().where(AssetCheckExecutionsTable.c.run_id.in_(runs)))
    for run_id in [*old.thin, *old.forget]:
        instance.compute_log_manager.delete_logs(prefix=[run_id])


def _needed(connection: Connection) -> set[str]:
    """Return the runs that hold the newest event of a kind of an asset's partition, or the newest outcome of a check."""
    newest = [(SqlEventLogStorageTable, _newest_events()), (AssetCheckExecutionsTable, _newest_checks())]
    return {
        str(run_id)
        for table, ids in newest
        for (run_id,) in connection.execute(select(table.c.run_id).where(table.c.id.in_(ids)).distinct())
    }


def _thin(connection: Connection, runs: Sequence[str]) -> None:
    """Remove the events of runs from the index that later ones have replaced, or that are about no asset."""
    for table, ids in ((SqlEventLogStorageTable, _newest_events()), (AssetCheckExecutionsTable, _newest_checks())):
        connection.execute(table.delete().where(_of(table, runs), table.c.id.not_in(ids)))
    known = select(SqlEventLogStorageTable.c.id)
    connection.execute(AssetEventTagsTable.delete().where(AssetEventTagsTable.c.event_id.not_in(known)))


def _of(table: Table, runs: Sequence[str]) -> ColumnElement[bool]:
    return table.c.run_id.in_(runs)


def _newest_events() -> Select[tuple[int]]:
    events = SqlEventLogStorageTable.c
    return (
        select(func.max(events.id))
        .where(events.asset_key.is_not(None))
        .group_by(events.asset_key, events.partition, events.dagster_event_type)
    )


def _newest_checks() -> Select[tuple[int]]:
    checks = AssetCheckExecutionsTable.c
    return select(func.max(checks.id)).group_by(checks.asset_key, checks.check_name, checks.partition)
