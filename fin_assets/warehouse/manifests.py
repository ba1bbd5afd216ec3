"""The collection's manifests and calendars as frames for the warehouse. Reads manifests and calls the sources' contract.

Thousands of manifests are not parsed again for one new day: a manifest whose file has the known stamp is left as it is.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from fin_assets import clock
from fin_assets.core.collection import row_baseline
from fin_assets.core.collection.acceptance import row_band
from fin_assets.core.collection.expected_units import can_have
from fin_assets.core.collection.remedies import remedy_of
from fin_assets.core.contract.manifest import Manifest, PartitionKey, PartitionState
from fin_assets.core.contract.source import Source, Table, due_at
from fin_assets.core.storage.blobs import Blobs
from fin_assets.core.storage.store import day_of
from fin_assets.settings import SourceSettings

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
    "is_provisional": pl.Boolean,
    "stamp": pl.String,
}
"""Columns of control.partitions.

`is_usable`: complete, staged, and no blocking check failed. `is_provisional`: of these, a row count could not be judged yet (H6).
"""

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
    "band_sessions": pl.Int32,
    "band_min_sessions": pl.Int32,
    "mode": pl.String,
}
"""Columns of control.tables: what the sources declare, the row band that a snapshot is judged by (H6), and the mode."""

OPEN, UNKNOWN_SESSION = "open", "unknown_session"

DAMAGED = "damaged"
"""Failure kind of a partition whose manifest or staged file is damaged."""

ManifestKey = tuple[str, str, date]

_MANIFEST = "manifest.json"
_PARTS = 3
_SEALED = re.compile(r"/raw-\d+\.parquet$")


def places(blobs: Blobs, sources: Sequence[Source], modes: Mapping[str, str]) -> dict[str, str]:
    """Return the folder of each source's manifests, by source: of its present mode alone.

    A source that is switched off keeps its place if its mode is one that the others are in: its rows stay in the marts, and
    generated and real rows never meet.

    Args:
        blobs: of the data directory.
        sources: those that are switched on.
        modes: the mode of each source that is not in sandbox mode, as the store knows it.
    """
    on = {source.name: table.site.mode for source in sources for table in source.tables}
    found = {}
    for mode in blobs.folders("raw"):
        for source in blobs.folders(f"raw/{mode}"):
            own = on.get(source) or modes.get(source, "sandbox")
            if own == mode and (source in on or not on or mode in on.values()):
                found[source] = f"raw/{mode}/{source}"
    return found


def stamps(blobs: Blobs, places: Mapping[str, str]) -> dict[ManifestKey, str]:
    """Return a stamp for each manifest; it changes whenever the manifest is replaced. `places` as `places` gives them."""
    found: dict[ManifestKey, str] = {}
    for source, place in sorted(places.items()):
        prefix = f"{place}/"
        for stat in blobs.list(prefix[:-1], name=_MANIFEST):
            parts = stat.key.removeprefix(prefix).split("/")
            day = day_of(parts[1]) if len(parts) == _PARTS else None
            # Whatever else lies there is no partition.
            if day is not None:
                found[source, parts[0], day] = f"{place} {stat.tag}"
    return found


def read(blobs: Blobs, manifests: dict[ManifestKey, str], places: Mapping[str, str]) -> pl.DataFrame:
    """Return the manifests that are named with their stamps, one row each (PARTITIONS); damaged ones of the kind DAMAGED."""
    rows = [
        _row(_manifest(blobs, manifest, places[manifest[0]]), stamp) for manifest, stamp in sorted(manifests.items())
    ]
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
            days = set(table.calendar.sessions(source.start, clock.today(table.calendar.timezone)))
            also = of_table.pop((source.name, table.name), set())
            wanted = _wanted(table, days)
            for ordinal, day in enumerate(sorted(days | also), start=1):
                if day not in wanted and day not in also:
                    continue
                state = table.calendar.day_state(day).name
                rows.append(
                    (
                        source.name,
                        table.name,
                        day,
                        ordinal,
                        due_at(table, day) <= now,
                        state if day in days else UNKNOWN_SESSION,
                    )
                )
    # Tables that no source declares (any more), such as those of a disabled source: their rows stay.
    for (name, table_name), days in sorted(of_table.items()):
        rows.extend((name, table_name, day, ordinal, True, OPEN) for ordinal, day in enumerate(sorted(days), start=1))
    return pl.DataFrame(rows, schema=SESSIONS, orient="row")


def _wanted(table: Table, days: set[date]) -> set[date]:
    """Return the days of which something is expected: where the site shows only the present, earlier ones are not."""
    return {day for day in days if can_have(table, day)}


def declared(sources: Sequence[Source], collected: set[ManifestKey], modes: Mapping[str, str]) -> pl.DataFrame:
    """Return every table of every source, and those collected that no source declares any more (TABLES).

    The latter, such as those of a source that is switched off, are judged by the default band. `modes` as in `places`.
    """
    window = (row_baseline.SESSIONS, row_baseline.ENOUGH)
    rows: list[tuple[Any, ...]] = []
    undeclared = {(name, table_name) for name, table_name, _ in collected}
    for source in sources:
        for table in source.tables:
            undeclared.discard((source.name, table.name))
            # Without a band every count passes the gate: what is compared instead has been reconciled before.
            band = row_band(table)
            below, above = (band.below, band.above) if band else (1.0, math.inf)
            about = (source.name, table.name, source.title, table.description, table.calendar.timezone)
            rows.append((*about, below, above, *window, table.site.mode))
    default = SourceSettings()
    for name, table_name in sorted(undeclared):
        about = (name, table_name, name, "", "UTC")
        rows.append((*about, default.row_count_below, default.row_count_above, *window, modes.get(name, "sandbox")))
    return pl.DataFrame(rows, schema=TABLES, orient="row")


def is_sealed(blobs: Blobs, manifest: ManifestKey, places: Mapping[str, str]) -> bool:
    """Return whether a partition has a sealed raw file, though it may have no manifest."""
    source, table, session = manifest
    if source not in places:
        return False
    found = blobs.list(f"{places[source]}/{table}/{session}")
    return any(_SEALED.search(stat.key) for stat in found)


def _manifest(blobs: Blobs, manifest: ManifestKey, place: str) -> Manifest:
    key = PartitionKey(*manifest)
    file = f"{place}/{key.table}/{key.session}/{_MANIFEST}"
    try:
        content = blobs.get(file)
    except FileNotFoundError:
        return Manifest.damaged(key, f"{blobs.uri(file)} is missing")
    return Manifest.read(content, key, file=blobs.uri(file))


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
        DAMAGED if manifest.damage else ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items())) or None,
        remedy_of(manifest),
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
        staged is not None and manifest.is_provisional,
        stamp,
    )
