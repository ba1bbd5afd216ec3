"""The days of a table: which ones it has partitions of, and what the site may have of each. Values and a protocol.

Exchanges' own calendars are in `core.calendars`; what a source makes of them stands in the source's folder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class DayState:
    """What a day means for a table.

    Attributes:
        name: the word that the marts store: `open`, `closed`, or the source's own for a day with unchanged data.
        reason: why it is not an ordinary day; None if it is.
        may_be_empty: the site may have no data for the day: a page that states another date then proves it.
    """

    name: str = "open"
    reason: str | None = None
    may_be_empty: bool = False

    @classmethod
    def closed(cls, reason: str) -> DayState:
        """Return the state of a day without data."""
        return cls(name="closed", reason=reason, may_be_empty=True)


OPEN = DayState()
"""An ordinary day: there must be data, and they are expected to differ from those of the day before."""


class Calendar(Protocol):
    """The sessions of a table, in its own time zone."""

    @property
    def timezone(self) -> str:
        """IANA name of the zone in which a session is a day."""
        ...

    def sessions(self, first: date, last: date) -> list[date]:
        """Return the sessions from `first` to `last`, both included, ascending; of any past or future day within a year."""
        ...

    def day_state(self, day: date) -> DayState:
        """Return what a day means; also of a day that is no session."""
        ...


def always_open(_day: date) -> DayState:
    """Return `OPEN`: each session has data."""
    return OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarOf:
    """A calendar made of functions.

    Attributes:
        timezone: as in `Calendar`.
        days: the sessions from .. to, both included, ascending.
        state: what a day means.
        end: last session of a history that is over; None while it continues.
        mic: the exchange whose days these are, as overrides.toml names it; None where no exchange decides.
    """

    timezone: str
    days: Callable[[date, date], list[date]]
    state: Callable[[date], DayState] = always_open
    end: date | None = None
    mic: str | None = None

    def sessions(self, first: date, last: date) -> list[date]:
        """Return the sessions from `first` to `last`, none after the end."""
        return self.days(first, last if self.end is None else min(last, self.end))

    def day_state(self, day: date) -> DayState:
        """Return what a day means."""
        return self.state(day)


def every_day(first: date, last: date) -> list[date]:
    """Return every calendar day from `first` to `last`: the sessions of what never closes, and of inboxes."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
