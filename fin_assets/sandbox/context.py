"""What every site is opened with: the seed, the range of days, and the sandbox's clock."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from fin_assets import clock

if TYPE_CHECKING:
    from collections.abc import Sequence

_LAST_MOMENT = time(23, 59, 59)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteContext:
    """What all sites of one sandbox share.

    Attributes:
        seed: the same seed gives the same data.
        start: first day with data, where it was set; None leaves it to the site.
        generated_from: first day of generated data where `start` was not set; a given dataset begins on its own first day.
        end: the sandbox's today, where it was set; None for the real one.
    """

    seed: int = 7
    start: date | None = None
    generated_from: date | None = None
    end: date | None = None

    def now(self, timezone: str) -> datetime:
        """Return the sandbox's time, aware, in an IANA time zone: with `end` set, that day is over."""
        now = clock.now().astimezone(ZoneInfo(timezone))
        if self.end is None or self.end == now.date():
            return now
        return datetime.combine(self.end, _LAST_MOMENT, tzinfo=ZoneInfo(timezone))

    def today(self, timezone: str) -> date:
        """Return the sandbox's date in an IANA time zone."""
        return self.now(timezone).date()


def last_at_or_before(days: Sequence[date], day: date) -> date | None:
    """Return the last of the ascending `days` that is not after `day`."""
    i = bisect_right(days, day)
    return days[i - 1] if i else None
