"""From the bytes of the two sites to a document: encodings, wrappers, dates, and whether it is the site's own at all.

What a broker table means is in `parse.py`, what the exchange's lists mean in `lists.py`. No network, no clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from fin_assets.core.contract.failures import CollectionFailure, Drift, HalfTable, TruncatedBody, WrongContentType
from fin_assets.core.contract.text import Undecodable, read_json, read_text
from fin_assets.core.transport.blocked import classify_blocked_page
from fin_assets.sources.idx_brokers.failures import UnknownTicker

BROKER_PAGE = "the broker table"
INVALID_CODE = b"invalid stock code"
_OWN = (b"startdatebrokersummary", b"table-summary")
_SHORT = 400
"""An answer that is only a sentence is shorter than this."""

_SIGN = 4
"""Bytes of the longest sign in UTF-8."""

_TEXT_KINDS = {"text/html", "application/xhtml+xml", "text/plain"}
_JSON_KINDS = {"application/json", "text/json", *_TEXT_KINDS}
# Declared, and yet a bare sign of the single-byte encoding: the site's copyright sign.
_ALMOST = {None, "utf-8", "cp1252"}
_ENVELOPE = ("draw", "recordsTotal", "recordsFiltered", "data")
_REFUSALS = {"error", "errors", "exception"}

_MONTH_FIRST = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]00:00:00(?:\.0+)?)?", re.ASCII)
_NAMED_MONTH = re.compile(r"(\d{1,2})[ -]([A-Za-z]+)\.?[ -](\d{4})", re.ASCII)
# The first three letters tell the month in English and in Indonesian, except where the languages differ.
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan",
            "feb peb",
            "mar",
            "apr",
            "may mei",
            "jun",
            "jul",
            "aug agu ags",
            "sep",
            "oct okt",
            "nov nop",
            "dec des",
        ),
        start=1,
    )
    for name in names.split()
}


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed page and the encoding in which it could be read."""

    html: LexborHTMLParser
    encoding: str


@contextmanager
def evidence(body: bytes) -> Iterator[None]:
    """Attach the page's bytes to a failure that is raised inside."""
    try:
        yield
    except CollectionFailure as failure:
        failure.body = body if failure.body is None else failure.body
        raise


def is_empty(body: bytes, content_type: str) -> bool:
    """Return whether the answer is the site's way to say that there is nothing: no bytes, as text."""
    return not body.strip() and _kind(content_type) in {"", *_TEXT_KINDS}


def require_broker_page(body: bytes, *, content_type: str) -> None:
    """Return if `body` is the broker module, whole, bare or embedded in a stock's page, or is empty; raise what it is.

    An empty body is the site's answer for a holiday and for a ticker that was not traded; whether that can be true is not
    for a page to say.

    Raises:
        UnknownTicker: the site does not know the ticker.
        WrongContentType, CaptchaPage, ConsentPage, LoginWall, Refused: something else came.
        TruncatedBody: the table ends in the middle.
    """
    if is_empty(body, content_type):
        return
    _require_kind(body, content_type, _TEXT_KINDS, BROKER_PAGE)
    lowered = body.lower()
    if not any(mark in lowered for mark in _OWN):
        if INVALID_CODE in lowered and len(body) < _SHORT:
            raise UnknownTicker("the site answers: Invalid stock code", body=body)
        if not _starts_as_page(body):
            raise WrongContentType(f"the answer is no page: it begins with {body.lstrip()[:16]!r}", body=body)
        raise classify_blocked_page(body, wanted=BROKER_PAGE)
    # An HTML parser closes what a broken page leaves open: rows would be missing without a sign.
    if lowered.count(b"<table") > lowered.count(b"</table") or (b"<html" in lowered and b"</html" not in lowered):
        raise TruncatedBody(f"the page ends after {len(body):,} bytes in the middle", body=body)


def open_page(body: bytes, *, content_type: str = "") -> Document:
    """Return the parsed page, as a browser reads it, or else in the single-byte encoding that the site falls back to.

    The site declares UTF-8 and yet sends a bare 0xA9 for its copyright sign. Codes, numbers and dates are ASCII in all of
    these encodings, so that a wrong guess costs at most a sign that nobody reads.

    Raises:
        Drift: the page declares another encoding and is not in it.
    """
    try:
        found = read_text(body, content_type=content_type)
    except Undecodable as failure:
        if failure.declared not in _ALMOST:
            raise
        return Document(LexborHTMLParser(body.decode("cp1252", errors="replace")), "windows-1252")
    return Document(LexborHTMLParser(found.text), found.codec)


def read_date(text: str, *, where: str) -> date:
    """Return a date as either site writes it: 10/31/2022 (month first), 31 October 2022, 31 Okt 2022, 2022-10-31.

    Raises:
        Drift: the text has another form, or there is no such day.
    """
    normal = " ".join(text.split())
    if match := _MONTH_FIRST.fullmatch(normal):
        month, day, year = (int(part) for part in match.groups())
    elif match := _YEAR_FIRST.fullmatch(normal):
        year, month, day = (int(part) for part in match.groups())
    elif (match := _NAMED_MONTH.fullmatch(normal)) and match[2].lower()[:3] in _MONTHS:
        day, month, year = int(match[1]), _MONTHS[match[2].lower()[:3]], int(match[3])
    else:
        raise Drift(f"{where}: {text!r} is no date in a known form")
    try:
        return date(year, month, day)
    except ValueError as error:
        raise Drift(f"{where} is {text!r}, which does not exist") from error


@dataclass(frozen=True, slots=True)
class ListAnswer:
    """The rows of a list, and the keys beside them that are not known, with their values."""

    rows: list[dict[str, Any]]
    further: tuple[tuple[str, Any], ...] = ()


def json_rows(body: bytes, *, content_type: str, wanted: str) -> ListAnswer:
    """Return a list of the exchange: of its envelope, or of a bare array. Decimals keep every digit.

    A body that a browser has shown as a document is unwrapped from its `<pre>`.

    Args:
        body: the exact bytes.
        content_type: the header, if it is known.
        wanted: what the list is, for the failure.

    Raises:
        WrongContentType, CaptchaPage, ConsentPage, LoginWall, Refused: something else came.
        TruncatedBody: the JSON ends in the middle.
        HalfTable: fewer rows than the envelope states.
        Drift: an envelope or a row of another shape.
    """
    _require_kind(body, content_type, _JSON_KINDS, wanted)
    answer = read_json(_unwrapped(body, content_type, wanted), wanted=wanted, body=body)
    if not isinstance(answer, dict):
        return ListAnswer(_rows(answer, wanted, body))
    names = {key.casefold(): key for key in _ENVELOPE}
    envelope: dict[str, Any] = {names.get(str(key).casefold(), str(key)): value for key, value in answer.items()}
    further = {key: value for key, value in envelope.items() if key not in _ENVELOPE}
    refusal = next((key for key, value in further.items() if value and key.casefold() in _REFUSALS), None)
    if refusal is not None or "data" not in envelope or not isinstance(envelope["data"], list):
        keys = ", ".join(map(repr, sorted(answer))) or "nothing"
        raise Drift(f"{wanted}: an envelope of {keys[:200]} instead of data", body=body)
    rows, total = _rows(envelope["data"], wanted, body), _total(envelope.get("recordsTotal"))
    if total is None:
        raise Drift(f"{wanted}: recordsTotal is {repr(envelope.get('recordsTotal'))[:60]}", body=body)
    if len(rows) < total:
        raise HalfTable(f"{wanted}: {len(rows)} of {total} rows came", body=body)
    return ListAnswer(rows, tuple(further.items()))


def _rows(found: Any, wanted: str, body: bytes) -> list[dict[str, Any]]:
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise Drift(f"{wanted}: {type(found).__name__} of something else instead of rows", body=body)
    return found


def _total(value: Any) -> int | None:
    """Return the number of rows that an envelope states; a browser's script may have made a text of it."""
    if isinstance(value, str) and value.isdecimal() and len(value) < _SHORT:
        return int(value)
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value() and value < _SHORT**2:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _unwrapped(body: bytes, content_type: str, wanted: str) -> str:
    if not _starts_as_page(body):
        try:
            return read_text(body, content_type=content_type, utf8_first=True).text
        except Undecodable as error:
            if _begins_as_json(body):
                raise TruncatedBody(
                    f"{wanted} ends after {len(body):,} bytes in the middle of a sign", body=body
                ) from error
            raise WrongContentType(f"bytes of no text came instead of {wanted}: {error}", body=body) from error
    page = open_page(body, content_type=content_type).html
    pre = page.css_first("body > pre")
    if pre is None:
        raise classify_blocked_page(body, wanted=wanted)
    return pre.text()


def _begins_as_json(body: bytes) -> bool:
    """Return whether everything but the last bytes is UTF-8 that begins as JSON does: a sign was cut in two."""
    for cut in range(1, _SIGN):
        try:
            return body[:-cut].decode("utf-8-sig").lstrip().startswith(("{", "["))
        except UnicodeDecodeError:
            continue
    return False


def _require_kind(body: bytes, content_type: str, kinds: set[str], wanted: str) -> None:
    kind = _kind(content_type)
    if kind and kind not in kinds:
        raise WrongContentType(f"the answer is {kind} where {wanted} belongs", body=body)
    if not body.strip():
        raise WrongContentType(f"the answer is empty where {wanted} belongs", body=body)


def _kind(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _starts_as_page(body: bytes) -> bool:
    return body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"
