"""From bytes to text and JSON: what a browser reads under each label, and what is no text."""

from __future__ import annotations

import codecs
from decimal import Decimal

import pytest

from fin_assets.core.contract.failures import Drift, TruncatedBody, WrongContentType
from fin_assets.core.contract.text import Undecodable, codec_of, lossy_text, read_json, read_text
from fin_assets.core.transport.blocked import classify_blocked_page

LABELS = {
    "gb2312": "gb18030",
    "GBK": "gb18030",
    "x-gbk": "gb18030",
    "gb18030": "gb18030",
    "big5": "big5hkscs",
    "Big5-HKSCS": "big5hkscs",
    "cp950": "cp950",
    "latin-1": "cp1252",
    "latin1": "cp1252",
    "iso-8859-1": "cp1252",
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "shift_jis": "cp932",
    "x-sjis": "cp932",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "tis-620": "cp874",
    "iso-8859-11": "cp874",
    "windows-874": "cp874",
    "utf8": "utf-8",
    " UTF-8 ": "utf-8",
    "utf-16": "utf-16-le",
    "hz-gb-2312": None,
    "rot13": None,
    "no-such": None,
}


@pytest.mark.parametrize(("label", "codec"), LABELS.items())
def test_a_label_means_what_it_means_to_a_browser(label: str, codec: str | None) -> None:
    assert codec_of(label) == codec


TEXTS = {
    "gb2312": ("喆€", "gb18030"),
    "big5": ("嘅喺", "big5hkscs"),
    "shift_jis": ("①髙", "cp932"),
    "ks_c_5601-1987": ("똠방각하", "cp949"),
    "tis-620": ("กองทุน…", "cp874"),
    "iso-8859-1": ("“quoted” €", "cp1252"),
}


@pytest.mark.parametrize(("label", "text", "encoding"), [(label, *rest) for label, rest in TEXTS.items()])
def test_a_text_is_read_by_its_header_and_by_the_pages_own_label(label: str, text: str, encoding: str) -> None:
    bare = f"<html><p>{text}</p></html>".encode(encoding)
    assert text in read_text(bare, content_type=f'text/html; charset="{label}"').text
    for head in (f"<meta charset={label}>", f'<meta http-equiv="Content-Type" content="text/html; charset={label}">'):
        assert text in read_text(head.encode() + bare).text


def test_a_mark_goes_before_the_header_and_the_header_before_the_page() -> None:
    page = '<meta charset="big5"><p>價格'
    assert read_text(page.encode("gb18030"), content_type="text/html; charset=gbk").codec == "gb18030"
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        found = read_text(mark + page.encode(encoding), content_type="text/html; charset=gbk")
        assert (found.text, found.codec) == (page, encoding)
    assert read_text(page.encode("big5hkscs")).codec == "big5hkscs"
    assert read_text(b"<!-- <meta charset=big5> -->" + "價".encode()).codec == "utf-8"
    assert read_text(b'<meta charset="utf-16">' + "價".encode()).codec == "utf-8", (
        "a label that can be read is not UTF-16"
    )


def test_a_label_under_which_the_bytes_have_an_error_is_passed_over() -> None:
    assert read_text('<meta charset="big5"><p>價格'.encode(), content_type="text/html; charset=euc-kr").codec == "utf-8"
    with pytest.raises(Undecodable, match="not big5hkscs") as caught:
        read_text(b'<meta charset="big5">\xff\xfe\xff')
    assert (caught.value.declared, caught.value.body) == ("big5hkscs", b'<meta charset="big5">\xff\xfe\xff')
    assert "big5" in lossy_text(b'<meta charset="big5">\xff\xfe\xff')


def test_bytes_that_a_code_page_leaves_open_are_control_characters() -> None:
    assert read_text(b"<p>a\x81b", content_type="text/html; charset=latin1").text == "<p>a\x81b"


def test_the_words_of_a_refusal_are_read_in_the_pages_encoding() -> None:
    body = '<html><meta charset="gb2312"><title>x</title><body>拒绝访问</body></html>'.encode("gb18030")
    assert classify_blocked_page(body, wanted="a page").kind == "refused"


def test_json_keeps_digits_and_never_fails_without_a_kind() -> None:
    def read(text: str) -> object:
        return read_json(text, wanted="the list", body=text.encode())

    assert read("[1, 1.10, 9223372036854775807]") == [1, Decimal("1.10"), 2**63 - 1]
    assert read(f"[{'9' * 5000}]") == [Decimal("9" * 5000)]
    for odd in ("NaN", "-Infinity", "1e99999999999999999999"):
        [number] = read(f"[{odd}]")  # type: ignore[misc]
        assert isinstance(number, Decimal)
        assert not number.is_finite()
    with pytest.raises(WrongContentType):
        read("busy")
    with pytest.raises(Drift, match="nested too deep"):
        read("[" * 100_000 + "]" * 100_000)
    with pytest.raises(Drift, match="not JSON"):
        read('[{"a": 1,,}]')
    whole = '[{"a": "b\\u00e9", "c": -1.5e3, "d": true}]'
    for end in range(1, len(whole)):
        with pytest.raises(TruncatedBody):
            read(whole[:end])
