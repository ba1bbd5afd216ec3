"""The sessions of the invented builds: the same for both markets."""

from __future__ import annotations

from datetime import date, timedelta

DAYS, FIRST = 80, date(2026, 7, 27)


def sessions(count: int = DAYS) -> list[date]:
    """Return weekdays from the first on."""
    days = (FIRST + timedelta(days=n) for n in range(count * 2))
    return [day for day in days if day.weekday() < 5][:count]
