"""The inputs of a build, written before dbt runs: manifests, calendars, changed sessions, and views over the files that count.

All of it is written into the private build file, so that dbt is never started with changing variables. What a build
changed stays marked until the build has ended well; a killed one is therefore done again by the next. Nothing here
knows a source by name: the staged tables are those that the dbt project declares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from fin_assets.core.contract.source import Source
from fin_assets.core.storage.blobs import Blobs
from fin_assets.warehouse import archive, manifests, observations
from fin_assets.warehouse.archive import StagedFile
from fin_assets.warehouse.dbt import project_hash
from fin_assets.warehouse.declarations import archived_tables, observed_tables, staged_tables
from fin_assets.warehouse.paths import Layout, WarehouseError

_CREATE = """
create schema if not exists control;
create schema if not exists staged;
create schema if not exists history;
create or replace table control.archive_files (view_name varchar, file varchar);
create table if not exists control.meta (key varchar, value varchar);
create table if not exists control.changed_sessions (source varchar, session_date date);
create table if not exists control.built (
    source varchar, table_name varchar, session_date date, ordinal integer, day_state varchar, staged_sha256 varchar
);
"""

_DIFFERENT = """
select distinct source, session_date
from (
    select sessions.source, sessions.table_name, sessions.session_date, sessions.day_state, partitions.staged_sha256
    from control.expected_sessions as sessions
    inner join control.partitions as partitions using (source, table_name, session_date)
    where partitions.is_usable
    and (source, table_name) not in (select (source, table_name) from control.observation_tables)
) as present
full outer join control.built as built using (source, table_name, session_date)
where present.staged_sha256 is distinct from built.staged_sha256 or present.day_state is distinct from built.day_state
"""

_MOVED = """
select count(*) from control.built as built
left join control.expected_sessions as sessions using (source, table_name, session_date)
where sessions.ordinal is distinct from built.ordinal
"""

_REMEMBER = """
create or replace table control.built as
select
    sessions.source,
    sessions.table_name,
    sessions.session_date,
    sessions.ordinal,
    sessions.day_state,
    partitions.staged_sha256
from control.expected_sessions as sessions
inner join control.partitions as partitions using (source, table_name, session_date)
where partitions.is_usable
and (source, table_name) not in (select (source, table_name) from control.observation_tables)
"""


_NEEDED = """
select distinct near.session_date
from control.changed_sessions as changed
inner join control.expected_sessions as sessions using (source, session_date)
inner join control.expected_sessions as near using (source, table_name)
where source = $1 and table_name = $2 and abs(near.ordinal - sessions.ordinal) <= $3
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a build has to do.

    Attributes:
        full_refresh: rebuild everything; `reason` says why.
        changed: (source, session) pairs to take up.
        files: staged files that the views read.
        idle: the private build file already holds the outcome: nothing differs, not even the state of a partition.
        fingerprint: hash of all build inputs, the data path included (views hold absolute paths).
        project: hash of the dbt project.
        modes: sandbox or live, by source.
    """

    full_refresh: bool
    reason: str | None
    changed: int
    files: int
    idle: bool
    fingerprint: str
    project: str
    modes: dict[str, str]


def prepare(
    connection: duckdb.DuckDBPyConnection,
    *,
    layout: Layout,
    project: Path,
    sources: Sequence[Source],
    modes: Mapping[str, str],
    full_refresh: bool = False,
    mix_modes: bool = False,
) -> Plan:
    """Write the control tables and the staged views of the next build, in one transaction.

    Args:
        connection: to the private build file, writing.
        layout: of the data directory.
        project: the dbt project.
        sources: those that were discovered.
        modes: the mode of each source that is not in sandbox mode.
        full_refresh: take up every session even if nothing differs.
        mix_modes: build live and sandbox sources together.

    Raises:
        WarehouseError: a manifest or a staged file does not fit, or sources of more than one mode would be mixed.
    """
    connection.begin()
    try:
        _take_collected(connection, layout, sources, modes)
        if not mix_modes:
            _refuse_mixed_modes(connection)
        plan = _prepare(connection, layout, project, full_refresh=full_refresh)
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
    return plan


def built_modes(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the mode of each source that has usable partitions: sandbox, live, or both with a comma."""
    return dict(
        connection.execute(
            "select source, string_agg(distinct tables.mode, ', ' order by tables.mode) from control.tables as tables"
            " where (source, table_name) in (select (source, table_name) from control.partitions where is_usable)"
            " group by source order by source"
        ).fetchall()
    )


def _take_collected(
    connection: duckdb.DuckDBPyConnection, layout: Layout, sources: Sequence[Source], modes: Mapping[str, str]
) -> None:
    """Write what the manifests, the calendars and the sources say."""
    connection.execute(_CREATE)
    connection.execute(observations.CREATE)
    _take_manifests(connection, layout.blobs, manifests.places(layout.blobs, sources, modes))
    collected: set[manifests.ManifestKey] = set(
        connection.execute("select source, table_name, session_date from control.partitions").fetchall()
    )
    _replace(connection, "expected_sessions", manifests.expected(sources, collected))
    _replace(connection, "tables", manifests.declared(sources, collected, modes))


def _refuse_mixed_modes(connection: duckdb.DuckDBPyConnection) -> None:
    found = built_modes(connection)
    if len(set(found.values())) <= 1 and not any("," in mode for mode in found.values()):
        return
    told = ", ".join(f"{source} is {mode}" for source, mode in found.items())
    msg = (
        f"this build would mix live and sandbox data: {told}. In fin.toml, give the sources one mode"
        " ([sources.NAME] mode), or switch one off ([sources.NAME] enabled = false), or build them together, each table"
        " labelled with its mode ([warehouse] mix_modes = true)"
    )
    raise WarehouseError(msg)


def _prepare(connection: duckdb.DuckDBPyConnection, layout: Layout, project: Path, *, full_refresh: bool) -> Plan:
    unfinished = _meta(connection, "unfinished")
    built_project = _meta(connection, "project")
    hashed = project_hash(project)
    fingerprint = _fingerprint(connection, layout, hashed)
    moved = _scalar(connection, _MOVED)
    reason = _refresh_reason(asked=full_refresh, unfinished=unfinished, built=built_project, now=hashed, moved=moved)
    idle = reason is None and unfinished is None and fingerprint == _meta(connection, "fingerprint")
    observed = observed_tables(project)
    merged = observations.merge(connection, layout.blobs, observed, rebuild=reason is not None)
    if reason is None and merged.vanished:
        # A date without a row has no place among the sessions any more, from which its neighbours could be reached.
        reason = f"{merged.vanished} session dates have no row any more"
    connection.execute(f"create or replace table control.business_sessions as {observations.sessions(observed)}")
    _mark_changed(connection, everything=reason is not None, also_before=unfinished is not None)
    if reason is not None:
        _drop_marts(connection)
    files = merged.files + _make_views(connection, layout.blobs, project) + _make_history(connection, layout, project)
    for table in observed:
        observations.make_views(connection, layout.blobs, table)
    if not idle:
        _set_meta(connection, "unfinished", "full_refresh" if reason else "incremental")
    changed = _scalar(connection, "select count(*) from control.changed_sessions")
    return Plan(
        full_refresh=reason is not None,
        reason=reason,
        changed=changed,
        files=files,
        idle=idle,
        fingerprint=fingerprint,
        project=hashed,
        modes=built_modes(connection),
    )


def _mark_changed(connection: duckdb.DuckDBPyConnection, *, everything: bool, also_before: bool) -> None:
    """Write the sessions to take up: all, or those that differ, with those of a build before that did not end."""
    if everything:
        marked = "select distinct source, session_date from control.business_sessions"
    else:
        marked = f"{_DIFFERENT} union select source, session_date from observed_changes"  # noqa: S608 - a constant
        if also_before:
            marked += " union select source, session_date from control.changed_sessions"
    connection.execute(f"create or replace table control.changed_sessions as {marked}")


def _drop_marts(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop the marts before all are rebuilt: beside the old ones, they would double the file, and every copy of it."""
    for schema in ("main", "intermediate", "reference"):
        for kind, names in (("view", "duckdb_views()"), ("table", "duckdb_tables()")):
            found = connection.execute(
                f"select {kind}_name from {names} where schema_name = ? and database_name = current_database()"  # noqa: S608 - names from here
                " and not internal",
                [schema],
            ).fetchall()
            for (name,) in found:
                connection.execute(f'drop {kind} {schema}."{name}"')
    for name, kind in connection.execute(
        "select distinct function_name, if(function_type = 'table_macro', 'macro table', 'macro') from duckdb_functions()"
        " where schema_name = 'main' and database_name = current_database() and not internal"
    ).fetchall():
        connection.execute(f'drop {kind} main."{name}"')


def finish(connection: duckdb.DuckDBPyConnection, plan: Plan) -> None:
    """Record that the build of `plan` ended well: the next plan compares with its inputs. Drops the staged views.

    They hold the changed sessions only. The views of the schema `history` stay: marts read the finest grain through them.
    """
    connection.begin()
    connection.execute(_REMEMBER)
    # As they were when the build began: the project can be edited while dbt runs.
    _set_meta(connection, "project", plan.project)
    _set_meta(connection, "fingerprint", plan.fingerprint)
    connection.execute("delete from control.meta where key = 'unfinished'")
    for (name,) in connection.execute(
        "select view_name from duckdb_views() where schema_name = 'staged' and not internal"
    ).fetchall():
        connection.execute(f'drop view staged."{name}"')
    connection.commit()


def _refresh_reason(*, asked: bool, unfinished: str | None, built: str | None, now: str, moved: int) -> str | None:
    if asked:
        return "asked for"
    if built is None:
        return "first build"
    if unfinished == "full_refresh":
        return "the full refresh before did not end"
    if built != now:
        return "the dbt project has changed"
    if moved:
        return f"{moved} sessions have another place in their calendar"
    return None


def _take_manifests(connection: duckdb.DuckDBPyConnection, blobs: Blobs, places: Mapping[str, str]) -> None:
    present = manifests.stamps(blobs, places)
    columns = connection.execute(
        "select column_name from duckdb_columns() where schema_name = 'control' and table_name = 'partitions'"
        " and database_name = current_database() order by column_index"
    ).fetchall()
    # A build file of another version may have it with other columns.
    if [name for (name,) in columns] != list(manifests.PARTITIONS):
        _replace(connection, "partitions", manifests.read(blobs, present, places))
        return
    known = {
        (source, table, session): stamp
        for source, table, session, stamp in connection.execute(
            "select source, table_name, session_date, stamp from control.partitions"
        ).fetchall()
    }
    gone = [key for key, stamp in known.items() if present.get(key) != stamp]
    news = {key: stamp for key, stamp in present.items() if known.get(key) != stamp}
    if gone:
        connection.executemany(
            "delete from control.partitions where source = ? and table_name = ? and session_date = ?", gone
        )
    if news:
        connection.register("news", manifests.read(blobs, news, places).to_arrow())
        connection.execute("insert into control.partitions by name select * from news")
        connection.unregister("news")


def _make_views(connection: duckdb.DuckDBPyConnection, blobs: Blobs, project: Path) -> int:
    count = 0
    for view, table in staged_tables(project).items():
        files = [
            blobs.uri(file)
            for (file,) in connection.execute(
                "select staged_file from control.partitions where is_usable and source = ? and table_name = ?"
                " and (source, session_date) in (select (source, session_date) from control.changed_sessions)"
                " order by session_date",
                [table["source"], table["table"]],
            ).fetchall()
        ]
        count += len(files)
        _make_view(connection, view, table["columns"], files)
    return count


def _make_history(connection: duckdb.DuckDBPyConnection, layout: Layout, project: Path) -> int:
    """Make the views of the finest grain: of all sessions, and of those that this build needs.

    Returns:
        how many staged files of them have changed.
    """
    count = 0
    for table in archived_tables(project):
        rows = connection.execute(
            "select session_date, staged_file, staged_sha256,"
            " (source, session_date) in (select (source, session_date) from control.changed_sessions)"
            " from control.partitions where is_usable and source = ? and table_name = ?",
            [table.source, table.table],
        ).fetchall()
        count += sum(changed for *_, changed in rows)
        staged = [StagedFile(session, file, sha256) for session, file, sha256, _ in rows]
        files = archive.current_files(layout, table, staged)
        connection.execute(
            "insert into control.archive_files select ?, unnest(cast(? as varchar[]))", [table.view, list(files)]
        )
        needed = {day for (day,) in connection.execute(_NEEDED, [table.source, table.table, table.reach]).fetchall()}
        # By their absolute place: a published view must work in any shell, started anywhere.
        uris = {layout.blobs.uri(file): sessions for file, sessions in files.items()}
        _create_view(connection, "history", table.view, archive.by_year(table, uris))
        near = [uri for uri, sessions in uris.items() if not needed.isdisjoint(sessions)]
        _create_view(connection, "staged", table.view, archive.rows_of(table, near))
    return count


def _make_view(connection: duckdb.DuckDBPyConnection, view: str, columns: dict[str, str], files: list[str]) -> None:
    if files:
        wanted = ", ".join(f'cast("{name}" as {kind}) as "{name}"' for name, kind in columns.items())
        listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
        rows = f"select {wanted} from read_parquet([{listed}], hive_partitioning = false)"  # noqa: S608 - quoted above
    else:
        empty = ", ".join(f'cast(null as {kind}) as "{name}"' for name, kind in columns.items())
        rows = f"select {empty} where false"
    _create_view(connection, "staged", view, rows)


def _create_view(connection: duckdb.DuckDBPyConnection, schema: str, view: str, rows: str) -> None:
    try:
        connection.execute(f'create or replace view {schema}."{view}" as {rows}')
    except duckdb.Error as error:
        first = str(error).splitlines()[0]
        msg = f"the staged files of {view} do not fit the marts ({first}). Stage them again from raw: fin reparse"
        raise WarehouseError(msg) from error


def _fingerprint(connection: duckdb.DuckDBPyConnection, layout: Layout, project: str) -> str:
    """Hash all build inputs, including the data path (views hold absolute paths)."""
    parts = [
        _scalar(
            connection,
            f"select coalesce(bit_xor(hash(t)), 0) from (select * exclude ({left_out}) from control.{table}) as t",  # noqa: S608 - names from here
        )
        for table, left_out in (("partitions", "stamp"), ("expected_sessions", "ordinal"), ("tables", "timezone"))
    ]
    return f"{project}-{'-'.join(str(part) for part in parts)}-{layout.data.resolve()}"


def _replace(connection: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    connection.register("frame", frame.to_arrow())
    connection.execute(f"create or replace table control.{table} as select * from frame")  # noqa: S608 - names from here
    connection.unregister("frame")


def _meta(connection: duckdb.DuckDBPyConnection, key: str) -> str | None:
    row = connection.execute("select value from control.meta where key = ?", [key]).fetchone()
    return None if row is None else str(row[0])


def _set_meta(connection: duckdb.DuckDBPyConnection, key: str, value: str) -> None:
    connection.execute("delete from control.meta where key = ?", [key])
    connection.execute("insert into control.meta values (?, ?)", [key, value])


def _scalar(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return 0 if row is None else int(row[0])
