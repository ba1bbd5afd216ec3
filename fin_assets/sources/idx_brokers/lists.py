"""The exchange's own lists: JSON bytes -> typed columns. What an identity needs is read strictly, the rest as far as it can be.

Rules about single rows stand in `schema.py`.

Numbers come as JSON floats ("1320600.0"); they are read as decimals, so that none is rounded on the way. Zero stands for "none"
in prices: OpenPrice is 0 in most rows, High and Low are 0 where nothing was traded.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from fin_assets.core.contract.failures import Drift, StaleDate, TruncatedBody
from fin_assets.core.contract.source import DateRange, Fetched, Parsed, Unit
from fin_assets.core.contract.unread import Unread
from fin_assets.sources.idx_brokers.page import evidence, json_rows, read_date

STOCK_SUMMARY, BROKER_SUMMARY, MEMBERS = "the stock summary", "the broker summary", "the list of members"
PRICE, WEIGHT = pl.Decimal(18, 2), pl.Decimal(18, 4)
_INT64_MAX = 2**63 - 1
_MOST_DIGITS = 25
_MOST_PRICE, _MOST_SHARES = Decimal(10) ** 15, Decimal(10) ** 14
_PLAIN_NUMBER = re.compile(r"-?\d{1,20}(?:\.\d{1,20})?", re.ASCII)
"""A number that came as a text. With separators of thousands it would be a matter of language what it means."""


@dataclass(frozen=True, slots=True)
class Column:
    """One key of the site's rows: the staged column, how its value is read, and the type of the result.

    `needed` columns take part in an identity or in what the exchange says of a unit: a value that cannot be read is Drift. Of
    the others it is null, and noted.
    """

    name: str
    read: Callable[[Any], Any]
    dtype: pl.DataType
    needed: bool = False


@dataclass(frozen=True, slots=True)
class DayList:
    """A list of one day: `rows` has the columns of its layout, in the site's order; `unread` is what was not understood."""

    stated_date: date | None
    rows: pl.DataFrame
    unread: tuple[Unread, ...] = ()


class _Rounded(ValueError):
    """A number has more decimals than its column: what is kept of it."""

    def __init__(self, kept: Any) -> None:
        super().__init__("it has more decimals than its column")
        self.kept = kept


def _text(value: Any) -> str:
    text = _note(value)
    if text is None:
        raise ValueError("a text belongs there")
    return " ".join(text.split())


def _note(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise TypeError("a text belongs there")
    # A surrogate alone is no text, and no file takes it.
    value.encode()
    return value.strip() or None


def _code(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a code belongs there")
    return _text(value)


def _number(value: Any) -> Decimal:
    if isinstance(value, str) and _PLAIN_NUMBER.fullmatch(value.strip()):
        value = Decimal(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise TypeError("a number belongs there")
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError("that is no finite number")
    if number.adjusted() > _MOST_DIGITS or number.as_tuple().exponent < -_MOST_DIGITS:  # type: ignore[operator]  # finite
        raise ValueError("a number of a market has fewer digits")
    return number


def _count(value: Any) -> int:
    number = _number(value)
    if number < 0 or number != number.to_integral_value() or number > _INT64_MAX:
        raise ValueError("a count belongs there")
    return int(number)


def _tally(value: Any) -> int:
    """Read a whole number that no identity needs, or a sum of money: negotiated prices have fractions, so may their sums."""
    number = _number(value)
    whole = _count(number.to_integral_value())
    if whole != number:
        raise _Rounded(whole)
    return whole


def _weight(value: Any) -> Decimal:
    """Read shares that an index weighs: the exchange gives some with a fraction."""
    number = _number(value)
    if not 0 <= number < _MOST_SHARES:
        raise ValueError("a weight is not below zero, nor above all shares")
    kept = number.quantize(Decimal("0.0001"))
    if kept != number:
        raise _Rounded(kept)
    return kept


def _money(value: Any) -> Decimal:
    number = _number(value)
    if abs(number) >= _MOST_PRICE:
        raise ValueError("no price is as high")
    cents = number.quantize(Decimal("0.01"))
    if cents != number:
        raise _Rounded(cents)
    return cents


def _price(value: Any) -> Decimal:
    if _number(value) < 0:
        raise ValueError("a price is not below zero")
    return _money(value)


def _price_or_none(value: Any) -> Decimal | None:
    return None if value is None else _price(value) or None


def _ratio(value: Any) -> float:
    return float(_number(value))


def _day_or_none(value: Any) -> date | None:
    text = _note(value)
    found = None if text is None else read_date(text, where="DelistingDate")
    # The first day of all calendars is how the site's language writes no date.
    return None if found == date.min else found


_INT, _STR, _DATE, _FLOAT = pl.Int64(), pl.String(), pl.Date(), pl.Float64()

STOCK_COLUMNS = {
    "StockCode": Column("ticker_code", _code, _STR, needed=True),
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
    "BidVolume": Column("bid_shares", _tally, _INT),
    "OfferVolume": Column("offer_shares", _tally, _INT),
    "Volume": Column("volume_shares", _count, _INT, needed=True),
    "Value": Column("value_idr", _tally, _INT, needed=True),
    "Frequency": Column("trades", _tally, _INT),
    "ListedShares": Column("listed_shares", _tally, _INT),
    "TradebleShares": Column("tradable_shares", _weight, WEIGHT),
    "WeightForIndex": Column("index_weight_shares", _weight, WEIGHT),
    "ForeignBuy": Column("foreign_buy_shares", _count, _INT, needed=True),
    "ForeignSell": Column("foreign_sell_shares", _count, _INT, needed=True),
    "NonRegularVolume": Column("nonregular_volume_shares", _count, _INT, needed=True),
    "NonRegularValue": Column("nonregular_value_idr", _tally, _INT, needed=True),
    "NonRegularFrequency": Column("nonregular_trades", _tally, _INT),
    "IndexIndividual": Column("index_individual", _ratio, _FLOAT),
    "DelistingDate": Column("delisting_date", _day_or_none, _DATE),
}
BROKER_COLUMNS = {
    "IDFirm": Column("broker_code", _code, _STR, needed=True),
    "FirmName": Column("broker_name", _text, _STR),
    "Volume": Column("volume_shares", _tally, _INT),
    "Value": Column("value_idr", _tally, _INT, needed=True),
    "Frequency": Column("trades", _tally, _INT),
}
MEMBER_COLUMNS = {
    "Code": Column("broker_code", _code, _STR, needed=True),
    "Name": Column("broker_name", _text, _STR),
    "License": Column("licenses", _text, _STR),
}
# Running numbers of the answer and of the site's database, and two fields that have been null ever since 2015.
_STOCK_IGNORED = ("No", "IDStockSummary", "persen", "percentage")
_BROKER_IGNORED = ("No", "IDBrokerSummary")


def parse_stock_summary(body: bytes, *, content_type: str = "") -> DayList:
    """Return the exchange's list of stocks: columns of `schema.StockSummary` without session_date and observed_at.

    Raises:
        StaleDate: the list is empty.
        TruncatedBody: the last row ends in the middle.
        Drift: a needed key is missing, a needed value cannot be read, two dates, or a ticker that is there twice.
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
        rows, notes = _some_rows(body, content_type, MEMBERS)
        rows = _in_known_case(rows, MEMBER_COLUMNS, MEMBERS)
        frame, unread = _frame(rows, MEMBERS, MEMBER_COLUMNS, ())
        return DayList(None, frame, (*notes, *unread))


def parsed_by(parse: Callable[..., DayList]) -> Callable[[Fetched, Unit], Parsed]:
    """Return the `Table.parse` of a list, which raises as `parse` does; the list of members states no date."""

    def parsed(fetched: Fetched, unit: Unit) -> Parsed:
        del unit
        found = parse(fetched.body, content_type=fetched.content_type)
        covers = None if found.stated_date is None else DateRange.day(found.stated_date)
        return Parsed(rows=found.rows.height, covers=covers, page=found, unread=found.unread)

    return parsed


def _day_list(
    body: bytes, content_type: str, wanted: str, columns: dict[str, Column], ignored: Sequence[str]
) -> DayList:
    with evidence(body):
        rows, notes = _some_rows(body, content_type, wanted)
        rows = _in_known_case(rows, (*columns, "Date", *ignored), wanted)
        frame, unread = _frame(rows, wanted, columns, ignored, also_needed=("Date",))
        stamps = sorted({str(row["Date"]) for row in rows})
        if len(stamps) > 1:
            raise Drift(f"{wanted} has rows of {len(stamps)} dates: {', '.join(map(repr, stamps[:3]))}")
        return DayList(read_date(stamps[0], where="Date"), frame, (*notes, *unread))


def _some_rows(body: bytes, content_type: str, wanted: str) -> tuple[list[dict[str, Any]], list[Unread]]:
    found = json_rows(body, content_type=content_type, wanted=wanted)
    if not found.rows:
        raise StaleDate(
            f"{wanted} has no rows: it is not published yet, or the day is a holiday that the calendar lacks"
        )
    return found.rows, [Unread.of(f"{wanted}: key {key!r} of the envelope", value) for key, value in found.further]


def _in_known_case(rows: list[dict[str, Any]], known: Iterable[str], wanted: str) -> list[dict[str, Any]]:
    """Return rows with the known keys in their known case: JSON of the site's framework begins with either."""
    names = {name.casefold(): name for name in known}
    renamed: dict[tuple[str, ...], dict[str, str]] = {}
    found = []
    for number, row in enumerate(rows, start=1):
        keys = tuple(row)
        if keys not in renamed:
            renamed[keys] = {key: names.get(key.casefold(), key) for key in keys}
        names_of_row = renamed[keys]
        if len(set(names_of_row.values())) < len(keys):
            raise Drift(f"{wanted}: row {number} has a key twice, in two cases")
        found.append({names_of_row[key]: value for key, value in row.items()})
    return found


def _frame(
    rows: Sequence[dict[str, Any]],
    wanted: str,
    columns: dict[str, Column],
    ignored: Sequence[str],
    *,
    also_needed: Sequence[str] = (),
) -> tuple[pl.DataFrame, list[Unread]]:
    needed = {*also_needed, *(key for key, column in columns.items() if column.needed)}
    unread = _require_keys(rows, wanted, known={*columns, *also_needed, *ignored}, needed=needed, ignored=ignored)
    frame = pl.DataFrame([_series(rows, wanted, key, column, unread) for key, column in columns.items()])
    if "change_idr" in frame.columns:
        frame = _with_prices(frame, rows, wanted)
    code = next(iter(columns.values())).name
    twice = frame.filter(pl.col(code).is_duplicated())[code]
    if len(twice):
        raise Drift(f"{wanted}: {twice[0]} is there twice")
    return frame, unread


def _require_keys(
    rows: Sequence[dict[str, Any]], wanted: str, *, known: set[str], needed: set[str], ignored: Sequence[str]
) -> list[Unread]:
    """Return notes of unknown and of missing keys, each once; a needed key must not be missing."""
    _require_whole_end(rows, wanted)
    unknown: dict[str, list[Any]] = {}
    missing: Counter[str] = Counter()
    for number, row in enumerate(rows, start=1):
        # The same keys in every row, as a rule: comparing sets is all that an ordinary row costs.
        if row.keys() == known:
            continue
        if lacking := sorted(needed - row.keys()):
            others = (
                f"; it has {', '.join(map(repr, sorted(row.keys() - known)[:5]))} instead" if row.keys() - known else ""
            )
            raise Drift(f"{wanted}: row {number} has no key {lacking[0]!r}{others}")
        missing.update(known - row.keys() - set(ignored))
        for key in row.keys() - known:
            unknown.setdefault(key, []).append(row[key])
    notes = [
        Unread.of(f"unknown key {key!r} of {len(values)} rows", values[0]) for key, values in sorted(unknown.items())
    ]
    return notes + [
        Unread(f"no key {key!r}", f"in {count} of {len(rows)} rows") for key, count in sorted(missing.items())
    ]


def _require_whole_end(rows: Sequence[dict[str, Any]], wanted: str) -> None:
    """Return unless the last row alone lacks the keys at its end: it was cut there, and closed again on the way."""
    if len(rows) == 1:
        return
    last, before = list(rows[-1]), list(rows[-2])
    if len(last) < len(before) and before[: len(last)] == last:
        lacking = before[len(last) :]
        if all(key in row for row in rows[:-1] for key in lacking):
            raise TruncatedBody(f"{wanted} ends in the middle of row {len(rows)}: it has no key {lacking[0]!r}")


def _series(rows: Sequence[dict[str, Any]], wanted: str, key: str, column: Column, unread: list[Unread]) -> pl.Series:
    values: list[Any] = []
    for row in rows:
        try:
            values.append(column.read(row[key]) if key in row else None)
        except _Rounded as rounded:
            unread.append(Unread.of(f"{key} of {_code_of(row)}, rounded", row[key]))
            values.append(rounded.kept)
        except (ValueError, TypeError, ArithmeticError, Drift) as error:
            if column.needed:
                raise Drift(f"{wanted}: {key} of {_code_of(row)} is {repr(row[key])[:60]}: {error}") from error
            unread.append(Unread.of(f"{key} of {_code_of(row)}", row[key]))
            values.append(None)
    return pl.Series(column.name, values, dtype=column.dtype)


def _code_of(row: dict[str, Any]) -> str:
    code = row.get("StockCode") or row.get("IDFirm") or row.get("Code")
    return code if isinstance(code, str) and code.isascii() and code.isalnum() else repr(code)[:20]


def _with_prices(frame: pl.DataFrame, rows: Sequence[dict[str, Any]], wanted: str) -> pl.DataFrame:
    """Return the list with close, previous price and change, each of which the other two tell where it cannot be read.

    Raises:
        Drift: two of them cannot be read.
    """
    close, previous, change = (pl.col(name) for name in ("close_idr", "previous_idr", "change_idr"))
    whole = frame.with_columns(
        close.fill_null((previous + change).cast(PRICE)),
        previous.fill_null((close - change).cast(PRICE)),
        change.fill_null((close - previous).cast(PRICE)),
    )
    for place in (
        whole.select(pl.any_horizontal(close.is_null(), previous.is_null(), change.is_null())).to_series().arg_true()
    ):
        shown = {key: rows[place].get(key) for key in ("Close", "Previous", "Change")}
        raise Drift(f"{wanted}: the prices of {frame['ticker_code'][place]} cannot be read: {repr(shown)[:100]}")
    return whole
