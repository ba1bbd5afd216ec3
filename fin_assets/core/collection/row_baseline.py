"""How many rows a unit should have, judged by complete sessions around it (H6)."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
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
    """Row counts of each unit by session, from sealed partitions and from units fetched since.

    A session that is half beside its neighbours on both sides is no reference for any other, whether it came first or last:
    what is judged depends on the known counts alone, and not on the order in which they arrived.
    """

    def __init__(self, manifests: Iterable[Manifest], *, below: float, above: float) -> None:
        self._below, self._above = below, above
        self._rows: dict[str, dict[date, int]] = {}
        self._days: dict[str, list[date]] = {}
        self._half: dict[str, dict[date, bool]] = {}
        for manifest in manifests:
            if manifest.state is PartitionState.COMPLETE:
                for unit in manifest.units:
                    if unit.state is UnitState.FETCHED:
                        self.add(unit.unit, manifest.session, unit.rows)

    def add(self, unit: str, session: date, rows: int) -> None:
        """Count a unit in."""
        known = self._rows.setdefault(unit, {})
        if session not in known:
            insort(self._days.setdefault(unit, []), session)
        if known.get(session) != rows:
            known[session] = rows
            self._half[unit] = {}

    def remove(self, unit: str, session: date) -> None:
        """Count a unit out that proved wrong."""
        if self._rows.get(unit, {}).pop(session, None) is not None:
            self._days[unit].remove(session)
            self._half[unit] = {}

    def judge(self, unit: str, session: date, rows: int) -> Judgement:
        """Return the rows beside the median of the trailing 20 sessions, or, at the start of a history, the nearest 20."""
        before, after = self._around(unit, session)
        chosen = self._whole(unit, before)
        if len(chosen) < ENOUGH:
            chosen = self._whole(unit, _by_distance(session, before, after))
        middle = median(self._rows[unit][day] for day in chosen) if len(chosen) >= ENOUGH else None
        return Judgement(unit, rows, middle, len(chosen), self._below, self._above)

    def _around(self, unit: str, session: date) -> tuple[list[date], list[date]]:
        """Return the known sessions before and after one that can be its reference, the nearest first."""
        days = self._days.get(unit, [])
        at = bisect_left(days, session)
        behind = at + 1 if at < len(days) and days[at] == session else at
        first, last = bisect_left(days, session - REACH), bisect_left(days, session + REACH + timedelta(days=1))
        return days[first:at][::-1], days[behind:last]

    def _whole(self, unit: str, days: Iterable[date]) -> list[date]:
        """Return the first 20 of some sessions that are not half."""
        return list(islice((day for day in days if not self._is_half(unit, day)), SESSIONS))

    def _is_half(self, unit: str, session: date) -> bool:
        """Return whether a known session falls short of the median of its neighbours on both sides."""
        known = self._half[unit]
        if session not in known:
            before, after = self._around(unit, session)
            near = _by_distance(session, before[:SESSIONS], after[:SESSIONS])[:SESSIONS]
            rows = self._rows[unit]
            known[session] = len(near) >= ENOUGH and rows[session] < median(rows[day] for day in near) * (
                1 - self._below
            )
        return known[session]

    def require_whole(self, unit: str, session: date, rows: int, *, body: bytes) -> None:
        """Raise HalfTable if rows are missing against the reference."""
        found = self.judge(unit, session, rows)
        if found.short:
            msg = (
                f"{unit} of {session} has {rows} rows; the median of {found.sessions} complete sessions is {found.median:g}, "
                f"and at most {found.below:.0%} may be missing"
            )
            raise HalfTable(msg, body=body)


def _by_distance(session: date, before: list[date], after: list[date]) -> list[date]:
    return sorted([*before, *after], key=lambda day: abs(day - session))
