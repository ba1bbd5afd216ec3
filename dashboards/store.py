"""The pages' only way to data: the current published build, read-only, with answers remembered per build.

A `Snapshot` is one build for as long as somebody holds it: all figures of a page come from the same one. Answers are
remembered by (query, parameters, build), never by time. No SQL belongs here.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import duckdb
import polars as pl

from fin_assets.settings import Settings

REMEMBERED_ANSWERS = 256


class Snapshot:
    """One published build."""

    def __init__(self, build_id: str, created_at: datetime, path: str) -> None:
        self.build_id = build_id
        self.created_at = created_at
        self._connection = duckdb.connect()
        self._connection.execute(f"attach '{path}' as marts (read_only)")
        self._connection.execute("use marts")
        self._lock = threading.Lock()
        self._answers: OrderedDict[tuple[str, tuple[Any, ...]], pl.DataFrame] = OrderedDict()

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> pl.DataFrame:
        """Return the answer to a query, from memory if it was asked before."""
        key = (sql, tuple(parameters))
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
            answer = self._connection.execute(sql, list(parameters)).pl()
            self._answers[key] = answer
            while len(self._answers) > REMEMBERED_ANSWERS:
                self._answers.popitem(last=False)
            return answer


class Store:
    """Hands out snapshots of whatever build is current."""

    def __init__(self, settings: Settings) -> None:
        self._pointer = settings.data / "marts" / "current.json"
        self._snapshot: Snapshot | None = None
        self._lock = threading.Lock()

    def current_id(self) -> str | None:
        """Return the id of the current build without opening it; None if nothing is published."""
        return str(json.loads(self._pointer.read_text())["build_id"]) if self._pointer.exists() else None

    def snapshot(self) -> Snapshot | None:
        """Return the current build; None if nothing is published."""
        with self._lock:
            if not self._pointer.exists():
                return None
            data = json.loads(self._pointer.read_text())
            if self._snapshot is None or self._snapshot.build_id != data["build_id"]:
                self._snapshot = Snapshot(data["build_id"], datetime.fromisoformat(data["created_at"]), data["path"])
            return self._snapshot
