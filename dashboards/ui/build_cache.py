"""The pages' only way to data: the current published build, read-only, with answers remembered per build.

A `CachedBuild` is one build for as long as somebody holds it: all figures of a page come from the same one. Answers are
remembered by (query, parameters, build), never by time. No SQL belongs here.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import date, datetime

import polars as pl

from fin_assets.settings import Settings
from fin_assets.warehouse.reader import Reader
from fin_assets.warehouse.reader import Snapshot as AttachedBuild

REMEMBERED_ANSWERS = 256
"""Frames of some hundred rows each: a reader who walks through all stocks does not fill the memory."""

Parameter = str | int | date


class CachedBuild:
    """One published build."""

    def __init__(self, attached: AttachedBuild) -> None:
        self._attached = attached
        self._lock = threading.Lock()
        self._answers: OrderedDict[tuple[str, tuple[Parameter, ...]], pl.DataFrame] = OrderedDict()

    @property
    def build_id(self) -> str:
        """Which build this is."""
        return self._attached.build.id

    @property
    def created_at(self) -> datetime:
        """When it was published, UTC."""
        return self._attached.build.created_at

    @property
    def rows(self) -> dict[str, int]:
        """Rows by mart."""
        return self._attached.build.marts

    def query(self, sql: str, parameters: Sequence[Parameter] = ()) -> pl.DataFrame:
        """Return the answer to a query, from memory if it was asked before.

        Raises:
            duckdb.Error: the query is wrong, or the build lacks a mart.
        """
        key = (sql, tuple(parameters))
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
            # Widgets and charts speak JSON: neither decimals nor 128-bit sums can pass.
            answer = self._attached.query(sql, list(parameters)).cast({pl.Decimal: pl.Float64, pl.Int128: pl.Int64})
            self._answers[key] = answer
            while len(self._answers) > REMEMBERED_ANSWERS:
                self._answers.popitem(last=False)
            return answer


class BuildCache:
    """Hands out whatever build is current, one and the same to all readers of a build."""

    def __init__(self, settings: Settings) -> None:
        self._reader = Reader(settings.data)
        self._build: CachedBuild | None = None
        self._lock = threading.Lock()

    def current_id(self) -> str | None:
        """Return the id of the current build without opening it; None if nothing is published."""
        return self._reader.build_id()

    def build(self) -> CachedBuild | None:
        """Return the current build; None if nothing is published."""
        with self._lock:
            if self._reader.build_id() is None:
                return None
            attached = self._reader.snapshot()
            if self._build is None or self._build.build_id != attached.build.id:
                self._build = CachedBuild(attached)
            return self._build
