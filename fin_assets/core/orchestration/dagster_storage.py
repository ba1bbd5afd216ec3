"""Dagster's own SQLite storage with connections that are kept.

Dagster's opens a database again for each statement: it makes an engine, compiles the statement, and waits for the disk. A
session logs about a dozen events of three to four statements each, and that took 70 % of the time of a collection. Files
and tables are the same here, so that a plain `storage: sqlite` reads and writes the same directory.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import Failure
from dagster._core.events import JobFailureData
from dagster._core.execution.plan.objects import StepFailureData
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from sqlalchemy import Connection, Engine, NullPool, QueuePool, create_engine, event

if TYPE_CHECKING:
    from dagster import EventLogEntry
    from dagster._serdes import ConfigurableClassData

KEPT = 8
"""Databases that stay open: the index, and the runs that were used last, each a database of its own."""


class EventLog(SqliteEventLogStorage):
    """The event log of `DagsterSqliteStorage`, whose databases stay open."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Take the directory of the databases."""
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._process = os.getpid()
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        """Lend the connection to one database, in a transaction; of all threads one at a time."""
        with self._db_lock:
            if shard not in self._initialized_dbs:
                # It opens several connections at once.
                self._initdb(self._open(shard, poolclass=NullPool))
                self._initialized_dbs.add(shard)
            with self._engine(shard).begin() as connection:
                yield connection

    def _engine(self, shard: str) -> Engine:
        if self._process != os.getpid():
            # SQLite forbids to use a connection in a process that was forked off; its owner closes it.
            self._engines, self._process = OrderedDict(), os.getpid()
        # The lock of `_connect` admits one thread at a time.
        engine = self._engines.pop(shard, None) or self._open(shard, poolclass=QueuePool, pool_size=1, max_overflow=0)
        self._engines[shard] = engine
        while len(self._engines) > KEPT:
            self._engines.popitem(last=False)[1].dispose()
        return engine

    def _open(self, shard: str, **pool: Any) -> Engine:
        engine = create_engine(
            self.conn_string_for_shard(shard),
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
            **pool,
        )
        event.listen(engine, "connect", _without_waiting_for_the_disk)
        return engine

    def store_event(self, event: EventLogEntry) -> None:
        """Store one event; of a failure that was raised on purpose without the frames of Dagster."""
        super().store_event(told_plainly(event))

    def has_table(self, table_name: str) -> bool:
        """Return whether the index has a table. Asked for each event; tables are made once and never dropped."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def delete_events(self, run_id: str) -> None:
        """Delete all events of a run, and its database with them: Dagster's own storage leaves that file."""
        with self.index_connection() as connection:
            self.delete_events_for_run(connection, run_id)
        self.drop_log(run_id)
        self.free_concurrency_slots_for_run(run_id)

    def drop_log(self, run_id: str) -> int:
        """Remove the database of a run, and return its bytes. What the index has of the run's events stays."""
        with self._db_lock:
            engine = self._engines.pop(run_id, None)
            if engine is not None:
                engine.dispose()
            self._initialized_dbs.discard(run_id)
            size = self.log_bytes(run_id)
            for path in self._files(run_id):
                path.unlink(missing_ok=True)
        return size

    def log_bytes(self, run_id: str) -> int:
        """Return the bytes that the database of a run takes."""
        return sum(path.stat().st_size for path in self._files(run_id) if path.exists())

    def _files(self, run_id: str) -> list[Path]:
        path = self.path_for_shard(run_id)
        return [Path(path + ending) for ending in ("", "-wal", "-shm")]

    def wipe(self) -> None:
        """Delete all events."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """Close the databases."""
        self._close()
        super().dispose()

    def _close(self) -> None:
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()


class Storage(DagsterSqliteStorage):
    """Runs, events and schedules in SQLite; `storage: custom` of dagster.yaml names it."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Take the directory, laid out as Dagster's own storage lays it out."""
        super().__init__(base_dir, inst_data)
        # The base has just made the directory and its index.
        self._event_log_storage = EventLog(os.path.join(base_dir, "history", "runs", ""))  # noqa: PTH118 - as Dagster names it

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: dict[str, Any]) -> Storage:  # type: ignore[override]
        """Return the storage of a configuration."""
        return cls.from_local(inst_data=inst_data, **config_value)


def told_plainly(event: EventLogEntry) -> EventLogEntry:
    """Return an event; where its error is a `Failure`, without the stack and the chain: its sentence says what happened.

    Dagster adds the ten frames through which it called the step, once for the step and once more for the run.
    """
    dagster_event = event.dagster_event
    data = dagster_event.event_specific_data if dagster_event else None
    if dagster_event is None or not isinstance(data, StepFailureData | JobFailureData):
        return event
    error = data.error
    if error is None or error.cls_name != Failure.__name__:
        return event
    plain: Any = data._replace(error=error._replace(stack=[], cause=None, context=None))
    return event._replace(dagster_event=dagster_event._replace(event_specific_data=plain))


def _without_waiting_for_the_disk(connection: Any, _: object) -> None:
    # In WAL mode a power cut can take the last events, but does not damage the file. The truth of what was
    # collected is in the manifests, which do wait for the disk.
    connection.execute("PRAGMA synchronous=NORMAL")
