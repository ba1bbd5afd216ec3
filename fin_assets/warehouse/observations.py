"""Tables whose partitions are the days an answer was obtained, and whose rows may be of any session date.

An effective row is the newest observation of its key. The effective rows of all partitions are kept in the private build
file; a build merges the new partitions into them, and learns from that which session dates have changed. What is kept is a
function of the staged files alone: the order in which they arrived, and how often an equal row was seen, leave no trace.
Nothing here knows a table by name, or what a row means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from fin_assets.core.storage.blobs import Blobs
from fin_assets.warehouse import collected
from fin_assets.warehouse.archive import StagedFile
from fin_assets.warehouse.paths import WarehouseError

OBSERVED_AT = "observed_at"
_OBTAINED = "_obtained"
"""Column of the kept rows: the partition that an effective row came from."""

CREATE = """
create table if not exists control.observed_partitions (
    source varchar, table_name varchar, session_date date, staged_sha256 varchar
);
create or replace table control.observation_tables (source varchar, table_name varchar);
create or replace temp table observed_changes (source varchar, session_date date);
"""

_DIFFERENT = """
select
    coalesce(present.session_date, merged.session_date) as session_date,
    present.staged_file,
    merged.session_date is not null as was_merged
from (
    select session_date, staged_file, staged_sha256 from control.partitions
    where is_usable and source = $1 and table_name = $2
) as present
full outer join (
    select session_date, staged_sha256 from control.observed_partitions where source = $1 and table_name = $2
) as merged using (session_date)
where present.staged_sha256 is distinct from merged.staged_sha256
order by 1
"""


@dataclass(frozen=True, slots=True)
class ObservedTable:
    """A staged table of observations.

    Attributes:
        view: name of its views: in the schema `history` all effective rows, in `staged` those of the changed sessions.
        source, table: whose staged files it reads.
        columns: with DuckDB types; `session_date` and `observed_at` are among them.
        key: columns of which each combination has one effective row; `session_date` is one of them.
    """

    view: str
    source: str
    table: str
    columns: dict[str, str]
    key: tuple[str, ...]

    @property
    def known(self) -> str:
        """The table of the effective rows in the build file."""
        return f'control."known_{self.view}"'

    @property
    def values(self) -> list[str]:
        """The columns that make a change: neither key nor time of observation."""
        return [name for name in self.columns if name not in self.key and name != OBSERVED_AT]

    @property
    def newest_first(self) -> str:
        """An order of the observations of one key that does not depend on where they were read."""
        return ", ".join(f'"{name}" desc nulls last' for name in (OBSERVED_AT, *self.values))

    def rows(self, uris: Sequence[str]) -> str:
        """Return a query of all observations in some files, each with the URI of its file as `filename`."""
        if not uris:
            nothing = ", ".join(f'cast(null as {kind}) as "{name}"' for name, kind in self.columns.items())
            return f"select {nothing}, cast(null as varchar) as filename where false"
        wanted = ", ".join(f'cast("{name}" as {kind}) as "{name}"' for name, kind in self.columns.items())
        listed = ", ".join("'" + uri.replace("'", "''") + "'" for uri in uris)
        return (
            f"select {wanted}, filename"  # noqa: S608 - quoted above
            f" from read_parquet([{listed}], hive_partitioning = false, filename = true)"
        )


@dataclass(frozen=True, slots=True)
class Merge:
    """What a merge did.

    Attributes:
        files: staged files that were read.
        vanished: session dates that have no effective row any more.
    """

    files: int
    vanished: int


def merge(
    connection: duckdb.DuckDBPyConnection, blobs: Blobs, tables: Sequence[ObservedTable], *, rebuild: bool
) -> Merge:
    """Bring the effective rows of all tables up to date; write the session dates that changed into `observed_changes`.

    Reads the files of new partitions. A partition that was replaced or removed gives up the rows that came from it: their
    keys alone are then looked for in all files.

    Args:
        connection: to the build file, in a transaction; `CREATE` was executed in it.
        blobs: where the staged files lie.
        tables: that the dbt project declares.
        rebuild: forget the effective rows and merge every partition.

    Raises:
        WarehouseError: a staged file does not fit.
    """
    if rebuild:
        _forget(connection)
    files = vanished = 0
    for table in tables:
        connection.execute("insert into control.observation_tables values (?, ?)", [table.source, table.table])
        columns = ", ".join(f'"{name}" {kind}' for name, kind in table.columns.items())
        connection.execute(f'create table if not exists {table.known} ({columns}, "{_OBTAINED}" date)')
        try:
            files += _merge(connection, blobs, table)
        except duckdb.Error as error:
            first = str(error).splitlines()[0]
            msg = (
                f"the staged files of {table.view} do not fit the marts ({first}). "
                f"Stage them again from raw: fin reparse {table.source}"
            )
            raise WarehouseError(msg) from error
        vanished += _count(
            connection,
            "select count(*) from dates_changed where session_date not in"  # noqa: S608 - names from the project
            f" (select session_date from {table.known})",
        )
    return Merge(files=files, vanished=vanished)


def sessions(tables: Sequence[ObservedTable]) -> str:
    """Return a query of the business sessions: of these tables the dates of their rows, of all others as expected."""
    ordinary = (
        "select source, table_name, session_date, ordinal, day_state from control.expected_sessions"
        " where (source, table_name) not in (select (source, table_name) from control.observation_tables)"
    )
    observed = [
        f"select '{table.source}', '{table.table}', session_date,"  # noqa: S608 - names from the project
        " cast(row_number() over (order by session_date) as integer), 'open'"
        f" from (select distinct session_date from {table.known})"
        for table in tables
    ]
    return " union all ".join([ordinary, *observed])


def make_views(connection: duckdb.DuckDBPyConnection, blobs: Blobs, table: ObservedTable) -> None:
    """Make the views of a table, and the table macro `<view>_as_of(instant)` over all its observations.

    The view in `staged` has no `observed_at`: an equal row that was seen again is no change, so a model that is built by
    session would keep the time of an earlier observation.
    """
    every = ", ".join(f'"{name}"' for name in table.columns)
    lasting = ", ".join(f'"{name}"' for name in table.columns if name != OBSERVED_AT)
    key = ", ".join(f'"{name}"' for name in table.key)
    connection.execute(f'create or replace view history."{table.view}" as select {every} from {table.known}')  # noqa: S608 - names from the project
    connection.execute(
        f'create or replace view staged."{table.view}" as select {lasting} from {table.known}'  # noqa: S608 - names from the project
        f" where session_date in (select session_date from control.changed_sessions where source = '{table.source}')"
    )
    uris = [
        blobs.uri(file)
        for (file,) in connection.execute(
            "select staged_file from control.partitions where is_usable and source = ? and table_name = ?"
            " order by session_date",
            [table.source, table.table],
        ).fetchall()
    ]
    connection.execute(
        f'create or replace macro main."{table.view}_as_of"(instant) as table'  # noqa: S608 - names from the project
        f" select {every} from ({table.rows(uris)})"
        f' where "{OBSERVED_AT}" <= cast(instant as timestamp with time zone)'
        f" qualify row_number() over (partition by {key} order by {table.newest_first}) = 1"
    )


def _forget(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop all effective rows, also of tables that are no longer declared."""
    connection.execute("delete from control.observed_partitions")
    for (name,) in connection.execute(
        "select table_name from duckdb_tables() where schema_name = 'control' and starts_with(table_name, 'known_')"
        " and database_name = current_database()"
    ).fetchall():
        connection.execute(f'drop table control."{name}"')


def _merge(connection: duckdb.DuckDBPyConnection, blobs: Blobs, table: ObservedTable) -> int:
    """Merge the partitions of a table that differ; return how many files were read."""
    different = connection.execute(_DIFFERENT, [table.source, table.table]).fetchall()
    _verify(connection, blobs, table, {day for day, file, _ in different if file is not None})
    new = {blobs.uri(file): day for day, file, _ in different if file is not None}
    lost = [day for day, _, was_merged in different if was_merged]
    connection.execute(
        f"create or replace temp table keys_lost as select {_names(table.key)} from {table.known}"  # noqa: S608 - names from the project
        f' where list_contains(?, "{_OBTAINED}")',
        [lost],
    )
    old: dict[str, object] = {}
    if _count(connection, "select count(*) from keys_lost"):
        _verify(connection, blobs, table, None)
        old = {
            blobs.uri(file): day
            for day, file in connection.execute(
                "select session_date, staged_file from control.partitions"
                " where is_usable and source = ? and table_name = ?",
                [table.source, table.table],
            ).fetchall()
            if blobs.uri(file) not in new
        }
    _gather(connection, table, new, old)
    _replace_rows(connection, table)
    _remember(connection, table)
    return len(new) + len(old)


def _verify(connection: duckdb.DuckDBPyConnection, blobs: Blobs, table: ObservedTable, days: set[date] | None) -> None:
    """Refuse staged files that are damaged, before they are read: those of some days, or all."""
    staged = connection.execute(
        "select session_date, staged_file, staged_sha256 from control.partitions"
        " where is_usable and source = ? and table_name = ? order by session_date",
        [table.source, table.table],
    ).fetchall()
    collected.verify(
        blobs, table.source, table.table, [StagedFile(*row) for row in staged if days is None or row[0] in days]
    )


def _gather(
    connection: duckdb.DuckDBPyConnection, table: ObservedTable, new: dict[str, object], old: dict[str, object]
) -> None:
    """Write the newest observation of each key that may have another one than before into `rows_now`."""
    uris = {**new, **old}
    files = pl.DataFrame(
        {"filename": list(uris), _OBTAINED: list(uris.values())}, schema={"filename": pl.String, _OBTAINED: pl.Date}
    )
    connection.register("observed_files", files.to_arrow())
    every = _names([*table.columns, _OBTAINED])
    connection.execute(
        f"""
        create or replace temp table rows_now as
        with read_rows as (
            select * from ({table.rows(list(new))})
            union all
            select rows.* from ({table.rows(list(old))}) as rows
            where exists (select 1 from keys_lost where {_same_key(table, "rows", "keys_lost")})
        ),

        found as (
            select {every} from read_rows inner join observed_files using (filename)
        ),

        kept as (
            select {every} from {table.known} as known
            where exists (select 1 from found where {_same_key(table, "known", "found")})
            and not exists (select 1 from keys_lost where {_same_key(table, "known", "keys_lost")})
        )

        select * from (select * from found union all select * from kept)
        qualify row_number() over (
            partition by {_names(table.key)} order by {table.newest_first}, "{_OBTAINED}" desc
        ) = 1
        """  # noqa: S608 - names from the project
    )
    connection.unregister("observed_files")


def _replace_rows(connection: duckdb.DuckDBPyConnection, table: ObservedTable) -> None:
    """Replace the effective rows of the keys of `rows_now`; find the dates whose values changed."""
    compared = _names([*table.key, *table.values])
    touched = (
        f"exists (select 1 from rows_now where {_same_key(table, 'known', 'rows_now')})"  # noqa: S608 - names from the project
        f" or exists (select 1 from keys_lost where {_same_key(table, 'known', 'keys_lost')})"
    )
    connection.execute(
        f"create or replace temp table rows_before as select * from {table.known} as known where {touched}"  # noqa: S608 - names from the project
    )
    connection.execute(
        f"""
        create or replace temp table dates_changed as
        select distinct session_date from (
            (select {compared} from rows_now except select {compared} from rows_before)
            union all
            (select {compared} from rows_before except select {compared} from rows_now)
        )
        """  # noqa: S608 - names from the project
    )
    connection.execute("insert into observed_changes select ?, session_date from dates_changed", [table.source])
    connection.execute(f"delete from {table.known} as known where {touched}")  # noqa: S608 - names from the project
    connection.execute(f"insert into {table.known} select * from rows_now")  # noqa: S608 - names from the project


def _remember(connection: duckdb.DuckDBPyConnection, table: ObservedTable) -> None:
    of_table = [table.source, table.table]
    connection.execute("delete from control.observed_partitions where source = ? and table_name = ?", of_table)
    connection.execute(
        "insert into control.observed_partitions select source, table_name, session_date, staged_sha256"
        " from control.partitions where is_usable and source = ? and table_name = ?",
        of_table,
    )


def _same_key(table: ObservedTable, left: str, right: str) -> str:
    return " and ".join(f'{left}."{name}" is not distinct from {right}."{name}"' for name in table.key)


def _names(columns: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def _count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return 0 if row is None else int(row[0])
