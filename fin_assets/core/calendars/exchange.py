"""Trading sessions of an exchange: what the calendar library knows, corrected by dated overrides with a link each.

Only calendars of exchanges belong here. What a source makes of them (a day on which a list appears although nobody
trades) stands in the source's folder.
"""

from __future__ import annotations

import tomllib
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from importlib import resources
from typing import Literal

import exchange_calendars as xc
import holidays

from fin_assets import clock

FIRST = date(2015, 1, 1)
"""Always passed as `start`: the library's own default bound moves with the day of the call."""

TIMEZONES = {"XHKG": "Asia/Hong_Kong", "XIDX": "Asia/Jakarta", "XSHG": "Asia/Shanghai"}

HOLIDAY_COUNTRIES = {"XIDX": "ID"}
"""Exchanges of which the calendar library knows weekdays more than holidays: it gives Jakarta 252 sessions for 2026, the
exchange announced 239. Less the country's public holidays and collective leave it is exactly 239."""

OverrideKind = Literal["closed", "open", "weather"]


@dataclass(frozen=True, slots=True)
class Override:
    """One corrected day: `closed` and `open` change the sessions, `weather` marks a day lost to a storm."""

    mic: str
    day: date
    kind: OverrideKind
    reason: str
    link: str


class UnknownCalendar(ValueError):
    """No calendar for this market identifier code."""


@dataclass(frozen=True, slots=True)
class ExchangeCalendar:
    """The sessions of one exchange, sorted, from 2015 to a year from now.

    Attributes:
        mic: market identifier code (ISO 10383).
        timezone: IANA name of the exchange's time zone.
        sessions: every trading day, ascending.
        known_until: last day about which the calendar says anything; later weekdays count as unknown.
        overrides: the corrected days, by date.
    """

    mic: str
    timezone: str
    sessions: tuple[date, ...]
    known_until: date
    overrides: dict[date, Override]

    def is_session(self, day: date) -> bool:
        """Return whether the exchange trades on `day`."""
        i = bisect_left(self.sessions, day)
        return i < len(self.sessions) and self.sessions[i] == day

    def sessions_in_range(self, start: date, end: date) -> list[date]:
        """Return the sessions from `start` to `end`, both included."""
        return list(self.sessions[bisect_left(self.sessions, start) : bisect_right(self.sessions, end)])

    def at_or_before(self, day: date) -> date:
        """Return the last session that is not after `day`.

        Raises:
            ValueError: `day` lies before the calendar.
        """
        i = bisect_right(self.sessions, day)
        if i == 0:
            msg = f"{self.mic} has no session at or before {day}: the calendar begins on {self.sessions[0]}"
            raise ValueError(msg)
        return self.sessions[i - 1]

    def offset(self, day: date, sessions: int) -> date:
        """Return the session `sessions` away from the last one at or before `day` (negative: earlier).

        Raises:
            ValueError: the target lies outside the calendar.
        """
        i = bisect_right(self.sessions, day) - 1 + sessions
        if not 0 <= i < len(self.sessions):
            msg = f"{self.mic}: {sessions:+d} sessions from {day} lies outside {self.sessions[0]}..{self.sessions[-1]}"
            raise ValueError(msg)
        return self.sessions[i]


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


@lru_cache(maxsize=8)
def _calendar(mic: str, until: date) -> ExchangeCalendar:
    if mic not in TIMEZONES:
        msg = f"no calendar {mic!r}: known are {', '.join(sorted(TIMEZONES))}"
        raise UnknownCalendar(msg)
    bound = xc.calendar_utils.global_calendar_dispatcher._calendar_factories[mic].bound_max()  # noqa: SLF001 - no public way to ask
    known_until = until if bound is None else min(until, bound.date())
    found = xc.get_calendar(mic, start=FIRST.isoformat(), end=known_until.isoformat())
    days = {stamp.date() for stamp in found.sessions}
    if country := HOLIDAY_COUNTRIES.get(mic):
        years = range(FIRST.year, known_until.year + 1)
        days -= set(holidays.country_holidays(country, years=years, categories=("public", "government")))
    overrides = {entry.day: entry for entry in load_overrides() if entry.mic == mic}
    for entry in overrides.values():
        if entry.kind == "open":
            days.add(entry.day)
        else:
            days.discard(entry.day)
    return ExchangeCalendar(mic, TIMEZONES[mic], tuple(sorted(days)), known_until, overrides)


def get_calendar(mic: str) -> ExchangeCalendar:
    """Return the calendar of an exchange up to the end of next year, or as far as it has been announced.

    Args:
        mic: XHKG, XIDX or XSHG.

    Raises:
        UnknownCalendar: no calendar for `mic`.
    """
    return _calendar(mic, date(clock.now().year + 1, 12, 31))


def weekdays(start: date, end: date) -> list[date]:
    """Return Monday to Friday from `start` to `end`, both included."""
    span = (end - start).days + 1
    return [day for day in (start + timedelta(days=n) for n in range(span)) if day.weekday() < 5]  # noqa: PLR2004
