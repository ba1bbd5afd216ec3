"""Trading sessions of an exchange: what the calendar library knows, corrected by dated overrides with a link each.

Only calendars of exchanges belong here. What a source makes of them (a day on which a list appears although nobody
trades) stands in the source's folder.
"""

from __future__ import annotations

import tomllib
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib import resources
from typing import Literal

from fin_assets import clock
from fin_assets.core.calendars.library import LibraryDays, library_days
from fin_assets.core.contract.calendar import OPEN, DayState

ALWAYS = "24/7"
"""The calendar of what never closes; its days are those of UTC."""

OverrideKind = Literal["closed", "open", "weather"]


@dataclass(frozen=True, slots=True)
class Override:
    """One corrected day: `closed` and `open` change the sessions, `weather` marks a day lost to a storm."""

    mic: str
    day: date
    kind: OverrideKind
    reason: str
    link: str


@dataclass(frozen=True, slots=True)
class ExchangeCalendar:
    """The sessions of one exchange, from 2015 to a year from now: the library's, corrected by holidays and overrides.

    Attributes:
        mic: market identifier code (ISO 10383), or "24/7".
        timezone: IANA name of the exchange's time zone.
        days: every trading day, ascending.
        known_until: last day about which the calendar says anything; later weekdays count as unknown.
        overrides: the corrected days, by date.
        library: days and hours before the overrides.
    """

    mic: str
    timezone: str
    days: tuple[date, ...]
    known_until: date
    overrides: dict[date, Override]
    library: LibraryDays = field(repr=False, compare=False)

    def is_session(self, day: date) -> bool:
        """Return whether the exchange trades on `day`."""
        i = bisect_left(self.days, day)
        return i < len(self.days) and self.days[i] == day

    def sessions(self, first: date, last: date) -> list[date]:
        """Return the sessions from `first` to `last`, both included."""
        return list(self.days[bisect_left(self.days, first) : bisect_right(self.days, last)])

    def day_state(self, day: date) -> DayState:
        """Return open or closed, with the override's reason where there is one."""
        if self.is_session(day):
            return OPEN
        override = self.overrides.get(day)
        return DayState.closed(override.reason if override else f"no session of {self.mic}")

    def opens(self, day: date) -> datetime:
        """Return when a session opens, aware, UTC.

        Raises:
            ValueError: `day` is no session.
        """
        return self._hour(day, self.library.opens)

    def closes(self, day: date) -> datetime:
        """Return when a session closes, aware, UTC; on a half day that is earlier than usual. Raises as `opens`."""
        return self._hour(day, self.library.closes)

    def is_half_day(self, day: date) -> bool:
        """Return whether a session closes earlier than usual."""
        return day.toordinal() in self.library.half_days

    def at_or_before(self, day: date) -> date:
        """Return the last session that is not after `day`.

        Raises:
            ValueError: `day` lies before the calendar.
        """
        i = bisect_right(self.days, day)
        if i == 0:
            msg = f"{self.mic} has no session at or before {day}: the calendar begins on {self.days[0]}"
            raise ValueError(msg)
        return self.days[i - 1]

    def offset(self, day: date, sessions: int) -> date:
        """Return the session `sessions` away from the last one at or before `day` (negative: earlier).

        Raises:
            ValueError: the target lies outside the calendar.
        """
        i = bisect_right(self.days, day) - 1 + sessions
        if not 0 <= i < len(self.days):
            msg = f"{self.mic}: {sessions:+d} sessions from {day} lies outside {self.days[0]}..{self.days[-1]}"
            raise ValueError(msg)
        return self.days[i]

    def _hour(self, day: date, hours: list[int]) -> datetime:
        if not self.is_session(day):
            msg = f"{day} is no session of {self.mic}"
            raise ValueError(msg)
        # A day that only an override opens has the hours of the session before.
        at = max(bisect_right(self.library.days, day.toordinal()) - 1, 0)
        shift = timedelta(days=day.toordinal() - self.library.days[at])
        return datetime.fromtimestamp(hours[at], tz=UTC) + shift


def load_overrides() -> list[Override]:
    """Return the override file's entries.

    Raises:
        ValueError: an entry lacks a field, has an unknown kind, or has no link.
    """
    text = resources.files(__package__).joinpath("overrides.toml").read_text()
    entries = []
    for row in tomllib.loads(text)["override"]:
        if row.get("kind") not in {"closed", "open", "weather"} or not str(row.get("link", "")).startswith("https://"):
            msg = f"overrides.toml: {row} needs kind = closed | open | weather and an https link"
            raise ValueError(msg)
        entries.append(Override(row["mic"], row["day"], row["kind"], row["reason"], row["link"]))
    return entries


@lru_cache(maxsize=32)
def _calendar(mic: str, until: date) -> ExchangeCalendar:
    library = library_days(mic, until)
    days = {date.fromordinal(day) for day in library.days}
    overrides = {entry.day: entry for entry in load_overrides() if entry.mic == mic}
    for entry in overrides.values():
        if entry.kind == "open":
            days.add(entry.day)
        else:
            days.discard(entry.day)
    known_until = date.fromordinal(library.known_until)
    return ExchangeCalendar(mic, library.timezone, tuple(sorted(days)), known_until, overrides, library)


def get_calendar(mic: str) -> ExchangeCalendar:
    """Return the calendar of an exchange up to the end of next year, or as far as it has been announced.

    Args:
        mic: code of the exchange, as `exchange_calendars` knows it (XHKG, XIDX, XNYS, ...), or "24/7".

    Raises:
        UnknownCalendar: no calendar for `mic`.
    """
    return _calendar(mic, date(clock.now().year + 1, 12, 31))


def weekdays(start: date, end: date) -> list[date]:
    """Return Monday to Friday from `start` to `end`, both included."""
    span = (end - start).days + 1
    return [day for day in (start + timedelta(days=n) for n in range(span)) if day.weekday() < 5]  # noqa: PLR2004
