"""The broker page: bytes -> what it states, strictly. Whether that is the whole truth is the business of `reconcile.py`.

The same module comes bare or embedded in a stock's page. Whatever it says beyond the known is Drift: a column, a class, a
number in another form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from fin_assets.core.contract.failures import Drift, HalfTable, MissingPanel
from fin_assets.core.contract.source import DateRange, Fetched, Parsed, Unit
from fin_assets.sources.idx_brokers.numbers import TextNumber, is_blank, price, text_number
from fin_assets.sources.idx_brokers.page import evidence, is_empty, open_page, read_date, require_broker_page

PARSER_VERSION = "1"

HEADINGS = ("Buyer", "B.Lot", "B.Val", "B.Avg", "#", "Seller", "S.Lot", "S.Val", "S.Avg")
KINDS = {"text-foreign": "foreign", "text-local": "local", "text-bumn": "bumn"}
"""The page paints each broker by its type."""

TOP = 10
"""Rows a side that the page shows unless the complete list is asked for."""

MORE = re.compile(
    r"\s*(?:more|show all|view all|see all|selengkapnya|lihat (?:semua|lengkap)|lainnya)\b", re.IGNORECASE
)
"""What the link to the complete list is called."""

_BUYER, _SELLER, _SIDE = 0, 5, 4
_CODE = re.compile(r"[A-Z][A-Z0-9]")
_UNKNOWN_PAINT = "tbody span" + "".join(f":not(.{name})" for name in (*KINDS, "text-up", "text-down"))
_FOOTER = re.compile(r"\s*(T\. ?Val|F\. ?NVal|T\. ?Lot|Avg)\s*:\s*(.*?)\s*", re.DOTALL)
_NO_AVERAGE = frozenset({"nan", "inf"})
_TICKER = re.compile(r"[A-Z0-9]{4,8}(?:-[A-Z0-9]{1,2})?")


class SideRow(NamedTuple):
    """What one broker bought, or sold. `kind` is what the page paints it as: foreign, local or bumn."""

    broker: str
    kind: str
    lots: TextNumber
    value: TextNumber
    average: Decimal


@dataclass(frozen=True, slots=True)
class Footer:
    """The page's totals of the whole table, shown or not. Rupiah and lots; the average is cut off to whole rupiah.

    `foreign_net_value` is the net of foreign INVESTORS, which is not the net of foreign brokers.
    """

    value: TextNumber
    foreign_net_value: TextNumber
    lots: TextNumber
    average: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerPage:
    """What a broker page states. An empty body states nothing: no dates, no rows, no footer.

    Attributes:
        start, end: the dates in its form.
        ticker, board, investor: what it says that it is of; None where it does not say (the bare module never names a ticker,
            and the form marks no default).
        buy, sell: rows of each side, as shown.
        footer: totals.
        more: where the complete list is, if the page offers one.
        encoding: in which it could be read.
    """

    start: date | None = None
    end: date | None = None
    ticker: str | None = None
    board: str | None = None
    investor: str | None = None
    buy: tuple[SideRow, ...] = ()
    sell: tuple[SideRow, ...] = ()
    footer: Footer | None = None
    more: str | None = None
    encoding: str = "utf-8"

    @property
    def offers_more(self) -> bool:
        """Whether the page has a link to a complete list."""
        return self.more is not None

    @property
    def rows(self) -> int:
        """Table rows: brokers on the longer side."""
        return max(len(self.buy), len(self.sell))

    @property
    def maybe_cut(self) -> bool:
        """Whether the page may show only the largest brokers of each side."""
        return self.offers_more or self.rows == TOP

    @property
    def visible_lots(self) -> tuple[int, int]:
        """Sums of the shown lots of buyers and of sellers."""
        return sum(row.lots.value for row in self.buy), sum(row.lots.value for row in self.sell)

    @property
    def proves_itself(self) -> bool:
        """Whether both sides are the footer's total to the lot, so that no broker can be hidden."""
        exact = all(row.lots.step == 1 for row in (*self.buy, *self.sell))
        return (
            exact
            and self.footer is not None
            and self.footer.lots.step == 1
            and self.visible_lots == (self.footer.lots.value, self.footer.lots.value)
        )

    def coverage_bounds(self) -> tuple[float, float]:
        """Return between which shares (0 to 1) of the footer's total lots the shorter side shows.

        For pages of which the exchange's volume is not at hand. A footer such as "1.1 M" leaves a wide range.

        Raises:
            ValueError: the page is empty.
        """
        if self.footer is None or self.footer.lots.value == 0:
            raise ValueError("an empty page covers no share of anything: take the exchange's volume instead")
        least = min(sum(row.lots.low for row in side) for side in (self.buy, self.sell))
        most = min(sum(row.lots.high for row in side) for side in (self.buy, self.sell))
        total = self.footer.lots
        return min(1.0, least / total.high), min(1.0, most / max(total.low, 1))


def unit_name(ticker: str, board: str, investor: str) -> str:
    """Return the name of a unit, such as "BBCA/all/F"."""
    return f"{ticker}/{board}/{investor}"


def split_unit(unit: str) -> tuple[str, str, str]:
    """Return ticker, board and investor of a unit.

    Raises:
        ValueError: `unit` is not named ticker/board/investor.
    """
    parts = unit.split("/")
    if len(parts) != 3:  # noqa: PLR2004 - ticker, board, investor
        msg = f"{unit!r} is not ticker/board/investor"
        raise ValueError(msg)
    return parts[0], parts[1], parts[2]


def parse_broker_page(body: bytes, *, content_type: str = "") -> BrokerPage:
    """Return what the page states; an empty body is an empty page.

    Raises:
        UnknownTicker, EmptyAnswer, TruncatedBody, Drift: as their docstrings say; with `body` attached.
        CollectionFailure: what `page.require_broker_page` raises.
    """
    require_broker_page(body, content_type=content_type)
    if is_empty(body, content_type):
        return BrokerPage()
    with evidence(body):
        document = open_page(body)
        return _read(document.html, document.encoding)


def parse_broker_trades(fetched: Fetched, unit: Unit) -> Parsed:
    """Return rows and date of a page of `unit`, and the page itself to be reconciled and staged.

    An empty body states no date: it counts as content only if `reconcile_unit` proves that it may be empty.

    Raises:
        Drift: a range of days, or another ticker, board or investor type than asked for.
        HalfTable: no rows, although the page's totals say that there are some.
        CollectionFailure: what `parse_broker_page` raises.
    """
    page = parse_broker_page(fetched.body, content_type=fetched.content_type)
    _require_unit(page, unit.name, fetched.body)
    if page.rows == 0 and page.footer is not None and (page.footer.lots.value or page.footer.value.value):
        totals = f"{page.footer.lots.text} lots, {page.footer.value.text} IDR"
        raise HalfTable(f"{unit.name}: the table has no rows, its totals are {totals}", body=fetched.body)
    return Parsed(rows=page.rows, covers=None if page.start is None else DateRange.day(page.start), page=page)


def require_single_day(page: BrokerPage) -> None:
    """Return if the page is of one day.

    Raises:
        Drift: it sums a range of days up.
    """
    if page.start != page.end:
        raise Drift(f"the page sums {page.start} to {page.end} up: one day was asked for")


def _require_unit(page: BrokerPage, unit: str, body: bytes) -> None:
    states = (page.ticker, page.board, page.investor)
    with evidence(body):
        require_single_day(page)
        for what, asked, stated in zip(("ticker", "board", "investor type"), split_unit(unit), states, strict=True):
            if stated is not None and stated != asked:
                raise Drift(f"{unit}: the page is of {what} {stated}")


def _read(html: LexborHTMLParser, encoding: str) -> BrokerPage:
    table = _result_table(html)
    start, end = _stated(html, "startDateBrokerSummary"), _stated(html, "endDateBrokerSummary")
    buy, sell = _sides(table)
    footer = _footer(table)
    if footer is None and (buy or sell):
        raise Drift("the table has rows and no totals below them")
    return BrokerPage(
        start=start,
        end=end,
        ticker=_ticker(html),
        board=_chosen(html, "boardBrokerSummary"),
        investor=_chosen(html, "FDBrokerSummary"),
        buy=buy,
        sell=sell,
        footer=footer,
        more=_more(table),
        encoding=encoding,
    )


def _result_table(html: LexborHTMLParser) -> LexborNode:
    headings: list[str] = []
    for table in html.css("table.table-summary"):
        found = tuple(" ".join(cell.text().split()) for cell in table.css("thead th, thead td"))
        if found == HEADINGS:
            return table
        headings = headings or list(found)
    if not headings:
        raise MissingPanel("the page has the form of the broker summary and no table")
    unknown = [name for name in headings if name not in HEADINGS] or [
        f"no {name}" for name in HEADINGS if name not in headings
    ]
    raise Drift(f"unknown column {unknown[0]!r}: {', '.join(headings)}" if unknown else f"columns moved: {headings}")


def _sides(table: LexborNode) -> tuple[tuple[SideRow, ...], tuple[SideRow, ...]]:
    buy: dict[str, SideRow] = {}
    sell: dict[str, SideRow] = {}
    kinds = _kinds(table)
    for number, tr in enumerate(table.css("tbody tr"), start=1):
        texts = [cell.text().strip() for cell in tr.iter()]
        if len(texts) != len(HEADINGS):
            raise Drift(
                f"row {number} has {len(texts)} cells, the header has {len(HEADINGS)}: {' | '.join(texts)[:80]!r}"
            )
        for place, side in ((_BUYER, buy), (_SELLER, sell)):
            row = _side(texts[place : place + _SIDE], kinds, HEADINGS[place], number)
            if row is None:
                continue
            if row.broker in side:
                raise Drift(f"row {number}: {HEADINGS[place]} {row.broker} is there twice")
            side[row.broker] = row
    return tuple(buy.values()), tuple(sell.values())


def _side(texts: list[str], kinds: dict[str, str], heading: str, number: int) -> SideRow | None:
    """Return one side of a row; None where the shorter side has ended."""
    code, lots, value, average = texts
    if is_blank(code):
        # The site fills a table of nothing with rows of nothing: no broker, no figure or a zero.
        if all(_is_nothing(text) for text in texts):
            return None
        raise Drift(f"row {number}: {heading} has figures and no code: {' | '.join(texts)}")
    where = f"row {number}, {heading} {code}"
    if code not in kinds or _CODE.fullmatch(code) is None:
        raise Drift(f"{where}: that is no broker code painted by its type")
    return SideRow(
        code, kinds[code], text_number(lots, where=where), text_number(value, where=where), price(average, where=where)
    )


def _kinds(table: LexborNode) -> dict[str, str]:
    """Return what each broker of the page is painted as. Asked of the whole table: cell by cell takes twice as long."""
    for span in table.css(_UNKNOWN_PAINT):
        painted = [name for name in _classes(span) if name.startswith("text-")]
        if painted and not _is_nothing(span.text()):
            raise Drift(f"{span.text().strip()!r} is painted {painted[0]}, which means nothing known")
    found: dict[str, str] = {}
    for name, kind in KINDS.items():
        for span in table.css(f"tbody span.{name}"):
            code = span.text().strip()
            if found.setdefault(code, kind) != kind:
                raise Drift(f"broker {code} is painted {found[code]} and {kind}")
    return found


def _footer(table: LexborNode) -> Footer | None:
    found: dict[str, str] = {}
    for span in table.css("tfoot span"):
        match = _FOOTER.fullmatch(span.text())
        if match is None:
            raise Drift(f"unknown total {span.text().strip()!r}")
        found[match[1].replace(" ", "")] = match[2]
    if not found or all(is_blank(text) for text in found.values()):
        return None
    missing = [name for name in ("T.Val", "F.NVal", "T.Lot", "Avg") if name not in found]
    if missing:
        raise Drift(f"the total {missing[0]} is missing: the page has {', '.join(found)}")
    lots = text_number(found["T.Lot"], where="T.Lot")
    # Of no lots there is no average, and what a division by zero prints says nothing.
    nothing = is_blank(found["Avg"]) or (lots.value == 0 and found["Avg"].lower() in _NO_AVERAGE)
    return Footer(
        text_number(found["T.Val"], where="T.Val"),
        text_number(found["F.NVal"], where="F.NVal"),
        lots,
        None if nothing else price(found["Avg"], where="Avg"),
    )


def _is_nothing(text: str) -> bool:
    return is_blank(text) or text.strip() == "0"


def _more(table: LexborNode) -> str | None:
    """Return where the link to the complete list leads; it stands in the table or right beside it."""
    area = table.parent if table.parent is not None and "table-responsive" in _classes(table.parent) else table
    for link in area.css("a"):
        if MORE.match(link.text()):
            return link.attributes.get("href") or ""
    return None


def _classes(node: LexborNode) -> list[str]:
    return (node.attributes.get("class") or "").split()


def _stated(html: LexborHTMLParser, name: str) -> date:
    node = html.css_first(f"#{name}")
    value = (node.attributes.get("value") or "").strip() if node is not None else ""
    if not value:
        raise Drift(f"the page states no date: its form has no {name}")
    return read_date(value, where=name)


def _chosen(html: LexborHTMLParser, name: str) -> str | None:
    for option in html.css(f"#{name} option"):
        if "selected" in option.attributes:
            return option.attributes.get("value") or None
    return None


def _ticker(html: LexborHTMLParser) -> str | None:
    node = html.css_first("input#stockPageCode, input#stockInfoCode")
    code = (node.attributes.get("value") or "").strip().upper() if node is not None else ""
    return code if _TICKER.fullmatch(code) else None
