"""Which units a session must have, and why it may have none: from the calendar, the settings, or another table's rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from fin_assets import clock
from fin_assets.core.contract.failures import CollectionFailure
from fin_assets.core.contract.manifest import PartitionKey, PartitionState, RawUnit
from fin_assets.core.contract.source import Source, Table, due_at
from fin_assets.core.storage.store import Store

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
        named_at: when the pages that name the units were fetched; what is older was reconciled with other facts, if any.
    """

    units: list[str] = field(default_factory=list)
    facts: Mapping[str, Any] = field(default_factory=dict)
    closed: str | None = None
    unknown: str | None = None
    named_at: datetime | None = None

    def named_after(self, fetched_at: datetime | None) -> bool:
        """Return whether the facts are newer than what was fetched at that instant."""
        return self.named_at is not None and fetched_at is not None and fetched_at < self.named_at


def expected(source: Source, table: Table, session: date, *, store: Store) -> Expected:
    """Return what a session of a table must have. Reads at most one manifest and one staged file."""
    if table.present_only and session < _newest_due(source, table):
        return Expected(closed=f"the site shows only its present {table.name}, and they were not collected on that day")
    if table.units_from is None:
        return Expected(units=table.units(session))
    name = table.units_from.table
    manifest = store.manifest(PartitionKey(source.name, name, session))
    if manifest is not None and manifest.state is PartitionState.CLOSED:
        return Expected(closed=manifest.reason or f"{name} has nothing of that day")
    frame = named_at = None
    if manifest is not None and manifest.state is PartitionState.COMPLETE and not manifest.blocked_by:
        frame = store.read_staged(manifest)
        named_at = max((unit.fetched_at for unit in manifest.units if unit.fetched_at), default=None)
    if frame is None:
        state = "was never collected" if manifest is None else f"is {manifest.state.value}"
        if manifest is not None and manifest.blocked_by:
            state = f"is blocked by {', '.join(manifest.blocked_by)}"
        return Expected(unknown=f"{name} of {session} names the units, and it {state}")
    facts = table.units_from.facts(frame)
    closed = None if facts else f"{name} of {session} names no unit"
    return Expected(units=list(facts), facts=facts, closed=closed, named_at=named_at)


def outdated(table: Table, session: date, units: Iterable[RawUnit], want: Expected) -> list[str]:
    """Return the units whose pages were reconciled with facts that have changed since, and disagree with the present ones."""
    return [unit.unit for unit in units if want.named_after(unit.fetched_at) and not _holds(table, session, unit, want)]


def _holds(table: Table, session: date, unit: RawUnit, want: Expected) -> bool:
    if table.units_from is None or unit.unit not in want.facts:
        return True
    try:
        parsed = table.parse(unit.body, unit.content_type, unit.unit, session)
        now = table.units_from.reconcile(parsed, unit.unit, want.facts[unit.unit])
    except CollectionFailure:
        # It is asked for again, and what is wrong then is told.
        return False
    return (bool(now.empty_reason), now.coverage_pct) == (bool(unit.empty_reason), unit.coverage_pct)


def _newest_due(source: Source, table: Table) -> date:
    now = clock.now()
    tomorrow = now.date() + timedelta(days=1)
    # Of a history that is over, its last session is the newest one.
    last = min(tomorrow, source.end or tomorrow)
    days = table.sessions(last - LONGEST_PAUSE, last)
    return max((day for day in days if due_at(source, table, day) <= now), default=date.min)
