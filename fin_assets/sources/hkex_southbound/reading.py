"""How the texts of the site become numbers, dates, codes and labels. Knows no page and no table."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from fin_assets.core.contract.failures import Drift
from fin_assets.core.contract.unread import Unread

_YEAR_FIRST = re.compile(r"(?<!\d)(\d{4})\s*[/.\-年]\s*(\d{1,2})\s*[/.\-月]\s*(\d{1,2})(?!\d)")
_DAY_FIRST = re.compile(r"(?<!\d)(\d{1,2})\s*[/.\-]\s*(\d{1,2})\s*[/.\-]\s*(\d{4})(?!\d)")
_INTEGER = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)")
_PERCENT = re.compile(r"(-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?) ?%?")
_CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
_STOCK_CODE = re.compile(r"\d{1,5}")
_INT64_MAX = 2**63 - 1
_LONGEST = 40
"""Characters of the longest number, with its separators. Python refuses to read thousands of digits."""
_SHOWN = 60

MOST_PERCENT = 10_000.0
"""Most that the site can print of the issued shares: around a split their number lags by its ratio, one for a hundred."""


def clean(text: str) -> str:
    """Return `text` as a browser shows it: blanks of every kind collapsed, invisible characters dropped."""
    return " ".join((text if text.isascii() else text.translate(_INVISIBLE)).split())


def plain(text: str) -> str:
    """Return `clean(text)` with full-width letters, digits and signs made ordinary: for codes, numbers and labels."""
    return clean(text if text.isascii() else unicodedata.normalize("NFKC", text))


def is_chinese(text: str) -> bool:
    """Return whether `text` has a Chinese character."""
    return _CJK.search(text) is not None


def read_dates(text: str) -> list[date]:
    """Return the dates in `text`, in order: YYYY/MM/DD, or DD/MM/YYYY (the site never printed the month first).

    Raises:
        Drift: something of that shape is no date of the calendar.
    """
    normal = plain(text)
    found = [(m.start(), int(m[1]), int(m[2]), int(m[3]), m[0]) for m in _YEAR_FIRST.finditer(normal)]
    found += [(m.start(), int(m[3]), int(m[2]), int(m[1]), m[0]) for m in _DAY_FIRST.finditer(normal)]
    dates = []
    for _, year, month, day, shown in sorted(found):
        try:
            dates.append(date(year, month, day))
        except ValueError as error:
            raise Drift(f"the page states the date {shown!r}, which does not exist") from error
    return dates


def read_integer(text: str, *, where: str, negative: bool = False) -> int:
    """Return a count such as "22,908,430". `where` names the place in the failure.

    Raises:
        Drift: the text is not a whole number with correct thousands separators, or is below zero and may not be.
    """
    normal = plain(text)
    if len(normal) > _LONGEST or not _INTEGER.fullmatch(normal):
        raise Drift(f"{where}: {text[:_SHOWN]!r} is not a whole number")
    value = int(normal.replace(",", ""))
    if value < 0 and not negative:
        raise Drift(f"{where}: {text!r} is below zero")
    if abs(value) > _INT64_MAX:
        raise Drift(f"{where}: {text!r} is larger than any holding can be")
    return value


def read_percent(text: str, *, where: str, least: float = 0.0) -> float | None:
    """Return a percentage such as "0.59%" as 0.59 (percent); None where the site prints nothing.

    Raises:
        Drift: the text is neither empty nor a percentage from `least` to `MOST_PERCENT`.
    """
    normal = plain(text)
    if not normal:
        return None
    match = _PERCENT.fullmatch(normal) if len(normal) <= _LONGEST else None
    if match is None:
        raise Drift(f"{where}: {text[:_SHOWN]!r} is not a percentage")
    value = float(match[1].replace(",", ""))
    if not least <= value <= MOST_PERCENT:
        raise Drift(f"{where}: {text!r} is not from {least:g} to {MOST_PERCENT:g}")
    return value


def lenient_percent(text: str, *, where: str, unread: list[Unread], least: float = 0.0) -> float | None:
    """Return a percentage as `read_percent` does, or None with a note where it cannot be read: no identity needs it."""
    try:
        return read_percent(text, where=where, least=least)
    except Drift:
        unread.append(Unread.of(where, text))
        return None


def read_stock_code(text: str, *, where: str) -> str:
    """Return a code such as "    1" with its five digits.

    Raises:
        Drift: the text is not a number of one to five digits, or is zero.
    """
    code = plain(text)
    if len(code) > _LONGEST or not _STOCK_CODE.fullmatch(code) or not code.isascii() or int(code) == 0:
        raise Drift(f"{where}: {text[:_SHOWN]!r} is not a stock code")
    return code.zfill(5)
