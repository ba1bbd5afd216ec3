"""HTML of IndoPremier's broker table: the module, the page that embeds it, and numbers as that site prints them.

Ids, classes, labels and the order of cells are the real site's, because readers depend on them; all other wording is our
own. Values come ready: nothing is looked up here.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import zip_longest
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from fin_assets.sandbox.pages.assets import ICON_PATH, STYLE_PATH
from fin_assets.sandbox.rendered import NO_EDITS
from fin_assets.sandbox.sites.idx_brokers.brokers import brokers
from fin_assets.sandbox.sites.idx_brokers.market import LOT
from fin_assets.sandbox.sites.idx_brokers.options import IPOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from fin_assets.sandbox.rendered import Edits
    from fin_assets.sandbox.sites.idx_brokers.flows import Row, Table

MODULE: Final = f"{IPOT}/module/saham/include/data-brokersummary.php"
INVALID_CODE: Final = "Invalid stock code"
TOP: Final = 10
"""Rows a side without the complete list."""
HEADINGS: Final = ("Buyer", "B.Lot", "B.Val", "B.Avg", "#", "Seller", "S.Lot", "S.Val", "S.Avg")
_MILLION: Final = 10**6
_BILLION: Final = 10**9
_RENAMED: Final = "Figure X"
_INVESTORS: Final = {"all": "All", "F": "Foreign", "D": "Domestic"}
_BOARDS: Final = {"all": "All Trade", "RG": "Regular", "TN": "Tunai", "NG": "Nego"}
_EMPTY_SIDE: Final = ('<td align="center"></td>',) + ('<td align="right"></td>',) * 3
_GO: Final = (
    "quickinfo_brokersummary($('#stockPageCode').val()!==undefined?$('#stockPageCode').val():$('#stockInfoCode').val(),"
    "$('#startDateBrokerSummary').val(),$('#endDateBrokerSummary').val(),$('#FDBrokerSummary').val(),"
    "$('#boardBrokerSummary').val());"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableView:
    """What one answer of the module shows; `complete` is the list behind the link "more"."""

    code: str
    start: date
    end: date
    investor: str
    board: str
    table: Table
    complete: bool
    more: bool


def american(day: date) -> str:
    """Return a date as the site writes it: 10/31/2022."""
    return f"{day:%m/%d/%Y}"


def _tenths(value: int, unit: int) -> str:
    """Return value / unit with one decimal, halves away from zero, in whole numbers throughout."""
    tenths = (abs(value) * 20 + unit) // (unit * 2)
    return f"{'-' if value < 0 else ''}{tenths // 10:,}.{tenths % 10}"


def money(value: int) -> str:
    """Return rupiah as printed: `254.4 B`, `847.9 M`, below a million `279,070 ` with its trailing blank."""
    if abs(value) >= _BILLION:
        return f"{_tenths(value, _BILLION)} B"
    if abs(value) >= _MILLION:
        return f"{_tenths(value, _MILLION)} M"
    return f"{value:,} "


def lots(count: int) -> str:
    """Return lots as printed: `308,724 `, from a million on `1.2 M`."""
    return f"{_tenths(count, _MILLION)} M" if count >= _MILLION else f"{count:,} "


def average(value: int, shares: int) -> str:
    """Return an average price as printed: whole rupiah, cut off, not rounded."""
    return f"{value // shares:,} " if shares else "0 "


def _side(row: Row, colour: str) -> tuple[str, str, str, str]:
    members = brokers()
    code, kind = members.codes[row.broker], members.types[row.broker]
    figures = (lots(row.lots), money(row.value), average(row.value, row.shares))
    return (
        f'<td align="center"><span class="text-{kind}">{code}</span></td>',
        *(f'<td align="right"><span class="{colour}">{figure}</span></td>' for figure in figures),
    )  # type: ignore[return-value]


def _rows(view: TableView, edits: Edits) -> str:
    shown = None if view.complete else TOP
    buy, sell = view.table.buy[:shown], view.table.sell[:shown]
    if edits.wrong_lots:
        first = (buy or sell)[0]
        wrong = type(first)(first.broker, first.shares + max(first.shares // LOT // 10, 1) * LOT, first.value)
        buy, sell = ([wrong, *buy[1:]], sell) if buy else (buy, [wrong, *sell[1:]])
    lines = [
        (*left, f'<td align="center">{number}</td>', *right)
        for number, (left, right) in enumerate(
            zip_longest(
                (_side(row, "text-up") for row in buy),
                (_side(row, "text-down") for row in sell),
                fillvalue=_EMPTY_SIDE,
            ),
            start=1,
        )
    ]
    if edits.half:
        lines = lines[: len(lines) // 2]
    return "\n".join(f"\t\t\t<tr>{''.join(cells)}</tr>" for cells in lines)


def _options(chosen: str, labels: Mapping[str, str]) -> str:
    # As on the site the default carries no mark.
    return "".join(
        f'<option value="{value}"{" selected" if value == chosen != "all" else ""}>{label}</option>'
        for value, label in labels.items()
    )


def _head(edits: Edits) -> str:
    return "".join(
        f'<th align="{"center" if name in {"Buyer", "#", "Seller"} else "right"}">'
        f"{_RENAMED if name == edits.renamed else name}</th>"
        for name in HEADINGS
    )


def _more(view: TableView) -> str:
    if view.complete or not view.more or max(len(view.table.buy), len(view.table.sell)) <= TOP:
        return ""
    asked = {
        "code": view.code,
        "start": american(view.start),
        "end": american(view.end),
        "fd": view.investor,
        "board": view.board,
        "list": "full",
    }
    address = f"{MODULE}?{urlencode(asked, safe='/')}"
    return f'\n\t\t\t\t<a class="more" href="{escape(address)}">more</a>'


def module(view: TableView, *, edits: Edits = NO_EDITS) -> str:
    """Return the module; its footer states the whole whatever the rows show."""
    table = view.table
    footer = (
        f"T. Val : {money(table.value)}",
        f"F. NVal : {money(table.foreign_net)}",
        f"T.Lot : {lots(table.shares // LOT)}",
        f"Avg : {average(table.value, table.shares)}",
    )
    spans = "\n".join(f'\t\t\t\t<span class="fsize12 ml5 mr5">{text}</span>' for text in footer)
    return f"""<!--DATA BROKER SUMMARY-->
<div class="pa5">
\t<div class="row mincol-3">
\t\t{_date_input("startDate", view.start)}
\t\t{_date_input("endDate", view.end)}
\t\t<div class="col"><select class="form-control input-xs" id="FDBrokerSummary">\
{_options(view.investor, _INVESTORS)}</select></div>
\t\t<div class="col"><select class="form-control input-xs" id="boardBrokerSummary">\
{_options(view.board, _BOARDS)}</select></div>
\t\t<div class="col"><button type="button" class="btn btn-default btn-block btn-xs-input" onclick="{_GO}">GO</button></div>
\t</div>
</div>
<div class="table-responsive">
\t<table class="table table-summary table-hover noborder nm" width="100%" cellspacing="0" cellpadding="0" border="0">
\t\t<thead>
\t\t\t<tr>{_head(edits)}</tr>
\t\t</thead>
\t\t<tbody>
{_rows(view, edits)}
\t\t</tbody>
\t\t<tfoot>
\t\t\t<tr class="bdr-t"><th colspan="9" align="center"><div class="text-center pt20 valign-middle">
{spans}{_more(view)}
\t\t\t</div></th></tr>
\t\t</tfoot>
\t</table>
</div>
"""


def _date_input(name: str, day: date) -> str:
    return (
        f'<div class="col"><input class="form-control input-xs text-center hasDatepicker" id="{name}BrokerSummary" '
        f'name="{name}" placeholder="DD Month YYYY" value="{american(day)}" type="text"></div>'
    )


def page(*, code: str, name: str, last: int, content: str) -> str:
    """Return the stock's page that embeds the module."""
    return f"""<!DOCTYPE html>
<html lang="id"><head><meta charset="UTF-8" /><title>{escape(code)} - {escape(name)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1" />
<link rel="icon" href="{ICON_PATH}" /><link rel="stylesheet" href="{STYLE_PATH}" />
<script>{_SCRIPT}</script></head>
<body><main class="container plain" data-tag="parent" data-stock="{escape(code)}" data-last="{last}">
<input type="hidden" id="stockPageCode" value="{escape(code)}">
<h5>{escape(code)}</h5><h4 class="nm">{escape(name)}</h4>
<div class="panel panel-default bdr-a"><div class="panel-heading"><h3 class="panel-title">Broker Summary</h3></div>
<div class="panel-collapse pull out" id="modContentBrokerSum">
{content}</div></div>
<p>This is an embedded test site. Its numbers are generated or come from a file that was given to it.</p>
</main></body></html>
"""


_SCRIPT: Final = (
    "function $(s){var e=document.querySelector(s);return{val:function(){return e?e.value:undefined}}}"
    "function quickinfo_brokersummary(code,start,end,fd,board){"
    f"fetch('{MODULE}?'+new URLSearchParams({{code:code,start:start,end:end,fd:fd,board:board}}))"
    ".then(function(r){return r.text()})"
    ".then(function(t){document.getElementById('modContentBrokerSum').innerHTML=t})}"
)
