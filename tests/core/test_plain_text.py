"""Text of sites and files is shown as it is, wherever some characters have a meaning."""

from __future__ import annotations

import pytest

from fin_assets.core.contract.plain_text import markdown, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("騰訊控股 Tencent\u3000–\u00a0ok", "騰訊控股 Tencent\u3000–\u00a0ok"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("back\rover\x08", "back\\rover\\x08"),
        ("abc\u202edcba\u2066", "abc\\u202edcba\\u2066"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_steers_a_terminal_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown


def test_markdown_shows_hostile_text_as_it_is() -> None:
    from markdown_it import MarkdownIt

    hostile = "**[click](http://x)** <img src=x onerror=alert(1)> `a` | # b\n- c ![p](q) https_x_y ~~z~~"
    tokens = MarkdownIt("commonmark").enable("strikethrough").enable("table").parseInline(markdown(hostile))
    [inline] = tokens
    assert {token.type for token in inline.children or ()} <= {"text", "text_special"}
    assert "".join(token.content for token in inline.children or ()) == " ".join(hostile.split())
