"""Who traded: the broker tables of a session, made so that every identity of the exchange holds to the last share.

Per stock, board and side the lots and rupiah of all brokers sum to what the exchange states; each broker's lots are the
sum over boards and over foreign and domestic investors; the market's broker list is the sum over the stocks. Lots come
from weights (a broker's size, its liking for a stock, the day, and campaigns of a few brokers over weeks) by cumulative
rounding, which keeps sums exact. How a page shows them is in `pages/ipot.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from fin_assets.sandbox.sites.idx_brokers.brokers import brokers
from fin_assets.sandbox.sites.idx_brokers.market import LOT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fin_assets.sandbox.sites.idx_brokers.market import Crossings, Floats, Ints, SessionFacts

Board = Literal["all", "RG", "TN", "NG"]
Investor = Literal["all", "F", "D"]
BOARDS: Final[tuple[Board, ...]] = ("all", "RG", "TN", "NG")
INVESTORS: Final[tuple[Investor, ...]] = ("all", "F", "D")

_BUY, _SELL = 0, 1
_DOMESTIC, _FOREIGN = 0, 1
_CAMPAIGN_DAYS: Final = 35
_CAMPAIGNS: Final = 0.6
"""Share of the stocks in which somebody accumulates or distributes at a time."""
_IN_CAMPAIGN: Final = 3
_ALWAYS: Final = 40.0
"""Members from this weight on are there in every stock."""
_WITHIN_RANGE: Final = 0.49
"""A broker's average stays between the day's low and high: two deviations of at most 1 each fit in."""


@dataclass(frozen=True, slots=True)
class Row:
    """One broker on one side of a table."""

    broker: int
    shares: int
    value: int

    @property
    def lots(self) -> int:
        """Whole lots: an odd lot counts as none, as on the page."""
        return self.shares // LOT


@dataclass(frozen=True, slots=True)
class Table:
    """The complete broker table of a stock, board and investor type; each side by value, the largest first.

    Attributes:
        shares, value: totals of the footer: the buying side, which is both sides where all investors are in.
        foreign_net: what foreign investors bought less what they sold, rupiah.
    """

    buy: list[Row]
    sell: list[Row]
    shares: int
    value: int
    foreign_net: int


@lru_cache(maxsize=4)
def _liking(stocks: int, seed: int) -> tuple[Floats, Floats]:
    """Return weights (stock, broker) of domestic and of foreign investors that last."""
    members, rng = brokers(), np.random.default_rng([seed, 41])
    shape = (stocks, len(members))
    taste, there = np.exp(rng.normal(0, 0.9, shape)), rng.random(shape)
    # A small broker trades fewer stocks.
    domestic = members.domestic * taste * (there < 0.2 + members.domestic / _ALWAYS)
    foreign = members.foreign * np.exp(rng.normal(0, 0.8, shape))
    return domestic, foreign


def _campaigns(stocks: int, seed: int, ordinal: int) -> Floats:
    """Return extra weights (side, stock, broker) as a share of all lots: a few brokers lean one way for weeks."""
    members = brokers()
    offset = np.random.default_rng([seed, 42]).integers(0, _CAMPAIGN_DAYS, stocks)
    spell = (ordinal + offset) // _CAMPAIGN_DAYS
    extra = np.zeros((2, stocks, len(members)))
    for number in np.unique(spell).tolist():
        rng = np.random.default_rng([seed, 43, number])
        who = rng.integers(0, len(members), (stocks, _IN_CAMPAIGN))
        side, strength = rng.integers(0, 2, (stocks, _IN_CAMPAIGN)), rng.exponential(0.12, (stocks, _IN_CAMPAIGN))
        strength = np.minimum(strength, 0.5) * (rng.random(stocks) < _CAMPAIGNS)[:, None]
        rows = np.flatnonzero(spell == number)
        for k in range(_IN_CAMPAIGN):
            np.add.at(extra, (side[rows, k], rows, who[rows, k]), strength[rows, k])
    return extra


def _weights(stocks: int, seed: int, ordinal: int) -> NDArray[np.float32]:
    """Return the day's weights (side, investor, stock, broker)."""
    members = brokers()
    rng = np.random.default_rng([seed, 44, ordinal])
    domestic, foreign = _liking(stocks, seed)
    shape = (stocks, len(members))
    shared, *own = (rng.standard_exponential(shape, dtype=np.float32) ** 1.6 for _ in range(5))
    present = rng.random(shape, dtype=np.float32) < 0.5 + members.domestic / _ALWAYS
    extra = _campaigns(stocks, seed, ordinal)
    part = np.where(members.churns, 0.96, 0.35)
    found = np.empty((2, 2, *shape), dtype=np.float32)
    for side in (_BUY, _SELL):
        day = domestic * (part * shared + (1 - part) * own[side]) * present
        found[side, _DOMESTIC] = day + extra[side] * day.sum(axis=1, keepdims=True) * (members.domestic > 0)
        day = foreign * (part * shared + (1 - part) * own[2 + side])
        found[side, _FOREIGN] = day + extra[side] * day.sum(axis=1, keepdims=True) * (members.foreign > 0)
    return found


def _at_most(weights: NDArray[np.float32], brokers_of: Ints) -> NDArray[np.float32]:
    """Keep each row's largest weights, as many as given: two trades have two buyers at most."""
    few = np.flatnonzero(brokers_of < weights.shape[1])
    ordered = np.sort(weights[few], axis=1)[:, ::-1]
    least = ordered[np.arange(len(few)), brokers_of[few] - 1]
    kept = weights.copy()
    kept[few] = np.where(weights[few] >= least[:, None], weights[few], 0)
    return kept


def _share_out(totals: Ints, weights: NDArray[np.float32]) -> NDArray[np.int32]:
    """Share each row's total out over its brokers; every row sums to its total exactly."""
    running = np.cumsum(weights, axis=1, dtype=np.float64)
    last = running[:, -1:]
    bounds = np.floor(running / np.where(last > 0, last, 1) * totals[:, None] + 1e-9)
    bounds[:, -1] = totals
    return np.diff(bounds, axis=1, prepend=0).astype(np.int32)


def _price_out(lots: NDArray[np.int32], facts: SessionFacts, noise: NDArray[np.float32]) -> Ints:
    """Return rupiah of lots (investor, stock, broker) on one side, between low and high, summing to each stock's value."""
    total = np.maximum(facts.volume // LOT, 1)
    mean = (lots * noise).sum(axis=(0, 2)) / total
    vwap = facts.value / total / LOT
    room = _WITHIN_RANGE * np.maximum(np.minimum(facts.high - vwap, vwap - facts.low), 0)
    price = vwap[:, None] + room[:, None] * (noise - mean[:, None])
    value: Ints = np.rint(lots.astype(np.float64) * LOT * price).astype(np.int64)
    rest = np.where(facts.volume > 0, facts.value - value.sum(axis=(0, 2)), 0)
    flat = lots.transpose(1, 0, 2).reshape(len(total), -1)
    cell = flat.argmax(axis=1)
    investor, broker = np.divmod(cell, lots.shape[2])
    value[investor, np.arange(len(total)), broker] += rest
    return value


class Flows:
    """The broker tables of one session.

    Args:
        facts: what they must add up to.
        stocks: how many stocks the market has over the years.
        seed: the same seed gives the same tables.
    """

    def __init__(self, facts: SessionFacts, *, stocks: int, seed: int) -> None:
        self.facts = facts
        ordinal = facts.day.toordinal()
        weights = _weights(stocks, seed, ordinal)[:, :, facts.stock]
        rng = np.random.default_rng([seed, 45, ordinal])
        buys, sells = (facts.foreign_buy, facts.foreign_sell)
        volumes = (((facts.volume - buys) // LOT, buys // LOT), ((facts.volume - sells) // LOT, sells // LOT))
        lots, values = [], []
        trades = np.maximum(facts.trades, 1)
        for side in (_BUY, _SELL):
            domestic, foreign = volumes[side]
            of_foreign = np.maximum(trades * foreign // np.maximum(domestic + foreign, 1), 1)
            of_domestic = np.maximum(trades - np.where(foreign > 0, of_foreign, 0), 1)
            shared = np.stack(
                [
                    _share_out(domestic, _at_most(weights[side, _DOMESTIC], of_domestic)),
                    _share_out(foreign, _at_most(weights[side, _FOREIGN], of_foreign)),
                ]
            )
            noise = rng.uniform(-1, 1, shared.shape).astype(np.float32)
            lots.append(shared)
            values.append(_price_out(shared, facts, noise))
        self._lots, self._values = np.stack(lots), np.stack(values)
        """Regular market, both by (side, investor, row, broker)."""
        self._row = {code: row for row, code in enumerate(facts.codes)}
        self._crossed = np.searchsorted(facts.crossings.stock, np.arange(len(facts.codes) + 1))

    def cells(self, code: str, board: Board, investor: Investor) -> NDArray[np.int64] | None:
        """Return shares and rupiah by (side, investor, broker, 0 or 1); None if the stock is not on the list."""
        row = self._row.get(code)
        if row is None:
            return None
        found = np.zeros((2, 2, len(brokers()), 2), dtype=np.int64)
        if board in ("all", "RG"):
            found[..., 0] = self._lots[:, :, row].astype(np.int64) * LOT
            found[..., 1] = self._values[:, :, row]
        if board != "RG":
            self._add_crossings(found, int(self._crossed[row]), int(self._crossed[row + 1]), board)
        if investor != "all":
            found[:, _FOREIGN if investor == "D" else _DOMESTIC] = 0
        return found

    def _add_crossings(self, found: NDArray[np.int64], start: int, stop: int, board: Board) -> None:
        c: Crossings = self.facts.crossings
        for k in range(start, stop):
            if board != "all" and (board == "NG") != bool(c.negotiated[k]):
                continue
            traded = (c.shares[k], c.value[k])
            found[_BUY, int(c.buyer_foreign[k]), c.buyer[k]] += traded
            found[_SELL, int(c.seller_foreign[k]), c.seller[k]] += traded

    def market(self) -> tuple[Ints, Ints, Ints]:
        """Return shares, rupiah and trades by broker over all stocks and boards, bought and sold."""
        facts, count = self.facts, len(brokers())
        shares = self._lots.sum(axis=(0, 1, 2), dtype=np.int64) * LOT
        value = self._values.sum(axis=(0, 1, 2))
        crossings = facts.crossings
        trades = np.zeros(count, dtype=np.int64)
        for who in (crossings.buyer, crossings.seller):
            np.add.at(shares, who, crossings.shares)
            np.add.at(value, who, crossings.value)
            np.add.at(trades, who, 1)
        # Trades have no table of their own: they follow the lots, one at least for who traded.
        regular = (self._lots > 0).sum(axis=(0, 1, 2))
        rest = 2 * int(facts.trades.sum()) - int(regular.sum())
        weight = np.sqrt(self._lots.sum(axis=(0, 1), dtype=np.float64)).sum(axis=0)
        trades += regular + _share_out(np.array([max(rest, 0)]), weight[None].astype(np.float32))[0]
        return shares, value, trades


def table_of(cells: Iterable[NDArray[np.int64]]) -> Table | None:
    """Return the table of one session, or of several summed; None if nothing was traded."""
    total: Any = sum(cells)
    if isinstance(total, int) or not total.any():
        return None
    net = int(total[_BUY, _FOREIGN, :, 1].sum() - total[_SELL, _FOREIGN, :, 1].sum())
    sides = total.sum(axis=1)
    buy, sell = (
        sorted(
            (Row(broker, *sides[side, broker].tolist()) for broker in np.flatnonzero(sides[side, :, 0]).tolist()),
            key=lambda row: (-row.value, row.broker),
        )
        for side in (_BUY, _SELL)
    )
    shares, value = (sum(row.shares for row in buy), sum(row.value for row in buy))
    return Table(buy, sell, shares, value, net)
