"""`mutualmarket.aspx`: the Stock Connect holdings of a market on a day, in English and Traditional Chinese."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from fin_assets.sandbox.rendered import NO_EDITS, Edits
from fin_assets.sandbox.sites.hkex_southbound.pages.common import (
    Language,
    column,
    form_open,
    hidden,
    number,
    percent,
    shell,
    slashed,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from fin_assets.sandbox.sites.hkex_southbound.market import DayList

SORTS: Final = ("stockcode", "stockname", "shareholding", "shareholdingpercent")

_TITLE: Final = {"en": "Stock Connect Shareholding Search", "zh": "滬港通及深港通持股紀錄按日查詢"}
_DATE: Final = {"en": "Shareholding Date", "zh": "持股日期"}
_HEADING: Final = {"en": "Shareholding Records", "zh": "持股紀錄"}
_SEARCH: Final = {"en": "Search", "zh": "搜尋"}
_SORT: Final = {"en": "Sort by", "zh": "排序"}
_COLUMNS: Final = {
    "en": ("Stock Code", "Name", "Shareholding in CCASS"),
    "zh": ("股份代號", "股份名稱", "於中央結算系統的持股量"),
}
_PERCENT: Final = {
    ("hk", "en"): "% of the total number of Issued Shares/Units",
    ("sh", "en"): "% of the total number of securities listed and traded on the SSE",
    ("sz", "en"): "% of the total number of securities listed and traded on the SZSE",
    ("hk", "zh"): "佔已發行股份百分比",
    ("sh", "zh"): "佔於上交所上市及交易的A股總數的百分比",
    ("sz", "zh"): "佔於深交所上市及交易的A股總數的百分比",
}
_ABOUT: Final = {
    "en": "Pick a day to see what was held at its end. A day without a list shows the last list before it.",
    "zh": "選擇日期以查看該日日終的持股。如該日沒有紀錄，則顯示之前最後一日的紀錄。",
}

_ROW: Final = """
                                        <tr>
                                            <td class="{0}">
                                                <div class="mobile-list-heading">{1}:</div>
                                                <div class="mobile-list-body">%5d</div>
                                            </td>
                                            <td class="{2}">
                                                <div class="mobile-list-heading">{3}:</div>
                                                <div class="mobile-list-body">%s</div>
                                            </td>
                                            <td class="{4}">
                                                <div class="mobile-list-heading">{5}:</div>
                                                <div class="mobile-list-body">%s</div>
                                            </td>
                                            <td class="{6}">
                                                <div class="mobile-list-heading">{7}:</div>
                                                <div class="mobile-list-body">%s</div>
                                            </td>
                                        </tr>
                                    """


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingsView:
    """Everything that one rendering of the page depends on.

    Attributes:
        page: file name, e.g. `mutualmarket_c.aspx`.
        language, market: which of the six variants.
        today: the site's today.
        asked: what the date field shows.
        shown: day of the list below, or None for the landing page.
        order: what the rows are sorted by, and whether ascending.
        alert: the site's message to the user.
        state: hidden fields of the form.
    """

    page: str
    language: Language
    market: str
    today: date
    asked: str
    shown: date | None
    order: tuple[str, bool]
    alert: str | None
    state: Mapping[str, str]


def _columns(market: str, language: Language, edits: Edits) -> list[tuple[str, str]]:
    headings = (*_COLUMNS[language], _PERCENT[market, language])
    keys = ("stock-code", "stock-name", "shareholding", "shareholding-percent")
    return [column(key, heading, edits=edits, language=language) for key, heading in zip(keys, headings, strict=True)]


def rows(listed: DayList, *, market: str, language: Language, order: tuple[str, bool], edits: Edits = NO_EDITS) -> str:
    """Return the table's rows as HTML, in the order that was asked for; this is the costly part of a page."""
    names = listed.names_en if language == "en" else listed.names_zh
    lines = list(zip(listed.codes, names, listed.shares, listed.percents, strict=True))
    sort_by, ascending = order
    if sort_by == "stockname":
        lines.sort(key=lambda line: line[1])
    elif sort_by == "shareholding":
        lines.sort(key=lambda line: line[2])
    elif sort_by == "shareholdingpercent":
        lines.sort(key=lambda line: -1 if line[3] is None else line[3])
    if not ascending:
        lines.reverse()
    if edits.half:
        del lines[(len(lines) + 1) // 2 :]
    flat = [part for pair in _columns(market, language, edits) for part in pair]
    row = _ROW.format(*(part.replace("%", "%%") for part in flat))
    return "".join([row % (code, escape(name), number(held), percent(pct)) for code, name, held, pct in lines])


def render(view: HoldingsView, *, table_rows: str, edits: Edits = NO_EDITS) -> str:
    """Return the page. `table_rows` is what `rows` made; without a shown day it is not used."""
    result = "" if view.shown is None else _result(view, view.shown, table_rows, edits)
    query = f"?t={view.market}"
    language = view.language
    form = form_open(view.page, view.page + query, view.state, postback=False)
    body = f"""{form}        {hidden("today", f"{view.today:%Y%m%d}")}
        {hidden("sortBy", view.order[0])}
        {hidden("sortDirection", "asc" if view.order[1] else "desc")}
        {hidden("originalShareholdingDate", view.asked)}
        {hidden("alertMsg", view.alert)}
{_search_panel(view)}
        <div class="container content-container ccass-search-container content-container-reset">
            <main class="ccass-search search-result-page">
            <div class="ccass-search-content">
                <div class="ccass-search-result">
                    {result}
                </div>
            </div>
            </main>
        </div>
    </form>"""
    return shell(language=language, page=view.page, query=query, title=_TITLE[language], body=body)


def _search_panel(view: HoldingsView) -> str:
    language = view.language
    label = _SEARCH[language]
    return f"""        <div class="content-container content-container-reset">
            <main class="common-page-content">
            <div class="container">
                <h1 class="banner__pageheading">{_TITLE[language]}</h1>
                <div class="section-panel">
                    <div class="section-panel-body">
                        <p>{_ABOUT[language]}</p>
                        <div class="filter__container-ccass-mutual-market">
                            <div class="filter__inputGroup">
                                <ul>
                                    <li>
                                        <div>{_DATE[language]}:</div>
                                    </li>
                                    <li>
                                        <div class="form-input-text">
                                            <input name="txtShareholdingDate" type="text" value="{escape(view.asked)}" \
id="txtShareholdingDate" class="input-searchDate active" placeholder="yyyy/mm/dd" autocomplete="off" />
                                        </div>
                                    </li>
                                </ul>
                            </div>
                            <div class="filter__buttonGroup">
                                <input type="submit" name="btnSearch" value="{label}" \
onclick="return sdwCheckDate(document.getElementById('txtShareholdingDate').value);" id="btnSearch" title="{label}" \
class="btn-blue" />
                            </div>
                        </div>
                    </div>
                </div>
            </div>
            </main>
        </div>"""


def _result(view: HoldingsView, shown: date, table_rows: str, edits: Edits) -> str:
    columns = _columns(view.market, view.language, edits)
    heads = "".join(
        f"""
                                        <th data-column-class="{css}" data-sort-by="{sort}" \
class="{css} tablesorter-header{" market-" + view.market if sort == "shareholdingpercent" else ""}" tabindex="0" \
data-sort-dir-default="{"desc" if sort.startswith("shareholding") else "asc"}">{heading}</th>"""
        for (css, heading), sort in zip(columns, SORTS, strict=True)
    )
    current = columns[SORTS.index(view.order[0])][1]
    stated = f"{_DATE[view.language]}: {slashed(shown)}"
    return f"""<div id="pnlResult">

                        <h2 class="ccass-heading">
                            <span style="text-decoration:underline;">{stated}</span>
                            <br />{_HEADING[view.language]}:
                        </h2>
                        <div class="page-list-mobile-toolbar">
                            <div class="mobileSort">
                                <a tabindex="0" class="sort__dropdown">{_SORT[view.language]}: \
<span class="current-sort-by">{current}</span></a>
                            </div>
                        </div>
                        <div class="search-details-table-container table-mobile-list-container">
                            <table id="mutualmarket-result" class="table table-scroll table-sort table-mobile-list" \
data-sortlist="[[0, 0]]" >
                                <thead>
                                    <tr>{heads}
                                    </tr>
                                </thead>
                                <tbody>
                                {table_rows}
                                </tbody>
                            </table>
                        </div>

</div>"""
