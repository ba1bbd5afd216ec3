"""How many rows a unit should have, judged by complete sessions around it (H6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

from fin_assets.core.contract.failures import HalfTable
from fin_assets.core.contract.manifest import Manifest, PartitionState, UnitState

SESSIONS = 20
"""Size of the reference, from H6."""

ENOUGH = 5
"""With fewer known sessions a median says nothing; the first sessions of a history wait for later ones instead."""

REACH = timedelta(days=90)
"""A list of another quarter is no reference: index reviews add dozens of names at once."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Rows of a unit beside its reference. `median` is None where too few sessions are known."""

    unit: str
    rows: int
    median: float | None
    sessions: int
    below: float
    above: float

    @property
    def short(self) -> bool:
        """Whether rows are missing."""
        return self.median is not None and self.rows < self.median * (1 - self.below)

    @property
    def in_band(self) -> bool:
        """Whether the count is neither too small nor too large, or cannot be judged."""
        return self.median is None or (not self.short and self.rows <= self.median * (1 + self.above))


class RowBaseline:
    """Row counts of each unit by session, from sealed partitions and from units fetched since."""

    def __init__(self, manifests: Iterable[Manifest], *, below: float, above: float) -> None:
        self._below, self._above = below, above
        self._rows: dict[str, dict[date, int]] = {}
        for manifest in manifests:
            if manifest.state is PartitionState.COMPLETE:
                for unit in manifest.units:
                    if unit.state is UnitState.FETCHED:
                        self.add(unit.unit, manifest.session, unit.rows)

    def add(self, unit: str, session: date, rows: int) -> None:
        """Count a unit in."""
        self._rows.setdefault(unit, {})[session] = rows

    def remove(self, unit: str, session: date) -> None:
        """Count a unit out that proved wrong."""
        self._rows.get(unit, {}).pop(session, None)

    def judge(self, unit: str, session: date, rows: int) -> Judgement:
        """Return the rows beside the median of the trailing 20 sessions, or, at the start of a history, the nearest 20."""
        known = {
            day: count
            for day, count in self._rows.get(unit, {}).items()
            if day != session and abs(day - session) <= REACH
        }
        trailing = sorted(day for day in known if day < session)[-SESSIONS:]
        chosen = trailing if len(trailing) >= ENOUGH else sorted(known, key=lambda day: abs(day - session))[:SESSIONS]
        middle = median(known[day] for day in chosen) if len(chosen) >= ENOUGH else None
        return Judgement(unit, rows, middle, len(chosen), self._below, self._above)

    def require_whole(self, unit: str, session: date, rows: int, *, body: bytes) -> None:
        """Raise HalfTable if rows are missing against the reference."""
        found = self.judge(unit, session, rows)
        if found.short:
            msg = (
                f"{unit} of {session} has {rows} rows; the median of {found.sessions} complete sessions is {found.median:g}, "
                f"and at most {found.below:.0%} may be missing"
            )
            raise HalfTable(msg, body=body)
