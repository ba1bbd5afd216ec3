"""One writer at a time: the file lock around a build, and the only place that opens the private build file to write."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import duckdb
from filelock import FileLock, Timeout

from fin_assets.warehouse.paths import Layout, WarehouseError

WAIT = timedelta(minutes=15)
"""A full refresh of ten years ends well within this."""

_POLL = timedelta(milliseconds=200)


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
        holder = layout.lock.read_text(encoding="utf-8").strip() or "unknown"
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


def _connect(layout: Layout, wait: timedelta) -> duckdb.DuckDBPyConnection:
    deadline = time.monotonic() + wait.total_seconds()
    while True:
        try:
            return duckdb.connect(str(layout.build))
        except duckdb.Error as error:
            if "lock" not in str(error):
                msg = (
                    f"{layout.build} cannot be opened ({str(error).splitlines()[0]}). It holds nothing that is not in "
                    "the staged files: remove it, and the next build makes it again"
                )
                raise WarehouseError(msg) from error
            if time.monotonic() >= deadline:
                msg = (
                    f"{layout.build} is private to the build and another process has it open: "
                    f"close that one ({str(error).splitlines()[0]})"
                )
                raise WarehouseError(msg) from error
        time.sleep(_POLL.total_seconds())
