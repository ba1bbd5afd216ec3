"""Numbers, dates and times as people read them.

A `Number` writes the same text on the server and in the browser, where `static/format.js` knows how. Only text is made
here; colours and markup belong in `theme` and `components`. A missing value is an en dash everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any
from zoneinfo import ZoneInfo

MISSING = "–"
MINUS = "\u2212"
FIGURES = 3
"""Significant figures of a scaled number."""
REACHES = 0.9995
"""Share of a scale from which a number rounds up to that scale at three figures."""
WHOLE_FROM = 1000
"""A scaled number from here on has no decimals; only numbers beyond the last scale are that large."""

UTC = ZoneInfo("UTC")

COMMAND = r"\b((?:fin|make) [a-z][\w-]*(?: (?:--?[a-z][\w-]*|[a-z]+_\w+|\d{4}-\d\d-\d\d))*)"
"""Pattern of a command within a sentence, for the server and the browser: name, options, sources and dates."""

Scales = tuple[str, str, str, str]
"""What stands behind trillions, billions, millions and thousands."""
_STEPS = (1e12, 1e9, 1e6, 1e3)
_EXACT = Context(prec=60)
_FIGURES = Context(prec=FIGURES, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """How a number is written. Call it on the server; `js` is a JavaScript expression of a function that does the same.

    Attributes:
        least, most: decimals, at least and at most; not used with `scales`.
        scales: three significant figures with one of these behind them; None writes the number out.
        before, unit: stand before and behind everything.
        signed: a plus before positive numbers; what rounds to zero has no sign.
        trim: no zeros at the end of decimals, for axes.
    """

    least: int = 0
    most: int = 0
    scales: Scales | None = None
    before: str = ""
    unit: str = ""
    signed: bool = False
    trim: bool = False

    def __call__(self, value: float | None) -> str:
        """Return the text of a number."""
        if value is None or value != value:  # noqa: PLR0124 - only NaN differs from itself
            return MISSING
        text = self._scaled(value) if self.scales else self._decimals(_exact(value), self.least, self.most)
        return self.before + text.replace("-", MINUS) + self.unit

    @property
    def js(self) -> str:
        """Return the JavaScript expression of the same function."""
        names = ("least", "most", "scales", "before", "unit", "signed", "trim")
        given = {name: getattr(self, name) for name in names if getattr(self, name)}
        return f"fin.number({json.dumps(given, ensure_ascii=False)})"

    @property
    def axis(self) -> Number:
        """Return the same number for the labels of an axis: zeros at the end of decimals are left out."""
        return replace(self, trim=True)

    def _scaled(self, value: float) -> str:
        for step, suffix in zip(_STEPS, self.scales or (), strict=True):
            if abs(value) >= step * REACHES:
                part = _exact(value / step)
                if abs(part) >= WHOLE_FROM:
                    return self._decimals(part, 0, 0) + suffix
                return self._figures(part, fixed=True) + suffix
        return self._figures(_exact(value), fixed=False)

    def _figures(self, value: Decimal, *, fixed: bool) -> str:
        rounded = _FIGURES.plus(value)
        digits = max(0, FIGURES - 1 - rounded.adjusted()) if rounded else 0
        return self._decimals(rounded, digits if fixed else 0, digits)

    def _decimals(self, value: Decimal, least: int, most: int) -> str:
        rounded = value.quantize(Decimal(1).scaleb(-most), rounding=ROUND_HALF_UP, context=_EXACT)
        if not rounded:
            rounded = abs(rounded)
        whole, _, decimals = f"{rounded:{'+' if self.signed and rounded else ''},.{most}f}".partition(".")
        kept = decimals.rstrip("0")
        decimals = kept.ljust(0 if self.trim else least, "0")
        return f"{whole}.{decimals}" if decimals else whole


def _exact(value: float) -> Decimal:
    # The shortest text of a number, as the browser rounds it too: 1.005 rounds to 1.01 although it is a little less.
    return Decimal(repr(float(value))) if isinstance(value, float) else Decimal(value)


PLAIN: Scales = (" tn", " bn", " m", " k")

integer = Number()
"""1234567 as `1,234,567`."""
signed_integer = Number(signed=True)
"""1234 as `+1,234`."""
decimal = Number(most=2)
"""1.5 as `1.5`: up to two decimals."""
ratio = Number(least=2, most=2)
"""1.5 as `1.50`."""
compact = Number(scales=PLAIN)
"""1234567 as `1.23 m`: three significant figures."""
signed_compact = Number(scales=PLAIN, signed=True)
"""1234567 as `+1.23 m`."""
percent = Number(least=2, most=2, unit=" %")
"""A percentage that is already in percent: 12.345 as `12.35 %`."""
percent_1 = Number(least=1, most=1, unit=" %")
"""12.345 as `12.3 %`."""
signed_percent = Number(least=2, most=2, unit=" %", signed=True)
"""1.5 as `+1.50 %`."""
signed_percent_1 = Number(least=1, most=1, unit=" %", signed=True)
"""1.55 as `+1.6 %`."""
points = Number(least=2, most=2, unit=" pp", signed=True)
"""Percentage points: 0.12 as `+0.12 pp`."""


_MARK = "--x_x--0_0--"


class Script(str):
    """A marked JavaScript expression of our own."""

    __slots__ = ()


def javascript(expression: str) -> Script:
    """Mark a JavaScript expression so that charts and tables evaluate it in the browser."""
    return Script(f"{_MARK}{expression}{_MARK}")


def only_own_scripts(value: Any) -> Any:
    """Return options of a chart without the marks in its other texts: a name with marks would be evaluated as well."""
    if isinstance(value, Script):
        return str(value)
    if isinstance(value, str):
        # As often as it takes: what is left of one mark may close another.
        while _MARK in value:
            value = value.replace(_MARK, "")
        return value
    if isinstance(value, Mapping):
        return {only_own_scripts(key): only_own_scripts(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [only_own_scripts(each) for each in value]
    return value


def day(value: date | None) -> str:
    """Return a session date as `Fri 20 Nov 2026`."""
    return MISSING if value is None else value.strftime("%a %-d %b %Y")


def instant(value: datetime | None, zone: ZoneInfo) -> str:
    """Return an aware instant in a zone, with the zone's short name: `2026-11-20 21:05 UTC`."""
    return MISSING if value is None else f"{value.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def ago(then: datetime | None, now: datetime) -> str:
    """Return the distance from `then` to `now` in the largest whole unit: `3 hours ago`."""
    if then is None:
        return MISSING
    seconds = max(0, int((now - then).total_seconds()))
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return "just now"


def size(value: float | None) -> str:
    """Return a number of bytes as `1.2 MiB`."""
    if value is None:
        return MISSING
    for scale, suffix in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if value >= scale:
            return f"{value / scale:.1f} {suffix}"
    return f"{value:.0f} B"
