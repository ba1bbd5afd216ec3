"""From the bytes of the two sites to a document: encodings, wrappers, dates, and whether it is the site's own at all.

What a broker table means is in `parse.py`, what the exchange's lists mean in `lists.py`. No network, no clock.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from fin_assets.core.contract.failures import CollectionFailure, Drift, HalfTable, TruncatedBody, WrongContentType
from fin_assets.core.transport.blocked import classify_blocked_page
from fin_assets.sources.idx_brokers.failures import UnknownTicker

BROKER_PAGE = "the broker table"
INVALID_CODE = b"invalid stock code"
_OWN = (b"startdatebrokersummary", b"table-summary")
_SHORT = 400
"""An answer that is only a sentence is shorter than this."""

_TEXT_KINDS = {"text/html", "application/xhtml+xml", "text/plain"}
_JSON_KINDS = {"application/json", "text/json", *_TEXT_KINDS}
_DECLARED_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([a-z0-9_-]+)", re.IGNORECASE)
_SINGLE_BYTE = {"iso-8859-1", "latin1", "latin-1", "windows-1252", "cp1252"}
_ENVELOPE = {"draw", "recordsTotal", "recordsFiltered", "data"}

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


def open_page(body: bytes) -> Document:
    """Return the parsed page, in UTF-8 or else in the single-byte encoding that the site falls back to.

    The site declares UTF-8 and yet sends a bare 0xA9 for its copyright sign. Codes, numbers and dates are ASCII in all of
    these encodings, so that a wrong guess costs at most a sign that nobody reads.

    Raises:
        Drift: the page declares an encoding that the site has never used.
    """
    try:
        return Document(LexborHTMLParser(body.decode("utf-8-sig")), "utf-8")
    except UnicodeDecodeError as error:
        declared = _DECLARED_CHARSET.search(body)
        charset = declared.group(1).decode().lower() if declared else ""
        if charset not in {"", "utf-8", "utf8", *_SINGLE_BYTE}:
            msg = f"the page is not UTF-8 (byte {error.start:,}) and declares {charset!r}, which the site never used"
            raise Drift(msg, body=body) from error
    return Document(LexborHTMLParser(body.decode("cp1252", errors="replace")), "windows-1252")


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


def json_rows(body: bytes, *, content_type: str, wanted: str) -> list[dict[str, Any]]:
    """Return the rows of a list of the exchange: of its envelope, or of a bare array. Decimals keep every digit.

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
    answer = _load(_unwrapped(body, wanted), body, wanted)
    if isinstance(answer, dict):
        if set(answer) - _ENVELOPE or not isinstance(answer.get("data"), list):
            raise Drift(f"{wanted}: an envelope of {', '.join(sorted(answer)) or 'nothing'} instead of data", body=body)
        rows, total = answer["data"], answer.get("recordsTotal")
        if not isinstance(total, int):
            raise Drift(f"{wanted}: recordsTotal is {total!r}", body=body)
        if len(rows) < total:
            raise HalfTable(f"{wanted}: {len(rows)} of {total} rows came", body=body)
    else:
        rows = answer
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Drift(f"{wanted}: {type(answer).__name__} instead of rows", body=body)
    return rows


def _unwrapped(body: bytes, wanted: str) -> str:
    if not _starts_as_page(body):
        try:
            return body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise WrongContentType(
                f"bytes of no text came instead of {wanted} (byte {error.start:,})", body=body
            ) from error
    page = open_page(body).html
    pre = page.css_first("body > pre")
    if pre is None:
        raise classify_blocked_page(body, wanted=wanted)
    return pre.text()


def _load(text: str, body: bytes, wanted: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except json.JSONDecodeError as error:
        if not text.lstrip().startswith(("{", "[")):
            raise WrongContentType(f"{text[:40]!r} came instead of {wanted}", body=body) from error
        if error.pos >= len(text.rstrip()) or "Unterminated" in error.msg:
            raise TruncatedBody(f"{wanted} ends after {len(body):,} bytes in the middle", body=body) from error
        raise Drift(f"{wanted} is not JSON: {error}", body=body) from error


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
