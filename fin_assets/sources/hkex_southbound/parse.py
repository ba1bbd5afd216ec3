"""Bytes of the two search pages -> raw frames, strictly. Pure: no network, no clock.

A page is read whole or not at all: what an identity needs and is missing, renamed, unreadable or contradicts the page's own
sums raises the failure that names it. What none needs (names, addresses, percents) is null where it is not understood, and
noted. Which date was asked for, and what another date means, is not known here. The page of participants
is read in `participants.py`; how tables and texts are read is in `page.py` and `reading.py`; types and rules of the
staged tables are in `schema.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal, cast

import polars as pl
from selectolax.lexbor import LexborHTMLParser, LexborNode

from fin_assets.core.contract.failures import CollectionFailure, Drift, HalfTable, MissingPanel
from fin_assets.core.contract.unread import Unread
from fin_assets.sources.hkex_southbound.page import (
    NAME_WORDS,
    PERCENT_WORDS,
    SHAREHOLDING,
    Column,
    Language,
    evidence,
    field,
    language,
    missing_panel,
    open_page,
    read_table,
    require_continues,
    require_own_page,
    result_table,
)
from fin_assets.sources.hkex_southbound.participants import (
    ParticipantsPage,
    ParticipantsSummary,
    SummaryLine,
    parse_participants,
    require_stock,
)
from fin_assets.sources.hkex_southbound.reading import (
    clean,
    is_chinese,
    lenient_percent,
    plain,
    read_dates,
    read_integer,
    read_stock_code,
)

__all__ = [
    "HOLDINGS_RAW",
    "PARSER_VERSION",
    "HoldingsPage",
    "Market",
    "ParticipantsPage",
    "ParticipantsSummary",
    "SummaryLine",
    "parse_holdings",
    "parse_participants",
    "require_market",
    "require_own_page",
    "require_stock",
]

Market = Literal["hk", "sh", "sz"]

PARSER_VERSION = "2"
"""Changes whenever the same bytes give other rows."""

HOLDINGS_COLUMNS = (
    Column("col-stock-code", ("code", "代號", "代号", "代碼", "代码", "編號", "编号"), needed=True),
    Column("col-stock-name", NAME_WORDS),
    SHAREHOLDING,
    Column("col-shareholding-percent", PERCENT_WORDS),
)
HOLDINGS_RAW = {
    "stock_code": pl.String,
    "stock_name": pl.String,
    "name_language": pl.String,
    "a_share_code": pl.String,
    "shareholding_shares": pl.Int64,
    "pct_of_issued": pl.Float64,
}

_HEADING_LENGTH = 80
_DATE_LABEL = re.compile(r"shareholding date|持股日期", re.IGNORECASE)
_MARKET_IN_ACTION = re.compile(r"[?&]t=(hk|sh|sz)\b", re.IGNORECASE)
_MARKET_WORDS: tuple[tuple[Market, re.Pattern[str]], ...] = (
    ("sh", re.compile(r"\bSSE\b|Shanghai|上交所|上海")),
    ("sz", re.compile(r"\bSZSE\b|Shenzhen|深交所|深圳")),
    ("hk", re.compile(r"Issued|已發行|已发行", re.IGNORECASE)),
)
_A_SHARE_CODE = re.compile(r"\(\s*A\s*#\s*(\d{6})\s*\)", re.IGNORECASE)
_NO_RECORD = re.compile(
    r"no (?:matching |match )?record|no (?:record|data) (?:is |was )?found|沒有.{0,8}[紀記]錄|没有.{0,8}[纪记]录",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingsPage:
    """A page of Stock Connect holdings.

    Attributes:
        stated_date: the date in the heading of the list, the only one that says what the list is of.
        market: `hk` southbound, `sh` and `sz` northbound.
        page_language: of the page's own labels; names may be in another.
        rows: one per stock, in the page's order; columns as `HOLDINGS_RAW`. `stock_code` has five digits,
            `pct_of_issued` is in percent (0.59 is 0.59 %), null where the page prints nothing.
        unread: what was not understood and no identity needs.
    """

    stated_date: date
    market: Market
    page_language: Language
    rows: pl.DataFrame
    unread: tuple[Unread, ...] = ()


def parse_holdings(body: bytes, *, content_type: str | None = None) -> HoldingsPage:
    """Read a page of `mutualmarket.aspx`, in any language and layout since 2017.

    Raises:
        MissingPanel: the search page without a result; the message quotes what the site says about it.
        HalfTable: a result without a single row.
        TruncatedBody: the document ends with the table.
        Drift: a column, number, code or date that is not as known; names the column or the row.
        CollectionFailure: anything that `page.require_own_page` raises.
    """
    require_own_page(body, content_type=content_type)
    with evidence(body):
        page = open_page(body, content_type=content_type)
        panel = page.css_first("#pnlResult")
        if panel is None:
            raise missing_panel(page, "#pnlResult")
        table = result_table(panel, HOLDINGS_COLUMNS) or panel.css_first("#mutualmarket-result")
        require_continues(table or panel)
        if table is None:
            raise missing_panel(page, "a table of holdings", panel)
        unread: list[Unread] = []
        headings, rows = read_table(table, HOLDINGS_COLUMNS, unread)
        stated = _heading_date(panel)
        market = _market(page, table, headings.get("col-shareholding-percent", ""))
        if not rows:
            raise _empty_table(page, panel, f"holdings of {market} on {stated}")
        frame = _holdings_rows(rows, unread)
        return HoldingsPage(
            stated_date=stated, market=market, page_language=language(headings), rows=frame, unread=tuple(unread)
        )


def require_market(page: HoldingsPage, unit: str) -> None:
    """Return if `page` is the one that `unit`, named `market/language` ("hk/en"), asks for.

    Raises:
        Drift: it is of another market or in another language.
    """
    shown = f"{page.market}/{page.page_language}"
    if shown != unit:
        raise Drift(f"asked for {unit}, the page is of {shown}")


def _empty_table(page: LexborHTMLParser, panel: LexborNode, what: str) -> CollectionFailure:
    # The site has never published an empty list: without its own word that there is no record, rows are missing.
    said = field(page, "alertMsg") or clean(panel.text(separator=" "))
    if words := _NO_RECORD.search(said):
        return MissingPanel(f"the table of {what} is empty; the site says: {words[0]!r}")
    return HalfTable(f"the table of {what} has no rows, and the site does not say why")


def _heading_date(panel: LexborNode) -> date:
    """Return the date of the list's heading: form fields echo the date asked for, whatever list is shown."""
    texts = [plain(node.text(separator=" ")) for node in panel.css("h2.ccass-heading")]
    if not texts:
        # Pages before 2018 state it in an element without a name: a short text with the label.
        nodes = panel.css("h1, h2, h3, div, span, p, b, td")
        texts = [text for node in nodes if len(text := plain(node.text(separator=" "))) <= _HEADING_LENGTH]
    labelled = [text for text in texts if _DATE_LABEL.search(text)]
    dates = {stated for text in labelled for stated in read_dates(text)}
    if len(dates) != 1:
        said = f"{len(dates)} dates: {', '.join(map(str, sorted(dates)))}" if dates else "no date"
        raise Drift(f"the heading of the list (h2.ccass-heading) states {said}")
    return dates.pop()


def _market(page: LexborHTMLParser, table: LexborNode, percent_heading: str) -> Market:
    """Return the market, by the form's address, the percent column's class and its words; they must not disagree."""
    votes: dict[str, str] = {}
    for form in page.css("form[action]"):
        if match := _MARKET_IN_ACTION.search(form.attributes.get("action") or ""):
            votes["the form's address"] = match[1].lower()
    for market in ("hk", "sh", "sz"):
        if table.css_first(f"th.market-{market}") is not None:
            votes["the class of the percent column"] = market
    for market, words in _MARKET_WORDS:
        if words.search(plain(percent_heading)):
            votes["the percent heading"] = market
            break
    if len(set(votes.values())) != 1:
        said = ", ".join(f"{place} says {market}" for place, market in votes.items()) or "nothing says which"
        raise Drift(f"the market of the page is unclear: {said}")
    return cast("Market", next(iter(votes.values())))


def _holdings_rows(texts: list[dict[str, str | None]], unread: list[Unread]) -> pl.DataFrame:
    rows: list[tuple[object, ...]] = []
    seen: dict[str, int] = {}
    for number, text in enumerate(texts, start=1):
        code = read_stock_code(text["col-stock-code"] or "", where=f"row {number}, stock code")
        if code in seen:
            raise Drift(f"rows {seen[code]} and {number} both have stock code {code}")
        seen[code] = number
        where = f"row {number} ({code})"
        name = text["col-stock-name"]
        if name == "":
            unread.append(Unread(f"{where}, name", "nothing"))
        a_share = _A_SHARE_CODE.search(plain(name or ""))
        rows.append(
            (
                code,
                name or None,
                ("zh" if is_chinese(name) else "en") if name else None,
                a_share[1] if a_share else None,
                read_integer(text["col-shareholding"] or "", where=f"{where}, shareholding"),
                lenient_percent(
                    text["col-shareholding-percent"] or "",
                    where=f"{where}, percent",
                    unread=unread,
                ),
            )
        )
    return pl.DataFrame(rows, schema=HOLDINGS_RAW, orient="row")
