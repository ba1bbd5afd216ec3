"""What a command need not do: sessions that are there already, in Dagster's eyes too, and marts that have their rows."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from fin_assets.commands.args import project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fin_assets.core.contract.manifest import Manifest
    from fin_assets.core.contract.source import Source, Table
    from fin_assets.warehouse.reader import Snapshot

Built = dict[tuple[str, date], str]
"""Hash of the staged rows that a build was made from, by table and session."""


def settled_tables(source: Source, wanted: Sequence[tuple[Table, Sequence[date]]]) -> set[str]:
    """Return the tables of which no session needs work, and whose sessions Dagster knows to be there.

    Args:
        source: whose tables.
        wanted: tables with their sessions, in the source's order: one whose units a table before it names waits for that one.
    """
    from fin_assets.core.collection.expected_units import is_settled
    from fin_assets.core.storage.store import store_of

    store = store_of(project()[0])
    asked = {table.name for table, days in wanted if days}
    found: set[str] = set()
    for table, days in wanted:
        named = all(name in found or name not in asked for name in table.needs)
        if days and named and all(is_settled(source, table, day, store=store) for day in days):
            found.add(table.name)
    return _recorded(source, [(table, days) for table, days in wanted if table.name in found]) if found else found


def _recorded(source: Source, wanted: Sequence[tuple[Table, Sequence[date]]]) -> set[str]:
    """Return the tables of which Dagster has each session as materialized; a run that was killed may not have told it."""
    import dagster as dg

    from fin_assets.commands.dagster_home import prepare_instance
    from fin_assets.core.orchestration.assets import raw_key

    prepare_instance(project()[0])
    with dg.DagsterInstance.get() as instance:
        return {
            table.name
            for table, days in wanted
            if {day.isoformat() for day in days} <= instance.get_materialized_partitions(raw_key(source, table))
        }


def build_with(source: str, wanted: Sequence[tuple[Table, Sequence[date]]]) -> str | None:
    """Return the id of the published build if it was made from the staged rows of these sessions; None if not."""
    from fin_assets.core.contract.manifest import PartitionKey
    from fin_assets.core.storage.store import store_of
    from fin_assets.warehouse.paths import WarehouseError
    from fin_assets.warehouse.reader import Reader

    settings, _ = project()
    days = [day for _, sessions in wanted for day in sessions]
    try:
        snapshot = Reader(settings.data).snapshot()
        built = built_from(snapshot, source, first=min(days), last=max(days))
    except WarehouseError:
        # Nothing is published, or the build is damaged: a build publishes.
        return None
    store = store_of(settings)
    for table, sessions in wanted:
        for day in sessions:
            manifest = store.manifest(PartitionKey(source, table.name, day))
            if not is_built(manifest, built.get((table.name, day))):
                return None
    return snapshot.build.id


def built_from(snapshot: Snapshot, source: str, *, first: date, last: date) -> Built:
    """Return what a build was made from, of the sessions from `first` to `last` of a source."""
    rows = snapshot.query(
        "select table_name, session_date, staged_sha256 from control.partitions"
        " where source = $1 and session_date between $2 and $3 and is_usable",
        [source, first, last],
    )
    return {(table, day): sha256 for table, day, sha256 in rows.iter_rows()}


def is_built(manifest: Manifest | None, sha256: str | None) -> bool:
    """Return whether a build with staged rows of this hash (None: without any) is up to date with a partition."""
    if manifest is None or manifest.staged is None or not manifest.state.is_done or manifest.blocked_by:
        return sha256 is None
    return sha256 == manifest.staged.sha256
