"""The page of CCASS participants of one stock: bytes -> raw frame, proven against the page's own summary.

Pure: no network, no clock. `parse.py` is the door to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

import polars as pl
from selectolax.lexbor import LexborHTMLParser, LexborNode

from fin_assets.core.contract.failures import Drift, HalfTable
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
from fin_assets.sources.hkex_southbound.reading import (
    MOST_PERCENT,
    clean,
    lenient_percent,
    plain,
    read_dates,
    read_integer,
    read_stock_code,
)

PARTICIPANTS_COLUMNS = (
    Column("col-participant-id", ("participantid", "編號", "编号"), needed=True),
    Column("col-participant-name", NAME_WORDS, needed=True),
    Column("col-address", ("address", "地址")),
    SHAREHOLDING,
    Column("col-shareholding-percent", PERCENT_WORDS, silent=True),
)
PARTICIPANTS_RAW = {
    "line_no": pl.Int32,
    "participant_id": pl.String,
    "participant_name": pl.String,
    "participant_kind": pl.String,
    "is_consenting": pl.Boolean,
    "address": pl.String,
    "shareholding_shares": pl.Int64,
    "pct_of_issued": pl.Float64,
}

_PARTICIPANT_ID = re.compile(r"[A-Z]\d{5}")
_KINDS = {"A": "clearing", "B": "broker", "C": "custodian", "P": "pledgee"}


@dataclass(frozen=True, slots=True)
class SummaryLine:
    """A line of the page's own summary: shares, number of participants, percent of issued shares if printed."""

    shares: int = 0
    participants: int = 0
    pct_of_issued: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantsSummary:
    """The page's own summary. A line that the page leaves out is zero."""

    market_intermediaries: SummaryLine
    consenting: SummaryLine
    non_consenting: SummaryLine
    total: SummaryLine


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantsPage:
    """A page of CCASS participants of one stock.

    Attributes:
        stated_date: the date that the result echoes. The list has no dated heading, and at weekends the site answers
            with Friday's list under the day that was asked for.
        stock_code, stock_name: five digits; as printed.
        page_language: of the page's own labels.
        summary: the page's own sums; the rows have been proven against them.
        issued_shares: as last updated by the site, of all counters together; None where the page does not say.
        rows: one per participant, in the page's order; columns as `PARTICIPANTS_RAW`. Shares may be below zero (the
            site's remarks explain when), `participant_id` is null for investors.
        unread: what was not understood and no identity needs.
    """

    stated_date: date
    stock_code: str
    stock_name: str
    page_language: Language
    summary: ParticipantsSummary
    issued_shares: int | None
    rows: pl.DataFrame
    unread: tuple[Unread, ...] = ()


def parse_participants(body: bytes, *, content_type: str | None = None) -> ParticipantsPage:
    """Read a result page of `searchsdw.aspx`, in any language and layout since April 2018.

    Raises:
        MissingPanel: the search page without a result; the message quotes what the site says about it.
        HalfTable: fewer rows than the page's own summary counts.
        TruncatedBody: the document ends with the summary or the table.
        Drift: more rows than the summary counts, other sums, or a column, number or label that is not as known.
        CollectionFailure: anything that `page.require_own_page` raises.
    """
    require_own_page(body, content_type=content_type)
    with evidence(body):
        page = open_page(body, content_type=content_type)
        summary_panel, panel = page.css_first("#pnlResultSummary"), page.css_first("#pnlResultNormal")
        if summary_panel is not None:
            require_continues(summary_panel)
        if summary_panel is None or panel is None:
            raise missing_panel(page, "#pnlResultSummary" if summary_panel is None else "#pnlResultNormal")
        table = result_table(panel, PARTICIPANTS_COLUMNS) or panel.css_first("table")
        require_continues(table or panel)
        if table is None:
            raise missing_panel(page, "a table of participants", panel)
        unread: list[Unread] = []
        summary = _summary(summary_panel, unread)
        headings, texts = read_table(table, PARTICIPANTS_COLUMNS, unread)
        rows = _participants_rows(texts, unread)
        _require_sums(rows, summary)
        code, name = _stock(page)
        issued = summary_panel.css_first(".ccass-search-remarks .summary-value") or page.css_first(".summary-value")
        return ParticipantsPage(
            stated_date=_echoed_date(page),
            stock_code=read_stock_code(code, where="the field txtStockCode"),
            stock_name=name,
            page_language=language(headings),
            summary=summary,
            issued_shares=_issued(issued, unread),
            rows=rows,
            unread=tuple(unread),
        )


def require_stock(page: ParticipantsPage, unit: str) -> None:
    """Return if `page` is of the stock that `unit` names by its five digits.

    Raises:
        Drift: it is of another stock.
    """
    if page.stock_code != unit:
        raise Drift(f"asked for {unit}, the page is of {page.stock_code}")


def _stock(page: LexborHTMLParser) -> tuple[str, str]:
    """Return code and name: of the form, or of the bar of search terms if a browser saved the form without values."""
    bar = page.css_first(".search-bar__selectedItem-filter.searchStock")
    code, _, name = clean(bar.text(separator=" ") if bar else "").partition(" ")
    return field(page, "txtStockCode") or code, field(page, "txtStockName") or name


def _echoed_date(page: LexborHTMLParser) -> date:
    # Pages of 2019 lack the hidden field and state the date in the bar of search terms, the day first.
    bar = page.css_first(".search-bar__selectedItem-filter.searchDate")
    places = {
        "originalShareholdingDate": field(page, "originalShareholdingDate"),
        "the bar of search terms": bar.text(separator=" ") if bar else "",
        "txtShareholdingDate": field(page, "txtShareholdingDate"),
    }
    stated = {place: dates[0] for place, text in places.items() if (dates := read_dates(text))}
    if len(set(stated.values())) != 1:
        said = "; ".join(f"{place} says {day}" for place, day in stated.items()) or "no field states one"
        raise Drift(f"the date of the participants is unclear: {said}")
    return next(iter(stated.values()))


def _participants_rows(texts: list[dict[str, str | None]], unread: list[Unread]) -> pl.DataFrame:
    rows: list[tuple[object, ...]] = []
    for number, text in enumerate(texts, start=1):
        shown, printed = plain(text["col-participant-id"] or ""), text["col-participant-name"] or ""
        if shown and not _PARTICIPANT_ID.fullmatch(shown):
            raise Drift(f"row {number}: {shown[:60]!r} is not a participant id")
        # The header explains "*" as the mark of a consenting investor; it has been printed before and after the name.
        name = printed.strip("*\uff0a ")
        consenting = name != printed
        where = f"row {number} ({(shown or name)[:60]})"
        rows.append(
            (
                number,
                shown or None,
                name,
                _kind(shown, consenting=consenting),
                consenting,
                text["col-address"] or "",
                read_integer(text["col-shareholding"] or "", where=f"{where}, shareholding", negative=True),
                _percent(text["col-shareholding-percent"] or "", f"{where}, percent", unread),
            )
        )
    return pl.DataFrame(rows, schema=PARTICIPANTS_RAW, orient="row")


def _kind(participant_id: str, *, consenting: bool) -> str:
    if not participant_id:
        return "investor" if consenting else "other"
    return _KINDS.get(participant_id[0], "other")


def _percent(text: str, where: str, unread: list[Unread]) -> float | None:
    return lenient_percent(text, where=where, unread=unread, least=-MOST_PERCENT)


def _summary(panel: LexborNode, unread: list[Unread]) -> ParticipantsSummary:
    lines: dict[str, SummaryLine] = {}
    for row in panel.css(".ccass-search-datarow"):
        label = row.css_first(".summary-category")
        shown = clean(label.text(separator=" ")) if label else ""
        which = _summary_kind(shown, (row.attributes.get("class") or "").split())
        if which in lines:
            raise Drift(f"the summary has two lines {which!r}")
        where = f"summary line {shown!r}"
        lines[which] = SummaryLine(
            shares=read_integer(_summary_value(row, "shareholding"), where=f"{where}, shareholding", negative=True),
            participants=read_integer(_summary_value(row, "number-of-participants"), where=f"{where}, participants"),
            pct_of_issued=_percent(_summary_value(row, "percent-of-participants"), f"{where}, percent", unread),
        )
    if "total" not in lines:
        raise Drift(f"the summary has no total; it has {', '.join(lines) or 'no lines'}")
    summary = ParticipantsSummary(
        market_intermediaries=lines.get("market_intermediaries", SummaryLine()),
        consenting=lines.get("consenting", SummaryLine()),
        non_consenting=lines.get("non_consenting", SummaryLine()),
        total=lines["total"],
    )
    parts = [summary.market_intermediaries, summary.consenting, summary.non_consenting]
    for what, added, total in (
        ("shares", sum(part.shares for part in parts), summary.total.shares),
        ("participants", sum(part.participants for part in parts), summary.total.participants),
    ):
        if added != total:
            raise Drift(f"the summary's lines add up to {added:,} {what}, its total says {total:,}")
    return summary


def _summary_kind(label: str, classes: list[str]) -> str:
    words = plain(label).casefold().replace(" ", "")
    if words in {"total", "總數", "总数", "總計", "总计"}:
        return "total"
    if "ccass-search-total" not in classes:
        if words.startswith(("non-consenting", "nonconsenting", "不願意", "不愿意")):
            return "non_consenting"
        if words.startswith(("consenting", "願意", "愿意")):
            return "consenting"
        if words.startswith(("marketintermediar", "市場中介", "市场中介")):
            return "market_intermediaries"
    raise Drift(f"the summary has an unknown line {label[:60]!r}")


def _summary_value(row: LexborNode, cell: str) -> str:
    value = row.css_first(f".{cell} .value")
    return value.text() if value else ""


def _issued(node: LexborNode | None, unread: list[Unread]) -> int | None:
    shown = plain(node.text()) if node else ""
    try:
        issued = read_integer(shown, where="issued shares") if shown else None
    except Drift:
        issued = 0
    if issued == 0:
        unread.append(Unread.of("issued shares", shown))
    return issued or None


def _require_sums(rows: pl.DataFrame, summary: ParticipantsSummary) -> None:
    """Prove that the rows are all that the summary counts, and hold what it says."""
    wanted = summary.market_intermediaries.participants + summary.consenting.participants
    if rows.height < wanted:
        raise HalfTable(f"the page lists {rows.height:,} participants, its own summary counts {wanted:,}")
    if rows.height > wanted:
        raise Drift(f"the page lists {rows.height:,} participants, more than the {wanted:,} of its own summary")
    consents = pl.col("is_consenting")
    for what, chosen, line in (
        ("market intermediaries", rows.filter(~consents), summary.market_intermediaries),
        ("consenting investors", rows.filter(consents), summary.consenting),
    ):
        shares = int(chosen["shareholding_shares"].sum())
        if (chosen.height, shares) != (line.participants, line.shares):
            msg = (
                f"{what}: the rows are {chosen.height:,} with {shares:,} shares, "
                f"the page's own summary says {line.participants:,} with {line.shares:,}"
            )
            raise Drift(msg)
