"""The finest grain stays in Parquet: closed months compacted into one immutable file each, the open month as it was staged.

A daily file serves one session well and one ticker badly: a year of one ticker would open 240 files and read a page of
each. A month's file is sorted by ticker, so that its row groups are skipped. What is made here can be made again from the
staged files at any time; which of these count is the manifests' word. Nothing here knows a table by name, or what a row means.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from fin_assets.core.storage.blobs import Blobs
from fin_assets.warehouse.paths import ARCHIVE, Layout, WarehouseError

ROW_GROUP = 65_536
"""Rows of a row group. Measured in tests/bench/idx_marts.py: smaller groups make a longer footer for each file that a query
opens, larger ones make one ticker read more of its neighbours."""

MEMORY = "1GB"
"""Of one compaction. A month of 900 tickers is 0.9 million rows; what does not fit goes to disk."""

_VERSION = "1"


@dataclass(frozen=True, slots=True)
class ArchivedTable:
    """A staged table whose rows are not copied into the marts.

    Attributes:
        view: name of its views: in the schema `history` of all sessions, in `staged` of those that a build needs.
        source, table: whose staged files it reads.
        columns: with DuckDB types; the contract of the view.
        order_by: columns that a month's file is sorted by.
        reach: how many sessions from a changed one the build's models look back, or are reached. Unit: sessions.
    """

    view: str
    source: str
    table: str
    columns: dict[str, str]
    order_by: tuple[str, ...]
    reach: int

    @property
    def select(self) -> str:
        """The columns, each cast to its type."""
        return ", ".join(f'cast("{name}" as {kind}) as "{name}"' for name, kind in self.columns.items())

    @property
    def empty(self) -> str:
        """A query of no rows with these columns."""
        nothing = ", ".join(f'cast(null as {kind}) as "{name}"' for name, kind in self.columns.items())
        return f"select {nothing} where false"


@dataclass(frozen=True, slots=True, order=True)
class StagedFile:
    """A staged file that counts. `file` is its key."""

    session: date
    file: str
    sha256: str


def current_files(
    layout: Layout,
    table: ArchivedTable,
    staged: Iterable[StagedFile],
    *,
    check: Callable[[Sequence[StagedFile]], None] = lambda _staged: None,
) -> dict[str, list[date]]:
    """Return the files that hold exactly the rows of `staged`, and the sessions of each; compact missing months.

    Closed is every month before that of the newest session. A month is compacted again only if one of its staged files is
    another than before: the name of its file says which ones it was made of.

    Args:
        layout: of the data directory.
        table: whose files.
        staged: those that count.
        check: called with the staged files that are read, before they are; refuses damaged ones.

    Returns:
        the sessions by key of the file, in the order of the sessions.

    Raises:
        WarehouseError: a staged file cannot be read.
    """
    months: dict[str, list[StagedFile]] = {}
    for one in sorted(staged):
        months.setdefault(one.session.strftime("%Y-%m"), []).append(one)
    there = {found.key for found in layout.blobs.list(f"{ARCHIVE}/{table.view}")}
    files: dict[str, list[date]] = {}
    for month in sorted(months)[:-1]:
        key = month_key(table, month, months[month])
        if key not in there:
            check(months[month])
            _compact(layout, table, months[month], key)
        files[key] = [one.session for one in months[month]]
    for month in sorted(months)[-1:]:
        check(months[month])
        files.update({one.file: [one.session] for one in months[month]})
    return files


def month_key(table: ArchivedTable, month: str, staged: Sequence[StagedFile]) -> str:
    """Return the key of the file that holds the rows of a month's staged files once they are compacted."""
    shape = f"{_VERSION} {ROW_GROUP} {table.order_by} {sorted(table.columns.items())}"
    parts = [shape, *(f"{one.session} {one.sha256}" for one in sorted(staged))]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return f"{ARCHIVE}/{table.view}/{month}-{digest[:16]}.parquet"


def rows_of(table: ArchivedTable, uris: Sequence[str]) -> str:
    """Return a query of all rows of some files, by the contract of the table."""
    if not uris:
        return table.empty
    listed = ", ".join("'" + uri.replace("'", "''") + "'" for uri in uris)
    return f"select {table.select} from read_parquet([{listed}], hive_partitioning = false)"  # noqa: S608 - quoted above


def by_year(table: ArchivedTable, files: Mapping[str, Sequence[date]]) -> str:
    """Return a query of all rows of some files, of which DuckDB leaves out the years that a question does not name.

    With the bounds of each year in the query, a year is left out while it is planned; without them a question looks into the
    footers of all files, 55 of five years: 53 ms of processor time instead of 15.

    Args:
        table: its contract; its rows have a `session_date`.
        files: the sessions in each file, by its URI.
    """
    years: dict[int, list[str]] = {}
    for uri, sessions in files.items():
        years.setdefault(sessions[0].year, []).append(uri)
    return " union all ".join(
        f"{rows_of(table, uris)} where session_date between date '{year}-01-01' and date '{year}-12-31'"
        for year, uris in sorted(years.items())
    ) or rows_of(table, [])


def damage_of_month(layout: Layout, table: ArchivedTable, key: str, staged: Sequence[StagedFile]) -> str | None:
    """Read a compacted month wholly and return what is wrong with it, or None.

    Its rows are compared with those of the staged files that it was made of, if these are the ones that count now.
    """
    uri = layout.blobs.uri(key)
    month = key.rsplit("/", 1)[-1][:7]
    try:
        rows = _digest(table, [uri])
    except duckdb.Error as error:
        return f"{uri} cannot be read ({str(error).splitlines()[0]})"
    if month_key(table, month, staged) != key:
        return None
    try:
        expected = _digest(table, [layout.blobs.uri(one.file) for one in staged])
    except duckdb.Error:
        # A staged file is damaged, which is reported with its partition: there is nothing to compare the month with.
        return None
    return None if rows == expected else f"{uri} has other rows than the staged files that it was made of"


def _digest(table: ArchivedTable, uris: Sequence[str]) -> tuple[int, int]:
    """Return the number of rows of some files and the sum of their hashes, which does not depend on their order."""
    with duckdb.connect(config={"memory_limit": MEMORY}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        rows = rows_of(table, uris)
        found = connection.execute(f"select count(*), sum(hash(t)::hugeint) from ({rows}) as t").fetchone()  # noqa: S608 - from here
    return (0, 0) if found is None else (int(found[0]), int(found[1] or 0))


def sweep(layout: Layout, used: set[str]) -> list[str]:
    """Remove the compacted files that no kept build reads, and what a killed compaction left. The caller holds the lock.

    Args:
        layout: of the data directory.
        used: keys of the files that kept builds read.

    Returns:
        the keys that were removed.
    """
    layout.blobs.sweep(ARCHIVE)
    removed = [found.key for found in layout.blobs.list(ARCHIVE) if found.key not in used]
    for key in removed:
        layout.blobs.delete(key)
    return removed


def _compact(layout: Layout, table: ArchivedTable, staged: Sequence[StagedFile], key: str) -> None:
    """Write one month's file: sorted outside memory if need be, and complete as soon as it has its name."""
    layout.scratch.mkdir(parents=True, exist_ok=True)
    made = layout.scratch / "month.parquet"
    try:
        _write_sorted(layout.blobs, table, staged, target=str(made), spill=str(layout.scratch / "spill"))
        layout.blobs.upload(key, made)
    except duckdb.Error as error:
        first = str(error).splitlines()[0]
        days = f"{staged[0].session} to {staged[-1].session}"
        msg = (
            f"the staged files of {table.source}/{table.table} from {days} cannot be compacted ({first}). "
            f"Stage them again from raw: fin reparse {table.source}"
        )
        raise WarehouseError(msg) from error
    finally:
        made.unlink(missing_ok=True)


def _write_sorted(blobs: Blobs, table: ArchivedTable, staged: Sequence[StagedFile], *, target: str, spill: str) -> None:
    order = ", ".join(f'"{column}"' for column in table.order_by)
    rows = rows_of(table, [blobs.uri(one.file) for one in staged])
    quoted = target.replace("'", "''")
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY,
        "temp_directory": spill,
        "preserve_insertion_order": True,
    }
    with duckdb.connect(config=config) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(
            f"copy ({rows} order by {order}) to '{quoted}'"
            f" (format parquet, compression zstd, row_group_size {ROW_GROUP})"
        )
