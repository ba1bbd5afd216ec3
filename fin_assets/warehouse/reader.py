"""Reading the published marts: always one whole build, never blocked, never blocking. No writing, no SQL of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from fin_assets.warehouse import publish
from fin_assets.warehouse.paths import Layout, NothingPublished, WarehouseError
from fin_assets.warehouse.publish import Build

log = logging.getLogger(__name__)

ATTEMPTS = 5
"""A build can be pruned between reading the pointer and attaching it; the pointer then names a newer one."""

Parameters = Sequence[Any] | Mapping[str, Any] | None


class Snapshot:
    """One published build, attached read-only to a connection in memory. Stays what it is while others are published.

    Threads may query it at the same time.
    """

    def __init__(self, build: Build, uri: str) -> None:
        """Attach a build.

        Raises:
            duckdb.IOException: the file is gone.
        """
        self.build = build
        # In memory and fresh: connecting to a path returns the process's cached instance of an older file.
        self._connection = duckdb.connect()
        try:
            quoted = uri.replace("'", "''")
            self._connection.execute(f"attach '{quoted}' as warehouse (read_only)")
            self._connection.execute("set TimeZone = 'UTC'")
            # The files behind views are never changed: neither their footers nor their pages need to be read twice.
            self._connection.execute("set parquet_metadata_cache = true")
            self._connection.execute("set validate_external_file_cache = 'NO_VALIDATION'")
        except BaseException:
            self._connection.close()
            raise

    def query(self, sql: str, parameters: Parameters = None) -> pl.DataFrame:
        """Return the answer to a query; marts need no schema in their names.

        Raises:
            duckdb.Error: the query is wrong.
            WarehouseError: a Parquet file behind a view is gone.
        """
        with self._connection.cursor() as cursor:
            cursor.execute("use warehouse")
            try:
                return cursor.execute(sql, parameters).pl()
            except duckdb.IOException as error:
                msg = (
                    f"build {self.build.id} reads files that cannot be read: {str(error).splitlines()[0]}. They lie where "
                    "the data directory was when it was built: if that has moved, publish again with fin build; if they "
                    "are damaged: fin doctor --data --mend"
                )
                raise WarehouseError(msg) from error

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


class Reader:
    """Answers from whatever build is current at the time of the question.

    If the pointer, or the build that it names, is damaged, it answers from the build that is attached, or from the newest one
    that is whole, with a line in the log.
    """

    def __init__(self, data: Path) -> None:
        """Take the data directory; nothing is opened yet."""
        self._layout = Layout(data)
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._named: str | None = None

    def build(self) -> Build | None:
        """Return the current build; None if nothing is published. It is opened only if the pointer is damaged."""
        try:
            return publish.current(self._layout)
        except NothingPublished:
            return None
        except WarehouseError:
            return self.snapshot().build

    def build_id(self) -> str | None:
        """Return the id of the build that answers; cheap enough to ask every second. None if nothing is published."""
        try:
            named = publish.current_id(self._layout)
        except NothingPublished:
            return None
        except WarehouseError:
            return self.snapshot().build.id
        held = self._snapshot
        return held.build.id if held is not None and self._named == named else named

    def snapshot(self) -> Snapshot:
        """Return the current build, attached. Keep it for as long as several queries must agree.

        A snapshot that is kept while a newer build is published stays usable; it is let go with its last reference.

        Raises:
            NothingPublished: there is none yet.
            WarehouseError: no build that is kept is whole; the message says what mends it.
        """
        with self._lock:
            try:
                named: str | None = publish.current_id(self._layout)
            except NothingPublished:
                raise
            except WarehouseError as error:
                if self._snapshot is not None:
                    return self._snapshot
                log.warning("%s", error)
                named = None
            if self._snapshot is None or self._named != named:
                self._snapshot = self._attach()
                self._named = named
            return self._snapshot

    def query(self, sql: str, parameters: Parameters = None) -> pl.DataFrame:
        """Return the answer of the current build to one query.

        Raises:
            NothingPublished: there is none yet.
            duckdb.Error: the query is wrong.
            WarehouseError: a Parquet file behind a view is gone.
        """
        return self.snapshot().query(sql, parameters)

    def shell_file(self) -> Path:
        """Return the file that people open with `duckdb -readonly`.

        Raises:
            NothingPublished: there is none yet.
        """
        return publish.shell_file(self._layout)

    def _attach(self) -> Snapshot:
        for _ in range(ATTEMPTS):
            try:
                return self._whole(publish.current(self._layout))
            except NothingPublished:
                raise
            except WarehouseError as error:
                # It may have been pruned between the two looks: then the pointer names a newer one.
                problem = error
        for build in reversed(publish.published(self._layout)):
            try:
                found = self._whole(build)
            except WarehouseError as error:
                # What is raised at the end is the first problem: it is of the build that readers should see.
                log.warning("%s", error)
                continue
            log.warning("%s; readers see build %s meanwhile", problem, build.id)
            return found
        raise problem

    def _whole(self, build: Build) -> Snapshot:
        """Return a build, attached.

        Raises:
            WarehouseError: its file is damaged, or gone.
        """
        damage = publish.damage_of(self._layout, build)
        if damage is None:
            try:
                return Snapshot(build, self._layout.blobs.uri(build.file))
            except duckdb.Error as error:
                damage = f"its file cannot be opened ({str(error).splitlines()[0]})"
        msg = f"build {build.id}: {damage}: {publish.REMEDY}"
        raise WarehouseError(msg)
