"""`searchsdw.aspx`: the participants that hold a stock, in English and Traditional Chinese."""

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
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from fin_assets.sandbox.sites.hkex_southbound.participants import Holder, ParticipantList

SORTS: Final = ("participantid", "participantname", "address", "shareholding", "percent")
_KEYS: Final = ("participant-id", "participant-name", "address", "shareholding", "shareholding-percent")

_TITLE: Final = {"en": "CCASS Shareholding Search", "zh": "中央結算系統持股紀錄查詢服務"}
_WORDS: Final = {
    "en": {
        "date": "Shareholding Date",
        "code": "Stock Code",
        "name": "Name",
        "participant_id": "CCASS Participant ID",
        "participant_name": "Name of CCASS Participant",
        "stocks": "List of Stocks &gt;",
        "search": "Search",
        "clear": "Clear All",
        "shares": "Shareholding in CCASS",
        "number": "Number of Participants",
        "percent": "% of the total number of Issued Shares/ Warrants/ Units",
        "market": "Market Intermediaries",
        "consenting": "Consenting Investor Participants",
        "hidden": "Non-consenting Investor Participants",
        "total": "Total",
        "issued": "Total number of Issued Shares/Warrants/Units\n(last updated figure)",
        "detail": "Detail of Market Intermediaries/Consenting Investor Participants:",
        "sort": "Sort by",
        "about": "Pick a day and a stock to see who held it. A day without records shows the last one before it.",
    },
    "zh": {
        "date": "持股日期",
        "code": "股份代號",
        "name": "股份名稱",
        "participant_id": "中央結算系統參與者編號",
        "participant_name": "中央結算系統參與者名稱",
        "stocks": "股份名單 &gt;",
        "search": "搜尋",
        "clear": "清除",
        "shares": "於中央結算系統的持股量",
        "number": "參與者數目",
        "percent": "佔已發行股份/權證/單位百分比",
        "market": "市場中介者",
        "consenting": "願意披露的投資者戶口持有人",
        "hidden": "不願意披露的投資者戶口持有人",
        "total": "總數",
        "issued": "已發行股份/權證/單位\n(最近更新數目)",
        "detail": "市場中介者/願意披露的投資者戶口持有人的紀錄:",
        "sort": "排序",
        "about": "選擇日期及股份以查看持股的參與者。如該日沒有紀錄，則顯示之前最後一日的紀錄。",
    },
}  # fmt: skip
_HEADINGS: Final = {
    "en": (
        "Participant ID",
        "Name of CCASS Participant<br />(* for Consenting Investor Participants )",
        "Address",
        "Shareholding",
        "% of the total number of Issued Shares/ Warrants/ Units",
    ),
    "zh": (
        "參與者編號",
        "中央結算系統參與者名稱<br />(*即願意披露的投資者戶口持有人)",
        "地址",
        "持股量",
        "佔已發行股份/權證/單位百分比",
    ),
}

_ROW: Final = """
<tr>
<td class="{0}">
<div class="mobile-list-heading">{1}:</div>
<div class="mobile-list-body">%s</div>
</td>
<td class="{2}">
<div class="mobile-list-heading">{3}:</div>
<div class="mobile-list-body">%s</div>
</td>
<td class="{4}">
<div class="mobile-list-heading">{5}:</div>
<div class="mobile-list-body">%s</div>
</td>
<td class="{6} text-right">
<div class="mobile-list-heading">{7}:</div>
<div class="mobile-list-body">%s</div>
</td>

<td class="{8} text-right">
<div class="mobile-list-heading">{9}:</div>
<div class="mobile-list-body">%s</div>
</td>

</tr>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantsView:
    """Everything that one rendering of the page depends on.

    Attributes:
        page, language, today, alert, state: as on the holdings page.
        asked: what the date field shows; the result page echoes it and states no other date.
        code, name: what the stock fields show.
        found: the result, or None for the landing page.
        order: what the rows are sorted by, and whether ascending.
    """

    page: str
    language: Language
    today: date
    asked: str
    code: str
    name: str
    found: ParticipantList | None
    order: tuple[str, bool]
    alert: str | None
    state: Mapping[str, str]


def _columns(language: Language, edits: Edits) -> list[tuple[str, str]]:
    pairs = zip(_KEYS, _HEADINGS[language], strict=True)
    return [column(key, heading, edits=edits, language=language) for key, heading in pairs]


def _sorted(holders: Sequence[Holder], view: ParticipantsView) -> list[Holder]:
    sort_by, ascending = view.order
    if sort_by == "participantid":
        return sorted(holders, key=lambda h: h.participant_id or "~", reverse=not ascending)
    if sort_by == "participantname":
        return sorted(holders, key=lambda h: h.name_en if view.language == "en" else h.name_zh, reverse=not ascending)
    return sorted(holders, key=lambda h: h.shares, reverse=not ascending)


def _rows(view: ParticipantsView, found: ParticipantList, edits: Edits) -> str:
    holders = _sorted(found.holders, view)
    if edits.half:
        del holders[(len(holders) + 1) // 2 :]
    flat = [part.replace("<br />", " ") for pair in _columns(view.language, edits) for part in pair]
    row = _ROW.format(*(part.replace("%", "%%") for part in flat))
    english = view.language == "en"
    return "".join([
        row
        % (
            holder.participant_id,
            ("" if holder.participant_id else "*") + escape(holder.name_en if english else holder.name_zh),
            escape(holder.address),
            number(holder.shares),
            percent(holder.shares * 10_000 // found.issued),
        )
        for holder in holders
    ])  # fmt: skip


def _summary_row(words: Mapping[str, str], category: str, shares: int, count: int, issued: int) -> str:
    css = "ccass-search-datarow ccass-search-total" if category == "total" else "ccass-search-datarow"
    cells = (
        ("shareholding", words["shares"], number(shares)),
        ("number-of-participants", words["number"], number(count)),
        ("percent-of-participants", words["percent"], percent(shares * 10_000 // issued)),
    )
    parts = "".join(
        f'\n<div class="{cell}">\n<div class="header">{heading}</div>\n<div class="value">{value}</div>\n</div>'
        for cell, heading, value in cells
    )
    return f'\n<div class="{css}">\n<div class="summary-category">{words[category]}</div>{parts}\n</div>\n'


def _summary(words: Mapping[str, str], found: ParticipantList) -> str:
    market = [h.shares for h in found.holders if h.participant_id]
    consenting = [h.shares for h in found.holders if not h.participant_id]
    groups = [
        ("market", sum(market), len(market)),
        ("consenting", sum(consenting), len(consenting)),
        ("hidden", found.hidden_shares, found.hidden),
    ]
    total = ("total", sum(shares for _, shares, _ in groups), sum(count for _, _, count in groups))
    # The site leaves a group out that holds nothing.
    lines = "".join(_summary_row(words, *group, found.issued) for group in [*(g for g in groups if g[2]), total])
    head = "".join(
        f'\n<div class="{css}">\n<div class="header">{words[key]}</div>\n</div>'
        for css, key in (
            ("shareholding", "shares"),
            ("number-of-participants", "number"),
            ("percent-of-participants", "percent"),
        )
    )
    return f"""<div id="pnlResultSummary">

<div class="ccass-search-summary-table ">
<div class="ccass-search-headerrow">{head}
</div>
{lines}
<div class="ccass-search-remarks">
<div class="summary-header">
{words["issued"]}
</div>
<div class="summary-value">{number(found.issued)}</div>
</div>
</div>
<hr />

</div>"""


def _head(css: str, heading: str, sort: str) -> str:
    if sort in {"address", "percent"}:
        more = ' sorter-false"'
    else:
        first = "desc" if sort == "shareholding" else "asc"
        more = f' tablesorter-header" data-sort-by="{sort}" data-sort-dir-default="{first}"'
    return f'\n<th data-column-class="{css}" class="{css}{more} tabindex="0">{heading}</th>'


def _detail(view: ParticipantsView, found: ParticipantList, edits: Edits) -> str:
    words = _WORDS[view.language]
    columns = zip(_columns(view.language, edits), SORTS, strict=True)
    heads = "".join(_head(css, heading, sort) for (css, heading), sort in columns)
    current = _HEADINGS[view.language][SORTS.index(view.order[0])].split("<br")[0]
    return f"""<div id="pnlResultNormal">

<h2 class="ccass-heading">{words["detail"]}</h2>
<div class="page-list-mobile-toolbar">
<div class="mobileSort">
<a tabindex="0" class="sort__dropdown">{words["sort"]}: <span class="current-sort-by">{current}</span></a>
</div>
</div>
<div class="search-details-table-container table-mobile-list-container">
<table class="table table-scroll table-sort table-mobile-list ">
<thead>
<tr>{heads}
</tr>
</thead>
<tbody>
{_rows(view, found, edits)}
</tbody>
</table>
</div>

</div>"""


def _input(css: str, name: str, label: str, value: str, extra: str) -> str:
    told = f' value="{escape(value)}"' if value else ""
    return (
        f'<li class="filter__container-input {css}">\n<div class="form-input-text">\n'
        f'<label for="{name}">{label}</label>\n'
        f'<input name="{name}" type="text"{told} id="{name}"{extra} />\n</div>\n</li>'
    )


def _search_bar(view: ParticipantsView) -> str:
    words = _WORDS[view.language]
    stocks = f"stocklist.aspx?sortby=stockcode&amp;shareholdingdate={escape(view.asked.replace('/', ''))}"
    fields = "\n".join((
        _input("searchDate", "txtShareholdingDate", words["date"], view.asked,
               ' class="input-searchDate active" placeholder="yyyy/mm/dd" readonly="readonly"'),
        _input("searchStockCodeName searchStock_Code", "txtStockCode", words["code"], view.code,
               ' maxlength="5" placeholder="e.g. 00001"'),
        _input("searchStockCodeName searchStock_Name", "txtStockName", words["name"], view.name, ' maxlength="80"'),
        _input("searchParticipantIDName searchParticipant_ID", "txtParticipantID", words["participant_id"], "",
               ' maxlength="6" placeholder="e.g. A00003"'),
        _input("searchParticipantIDName searchParticipant_Name", "txtParticipantName", words["participant_name"], "",
               ' maxlength="80"'),
    ))  # fmt: skip
    return f"""<section class="ccass-search-search-bar search-bar">
<div class="container search-component">
<div class="filter__container-ccass-shareholding search-bar-filter__container">
<div class="filter__inputGroup">
<ul>
{fields}
</ul>
<input name="txtSelPartID" type="text" id="txtSelPartID" style="display:none;" />
</div>
<div class="filter__buttonGroup">
<a class="reminder" href="{stocks}">{words["stocks"]}</a>
<a class="btn-clearall filter__btn-clearallFilters-js" href="#">{words["clear"]}</a>
<a id="btnSearch" title="{words["search"]}" class="btn-blue" tabindex="0">{words["search"]}</a>
</div></div>
</div>
</section>"""


def render(view: ParticipantsView, *, edits: Edits = NO_EDITS) -> str:
    """Return the page."""
    words = _WORDS[view.language]
    form = form_open(view.page, view.page, view.state, postback=True)
    if view.found is None:
        content = f"""<div class="container content-container ccass-landing-container content-container-reset">
<main class="ccass-landing">
<div class="ccass-landing-desc">
<p>{words["about"]}</p>
</div>
</main>
</div>"""
    else:
        content = f"""<div class="container content-container ccass-search-container content-container-reset">
<main class="ccass-search search-result-page">
<div class="ccass-search-content">
<div class="ccass-search-result">
{_summary(words, view.found)}

{_detail(view, view.found, edits)}

</div>
</div>

</main>
</div>"""
    body = f"""{form}{hidden("today", f"{view.today:%Y%m%d}")}
{hidden("sortBy", view.order[0])}
{hidden("sortDirection", "asc" if view.order[1] else "desc")}
{hidden("originalShareholdingDate", view.asked if view.found is not None else None)}
{hidden("alertMsg", view.alert)}

<div id="hkex_news_topbanner"><h1 class="container banner__pageheading">{_TITLE[view.language]}</h1></div>
{_search_bar(view)}
{content}
</form>"""
    return shell(language=view.language, page=view.page, query="", title=_TITLE[view.language], body=body)
