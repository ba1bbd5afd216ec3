"""One writer at a time: the file lock around a build, and the only place that opens the private build file to write."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from fin_assets.warehouse.paths import Layout, WarehouseError

WAIT = timedelta(minutes=15)
"""A full refresh of ten years ends well within this."""

_POLL = timedelta(milliseconds=200)

_OUTSIDE = ("set lock", "Permission denied", "No space left", "Read-only file system", "Too many open files")
"""Words of messages that speak of the surroundings of a file, not of its content."""


@contextmanager
def writer_lock(layout: Layout, *, wait: timedelta = WAIT) -> Iterator[None]:
    """Hold the warehouse's file lock, waiting for another writer to end. A killed process gives it back by itself.

    Raises:
        WarehouseError: another process still builds after `wait`; the message names it.
    """
    layout.marts.mkdir(parents=True, exist_ok=True)
    # Of no one thread: a generator that holds the lock may be closed by another thread than the one that began it.
    lock = FileLock(layout.lock, timeout=wait.total_seconds(), poll_interval=_POLL.total_seconds(), thread_local=False)
    try:
        lock.acquire()
    except Timeout as error:
        holder = layout.lock.read_text(encoding="utf-8", errors="replace").strip() or "unknown"
        msg = (
            f"another process (pid {holder}) is building the marts and did not end within {wait}: "
            "wait for it, or end it, then build again"
        )
        raise WarehouseError(msg) from error
    try:
        layout.lock.write_text(str(os.getpid()), encoding="utf-8")
        yield
    finally:
        lock.release()


@contextmanager
def build_connection(layout: Layout, *, wait: timedelta = timedelta(minutes=2)) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the private build file for writing. The caller holds `writer_lock`.

    A build that was killed may have left its dbt process alive for a moment: then this waits for it.

    Raises:
        WarehouseError: the file is in use, or is no DuckDB file of this version.
    """
    connection = _connect(layout, wait)
    try:
        connection.execute("set TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


def damage_of_file(path: Path) -> str | None:
    """Read every table of a DuckDB file, whose blocks have checksums, and return what is wrong with it, or None.

    None as well if there is no file, or if it cannot be read for a reason outside of it, such as another process.
    """
    if not path.exists():
        return None
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            for schema, name in connection.execute(
                "select schema_name, table_name from duckdb_tables() where not internal and not temporary"
            ).fetchall():
                connection.execute(f'select bit_xor(hash(t)) from "{schema}"."{name}" as t')  # noqa: S608 - names from the catalog
    except duckdb.Error as error:
        first = str(error).splitlines()[0]
        return None if any(word in first for word in _OUTSIDE) else f"{path} is damaged ({first})"
    return None


def remove_build_file(layout: Layout) -> None:
    """Remove the private build file and its log; the next build makes it again. The caller holds `writer_lock`."""
    layout.build.unlink(missing_ok=True)
    layout.build.with_name(layout.build.name + ".wal").unlink(missing_ok=True)


def _connect(layout: Layout, wait: timedelta) -> duckdb.DuckDBPyConnection:
    deadline = time.monotonic() + wait.total_seconds()
    while True:
        try:
            return duckdb.connect(str(layout.build))
        except duckdb.Error as error:
            if "set lock" not in str(error):
                msg = (
                    f"{layout.build} cannot be opened ({str(error).splitlines()[0]}). If it is damaged, fin build makes it "
                    "again from the staged files: it holds nothing else"
                )
                raise WarehouseError(msg) from error
            if time.monotonic() >= deadline:
                msg = (
                    f"{layout.build} is private to the build and another process has it open: "
                    f"close that one ({str(error).splitlines()[0]})"
                )
                raise WarehouseError(msg) from error
        time.sleep(_POLL.total_seconds())
