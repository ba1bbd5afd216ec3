"""The exchange's own lists: JSON bytes -> typed columns, strictly. Rules about single rows stand in `schema.py`.

Numbers come as JSON floats ("1320600.0"); they are read as decimals, so that none is rounded on the way. Zero stands for "none"
in prices: OpenPrice is 0 in most rows, High and Low are 0 where nothing was traded.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from fin_assets.core.contract.failures import Drift, StaleDate
from fin_assets.core.contract.source import DateRange, Fetched, Parsed, Unit
from fin_assets.sources.idx_brokers.page import evidence, json_rows, read_date

STOCK_SUMMARY, BROKER_SUMMARY, MEMBERS = "the stock summary", "the broker summary", "the list of members"
PRICE = pl.Decimal(18, 2)
_INT64_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Column:
    """One key of the site's rows: the staged column, how its value is read, and the type of the result."""

    name: str
    read: Callable[[Any], Any]
    dtype: pl.DataType


@dataclass(frozen=True, slots=True)
class DayList:
    """A list of one day: `rows` has the columns of its layout, in the site's order."""

    stated_date: date | None
    rows: pl.DataFrame


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text belongs there")
    return " ".join(value.split())


def _note(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError("a text belongs there")
    return (value or "").strip() or None


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise TypeError("a number belongs there")
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError("that is no finite number")
    return number


def _count(value: Any) -> int:
    number = _number(value)
    if number < 0 or number != number.to_integral_value() or number > _INT64_MAX:
        raise ValueError("a count belongs there")
    return int(number)


def _money(value: Any) -> Decimal:
    number = _number(value)
    cents = number.quantize(Decimal("0.01"))
    if cents != number:
        raise ValueError("a price has at most two decimals")
    return cents


def _price(value: Any) -> Decimal:
    cents = _money(value)
    if cents < 0:
        raise ValueError("a price is not below zero")
    return cents


def _price_or_none(value: Any) -> Decimal | None:
    return None if value is None else _price(value) or None


def _ratio(value: Any) -> float:
    return float(_number(value))


def _day_or_none(value: Any) -> date | None:
    text = _note(value)
    return None if text is None else read_date(text, where="DelistingDate")


_INT, _STR, _DATE, _FLOAT = pl.Int64(), pl.String(), pl.Date(), pl.Float64()

STOCK_COLUMNS = {
    "StockCode": Column("ticker_code", _text, _STR),
    "StockName": Column("company_name", _text, _STR),
    "Remarks": Column("remarks", _note, _STR),
    "Previous": Column("previous_idr", _price, PRICE),
    "OpenPrice": Column("open_idr", _price_or_none, PRICE),
    "FirstTrade": Column("first_trade_idr", _price_or_none, PRICE),
    "High": Column("high_idr", _price_or_none, PRICE),
    "Low": Column("low_idr", _price_or_none, PRICE),
    "Close": Column("close_idr", _price, PRICE),
    "Change": Column("change_idr", _money, PRICE),
    "Bid": Column("bid_idr", _price_or_none, PRICE),
    "Offer": Column("offer_idr", _price_or_none, PRICE),
    "BidVolume": Column("bid_shares", _count, _INT),
    "OfferVolume": Column("offer_shares", _count, _INT),
    "Volume": Column("volume_shares", _count, _INT),
    "Value": Column("value_idr", _count, _INT),
    "Frequency": Column("trades", _count, _INT),
    "ListedShares": Column("listed_shares", _count, _INT),
    "TradebleShares": Column("tradable_shares", _count, _INT),
    "WeightForIndex": Column("index_weight_shares", _count, _INT),
    "ForeignBuy": Column("foreign_buy_shares", _count, _INT),
    "ForeignSell": Column("foreign_sell_shares", _count, _INT),
    "NonRegularVolume": Column("nonregular_volume_shares", _count, _INT),
    "NonRegularValue": Column("nonregular_value_idr", _count, _INT),
    "NonRegularFrequency": Column("nonregular_trades", _count, _INT),
    "IndexIndividual": Column("index_individual", _ratio, _FLOAT),
    "DelistingDate": Column("delisting_date", _day_or_none, _DATE),
}
BROKER_COLUMNS = {
    "IDFirm": Column("broker_code", _text, _STR),
    "FirmName": Column("broker_name", _text, _STR),
    "Volume": Column("volume_shares", _count, _INT),
    "Value": Column("value_idr", _count, _INT),
    "Frequency": Column("trades", _count, _INT),
}
MEMBER_COLUMNS = {
    "Code": Column("broker_code", _text, _STR),
    "Name": Column("broker_name", _text, _STR),
    "License": Column("licenses", _text, _STR),
}
# Running numbers of the answer and of the site's database, and two fields that have been null ever since 2015.
_STOCK_IGNORED = {"No", "IDStockSummary", "persen", "percentage"}
_BROKER_IGNORED = {"No", "IDBrokerSummary"}
_OPTIONAL = {"persen", "percentage"}


def parse_stock_summary(body: bytes, *, content_type: str = "") -> DayList:
    """Return the exchange's list of stocks: columns of `schema.StockSummary` without session_date and observed_at.

    Raises:
        StaleDate: the list is empty.
        Drift: an unknown or missing key, a value of another type, two dates, or a ticker that is there twice.
        CollectionFailure: what `page.json_rows` raises.
    """
    return _day_list(body, content_type, STOCK_SUMMARY, STOCK_COLUMNS, _STOCK_IGNORED)


def parse_broker_summary(body: bytes, *, content_type: str = "") -> DayList:
    """Return each broker's total of the market: columns of `schema.BrokerSummaryMarket` without session_date, observed_at.

    Raises: as `parse_stock_summary`.
    """
    return _day_list(body, content_type, BROKER_SUMMARY, BROKER_COLUMNS, _BROKER_IGNORED)


def parse_members(body: bytes, *, content_type: str = "") -> DayList:
    """Return the exchange's members as they are now; the list states no date.

    Raises: as `parse_stock_summary`.
    """
    with evidence(body):
        rows = _some_rows(body, content_type, MEMBERS)
        return DayList(None, _frame(rows, MEMBERS, MEMBER_COLUMNS, set()))


def parsed_by(parse: Callable[..., DayList]) -> Callable[[Fetched, Unit], Parsed]:
    """Return the `Table.parse` of a list, which raises as `parse` does; the list of members states no date."""

    def parsed(fetched: Fetched, unit: Unit) -> Parsed:
        del unit
        found = parse(fetched.body, content_type=fetched.content_type)
        covers = None if found.stated_date is None else DateRange.day(found.stated_date)
        return Parsed(rows=found.rows.height, covers=covers, page=found)

    return parsed


def _day_list(
    body: bytes, content_type: str, wanted: str, columns: dict[str, Column], ignored: Collection[str]
) -> DayList:
    with evidence(body):
        rows = _some_rows(body, content_type, wanted)
        frame = _frame(rows, wanted, columns, {"Date", *ignored})
        stamps = sorted({str(row["Date"]) for row in rows})
        if len(stamps) > 1:
            raise Drift(f"{wanted} has rows of {len(stamps)} dates: {', '.join(stamps[:3])}")
        return DayList(read_date(stamps[0], where="Date"), frame)


def _some_rows(body: bytes, content_type: str, wanted: str) -> list[dict[str, Any]]:
    rows = json_rows(body, content_type=content_type, wanted=wanted)
    if not rows:
        raise StaleDate(
            f"{wanted} has no rows: it is not published yet, or the day is a holiday that the calendar lacks"
        )
    return rows


def _frame(
    rows: Sequence[dict[str, Any]], wanted: str, columns: dict[str, Column], ignored: Collection[str]
) -> pl.DataFrame:
    known = {*columns, *ignored}
    for number, row in enumerate(rows, start=1):
        # The same keys in every row, as a rule: comparing sets is all that an ordinary row costs.
        if row.keys() == known:
            continue
        unknown, missing = sorted(row.keys() - known), sorted(known - row.keys() - _OPTIONAL)
        if unknown or missing:
            said = f"unknown key {unknown[0]!r}" if unknown else f"no key {missing[0]!r}"
            raise Drift(f"{wanted}: row {number} has {said}")
    frame = pl.DataFrame([_series(rows, wanted, key, column) for key, column in columns.items()])
    code = next(iter(columns.values())).name
    twice = frame.filter(pl.col(code).is_duplicated())[code]
    if len(twice):
        raise Drift(f"{wanted}: {twice[0]} is there twice")
    return frame


def _series(rows: Sequence[dict[str, Any]], wanted: str, key: str, column: Column) -> pl.Series:
    values = []
    for row in rows:
        try:
            values.append(column.read(row[key]))
        except (ValueError, TypeError, ArithmeticError) as error:
            code = row.get("StockCode") or row.get("IDFirm") or row.get("Code")
            raise Drift(f"{wanted}: {key} of {code} is {row[key]!r}: {error}") from error
    return pl.Series(column.name, values, dtype=column.dtype)
