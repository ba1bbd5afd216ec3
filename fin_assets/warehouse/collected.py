"""What the manifests say, as rows of the private build file, and whether the staged files that count hold what they say.

A damaged manifest leaves the marts as they are: its partition keeps the row that was last read. A damaged staged file is
never read: the build makes it again, or leaves its partition out with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import duckdb
import polars as pl

from fin_assets.core.contract.manifest import PartitionKey
from fin_assets.core.storage.blobs import Blobs
from fin_assets.core.storage.store import StagedDamaged, staged_content
from fin_assets.warehouse import manifests
from fin_assets.warehouse.archive import StagedFile
from fin_assets.warehouse.manifests import DAMAGED, ManifestKey
from fin_assets.warehouse.paths import WarehouseError

_MISSING = "missing"
"""Stamp of a manifest that is missing beside its sealed raw files."""


class StagedLost(WarehouseError):
    """Staged files that a build has to read are damaged: `problems` by partition."""

    def __init__(self, problems: dict[ManifestKey, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = problems


def take(connection: duckdb.DuckDBPyConnection, blobs: Blobs, places: Mapping[str, str]) -> None:
    """Bring control.partitions up to date: only manifests that were replaced since are read."""
    present = manifests.stamps(blobs, places)
    columns = connection.execute(
        "select column_name from duckdb_columns() where schema_name = 'control' and table_name = 'partitions'"
        " and database_name = current_database() order by column_index"
    ).fetchall()
    # A build file of another version may have it with other columns.
    if [name for (name,) in columns] != list(manifests.PARTITIONS):
        news = manifests.read(blobs, present, places)
        _write(connection, "create or replace table control.partitions as from news", news)
        return
    known = {
        (source, table, session): stamp
        for source, table, session, stamp in connection.execute(
            "select source, table_name, session_date, stamp from control.partitions"
        ).fetchall()
    }
    present |= {key: _MISSING for key in known if key not in present and manifests.is_sealed(blobs, key, places)}
    news = manifests.read(blobs, {key: stamp for key, stamp in present.items() if known.get(key) != stamp}, places)
    damaged = news.filter(pl.col("failure_kinds") == DAMAGED)
    kept = {key for key in damaged.select("source", "table_name", "session_date").iter_rows() if key in known}
    gone = [key for key, stamp in known.items() if present.get(key) != stamp and key not in kept]
    if gone:
        connection.executemany(
            "delete from control.partitions where source = ? and table_name = ? and session_date = ?", gone
        )
    if news.height:
        # A damaged manifest says nothing new about what is staged.
        _write(
            connection,
            "update control.partitions set state = news.state, why = news.why, failure_kinds = news.failure_kinds,"
            " mends = news.mends, stamp = news.stamp from news where news.failure_kinds = 'damaged'"
            " and news.source = partitions.source and news.table_name = partitions.table_name"
            " and news.session_date = partitions.session_date",
            news,
        )
        _write(
            connection,
            "insert into control.partitions by name select * from news"
            " where (source, table_name, session_date) not in"
            " (select (source, table_name, session_date) from control.partitions)",
            news,
        )


def leave_out(connection: duckdb.DuckDBPyConnection, problems: Mapping[ManifestKey, str]) -> None:
    """Leave partitions out of the marts whose staged files are damaged and cannot be made again; the next build looks again."""
    for (source, table, session), problem in problems.items():
        connection.execute(
            "update control.partitions set is_usable = false, state = 'incomplete', failure_kinds = ?, why = ?,"
            " mends = ?, stamp = '' where source = ? and table_name = ? and session_date = ?",
            [DAMAGED, problem, "fin doctor --data --mend", source, table, session],
        )


def verify(blobs: Blobs, source: str, table: str, files: Iterable[StagedFile]) -> None:
    """Read staged files and compare their checksums with those of the manifests.

    Raises:
        StagedLost: files are gone or damaged.
    """
    problems: dict[ManifestKey, str] = {}
    for one in files:
        try:
            staged_content(blobs, PartitionKey(source, table, one.session), one.file, one.sha256)
        except StagedDamaged as damage:
            problems[source, table, one.session] = str(damage)
    if problems:
        raise StagedLost(problems)


def _write(connection: duckdb.DuckDBPyConnection, sql: str, news: pl.DataFrame) -> None:
    connection.register("news", news.to_arrow())
    connection.execute(sql)
    connection.unregister("news")
