"""From the bytes of an answer to text, as a browser reads them: byte order mark, header, the page's own label, UTF-8; to JSON.

Labels mean what the WHATWG's Encoding Standard says: a page that says gb2312 is GB18030, latin-1 is windows-1252. What a text
means is the business of a source.
"""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import webencodings

from fin_assets.core.contract.failures import Drift, TruncatedBody, WrongContentType

_HEAD = 4096
"""Bytes in which a page names its encoding. The standard asks for 1,024; browsers read on to the end of the head."""

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))

# What Python calls by these names is smaller than what browsers read under them.
_CODECS = {"gbk": "gb18030", "big5": "big5hkscs", "shift_jis": "cp932", "euc-kr": "cp949", "x-user-defined": "cp1252"}
# Browsers read no page in these: their bytes can hide markup.
_NEVER_READ = {"replacement", "hz-gb-2312", "iso-2022-kr", "iso-2022-cn"}
_UTF_16 = {"utf-16le", "utf-16be"}

_HEADER_LABEL = re.compile(r"charset\s*=\s*[\"']?\s*([^\s\"';,]+)", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_PAGE_LABEL = re.compile(
    rb"<meta\b[^>]{0,400}?\bcharset\s*=\s*[\"']?\s*([^\s\"'/>;]+)|<\?xml\b[^>]{0,200}?\bencoding\s*=\s*[\"']([^\"'>]+)",
    re.IGNORECASE,
)
_LONGEST_INTEGER = 20
"""Characters of an integer of 64 bits with its sign."""

_OPEN, _C1 = ("cp125", "cp874"), range(0x80, 0xA0)


@dataclass(frozen=True, slots=True)
class Text:
    """A text and the Python codec that read it without an error."""

    text: str
    codec: str


class Undecodable(Drift):
    """The bytes are text in none of the encodings that header and page name, nor in UTF-8.

    Attributes:
        declared: the codec of the first label that means something, None without one.
    """

    def __init__(self, message: str, *, body: bytes, declared: str | None) -> None:
        super().__init__(message, body=body)
        self.declared = declared


def codec_of(label: str) -> str | None:
    """Return the Python codec of a label as browsers understand it, such as gb18030 for "GB2312"; None for an unknown one."""
    encoding = webencodings.lookup(label)
    if encoding is None:
        return _of_program(label)
    if encoding.name in _NEVER_READ:
        return None
    return codecs.lookup(_CODECS.get(encoding.name) or encoding.codec_info.name).name


def read_text(body: bytes, *, content_type: str = "", utf8_first: bool = False) -> Text:
    """Return the text of an answer by the first of its labels under which it has no error.

    Args:
        body: the exact bytes; of an empty body the text is empty.
        content_type: the header, if it is known.
        utf8_first: try UTF-8 before any label: JSON is UTF-8, whatever a header says.

    Raises:
        Undecodable: there is an error under each.
    """
    for mark, codec in _MARKS:
        if body.startswith(mark):
            return _first(body.removeprefix(mark), [codec], body)
    labelled = [codec for codec in (_of_header(content_type), _of_page(body)) if codec]
    order = ["utf-8", *labelled] if utf8_first else [*labelled, "utf-8"]
    return _first(body, list(dict.fromkeys(order)), body)


def lossy_text(body: bytes, *, content_type: str = "") -> str:
    """Return a text in which a sign stands for what is no text: for words and markup of a page that is not the content."""
    try:
        return read_text(body, content_type=content_type).text
    except Undecodable as failure:
        return body.decode(failure.declared or "utf-8", errors="replace")


def read_json(text: str, *, wanted: str, body: bytes) -> Any:
    """Return a value of JSON. Numbers with a fraction, and those that no integer of 64 bits holds, are `Decimal`.

    Args:
        text: the text of an answer.
        wanted: what it is, for the failure.
        body: the exact bytes, for the failure.

    Raises:
        WrongContentType: it is no JSON at all.
        TruncatedBody: it ends in the middle.
        Drift: it is JSON with an error, or nested too deep for any list.
    """
    stripped = text.strip()
    if not stripped.startswith(("{", "[")):
        raise WrongContentType(f"{stripped[:40]!r} came instead of {wanted}", body=body)
    try:
        return json.loads(stripped, parse_float=_decimal, parse_int=_integer, parse_constant=_decimal)
    except json.JSONDecodeError as error:
        # What is cut off ends in a string, a word, a number, or a bracket too few.
        if error.pos >= len(stripped) or not stripped.endswith(("}", "]")) or "Unterminated" in error.msg:
            raise TruncatedBody(f"{wanted} ends after {len(body):,} bytes in the middle", body=body) from error
        raise Drift(f"{wanted} is not JSON: {error}", body=body) from error
    except RecursionError as error:
        raise Drift(f"{wanted} is nested too deep for a list", body=body) from error


def _decimal(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except InvalidOperation:
        return Decimal("NaN")


def _integer(digits: str) -> int | Decimal:
    # Python refuses to read integers of thousands of digits.
    return int(digits) if len(digits) <= _LONGEST_INTEGER else _decimal(digits)


def _of_program(label: str) -> str | None:
    """Return the codec of a name that programs use and the standard lacks, such as latin-1 or cp950."""
    try:
        name = codecs.lookup(label).name
    except (LookupError, ValueError):
        return None
    encoding = webencodings.lookup(name)
    if encoding is not None:
        return codec_of(encoding.name)
    return name if name.startswith(("cp", "big5", "gb", "euc", "shift")) else None


def _first(body: bytes, order: list[str], whole: bytes) -> Text:
    problems: list[str] = []
    for codec in order:
        try:
            return Text(body.decode(codec, errors="c1" if codec.startswith(_OPEN) else "strict"), codec)
        except UnicodeDecodeError as error:
            problems.append(f"{codec} (byte {error.start:,})")
    msg = f"the answer is no text in the encodings that it names: not {', not '.join(problems)}"
    raise Undecodable(msg, body=whole, declared=order[0])


def _of_header(content_type: str) -> str | None:
    found = _HEADER_LABEL.search(content_type)
    return codec_of(found[1]) if found else None


def _of_page(body: bytes) -> str | None:
    head = body[:_HEAD]
    if b"<" not in head:
        return None
    found = _PAGE_LABEL.search(_COMMENT.sub(b"", head))
    if found is None:
        return None
    label = (found[1] or found[2]).decode("ascii", errors="replace")
    encoding = webencodings.lookup(label)
    # A label that could be read is not UTF-16, says the standard.
    return "utf-8" if encoding is not None and encoding.name in _UTF_16 else codec_of(label)


def _control(error: UnicodeError) -> tuple[str, int]:
    """Read bytes that windows code pages leave open as the control characters that browsers make of them."""
    if isinstance(error, UnicodeDecodeError) and error.object[error.start] in _C1:
        return chr(error.object[error.start]), error.start + 1
    raise error


codecs.register_error("c1", _control)
