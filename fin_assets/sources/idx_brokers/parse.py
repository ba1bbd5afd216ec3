"""The broker page: bytes -> what it states, strictly. Whether that is the whole truth is the business of `reconcile.py`.

The same module comes bare or embedded in a stock's page. Brokers, lots, values and totals are read strictly: one in another
form is Drift. What no identity needs (averages, the paint of a broker, the net of foreigners, a further column) is null where
it is not understood, and noted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple, TypeVar

from selectolax.lexbor import LexborHTMLParser, LexborNode

from fin_assets.core.contract.failures import Drift, HalfTable, MissingPanel
from fin_assets.core.contract.source import DateRange, Fetched, Parsed, Unit
from fin_assets.core.contract.unread import Unread
from fin_assets.sources.idx_brokers.numbers import TextNumber, is_blank, price, text_number
from fin_assets.sources.idx_brokers.page import evidence, is_empty, open_page, read_date, require_broker_page

T = TypeVar("T")

PARSER_VERSION = "2"

HEADINGS = ("Buyer", "B.Lot", "B.Val", "B.Avg", "#", "Seller", "S.Lot", "S.Val", "S.Avg")
_NEEDED = ("Buyer", "B.Lot", "B.Val", "Seller", "S.Lot", "S.Val")
KINDS = {"text-foreign": "foreign", "text-local": "local", "text-bumn": "bumn"}
"""The page paints each broker by its type."""

TOP = 10
"""Rows a side that the page shows unless the complete list is asked for."""

MORE = re.compile(
    r"\s*(?:more|show all|view all|see all|selengkapnya|lihat (?:semua|lengkap)|lainnya)\b", re.IGNORECASE
)
"""What the link to the complete list is called."""

_SIDES = (("Buyer", "B.Lot", "B.Val", "B.Avg"), ("Seller", "S.Lot", "S.Val", "S.Avg"))
_CODE = re.compile(r"[A-Z][A-Z0-9]")
_UNKNOWN_PAINT = "tbody span" + "".join(f":not(.{name})" for name in (*KINDS, "text-up", "text-down"))
_FOOTER = re.compile(r"\s*(T\. ?Val|F\. ?NVal|T\. ?Lot|Avg)\s*:\s*(.*?)\s*", re.DOTALL)
_NO_AVERAGE = frozenset({"nan", "inf"})
_TICKER = re.compile(r"[A-Z0-9]{4,8}(?:-[A-Z0-9]{1,2})?")


class SideRow(NamedTuple):
    """What one broker bought, or sold. `kind` is what the page paints it as: foreign, local or bumn; None for another paint."""

    broker: str
    kind: str | None
    lots: TextNumber
    value: TextNumber
    average: Decimal | None


@dataclass(frozen=True, slots=True)
class Footer:
    """The page's totals of the whole table, shown or not. Rupiah and lots; the average is cut off to whole rupiah.

    `foreign_net_value` is the net of foreign INVESTORS, which is not the net of foreign brokers.
    """

    value: TextNumber
    foreign_net_value: TextNumber | None
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
        unread: what was not understood and no identity needs.
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
    unread: tuple[Unread, ...] = ()

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
        HalfTable: the table ends in the middle of a row, or has no totals below its rows.
        UnknownTicker, EmptyAnswer, TruncatedBody, Drift: as their docstrings say; with `body` attached.
        CollectionFailure: what `page.require_broker_page` raises.
    """
    require_broker_page(body, content_type=content_type)
    if is_empty(body, content_type):
        return BrokerPage()
    with evidence(body):
        document = open_page(body, content_type=content_type)
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
    covers = None if page.start is None else DateRange.day(page.start)
    return Parsed(rows=page.rows, covers=covers, page=page, unread=page.unread)


def _require_unit(page: BrokerPage, unit: str, body: bytes) -> None:
    states = (page.ticker, page.board, page.investor)
    with evidence(body):
        if page.start != page.end:
            raise Drift(f"the page sums {page.start} to {page.end} up: one day was asked for")
        for what, asked, stated in zip(("ticker", "board", "investor type"), split_unit(unit), states, strict=True):
            if stated is not None and stated != asked:
                raise Drift(f"{unit}: the page is of {what} {stated}")


def _read(html: LexborHTMLParser, encoding: str) -> BrokerPage:
    unread: list[Unread] = []
    table, headings = _result_table(html, unread)
    start, end = _stated(html, "startDateBrokerSummary"), _stated(html, "endDateBrokerSummary")
    footer = _footer(table, unread)
    buy, sell = _sides(table, headings, unread, is_whole=footer is not None)
    if footer is None and (buy or sell or not table.css("tfoot span")):
        raise HalfTable("the table has no totals below its rows: it was cut")
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
        unread=tuple(unread),
    )


def _result_table(html: LexborHTMLParser, unread: list[Unread]) -> tuple[LexborNode, list[str]]:
    """Return the table of brokers and its headings; a column is known by its heading, wherever it stands."""
    others: list[str] = []
    for table in html.css("table.table-summary"):
        found = [" ".join(cell.text().split()) for cell in table.css("thead th, thead td")]
        if set(_NEEDED) <= set(found):
            twice = [name for name in HEADINGS if found.count(name) > 1]
            if twice:
                raise Drift(f"column {twice[0]!r} is there twice: {', '.join(found)[:200]}")
            unread += [Unread.of("unknown column", name) for name in found if name not in HEADINGS]
            unread += [Unread.of("no column", name) for name in HEADINGS if name not in found]
            return table, found
        others = others or found
    if not others:
        raise MissingPanel("the page has the form of the broker summary and no table")
    missing = next(name for name in _NEEDED if name not in others)
    *before, last = others
    if (
        len(others) <= len(HEADINGS)
        and before == list(HEADINGS[: len(before)])
        and HEADINGS[len(before)].startswith(last)
    ):
        raise HalfTable(f"the table ends in its header, after {others[-1]}: it was cut")
    unknown = [name for name in others if name not in HEADINGS]
    said = f"; unknown column {unknown[0][:60]!r}" if unknown else ""
    raise Drift(f"no column {missing}{said}: {', '.join(others)[:200]}")


def _sides(
    table: LexborNode, headings: list[str], unread: list[Unread], *, is_whole: bool
) -> tuple[tuple[SideRow, ...], tuple[SideRow, ...]]:
    sides: tuple[dict[str, SideRow], dict[str, SideRow]] = ({}, {})
    kinds = _kinds(table, unread)
    rows = table.css("tbody tr")
    for number, tr in enumerate(rows, start=1):
        texts = [cell.text().strip() for cell in tr.iter()]
        if len(texts) != len(headings):
            if len(texts) < len(headings) and number == len(rows) and not is_whole:
                raise HalfTable(f"the table ends in the middle of row {number} and has no totals: it was cut")
            raise Drift(
                f"row {number} has {len(texts)} cells, the header has {len(headings)}: {' | '.join(texts)[:80]!r}"
            )
        cells = dict(zip(headings, texts, strict=True))
        for names, side in zip(_SIDES, sides, strict=True):
            row = _side([cells.get(name, "") for name in names], kinds, names[0], number, unread)
            if row is None:
                continue
            if row.broker in side:
                raise Drift(f"row {number}: {names[0]} {row.broker} is there twice")
            side[row.broker] = row
    return tuple(sides[0].values()), tuple(sides[1].values())


def _side(
    texts: list[str], kinds: dict[str, str | None], heading: str, number: int, unread: list[Unread]
) -> SideRow | None:
    """Return one side of a row; None where the shorter side has ended."""
    code, lots, value, average = texts
    if is_blank(code):
        # The site fills a table of nothing with rows of nothing: no broker, no figure or a zero.
        if all(_is_nothing(text) for text in texts):
            return None
        raise Drift(f"row {number}: {heading} has figures and no code: {' | '.join(texts)[:80]}")
    where = f"row {number}, {heading} {code[:20]}"
    if _CODE.fullmatch(code) is None:
        raise Drift(f"{where}: that is no broker code")
    if code not in kinds:
        kinds[code] = None
        unread.append(Unread.of(f"paint of broker {code}", "none that is known"))
    counts = text_number(lots, where=where), text_number(value, where=where)
    if any(count.value < 0 for count in counts):
        raise Drift(f"{where}: {lots[:20]!r} lots and {value[:20]!r} IDR: neither is below zero")
    return SideRow(code, kinds[code], *counts, _lenient(price, average, f"{where}, average", unread))


def _lenient(read: Callable[..., T], text: str, where: str, unread: list[Unread]) -> T | None:
    """Return a figure that no identity needs; None where the cell is blank, or, with a note, not understood."""
    if is_blank(text):
        return None
    try:
        return read(text, where=where)
    except Drift:
        unread.append(Unread.of(where, text))
        return None


def _kinds(table: LexborNode, unread: list[Unread]) -> dict[str, str | None]:
    """Return what each broker of the page is painted as. Asked of the whole table: cell by cell takes twice as long."""
    for span in table.css(_UNKNOWN_PAINT):
        painted = [name for name in _classes(span) if name.startswith("text-")]
        if painted and not _is_nothing(span.text()):
            unread.append(Unread.of(f"paint of {span.text().strip()[:20]!r}", painted[0]))
    found: dict[str, str | None] = {}
    for name, kind in KINDS.items():
        for span in table.css(f"tbody span.{name}"):
            code = span.text().strip()
            if found.setdefault(code, kind) != kind:
                unread.append(Unread.of(f"paint of broker {code[:20]}", f"{found[code]} and {kind}"))
                found[code] = None
    return found


def _footer(table: LexborNode, unread: list[Unread]) -> Footer | None:
    found: dict[str, str] = {}
    for span in table.css("tfoot span"):
        match = _FOOTER.fullmatch(span.text())
        if match is None:
            unread.append(Unread.of("unknown total", span.text().strip()))
        else:
            found[match[1].replace(" ", "")] = match[2]
    if not found or all(is_blank(text) for text in found.values()):
        return None
    for name in ("T.Val", "T.Lot"):
        if name not in found:
            # They come after one another: the last that is there may itself be cut.
            raise HalfTable(f"the total {name} is missing, the page has {', '.join(found)}: it was cut, or has changed")
    lots = text_number(found["T.Lot"], where="T.Lot")
    value = text_number(found["T.Val"], where="T.Val")
    if lots.value < 0 or value.value < 0:
        raise Drift(f"the totals are {lots.text} lots and {value.text} IDR: neither is below zero")
    # Of no lots there is no average, and what a division by zero prints says nothing.
    average = "" if lots.value == 0 and found.get("Avg", "").lower() in _NO_AVERAGE else found.get("Avg", "")
    return Footer(
        value,
        _lenient(text_number, found.get("F.NVal", ""), "F.NVal of the totals", unread),
        lots,
        _lenient(price, average, "Avg of the totals", unread),
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
