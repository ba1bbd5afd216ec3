"""The collection's manifests and calendars as frames for the warehouse. Reads manifests and calls the sources' contract.

Thousands of manifests are not parsed again for one new day: a manifest whose file has the known stamp is left as it is.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl
from pydantic import ValidationError

from fin_assets import clock
from fin_assets.core.contract.manifest import Manifest, PartitionState
from fin_assets.core.contract.source import Source, Table, due_at
from fin_assets.core.storage.blobs import Blobs
from fin_assets.warehouse.paths import WarehouseError

INSTANT = pl.Datetime("us", "UTC")
PARTITIONS: dict[str, Any] = {
    "source": pl.String,
    "table_name": pl.String,
    "session_date": pl.Date,
    "state": pl.String,
    "why": pl.String,
    "failure_kinds": pl.String,
    "mends": pl.String,
    "blocked_by": pl.String,
    "units_expected": pl.Int32,
    "units_done": pl.Int32,
    "staged_rows": pl.Int64,
    "quarantined_rows": pl.Int64,
    "attempts": pl.Int32,
    "requests": pl.Int64,
    "body_bytes": pl.Int64,
    "elapsed_seconds": pl.Float64,
    "via_request_units": pl.Int32,
    "via_in_page_units": pl.Int32,
    "via_navigation_units": pl.Int32,
    "first_attempt_at": INSTANT,
    "last_attempt_at": INSTANT,
    "next_retry_at": INSTANT,
    "staged_file": pl.String,
    "staged_sha256": pl.String,
    "is_usable": pl.Boolean,
    "stamp": pl.String,
}
"""Columns of control.partitions. `is_usable`: complete, staged, and no blocking check failed."""

SESSIONS: dict[str, Any] = {
    "source": pl.String,
    "table_name": pl.String,
    "session_date": pl.Date,
    "ordinal": pl.Int32,
    "is_due": pl.Boolean,
    "day_state": pl.String,
}
"""Columns of control.expected_sessions. `ordinal` counts the sessions of the table from 1."""

TABLES: dict[str, Any] = {
    "source": pl.String,
    "table_name": pl.String,
    "title": pl.String,
    "description": pl.String,
    "timezone": pl.String,
    "row_count_below": pl.Float64,
    "row_count_above": pl.Float64,
    "mode": pl.String,
}
"""Columns of control.tables: what the sources found declare. `mode`: sandbox or live."""

OPEN, UNKNOWN_SESSION = "open", "unknown_session"

ManifestKey = tuple[str, str, date]

_MANIFEST = "manifest.json"
_PARTS = 3
_SESSION = re.compile(r"\d{4}-\d\d-\d\d$")


def collected_sources(blobs: Blobs) -> list[str]:
    """Return the sources that have manifests, also those that are switched off."""
    return blobs.folders("raw")


def manifest_prefix(source: str) -> str:
    """Return the folder of a source's manifests."""
    return f"raw/{source}"


def stamps(blobs: Blobs) -> dict[ManifestKey, str]:
    """Return a stamp for each manifest; it changes whenever the manifest is replaced."""
    found: dict[ManifestKey, str] = {}
    for source in collected_sources(blobs):
        prefix = f"{manifest_prefix(source)}/"
        for stat in blobs.list(prefix[:-1], name=_MANIFEST):
            parts = stat.key.removeprefix(prefix).split("/")
            # Whatever else lies there is no partition.
            if len(parts) == _PARTS and _SESSION.match(parts[1]):
                found[source, parts[0], date.fromisoformat(parts[1])] = stat.tag
    return found


def read(blobs: Blobs, manifests: dict[ManifestKey, str]) -> pl.DataFrame:
    """Return the manifests that are named with their stamps, one row each (PARTITIONS).

    Raises:
        WarehouseError: a manifest cannot be read.
    """
    rows = [_row(_manifest(blobs, manifest), stamp) for manifest, stamp in sorted(manifests.items())]
    return pl.DataFrame(rows, schema=PARTITIONS, orient="row")


def expected(sources: Sequence[Source], collected: set[ManifestKey]) -> pl.DataFrame:
    """Return the sessions of each table up to today, and those collected without being expected (SESSIONS)."""
    rows: list[tuple[Any, ...]] = []
    now = clock.now()
    of_table: dict[tuple[str, str], set[date]] = {}
    for name, table_name, session in collected:
        of_table.setdefault((name, table_name), set()).add(session)
    for source in sources:
        for table in source.tables:
            days = set(table.sessions(source.start, clock.today(source.timezone)))
            also = of_table.pop((source.name, table.name), set())
            wanted = _wanted(source, table, days)
            for ordinal, day in enumerate(sorted(days | also), start=1):
                if day not in wanted and day not in also:
                    continue
                state = table.day_state(day)
                rows.append(
                    (
                        source.name,
                        table.name,
                        day,
                        ordinal,
                        due_at(source, table, day) <= now,
                        state if day in days else UNKNOWN_SESSION,
                    )
                )
    # Tables that no source declares (any more), such as those of a source that is switched off: what they have stays.
    for (name, table_name), days in sorted(of_table.items()):
        rows.extend((name, table_name, day, ordinal, True, OPEN) for ordinal, day in enumerate(sorted(days), start=1))
    return pl.DataFrame(rows, schema=SESSIONS, orient="row")


def _wanted(source: Source, table: Table, days: set[date]) -> set[date]:
    """Return the days that can still be had: where the site shows only the present, the newest that is due and later."""
    if not table.present_only:
        return days
    now = clock.now()
    newest = max((day for day in days if due_at(source, table, day) <= now), default=date.min)
    return {day for day in days if day >= newest}


def declared(sources: Sequence[Source]) -> pl.DataFrame:
    """Return every table of every source (TABLES)."""
    rows = []
    for source in sources:
        for table in source.tables:
            # Without a band every count passes the gate: what is compared instead has been reconciled before.
            below, above = table.band(source.settings) or (1.0, math.inf)
            mode = source.settings.mode
            rows.append((source.name, table.name, source.title, table.description, source.timezone, below, above, mode))
    return pl.DataFrame(rows, schema=TABLES, orient="row")


def _manifest(blobs: Blobs, manifest: ManifestKey) -> Manifest:
    source, table, session = manifest
    key = f"{manifest_prefix(source)}/{table}/{session}/{_MANIFEST}"
    try:
        return Manifest.model_validate_json(blobs.get(key))
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        remedy = f"fin run {source} --session {session} --refetch"
        msg = f"the manifest {blobs.uri(key)} cannot be read ({problem['msg']}). Collect the session again: {remedy}"
        raise WarehouseError(msg) from error


def _row(manifest: Manifest, stamp: str) -> tuple[Any, ...]:
    left = manifest.unfinished()
    kinds = Counter(unit.error_kind or unit.state.value for unit in left)
    transport = Counter(unit.transport for unit in manifest.units if unit.transport)
    staged = manifest.staged
    return (
        manifest.source,
        manifest.table,
        manifest.session,
        manifest.state.value,
        manifest.why() or None,
        ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items())) or None,
        next((unit.remedy for unit in left if unit.remedy), None),
        ", ".join(manifest.blocked_by) or None,
        len(manifest.units),
        manifest.done,
        staged.rows if staged else None,
        staged.quarantined if staged else None,
        manifest.attempts,
        manifest.requests,
        sum(unit.bytes for unit in manifest.units),
        manifest.seconds,
        transport["request"],
        transport["in_page"],
        transport["navigation"],
        manifest.first_attempt_at,
        manifest.last_attempt_at,
        manifest.next_retry_at,
        staged.file if staged else None,
        staged.sha256 if staged else None,
        staged is not None and manifest.state is PartitionState.COMPLETE and not manifest.blocked_by,
        stamp,
    )
