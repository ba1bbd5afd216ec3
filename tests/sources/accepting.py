"""From bytes to what a table accepts of them, as the collector does it, without a site and without a store."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

from fin_assets.core.collection.acceptance import Situation, accepted
from fin_assets.core.collection.row_baseline import RowBaseline
from fin_assets.core.contract.source import Fetched, Parsed, Table, Unit

HTML = "text/html; charset=utf-8"


def answer(body: bytes, content_type: str = HTML, **more: Any) -> Fetched:
    """Return an answer of a site with that body."""
    values: dict[str, Any] = {"url": "https://site.example/", "status": 200, "transport": "request"}
    return Fetched(body=body, content_type=content_type, **(values | more))


def situation(
    table: Table,
    day: date,
    fetched: Fetched | None = None,
    *,
    rows: Mapping[date, int] | None = None,
    unit: str = "",
    below: float = 1.0,
) -> Situation:
    """Return what the rules of a table may ask.

    Args:
        table: the table.
        day: the partition.
        fetched: the answer; an empty one if that does not matter.
        rows: of `unit` in other sessions, for the band of row counts.
        unit: whose rows these are.
        below: the share of rows that may be missing.
    """
    baseline = RowBaseline((), below=below, above=math.inf)
    for session, count in (rows or {}).items():
        baseline.add(unit, session, count)
    return Situation(table, day, fetched or answer(b""), baseline)


def accept(table: Table, unit: str, fetched: Fetched, day: date, *, fact: Any = None) -> Parsed:
    """Return what a table makes of an answer: parsed, and accepted by all of its rules.

    Raises:
        CollectionFailure: the parser or a rule refuses it.
    """
    asked = Unit(name=unit, fact=fact)
    return accepted(table, asked, table.parse(fetched, asked), situation(table, day, fetched))
