"""On which days HKEX publishes a shareholding list, and on which of them an unchanged list is normal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache

from fin_assets.core.calendars.exchange import ExchangeCalendar, get_calendar, weekdays

FIRST_LIST = date(2017, 3, 17)
"""The service begins here, in the page's own words."""

BOTH_OPEN_SINCE = date(2023, 4, 24)
"""Since then southbound trades whenever both markets are open. Before, it also stopped when a clearing day of the two
that follow fell on a mainland holiday; that rule explains each of the twelve unchanged lists of 2017."""


class ListDay(StrEnum):
    """What a calendar day means for the list of southbound holdings."""

    CLOSED = "closed"
    """Hong Kong is closed: no list; the site shows the previous one."""
    SOUTHBOUND_CLOSED = "southbound_closed"
    """A list is published, and nothing was finished through the mainland leg: unchanged holdings are normal."""
    WEATHER = "weather"
    """A storm: a list may be published, unchanged, or not at all."""
    OPEN = "open"
    """A list is published and is expected to differ from the one before."""


@dataclass(frozen=True, slots=True)
class SouthboundCalendar:
    """Hong Kong's sessions joined with the mainland's."""

    hong_kong: ExchangeCalendar
    mainland: ExchangeCalendar

    def state(self, day: date) -> ListDay:
        """Return what `day` means for the list."""
        override = self.hong_kong.overrides.get(day)
        if override is not None and override.kind == "weather":
            return ListDay.WEATHER
        if not self.hong_kong.is_session(day):
            return ListDay.CLOSED
        if self._mainland_closed(day) or not self._traded(self.hong_kong.offset(day, -2)):
            return ListDay.SOUTHBOUND_CLOSED
        return ListDay.OPEN

    def list_days(self, start: date, end: date) -> list[date]:
        """Return the days from `start` to `end` for which a list may be published, storms included."""
        return [day for day in weekdays(max(start, FIRST_LIST), end) if self.state(day) is not ListDay.CLOSED]

    def previous_list_day(self, day: date) -> date | None:
        """Return the last list day before `day`; None before the service began."""
        before = self.list_days(
            max(FIRST_LIST, date.fromordinal(day.toordinal() - 20)), date.fromordinal(day.toordinal() - 1)
        )
        return before[-1] if before else None

    def _mainland_closed(self, day: date) -> bool:
        return day <= self.mainland.known_until and not self.mainland.is_session(day)

    def _traded(self, day: date) -> bool:
        """Return whether southbound trading was open on a Hong Kong session."""
        if self._mainland_closed(day):
            return False
        if day >= BOTH_OPEN_SINCE:
            return True
        return not any(self._mainland_closed(self.hong_kong.offset(day, n)) for n in (1, 2))


@lru_cache(maxsize=1)
def southbound_calendar() -> SouthboundCalendar:
    """Return the calendar of the southbound list."""
    return SouthboundCalendar(get_calendar("XHKG"), get_calendar("XSHG"))


def is_quarter_end_list(day: date) -> bool:
    """Return whether `day` is the last list day of its quarter: what northbound publishes since 2024-08-19."""
    quarter_end_month = (day.month - 1) // 3 * 3 + 3
    following = date(day.year + quarter_end_month // 12, quarter_end_month % 12 + 1, 1)
    last = date.fromordinal(following.toordinal() - 1)
    return southbound_calendar().hong_kong.at_or_before(last) == day
