"""What both pages of the site share: the shell, the form's hidden fields, numbers as the site prints them.

Ids, classes, field names and the few labels that readers depend on are the real site's; all other wording is our own.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from fin_assets.sandbox.rendered import Edits

Language = Literal["en", "zh"]


_RENAMED_CLASS: Final = "col-figure-x"
_RENAMED_HEADING: Final = {"en": "Figure X", "zh": "數字甲"}

_HTML_ATTRIBUTES: Final = {"en": ' class="news-hkex eng" lang="en"', "zh": ' class="news-hkex" lang="zh-Hant"'}
_DOCTYPE: Final = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" '
    '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">'
)

COLUMNS: Final = (
    "stock-code",
    "stock-name",
    "shareholding",
    "shareholding-percent",
    "participant-id",
    "participant-name",
    "address",
)
"""Columns of both pages, by their class without `col-`."""
NEEDED: Final = "shareholding"
"""The column that a fault renames unless it names another; both pages have it."""

SITE_NAME: Final = {"en": "Sandbox of the shareholding pages", "zh": "持股紀錄頁沙盒"}
_NOTE: Final = {
    "en": "This is an embedded test site. Its numbers are generated or come from a file that was given to it.",
    "zh": "此為內嵌測試網站，數字由程式產生或來自所給檔案。",
}
_LINKS: Final = {
    "en": (
        ("mutualmarket.aspx?t=hk", "Southbound"),
        ("mutualmarket.aspx?t=sh", "Northbound Shanghai"),
        ("mutualmarket.aspx?t=sz", "Northbound Shenzhen"),
        ("searchsdw.aspx", "Participants"),
    ),
    "zh": (
        ("mutualmarket_c.aspx?t=hk", "港股通"),
        ("mutualmarket_c.aspx?t=sh", "滬股通"),
        ("mutualmarket_c.aspx?t=sz", "深股通"),
        ("searchsdw_c.aspx", "參與者"),
    ),
}


def number(value: int) -> str:
    """Return shares or counts as the site prints them: 22,908,430."""
    return f"{value:,}"


def percent(hundredths: int | None) -> str:
    """Return a percentage given in hundredths of a percent: 0.59%; empty for None."""
    return "" if hundredths is None else f"{hundredths // 100}.{hundredths % 100:02d}%"


def slashed(day: date) -> str:
    """Return a date as the site prints it: 2019/01/25."""
    return f"{day:%Y/%m/%d}"


def column(name: str, heading: str, *, edits: Edits, language: Language) -> tuple[str, str]:
    """Return class and heading of a column, or others where a fault renames it."""
    if edits.renamed is not None and name == (edits.renamed if edits.renamed in COLUMNS else NEEDED):
        return _RENAMED_CLASS, _RENAMED_HEADING[language]
    return f"col-{name}", heading


def hidden(name: str, value: str | None) -> str:
    """Return a hidden field; without a value the attribute is absent, as ASP.NET leaves it out."""
    told = "" if value is None else f' value="{escape(value)}"'
    return f'<input type="hidden" name="{name}" id="{name}"{told} />'


def form_open(page: str, action: str, state: Mapping[str, str], *, postback: bool) -> str:
    """Return the form's opening with its state; `postback` adds the fields and the function that links submit with."""
    first = ""
    script = ""
    if postback:
        first = f"{hidden('__EVENTTARGET', '')}\n{hidden('__EVENTARGUMENT', '')}\n"
        script = _POSTBACK
    rest = "\n".join(hidden(name, value) for name, value in state.items() if name != "__VIEWSTATE")
    return (
        f'    <form name="form1" method="post" action="./{escape(action)}" id="form1" style="text-align: left;">\n'
        "<div>\n"
        f"{first}{hidden('__VIEWSTATE', state['__VIEWSTATE'])}\n</div>\n{script}\n<div>\n\n{rest}\n</div>\n"
        f"<!-- {page} -->\n"
    )


_POSTBACK: Final = """
<script type="text/javascript">
//<![CDATA[
var theForm = document.forms['form1'];
function __doPostBack(eventTarget, eventArgument) {
    theForm.__EVENTTARGET.value = eventTarget;
    theForm.__EVENTARGUMENT.value = eventArgument;
    theForm.submit();
}
//]]>
</script>
"""


def shell(*, language: Language, page: str, query: str, title: str, body: str) -> str:
    """Return a whole document around `body`."""
    other = page.replace(".aspx", "_c.aspx") if language == "en" else page.replace("_c.aspx", ".aspx")
    links = "".join(f'<li><a href="{escape(href)}">{label}</a></li>' for href, label in _LINKS[language])
    switch = "繁" if language == "en" else "ENG"
    lang = _HTML_ATTRIBUTES[language]
    return f"""

{_DOCTYPE}
<html xmlns="http://www.w3.org/1999/xhtml"{lang}>
<head><title>
	{title}
</title><meta charset="UTF-8" /><meta name="viewport" content="width=device-width, initial-scale=1" />\
<meta property="manualPath" content="/sdw/search/{page}" /><link href="../../ncms/images/favicon.svg" rel="icon" />\
<link href="../../ncms/css/main.css" rel="stylesheet" type="text/css" />
    <script type="text/javascript" src="../../ncms/script/main.js" defer="defer"></script>
</head>
<body>
    <div id="hkex_news_header" class="noindex"><header class="topbar"><div class="container topbar__container">
        <span class="topbar__logo">{SITE_NAME[language]}</span><ul class="topbar__nav">{links}</ul>
        <a class="topbar__language-one" href="{escape(other + query)}">{switch}</a>
    </div></header></div>
{body}
    <div id="hkex_news_footer" class="noindex"><footer><div class="container">{_NOTE[language]}</div></footer></div>
</body>
</html>"""
