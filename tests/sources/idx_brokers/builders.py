"""Broker pages in the site's own markup, lists in the exchange's, and raw units: what the tests of this source are fed."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from fin_assets.core.contract.source import Accepted, Unit
from fin_assets.settings import Settings
from fin_assets.sources.idx_brokers.lists import BROKER_COLUMNS, STOCK_COLUMNS, DayList, parsed_by
from fin_assets.sources.idx_brokers.parse import HEADINGS, parse_broker_trades
from fin_assets.sources.idx_brokers.reconcile import TickerDay
from fin_assets.sources.idx_brokers.source import source
from tests.sources.accepting import answer

SAMPLES = Path(__file__).resolve().parents[3].parent / "shared/samples/idx"
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = date(2021, 1, 19)
JSON = "application/json; charset=utf-8"
ALL = Unit(name="all")
SOURCE = source(Settings(home=Path("no-such-home")))

Row = tuple[str, str, str, str]
"""Code, lots, value and average of one side, as printed."""


def sample(name: str) -> Path:
    """Return a recorded file, or skip the test."""
    path = SAMPLES / name
    if not path.exists():
        pytest.skip(f"the recorded sample {name} is not beside the repository")
    return path


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A broker page to be rendered; texts as the site prints them."""

    buy: Sequence[Row] = ()
    sell: Sequence[Row] = ()
    value: str = "0 "
    foreign: str = "0 "
    lots: str = "0 "
    average: str = "0 "
    start: str = "01/19/2021"
    end: str = "01/19/2021"
    kinds: Mapping[str, str] | None = None
    headings: Sequence[str] = HEADINGS
    more: str = ""
    board: str = "all"
    investor: str = "all"

    def html(self) -> str:
        """Return the bare module."""
        lines = "\n".join(self._line(*pair) for pair in enumerate(zip_longest(self.buy, self.sell), start=1))
        totals = (
            f"T. Val : {self.value}",
            f"F. NVal : {self.foreign}",
            f"T.Lot : {self.lots}",
            f"Avg : {self.average}",
        )
        spans = "\n".join(f'<span class="fsize12 ml5 mr5">{text}</span>' for text in totals)
        heads = "".join(f'<th align="right">{name}</th>' for name in self.headings)
        return f"""<!--DATA BROKER SUMMARY--><div class="pa5"><div class="row mincol-3">
<input class="hasDatepicker" id="startDateBrokerSummary" name="startDate" value="{self.start}" type="text">
<input class="hasDatepicker" id="endDateBrokerSummary" name="endDate" value="{self.end}" type="text">
{_select("FDBrokerSummary", ("all", "F", "D"), self.investor)}
{_select("boardBrokerSummary", ("all", "RG", "TN", "NG"), self.board)}
</div></div><div class="table-responsive"><table class="table table-summary table-hover noborder nm" width="100%">
<thead><tr>{heads}</tr></thead><tbody>
{lines}
</tbody><tfoot><tr class="bdr-t"><th colspan="9"><div class="text-center">
{spans}{self.more}
</div></th></tr></tfoot></table></div>
"""

    def body(self) -> bytes:
        """Return the module's bytes."""
        return self.html().encode()

    def _line(self, number: int, pair: tuple[Row | None, Row | None]) -> str:
        left, right = (self._side(row, colour) for row, colour in zip(pair, ("text-up", "text-down"), strict=True))
        return f'<tr>\n{left}<td align="center">{number}</td>\n{right}</tr>'

    def _side(self, row: Row | None, colour: str) -> str:
        if row is None:
            return '<td align="center"></td>' + '<td align="right"></td>' * 3
        code, *figures = row
        kind = (self.kinds or {}).get(code, "local")
        return f'<td align="center"><span class="text-{kind}">{code}</span></td>' + "".join(
            f'<td align="right"><span class="{colour}">{text}</span></td>' for text in figures
        )


def _select(name: str, values: Iterable[str], chosen: str) -> str:
    marks = (f'<option value="{v}"{" selected" if v == chosen != "all" else ""}>{v}</option>' for v in values)
    return f'<select class="form-control" id="{name}">{"".join(marks)}</select>'


def row(code: str, lots: int, price: int = 1000) -> Row:
    """Return a side whose value is printed in full: lots at one price."""
    return code, f"{lots:,} ", f"{lots * 100 * price:,} ", f"{price:,} "


def sheet(buy: Mapping[str, int], sell: Mapping[str, int], *, price: int = 1000, **more: Any) -> Sheet:
    """Return a page on which everything adds up: lots by broker at one price, totals of the buyers."""
    lots = sum(buy.values())
    texts = {"value": f"{lots * 100 * price:,} ", "lots": f"{lots:,} ", "average": f"{price:,} ", **more}
    return Sheet(
        buy=[row(code, number, price) for code, number in buy.items()],
        sell=[row(code, number, price) for code, number in sell.items()],
        **texts,
    )


def fact(
    lots: int, *, price: int = 1000, outside: int = 0, buy: int = 0, sell: int = 0, ticker: str = "TEST"
) -> TickerDay:
    """Return what the exchange says: lots of the regular board, shares outside of it, foreign shares."""
    return TickerDay(
        ticker=ticker,
        session_date=DAY,
        volume_shares=lots * 100,
        value_idr=lots * 100 * price,
        nonregular_volume_shares=outside,
        nonregular_value_idr=outside * price,
        foreign_buy_shares=buy,
        foreign_sell_shares=sell,
    )


def listed(parse: Callable[..., DayList], body: bytes, *, fetched_at: datetime = NOW) -> Accepted:
    """Return one of the exchange's lists as staging gets it, read by its parser."""
    parsed = parsed_by(parse)(answer(body, JSON), ALL)
    return Accepted(unit=ALL.name, parsed=parsed, fetched_at=fetched_at)


def accepted(unit: str, body: bytes, *, fetched_at: datetime = NOW, **found: Any) -> Accepted:
    """Return a broker page as staging gets it: read, and with what was found out when it was accepted."""
    parsed = parse_broker_trades(answer(body), Unit(name=unit))
    return Accepted(unit=unit, parsed=replace(parsed, **found), fetched_at=fetched_at)


def stock(code: str, **more: Any) -> dict[str, Any]:
    """Return a row of GetStockSummary: a quiet stock at 100 rupiah, with every key that the site sends."""
    quiet: dict[str, Any] = dict.fromkeys(STOCK_COLUMNS, 0.0)
    quiet |= {"StockCode": code, "StockName": f"{code} Tbk.", "Remarks": "--M-1", "DelistingDate": ""}
    quiet |= {"Previous": 100.0, "Close": 100.0, "ListedShares": 1e9, "TradebleShares": 1e9}
    return {
        "No": 1,
        "IDStockSummary": 1,
        "Date": f"{DAY}T00:00:00",
        **quiet,
        "persen": None,
        "percentage": None,
        **more,
    }


def traded(code: str, shares: int, price: int = 100, **more: Any) -> dict[str, Any]:
    """Return a row of GetStockSummary of a stock that was traded at one price."""
    prices = dict.fromkeys(("Previous", "High", "Low", "Close"), float(price))
    return stock(code, **{**prices, "Volume": float(shares), "Value": float(shares * price), "Frequency": 1.0, **more})


def broker(code: str, value: int, **more: Any) -> dict[str, Any]:
    """Return a row of GetBrokerSummary."""
    figures = {"FirmName": f"Firm {code}", "Volume": value / 100, "Value": float(value), "Frequency": 1.0}
    assert set(figures) | {"IDFirm"} == set(BROKER_COLUMNS)
    return {"No": 1, "IDBrokerSummary": 1, "Date": f"{DAY}T00:00:00", "IDFirm": code, **figures, **more}


def envelope(rows: Sequence[Mapping[str, Any]], *, total: int | None = None) -> bytes:
    """Return rows as the exchange sends them."""
    count = len(rows) if total is None else total
    return json.dumps({"draw": 0, "recordsTotal": count, "recordsFiltered": count, "data": list(rows)}).encode()


def srtg() -> tuple[Sheet, TickerDay]:
    """Return the transcribed table of SRTG on 2021-12-30 in the site's markup, and the exchange's word on that day."""
    day = date(2021, 12, 30)
    with sample("azzindani_transcribed/SRTG_20211230.csv").open() as file:
        lines = list(csv.DictReader(file))
    with sample("wg_SRTG.csv").open() as file:
        exchange = next(line for line in csv.DictReader(file) if line["date"].startswith(str(day)))
    number = {name: int(float(text)) for name, text in exchange.items() if name not in {"date", "delisting_date"}}
    sides = [
        [(ln[code], f"{ln[f'{s}Lot']} ", ln[f"{s}Val"], f"{ln[f'{s}Avg']} ") for ln in lines if ln[code]]
        for code, s in (("BY", "B"), ("SL", "S"))
    ]
    page = Sheet(
        buy=sides[0],
        sell=sides[1],
        value="7.4 B",
        lots="26,501 ",
        average="2,799 ",
        start="30 December 2021",
        end="30 Desember 2021",
    )
    return page, TickerDay(
        ticker="SRTG",
        session_date=day,
        volume_shares=number["volume"],
        value_idr=number["value"],
        nonregular_volume_shares=number["non_regular_volume"],
        nonregular_value_idr=number["non_regular_value"],
        foreign_buy_shares=number["foreign_buy"],
        foreign_sell_shares=number["foreign_sell"],
    )
