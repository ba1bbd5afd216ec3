"""Which units a session must have, and why it may have none: from the calendar, the settings, or another table's rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from fin_assets.core import clock
from fin_assets.core.manifest import PartitionKey, PartitionState
from fin_assets.core.source import Source, Table, due_at
from fin_assets.core.store import Store

LONGEST_PAUSE = timedelta(days=40)
"""No exchange is closed for longer between two sessions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a session must have.

    Attributes:
        units: its expected units.
        facts: what another table knows of each, if one names them.
        closed: why nothing is expected although the session is in the calendar.
        unknown: why the units cannot be told yet; the session is then incomplete.
    """

    units: list[str] = field(default_factory=list)
    facts: Mapping[str, Any] = field(default_factory=dict)
    closed: str | None = None
    unknown: str | None = None


def expected(source: Source, table: Table, session: date, *, store: Store) -> Expected:
    """Return what a session of a table must have. Reads at most one ledger and one staged file."""
    if table.present_only and session < _newest_due(source, table):
        return Expected(closed=f"the site shows only its present {table.name}, and they were not collected on that day")
    if table.units_from is None:
        return Expected(units=table.units(session))
    name = table.units_from.table
    manifest = store.manifest(PartitionKey(source.name, name, session))
    if manifest is not None and manifest.state is PartitionState.CLOSED:
        return Expected(closed=manifest.reason or f"{name} has nothing of that day")
    frame = None
    if manifest is not None and manifest.state is PartitionState.COMPLETE and not manifest.blocked_by:
        frame = store.read_staged(manifest)
    if frame is None:
        state = "was never collected" if manifest is None else f"is {manifest.state.value}"
        if manifest is not None and manifest.blocked_by:
            state = f"is blocked by {', '.join(manifest.blocked_by)}"
        return Expected(unknown=f"{name} of {session} names the units, and it {state}")
    facts = table.units_from.facts(frame)
    return Expected(units=list(facts), facts=facts, closed=None if facts else f"{name} of {session} names no unit")


def _newest_due(source: Source, table: Table) -> date:
    now = clock.now()
    days = table.sessions(now.date() - LONGEST_PAUSE, now.date() + timedelta(days=1))
    return max((day for day in days if due_at(source, table, day) <= now), default=date.min)
