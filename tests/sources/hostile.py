"""What happens to bytes on their way: mutations of a recorded or built answer, each reproducible from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date

import lxml.html
from dataframely.exc import ValidationError

from fin_assets.core.contract.failures import CollectionFailure
from fin_assets.core.contract.source import Accepted, Fetched, Table, Unit
from fin_assets.core.contract.unread import Unread
from tests.sources.idx_brokers.builders import NOW

ODD = (
    b"1e30", b"1" + b"0" * 30, b"9" * 5000, b"-1", b"nan", b"inf", b"NaN", b"Infinity", b"null", b"true", b'""', b"[]", b"{}",
    b"<td>", b"</td>", b"<tr>", b"</tr>", b"</table>", b"<table>", b"<b>" * 300, b"[" * 2000, b'{"a":' * 2000, b"\x00", b"\xff",
    b"\xed\xa0\x80", b'"\\ud800"', b"&#xD800;", b"&#0;", b"\xe2\x80\x8b", b"<!--", b"-->", b"<script>", b'"', b"'", b",", b"%",
    b"0.59%", b"2147483648", b"9223372036854775808", b"\xef\xbc\x91", b"\xd9\xa1", b"e", b".", b"K", b"T", b"</form></html>",
)  # fmt: skip
"""Pieces that readers of numbers, of markup and of JSON have stumbled over."""


def flip(body: bytes, dice: random.Random) -> bytes:
    """Change one byte."""
    place = dice.randrange(len(body))
    return body[:place] + bytes([dice.randrange(256)]) + body[place + 1 :]


def change_digit(body: bytes, dice: random.Random) -> bytes:
    """Change one digit to another."""
    digits = [place for place, byte in enumerate(body) if 0x30 <= byte <= 0x39]
    if not digits:
        return body
    place = dice.choice(digits)
    return body[:place] + str(dice.randrange(10)).encode() + body[place + 1 :]


def drop(body: bytes, dice: random.Random) -> bytes:
    """Leave a part out."""
    begin, end = sorted(dice.randrange(len(body) + 1) for _ in range(2))
    return body[:begin] + body[min(end, begin + dice.choice((1, 20, 400, len(body)))) :]


def repeat(body: bytes, dice: random.Random) -> bytes:
    """Send a part twice."""
    begin = dice.randrange(len(body))
    end = begin + dice.choice((1, 20, 400, 4000))
    return body[:end] + body[begin:]


def insert(body: bytes, dice: random.Random) -> bytes:
    """Put something odd in."""
    place = dice.randrange(len(body) + 1)
    return body[:place] + dice.choice(ODD) + body[place:]


def replace_number(body: bytes, dice: random.Random) -> bytes:
    """Put something odd in place of a number."""
    digits = [place for place, byte in enumerate(body) if 0x30 <= byte <= 0x39]
    if not digits:
        return body
    begin = end = dice.choice(digits)
    while end < len(body) and body[end : end + 1] in b"0123456789.,":
        end += 1
    return body[:begin] + dice.choice(ODD) + body[end:]


def cut_and_close(body: bytes, dice: random.Random) -> bytes:
    """Cut the end off, and close what is open as libraries and browsers do."""
    cut = body[: dice.randrange(1, len(body))]
    if cut.lstrip()[:1] in {b"{", b"["}:
        return cut + dice.choice((b"}", b"]", b"}]", b'"}]', b"]}", b"}]}", b'"}]}', b"null}]}"))
    try:
        return lxml.html.tostring(lxml.html.document_fromstring(cut.decode("utf-8", "replace")), encoding="utf-8")
    except (lxml.etree.ParserError, ValueError):
        # Nothing in it, or signs that a document cannot have.
        return cut


MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    flip, change_digit, drop, repeat, insert, replace_number, cut_and_close,
)  # fmt: skip


def mutated(body: bytes, dice: random.Random) -> bytes:
    """Return the answer after one to three mutations."""
    for _ in range(dice.choice((1, 1, 2, 3))):
        body = dice.choice(MUTATIONS)(body, dice) or b" "
    return body


def outcome(table: Table, unit: str, body: bytes, *, content_type: str, day: date) -> str:
    """Return how an answer ends: "rows" that keep the schema, or the kind of its failure. Anything else is raised."""
    fetched = Fetched(body=body, url="http://site", status=200, content_type=content_type, transport="http")
    try:
        parsed = table.parse(fetched, Unit(name=unit))
        covers = parsed.covers.first if parsed.covers else day
        staged = table.stage([Accepted(unit=unit, parsed=parsed, fetched_at=NOW)], covers)
    except CollectionFailure as failure:
        str(failure).encode()
        return failure.kind
    try:
        table.schema.validate(staged.frame)
    except ValidationError as error:
        msg = f"rows that break the schema passed: {error}"
        raise AssertionError(msg) from error
    assert all(isinstance(note, Unread) and str(note).encode() for note in parsed.unread)
    return "rows"
