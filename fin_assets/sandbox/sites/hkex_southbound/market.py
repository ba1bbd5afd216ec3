"""The data that the pages show, generated or given: the lists of a market by day, and the shares behind a code.

Only the shapes that `generate.py` and `dataset.py` fill and the site reads belong here.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

MARKETS = ("hk", "sh", "sz")
"""Southbound and the two northbound lists, as the site's `t` parameter names them."""


@dataclass(frozen=True, slots=True)
class DayList:
    """One published list, sorted by code.

    Attributes:
        day: the list day.
        codes: stock codes as numbers (700, 90519).
        names_en, names_zh: as the English and the Chinese page print them.
        shares: holding in shares.
        percents: holding in hundredths of a percent of the issued shares, truncated; None where the
            page leaves it empty.
    """

    day: date
    codes: Sequence[int]
    names_en: Sequence[str]
    names_zh: Sequence[str]
    shares: Sequence[int]
    percents: Sequence[int | None]

    def find(self, code: int) -> int | None:
        """Return the row of `code`, or None if it is not on the list."""
        i = bisect_left(self.codes, code)
        return i if i < len(self.codes) and self.codes[i] == code else None


class Market(Protocol):
    """The lists of one market."""

    @property
    def days(self) -> Sequence[date]:
        """Every day with a list, ascending. What is not published yet at the sandbox's today is included."""
        ...

    def on(self, day: date) -> DayList:
        """Return the list of one of `days`."""
        ...

    def issued(self, code: int, day: date) -> int:
        """Return the issued shares behind a code that is on the list of `day`."""
        ...
