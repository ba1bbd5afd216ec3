"""Does a broker page say what the exchange says? One page against one ticker's day of the stock summary; pure.

B2: the lots that all brokers bought of a stock on a board are the lots that they sold, and the exchange's volume over 100.
Every comparison is one of intervals: a number printed in full is known exactly, "1.2 M" to its step, and outside of the
regular board a broker's odd lot is lost in its row. Lots must agree; values may be off by a small share. What several pages
of a session must agree on is in `stage.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import polars as pl

from fin_assets.core.contract.failures import HalfTable
from fin_assets.core.contract.source import Context, Parsed, Unit
from fin_assets.sources.idx_brokers.failures import EmptyAnswer, LowCoverage, Unreconciled
from fin_assets.sources.idx_brokers.numbers import TextNumber
from fin_assets.sources.idx_brokers.parse import BrokerPage, SideRow, split_unit, unit_name
from fin_assets.sources.idx_brokers.schema import LOT

MIN_COVERAGE = 0.6
"""Least share of the traded lots that a list cut to ten brokers a side must show. Measured: ten cover 69 to 98 %, so that less
is no ordinary day; at 0.7 honest pages of widely held stocks would fail, at 0.5 half a list would pass."""

VALUE_TOLERANCE = 0.0001
"""Share by which the value of a broker table may differ from the exchange's. Recorded tables that agree to the lot are off by
less than that. Smaller: they warn every day. Larger: a wrong price of one broker shows nowhere."""

VALUE_LIMIT = 0.01
"""Share from which a table whose lots agree is refused all the same; up to it the difference is a finding. Smaller: tables
are never complete for what only the site can correct. Larger: values of another day pass."""

_NEARLY_ALL = 99.99
"""Percent: a list that may be cut is never called whole."""

_SIDES = ("buyers", "sellers")


@dataclass(frozen=True, slots=True, kw_only=True)
class TickerDay:
    """What the exchange says of a ticker's session. Shares and rupiah; volume and value are the regular board's.

    Foreign shares are the regular board's too; `nonregular_*` are the cash and the negotiated board together.
    """

    ticker: str
    session_date: date
    volume_shares: int
    value_idr: int
    nonregular_volume_shares: int
    nonregular_value_idr: int
    foreign_buy_shares: int
    foreign_sell_shares: int


@dataclass(frozen=True, slots=True)
class Span:
    """An inclusive range in which a whole number lies."""

    low: int
    high: int

    def __add__(self, other: Span) -> Span:
        """Return the range of the sum."""
        return Span(self.low + other.low, self.high + other.high)

    def widened(self, slack: int) -> Span:
        """Return the range with `slack` more on both sides."""
        return Span(self.low - slack, self.high + slack)

    def meets(self, other: Span) -> bool:
        """Return whether both can be the same number."""
        return self.low <= other.high and other.low <= self.high

    @property
    def exact(self) -> bool:
        """Whether the number is known."""
        return self.low == self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the exchange lets a unit have: shares bought and sold, and their value; a range where it does not say exactly.

    `odd_shares`: how many shares may be lost in rows, because only whole lots are printed. `slack_idr`: how far a table's value
    may be off before it contradicts the exchange's.
    """

    buy_shares: Span
    sell_shares: Span
    value_idr: Span
    odd_shares: int
    slack_idr: int = 0

    @property
    def allowed_idr(self) -> Span:
        """The values that do not contradict the exchange's."""
        return self.value_idr.widened(self.slack_idr)


_FACTS = (
    "volume_shares", "value_idr", "nonregular_volume_shares", "nonregular_value_idr", "foreign_buy_shares",
    "foreign_sell_shares",
)  # fmt: skip


def facts(
    stock_summary: pl.DataFrame,
    *,
    boards: Sequence[str] = ("all",),
    investors: Sequence[str] = ("all",),
    tickers: Collection[str] | None = None,
    skip: Collection[str] = (),
) -> Mapping[str, TickerDay]:
    """Return the units that a session must have, sorted, each with what the exchange says of its ticker.

    A ticker without trades on a board, or without trades of an investor type by the exchange's list, has no unit: it
    is neither asked for nor missing.

    Args:
        stock_summary: staged rows of the session, columns as `schema.StockSummary`.
        boards: those that are collected.
        investors: investor types that are collected.
        tickers: those that are collected; None or empty for all.
        skip: those that are not.
    """
    found: dict[str, TickerDay] = {}
    for row in stock_summary.select("session_date", "ticker_code", *_FACTS).iter_rows(named=True):
        ticker = row.pop("ticker_code")
        if ticker in skip or (tickers and ticker not in tickers):
            continue
        day = TickerDay(ticker=ticker, **row)
        for board in boards:
            for investor in investors:
                known = known_of(day, board, investor)
                if known.buy_shares.high or known.sell_shares.high:
                    found[unit_name(ticker, board, investor)] = day
    return dict(sorted(found.items()))


def known_of(day: TickerDay, board: str, investor: str) -> Known:
    """Return what the exchange lets a unit have.

    Raises:
        ValueError: an unknown board or investor type.
    """
    volume, outside = day.volume_shares, day.nonregular_volume_shares
    regular = {
        "all": (volume, volume),
        "F": (day.foreign_buy_shares, day.foreign_sell_shares),
        "D": (max(volume - day.foreign_buy_shares, 0), max(volume - day.foreign_sell_shares, 0)),
    }
    if investor not in regular or board not in {"all", "RG", "TN", "NG"}:
        msg = f"no board {board!r} with investor type {investor!r}"
        raise ValueError(msg)
    buy, sell = (Span(shares, shares) for shares in regular[investor])
    value = Span(day.value_idr, day.value_idr) if investor == "all" else Span(0, day.value_idr)
    # Of the other boards the exchange states only the sum, not who traded there.
    rest, rest_value = Span(0, outside), Span(0, day.nonregular_value_idr)
    if board in {"TN", "NG"}:
        return Known(buy_shares=rest, sell_shares=rest, value_idr=rest_value, odd_shares=outside)
    if board == "RG":
        return Known(buy_shares=buy, sell_shares=sell, value_idr=value, odd_shares=volume % LOT)
    if investor == "all":
        rest, rest_value = Span(outside, outside), Span(day.nonregular_value_idr, day.nonregular_value_idr)
    return Known(
        buy_shares=buy + rest, sell_shares=sell + rest, value_idr=value + rest_value, odd_shares=outside or volume % LOT
    )


def reconcile_unit(
    parsed: Parsed,
    unit: str,
    fact: TickerDay,
    *,
    min_coverage: float = MIN_COVERAGE,
    value_limit: float = VALUE_LIMIT,
) -> Parsed:
    """Return `parsed` with its coverage, or with the reason why it is right that it is empty.

    Coverage is 100 only if both sides are proven to be complete; else it is what the shorter side shows of the volume.

    Args:
        parsed: of `parse.parse_broker_trades`.
        unit: ticker/board/investor.
        fact: what the exchange says of the ticker.
        min_coverage: least share (0 to 1) that a list which may be cut must show.
        value_limit: share (0 to 1) from which a difference in value is a contradiction.

    Raises:
        EmptyAnswer: no rows, although the exchange has at least a lot.
        Unreconciled: lots, values or totals contradict the exchange or each other.
        LowCoverage: the page shows too small a part.
    """
    page = parsed.page
    if not isinstance(page, BrokerPage):
        msg = f"{unit}: only a page of parse.parse_broker_trades can be reconciled"
        raise TypeError(msg)
    _ticker, board, investor = split_unit(unit)
    known = known_of(fact, board, investor)
    known = replace(known, slack_idr=int(known.value_idr.high * value_limit))
    where = f"{unit} on {fact.session_date}"
    if page.rows == 0:
        return replace(parsed, empty_reason=_why_empty(known, where))
    _check_totals(page, known, where, investor=investor)
    if board in {"TN", "NG"} and investor == "all":
        known = _narrowed(known, page)
    short = [_short_side(page, number, known, where) for number in (0, 1)]
    if not any(short):
        _check_sides_agree(page, known, where, investor=investor)
        return replace(parsed, coverage_pct=100.0)
    coverage = _coverage(page, known)
    if coverage is not None and coverage < 100 * min_coverage:
        bought, sold = page.visible_lots
        msg = (
            f"{where}: the page shows the {page.rows} largest brokers with {bought:,} lots bought and {sold:,} sold, "
            f"{coverage:.1f} % of the exchange's {known.buy_shares.high // LOT:,}; at least {100 * min_coverage:g} % is wanted"
        )
        raise LowCoverage(msg)
    return replace(parsed, coverage_pct=coverage)


def shares_of(rows: Sequence[SideRow], *, odd_shares: int) -> Span:
    """Return in which range the shares of rows lie; each row may hide less than a lot, all together `odd_shares`."""
    in_full = 0
    low = high = 0
    for row in rows:
        if row.lots.step == 1:
            in_full += row.lots.value
        else:
            span = _shares_of_abbreviated(row)
            low, high = low + span.low, high + span.high
    return Span(in_full * LOT + low, in_full * LOT + high + min((LOT - 1) * len(rows), odd_shares))


def _shares_of_abbreviated(row: SideRow) -> Span:
    """Return in which range the whole lots of a row lie, in shares.

    "1.2 M" lots leave 150,000 of them open; value over average tells the same number to some hundred.
    """
    lots = lots_span(row.lots)
    if not row.average:
        return lots
    step = 1 if row.average == row.average.to_integral_value() else Decimal("0.01")
    told = Span(int(row.value.low / (row.average + step)) - LOT, int(row.value.high / row.average) + 1)
    return Span(max(lots.low, told.low), min(lots.high, told.high)) if told.meets(lots) else lots


def lots_span(lots: TextNumber) -> Span:
    """Return the whole lots, in shares, that a text may stand for."""
    return Span(max(lots.low, 0) * LOT, lots.high * LOT)


def _span(number: TextNumber) -> Span:
    return Span(number.low, number.high)


def _values(rows: Sequence[SideRow]) -> Span:
    return Span(sum(row.value.low for row in rows), sum(row.value.high for row in rows))


def _why_empty(known: Known, where: str) -> str:
    least, most = (max(getattr(known.buy_shares, end), getattr(known.sell_shares, end)) for end in ("low", "high"))
    if least >= LOT:
        msg = (
            f"{where}: the page is empty, the exchange has {known.buy_shares.low // LOT:,} lots bought and "
            f"{known.sell_shares.low // LOT:,} sold, {known.value_idr.high:,} IDR"
        )
        raise EmptyAnswer(msg)
    if least:
        return f"the exchange has {least} shares, less than a lot"
    if most:
        return (
            f"the exchange's {most:,} shares outside of the regular board may all be on the other board, or of others"
        )
    return "the exchange has no such trades"


def _check_totals(page: BrokerPage, known: Known, where: str, *, investor: str) -> None:
    """The totals at the foot are of the whole stock, whatever the rows show."""
    footer = page.footer
    if footer is None or investor != "all":
        # What the totals of an investor type count is not known: each of their trades may have a counterpart outside.
        return
    lots = lots_span(footer.lots)
    shares = Span(lots.low, lots.high + LOT - 1)
    if not shares.meets(known.buy_shares):
        msg = f"{where}: the page's total is {footer.lots.text} lots, the exchange traded {known.buy_shares.high // LOT:,}"
        raise Unreconciled(msg)
    if not _span(footer.value).meets(known.allowed_idr):
        msg = f"{where}: the page's total is {footer.value.text} IDR, the exchange traded {known.value_idr.high:,}"
        raise Unreconciled(msg)


def _narrowed(known: Known, page: BrokerPage) -> Known:
    """Return what the page's own totals leave of the range of one of the boards outside of the regular one."""
    if page.footer is None:
        return known
    lots = lots_span(page.footer.lots)
    shares = Span(lots.low, min(lots.high + LOT - 1, known.buy_shares.high))
    value = Span(page.footer.value.low, min(page.footer.value.high, known.value_idr.high))
    return replace(known, buy_shares=shares, sell_shares=shares, value_idr=value)


def _short_side(page: BrokerPage, number: int, known: Known, where: str) -> bool:
    """Return whether a side shows less than was traded because the list may be cut; a side that must be whole is checked."""
    rows = (page.buy, page.sell)[number]
    wanted = (known.buy_shares, known.sell_shares)[number]
    shares, values = shares_of(rows, odd_shares=known.odd_shares), _values(rows)
    if shares.low > wanted.high or values.low > known.allowed_idr.high:
        raise _difference(rows, number, wanted, known, where, "more than was traded")
    whole = shares.meets(wanted) and values.meets(known.allowed_idr)
    if whole and (not page.maybe_cut or _leaves_no_room(rows, shares, wanted, values, known)):
        return False
    if not page.maybe_cut:
        raise _difference(rows, number, wanted, known, where, "and the list is not cut")
    return True


def _leaves_no_room(rows: Sequence[SideRow], shares: Span, wanted: Span, values: Span, known: Known) -> bool:
    """Return whether no broker with a lot can be hidden: what odd lots leave open might as well be one that was cut off."""
    if not all(row.lots.step == 1 for row in rows):
        return False
    return wanted.high - shares.low < LOT or (values.exact and values == known.value_idr)


def _difference(
    rows: Sequence[SideRow], number: int, wanted: Span, known: Known, where: str, what: str
) -> Unreconciled:
    lots, value = sum(row.lots.value for row in rows), sum(row.value.value for row in rows)
    gap_lots, gap_value = wanted.high // LOT - lots, known.value_idr.high - value
    sign = "missing brokers" if gap_lots >= 0 else "surplus"
    msg = (
        f"{where}: {len(rows)} {_SIDES[number]} with {lots:,} lots and {value:,} IDR, "
        f"the exchange has {wanted.high // LOT:,} lots and {known.value_idr.high:,} IDR, {what}; "
        f"{sign}: {abs(gap_lots):,} lots, {abs(gap_value):,} IDR"
    )
    return Unreconciled(msg)


def _check_sides_agree(page: BrokerPage, known: Known, where: str, *, investor: str) -> None:
    """What all buyers bought is what all sellers sold (B2); of one investor type the counterparts may be elsewhere."""
    if investor != "all":
        return
    bought, sold = (shares_of(rows, odd_shares=known.odd_shares) for rows in (page.buy, page.sell))
    if not bought.meets(sold) or not _values(page.buy).meets(_values(page.sell).widened(known.slack_idr)):
        lots = page.visible_lots
        raise Unreconciled(f"{where}: {lots[0]:,} lots were bought and {lots[1]:,} sold, and the list is not cut")


def _coverage(page: BrokerPage, known: Known) -> float | None:
    """Return the percentage of the volume that the worse side shows; None if the exchange does not say the volume."""
    shares = [
        min(100 * lots * LOT / wanted.high, _NEARLY_ALL)
        for lots, wanted in zip(page.visible_lots, (known.buy_shares, known.sell_shares), strict=True)
        if wanted.low and wanted.high
    ]
    return min(shares) if shares else None


def require_complete_list(page: BrokerPage, unit: str, *, value_limit: float = VALUE_LIMIT) -> None:
    """Return if a page that was asked for every broker can have them all, by its own totals.

    Of one investor type the sides differ: those pages are left to `reconcile_unit`.

    Raises:
        HalfTable: a side falls short of the page's total lots or value.
    """
    _ticker, board, investor = split_unit(unit)
    if page.footer is None or investor != "all":
        return
    lots = lots_span(page.footer.lots)
    total, value = Span(lots.low, lots.high + LOT - 1), _span(page.footer.value)
    value = value.widened(int(value.high * value_limit))
    for rows, who in zip((page.buy, page.sell), _SIDES, strict=True):
        # Only outside of the regular board does a row hide odd shares.
        shares = shares_of(rows, odd_shares=0 if board == "RG" else LOT * len(rows))
        if shares.high < total.low or _values(rows).high < value.low:
            shown = sum(row.lots.value for row in rows)
            total_said = f"its own total is {page.footer.lots.text} lots, {page.footer.value.text} IDR"
            msg = f"{unit}: the complete list shows {len(rows)} {who} with {shown:,} lots, {total_said}"
            raise HalfTable(msg)


def complete_if_promised(parsed: Parsed, unit: Unit, context: Context, *, value_limit: float = VALUE_LIMIT) -> Parsed:
    """Accept a page unless the site gave it as the complete list and it is not, by its own totals.

    Ten rows of a complete list that was cut in half look like the usual page of ten.

    Raises:
        HalfTable: as `require_complete_list`.
    """
    page = parsed.page
    if context.fetched.promised_whole and isinstance(page, BrokerPage) and not page.offers_more:
        require_complete_list(page, unit.name, value_limit=value_limit)
    return parsed
