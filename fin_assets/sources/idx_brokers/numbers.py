"""Text numbers of the broker page and how exactly each is known. Knows no page and no table.

The site abbreviates: "254.4 B" is some number near 254,400,000,000. What it stands for and how far the truth may be from it
are kept together, so that sums are compared with the right tolerance. Arithmetic is decimal throughout: 64.6 B is
64,600,000,000 and not 64,599,999,999.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from fin_assets.core.contract.failures import Drift

SUFFIXES = {"": 0, "K": 3, "M": 6, "B": 9, "T": 12}
"""Powers of ten; the letters are English (B is 10^9), whatever the language of the page."""

_NUMBER = re.compile(r"([-+\u2212]?)(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?\s*([KMBT]?)", re.ASCII)
_BLANK = frozenset({"", "-"})
_MINUS = frozenset({"-", "\u2212"})
_INT64_MAX = 2**63 - 1
_LONGEST = 40
"""Characters of the longest number, with its separators. Python refuses to read thousands of digits."""

_MOST_PRICE = 10**15


@dataclass(frozen=True, slots=True)
class TextNumber:
    """A whole number as the site prints it.

    Attributes:
        value: what the text says, in units.
        step: its rounding class: 1 if printed in full, 100,000,000 for "254.4 B".
        text: as printed, without blanks around it.
    """

    value: int
    step: int
    text: str

    @property
    def low(self) -> int:
        """The least that the text may stand for: the site may have rounded it up by half a step."""
        return self.value - self.step // 2

    @property
    def high(self) -> int:
        """The most that the text may stand for: the site may have cut off all but a whole step."""
        return self.value + self.step - 1


def is_blank(text: str) -> bool:
    """Return whether a cell says that there is no number."""
    return text.strip() in _BLANK


def text_number(text: str, *, where: str = "the page") -> TextNumber:
    """Return lots or rupiah such as "308,724 ", "254.4 B", "847.9M" or "-4.8 B". `where` names the place in the failure.

    Raises:
        Drift: the text is no whole number in a known form.
    """
    found = _whole(text.strip())
    if isinstance(found, str):
        raise Drift(f"{where}: {text.strip()[:_LONGEST]!r} {found}")
    return found


def price(text: str, *, where: str = "the page") -> Decimal:
    """Return an average price such as "8,241 " or "427.36" in rupiah; the site cuts off, it does not round.

    Raises:
        Drift: the text is no number in a known form, is below zero, or has more than two decimals.
    """
    found = _price(text.strip())
    if isinstance(found, str):
        raise Drift(f"{where}: {text.strip()[:_LONGEST]!r} {found}")
    return found


# A session has a quarter of a million figures and far fewer different texts: small lots, and averages near one price.
@lru_cache(maxsize=1 << 15)
def _whole(text: str) -> TextNumber | str:
    """Return the number, or what is wrong with the text."""
    parts = _parts(text)
    if parts is None:
        return "is not a number in a known form"
    sign, digits, fraction, power = parts
    step = 10 ** max(power - len(fraction), 0)
    whole = int(digits + fraction) * step
    if len(fraction) > power:
        # "420.00" is whole, "427.36" is not: only averages have a fraction.
        whole, rest = divmod(int(digits + fraction), 10 ** (len(fraction) - power))
        if rest:
            return "is not a whole number"
    if whole > _INT64_MAX:
        return "is larger than any market"
    return TextNumber(-whole if sign in _MINUS else whole, step, text)


@lru_cache(maxsize=1 << 13)
def _price(text: str) -> Decimal | str:
    """Return the price, or what is wrong with the text."""
    parts = _parts(text)
    if parts is None:
        return "is not a number in a known form"
    sign, digits, fraction, power = parts
    if sign in _MINUS or len(fraction) > power + 2:
        return "is not a price"
    found = Decimal(int(digits + fraction)).scaleb(power - len(fraction))
    return found if found < _MOST_PRICE else "is higher than any price"


def _parts(text: str) -> tuple[str, str, str, int] | None:
    """Return sign, digits, digits after the point, and the power of ten; None if the text has another form."""
    if len(text) > _LONGEST:
        return None
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    sign, digits, fraction, suffix = match.groups()
    return sign, digits.replace(",", ""), fraction or "", SUFFIXES[suffix]
