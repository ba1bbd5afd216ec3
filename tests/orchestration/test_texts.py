"""Text of sites in the Dagster UI, which shows some metadata as Markdown."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from fin_assets.core.contract.plain_text import markdown
from fin_assets.core.orchestration import assets

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "![x](http://evil.example/pixel)",
    "[PING AN](javascript:alert(1))",
    "https://evil.example/login",
    "a | b | <script>",
    "*b* _i_ `c` ~~d~~ &lt;img&gt; \\<img\\>",
    "two\nlines\r\n# heading\n\n- item",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_sample_of_rows_shows_names_as_text(text: str):
    shown = MarkdownIt("gfm-like").render(assets._markdown([{"name": text, "n": 1}]))
    for mark in ("<img", "<a ", "<script", "<em>", "<strong>", "<code>", "<s>", "<h1>", "<li>"):
        assert mark not in shown
    assert shown.count("<td>") == 2
    body = shown[shown.index("<tbody>") :]
    unescaped = body.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("&quot;", '"')
    assert " ".join(text.split()) in unescaped


def test_words_and_dates_are_shown_as_they_are():
    text = "2026-11-20: 2 of 50 units (00700, 00005), 1.5 %"
    assert MarkdownIt("gfm-like").render(markdown(text)) == f"<p>{text}</p>\n"
