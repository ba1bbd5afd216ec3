"""Ready ways to say which units a partition must have, for `Table.expected`. A source may write its own instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from fin_assets import clock
from fin_assets.core.contract.calendar import Calendar
from fin_assets.core.contract.source import Expected, Nothing, NotYet, Siblings, Unit, due_instant

LONGEST_PAUSE = timedelta(days=40)
"""No calendar is closed for longer between two sessions."""

Expecting = Callable[[date, Siblings], Expected]


def each(names: Iterable[str]) -> Expecting:
    """Expect the same units of every partition."""
    units = [Unit(name=name) for name in names]
    return lambda _day, _siblings: units


def named_by(table: str, facts: Callable[[pl.DataFrame], Mapping[str, Any]]) -> Expecting:
    """Expect the units that another table of the same partition names.

    Args:
        table: its name; until it is complete nothing is asked for. It belongs into `Table.needs`.
        facts: its staged rows -> the known facts of each expected unit, by unit.
    """

    def expected(day: date, siblings: Siblings) -> Expected:
        sibling = siblings(table)
        if sibling.state == "closed":
            return Nothing(sibling.reason or f"{table} has no data for that day")
        if sibling.frame is None:
            return NotYet(f"{table} of {day} names the units, and it {sibling.reason}")
        known = facts(sibling.frame)
        return [Unit(name=name, fact=fact) for name, fact in known.items()] or Nothing(
            f"{table} of {day} names no unit"
        )

    return expected


def present_only(
    name: str, expected: Expecting, *, calendar: Calendar, due: timedelta, end: date | None = None
) -> Expecting:
    """Expect units of the newest session that is due only: the site shows the present and no history.

    Args:
        name: of the table, for the reason.
        expected: the units of that session.
        calendar: of the table.
        due: of the table.
        end: last session of a history that is over.
    """
    known: tuple[datetime, date] | None = None

    def newest_due() -> date:
        nonlocal known
        now = clock.now()
        # Asked for each day of a history in a row: another look-up of the calendar would cost seconds.
        if known is not None and timedelta(0) <= now - known[0] < timedelta(seconds=1):
            return known[1]
        tomorrow = now.date() + timedelta(days=1)
        last = min(tomorrow, end or tomorrow)
        days: list[date] = []
        for pauses in (1, 10, 100):
            # A history that is over is looked for further back.
            days = days or calendar.sessions(last - pauses * LONGEST_PAUSE, last)
        newest = max((day for day in days if due_instant(calendar, due, day) <= now), default=date.min)
        known = now, newest
        return newest

    def only_newest(day: date, siblings: Siblings) -> Expected:
        if day < newest_due():
            return Nothing(f"the site shows only its present {name}, and they were not collected on that day")
        return expected(day, siblings)

    return only_newest
