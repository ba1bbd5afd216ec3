"""JSON of idx.co.id: the rows of each list with the site's keys in its order, and the envelope around them.

Numbers are floats throughout, as the site sends them. Nothing is decided or looked up here.
"""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from fin_assets.sandbox.sites.idx_brokers.brokers import brokers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fin_assets.sandbox.sites.idx_brokers.flows import Flows
    from fin_assets.sandbox.sites.idx_brokers.market import Security, SessionFacts

Rows = list[dict[str, Any]]

STOCK_KEYS: Final = (
    "No", "IDStockSummary", "Date", "StockCode", "StockName", "Remarks", "Previous", "OpenPrice", "FirstTrade", "High",
    "Low", "Close", "Change", "Volume", "Value", "Frequency", "IndexIndividual", "Offer", "OfferVolume", "Bid",
    "BidVolume", "ListedShares", "TradebleShares", "WeightForIndex", "ForeignSell", "ForeignBuy", "DelistingDate",
    "NonRegularVolume", "NonRegularValue", "NonRegularFrequency", "persen", "percentage",
)  # fmt: skip
BROKER_KEYS: Final = ("No", "IDBrokerSummary", "Date", "IDFirm", "FirmName", "Volume", "Value", "Frequency")
SECURITY_KEYS: Final = ("Code", "Name", "ListingDate", "Shares", "ListingBoard")
MEMBER_KEYS: Final = ("Code", "Name", "License")
_FIRST_ID: Final = 2_600_000
_IDS_A_DAY: Final = 1_500
_FIRST_DAY: Final = date(2019, 1, 1).toordinal()


def _identity(day: date, number: int) -> int:
    return _FIRST_ID + (day.toordinal() - _FIRST_DAY) * _IDS_A_DAY + number


def _stamp(day: date) -> str:
    return f"{day}T00:00:00"


def _outside(facts: SessionFacts) -> list[tuple[float, float, float]]:
    """Return volume, value and trades of the other boards, by row."""
    found = [(0.0, 0.0, 0.0)] * len(facts.codes)
    c = facts.crossings
    for stock, shares, value in zip(c.stock.tolist(), c.shares.tolist(), c.value.tolist(), strict=True):
        volume, total, count = found[stock]
        found[stock] = (volume + shares, total + value, count + 1)
    return found


def stock_summary(facts: SessionFacts) -> Rows:
    """Return GetStockSummary's rows of a session."""
    day = _stamp(facts.day)
    floats = [
        column.astype(float).tolist()
        for column in (
            facts.previous, facts.first_trade, facts.first_trade, facts.high, facts.low, facts.close,
            facts.close - facts.previous, facts.volume, facts.value, facts.trades, facts.index, facts.offer,
            facts.offer_shares, facts.bid, facts.bid_shares, facts.listed, facts.tradable, facts.listed,
            facts.foreign_sell, facts.foreign_buy,
        )
    ]  # fmt: skip
    return [
        dict(
            zip(
                STOCK_KEYS,
                (k + 1, _identity(facts.day, k), day, code, name, remark, *numbers, leaving, *outside, None, None),
                strict=True,
            )
        )
        for k, (code, name, remark, leaving, outside, *numbers) in enumerate(
            zip(facts.codes, facts.names, facts.remarks, facts.delisting, _outside(facts), *floats, strict=True)
        )
    ]


def broker_summary(flows: Flows) -> Rows:
    """Return GetBrokerSummary's rows of a session: the members that traded."""
    members, day = brokers(), flows.facts.day
    shares, value, trades = (column.tolist() for column in flows.market())
    traded = [k for k, total in enumerate(shares) if total]
    return [
        dict(
            zip(
                BROKER_KEYS,
                (
                    *(number, _identity(day, number), _stamp(day), members.codes[k], members.names[k]),
                    *(float(shares[k]), float(value[k]), float(trades[k])),
                ),
                strict=True,
            )
        )
        for number, k in enumerate(traded, start=1)
    ]


def securities(listed: Iterable[Security]) -> Rows:
    """Return GetSecuritiesStock's rows."""
    return [
        dict(zip(SECURITY_KEYS, (s.code, s.name, _stamp(s.listed_on), float(s.shares), s.board), strict=True))
        for s in listed
    ]


def members() -> Rows:
    """Return GetBrokerSearch's rows, by name as the site sorts them."""
    known = brokers()
    rows = zip(known.codes, (name.upper() for name in known.names), known.licenses, strict=True)
    return [dict(zip(MEMBER_KEYS, row, strict=True)) for row in sorted(rows, key=lambda row: row[1])]


def envelope(rows: Sequence[dict[str, Any]], *, total: int) -> str:
    """Return the answer around one page of rows; `total` counts all of them."""
    return json.dumps({"draw": 0, "recordsTotal": total, "recordsFiltered": total, "data": rows})
