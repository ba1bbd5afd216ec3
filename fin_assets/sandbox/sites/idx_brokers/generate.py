"""The generated Indonesian market: closing prices simulated from the epoch, everything else of a session made on demand.

Only how numbers come about belongs here. A session depends on the seed, the number of companies and its day alone, not
on the range that was asked for: a sandbox that is started tomorrow tells the same past.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from fin_assets.core.calendars.exchange import get_calendar
from fin_assets.sandbox.sites.idx_brokers.brokers import brokers
from fin_assets.sandbox.sites.idx_brokers.market import LOT, Crossings, Security, SessionFacts, on_tick, tick
from fin_assets.sandbox.sites.idx_brokers.universe import EPOCH, universe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fin_assets.sandbox.sites.idx_brokers.market import Floats, Ints

MIC: Final = "XIDX"
_LEAST_PRICE: Final = 50
_DAILY_LIMIT: Final = 0.20
_ANNOUNCED_DAYS: Final = 20
"""Unit: days. A delisting is in the list for this long before it."""
_CROSSED: Final = 0.13
"""Share of the stocks that trade outside the regular market on a day; 107 of 719 did on 2021-01-19."""
_CASH: Final = 0.06
"""Share of those trades on the cash market."""
_ODD: Final = 0.35
"""Share of the crossed stocks with an odd lot; 31 of 107 volumes were not whole lots on 2021-01-19."""
_MOST_CROSSINGS: Final = 4
_LEANING_DAYS: Final = 18
"""Unit: days. Foreign investors are net buyers or net sellers of a stock for this long."""


class GeneratedIdx:
    """Sessions of a generated market.

    Args:
        companies: how many stocks it begins with.
        seed: the same seed gives the same sessions.
        until: last day that is simulated.
    """

    def __init__(self, *, companies: int, seed: int, until: date) -> None:
        self._seed = seed
        self._universe = universe(companies, seed)
        self.codes: Sequence[str] = self._universe.codes
        self.sessions: Sequence[date] = get_calendar(MIC).sessions(EPOCH, until)
        self._row = {day: i for i, day in enumerate(self.sessions)}
        self._close, self._traded = self._simulate()

    def _simulate(self) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Return closing prices and whether a stock trades, a row a session and a column a stock."""
        u, count = self._universe, len(self.codes)
        rng = np.random.default_rng([self._seed, 32, count])
        closes = np.empty((len(self.sessions), count), dtype=np.int32)
        traded = np.empty((len(self.sessions), count), dtype=np.bool_)
        close = np.maximum(on_tick(u.first_price), _LEAST_PRICE)
        base = close.astype(np.float64)
        for row, day in enumerate(self.sessions):
            shock, market, quiet = rng.standard_t(4, count), float(rng.normal(0, 0.007)), rng.random(count)
            ordinal = day.toordinal()
            for split in u.splits:
                if row and self.sessions[row - 1].toordinal() < split.effective <= ordinal:
                    close[split.stock] = int(on_tick(close[split.stock : split.stock + 1] / split.ratio)[0])
                    base[split.stock] /= split.ratio
            pull = 0.004 * np.log(base / close)
            move = np.clip(u.beta * market + u.sigma * 0.7 * shock + pull, -_DAILY_LIMIT, _DAILY_LIMIT)
            active = u.listed(ordinal) & ~u.suspended(ordinal) & (quiet >= u.quiet)
            moved = np.maximum(on_tick(close * np.exp(move)), _LEAST_PRICE)
            close = np.where(active, moved, close)
            closes[row], traded[row] = close, active
        return closes, traded

    def _previous(self, row: int) -> Ints:
        """Return the reference prices of a session: the close before it, divided by a split's ratio."""
        u = self._universe
        if row == 0:
            return np.maximum(on_tick(u.first_price), _LEAST_PRICE)
        previous: Ints = self._close[row - 1].astype(np.int64)
        before, ordinal = self.sessions[row - 1].toordinal(), self.sessions[row].toordinal()
        for split in u.splits:
            if before < split.effective <= ordinal:
                previous[split.stock] = on_tick(previous[split.stock : split.stock + 1] / split.ratio)[0]
        return previous

    def on(self, day: date) -> SessionFacts:
        """Return one of `sessions`."""
        u, row, ordinal = self._universe, self._row[day], day.toordinal()
        rng = np.random.default_rng([self._seed, 33, ordinal])
        count = len(self.codes)
        # All draws are for all stocks in one order, listed or not.
        draws, noise, shape = rng.random((8, count)), rng.standard_normal((3, count)), rng.integers(0, 2**31, count)
        close, previous = self._close[row].astype(np.int64), self._previous(row)
        traded, factor = self._traded[row], u.split_factor(ordinal)
        heat = 1.1 * noise[0] + 12 * np.abs(np.log(close / previous))
        lots = np.maximum((u.turnover * np.exp(heat - 0.6) / close / LOT).astype(np.int64), 1) * traded
        trades = np.minimum(np.maximum((lots**0.72 * (0.3 + draws[0])).astype(np.int64), 1), lots)
        high, low, value = _range(close, previous, lots, trades, u.sigma, draws[1:4])
        bid, offer, bid_shares, offer_shares = _book(close, high, traded, draws[4:6], shape)
        buy, sell = _foreign(u.foreign, lots, trades, noise[1:3], [self._seed, 35, ordinal // _LEANING_DAYS])
        listed = np.flatnonzero(u.listed(ordinal))
        shares = u.listed_shares * factor
        index = np.round(close * factor / np.maximum(u.first_price * (0.2 + u.free_float), 1) * 100, 1)
        first = np.where(traded & u.large, on_tick(low + (high - low) * draws[6]), 0)
        suspended = u.suspended(ordinal)
        return SessionFacts(
            day=day,
            stock=listed,
            codes=[self.codes[k] for k in listed.tolist()],
            names=[u.names[k] for k in listed.tolist()],
            remarks=[u.remarks[k] for k in listed.tolist()],
            delisting=[self._leaving(int(u.listed_until[k]), ordinal) for k in listed.tolist()],
            crossings=self._crossings(listed, close, suspended, u.turnover, ordinal),
            **{
                name: column[listed]
                for name, column in {
                    "previous": previous, "first_trade": first, "high": high, "low": low, "close": close,
                    "volume": lots * LOT, "value": value, "trades": trades, "index": index, "offer": offer,
                    "offer_shares": offer_shares, "bid": bid, "bid_shares": bid_shares, "listed": shares,
                    "tradable": (shares * u.free_float).astype(np.int64), "foreign_buy": buy * LOT,
                    "foreign_sell": sell * LOT,
                }.items()
            },
        )  # fmt: skip

    @staticmethod
    def _leaving(until: int, ordinal: int) -> str:
        return f"{date.fromordinal(until)}T00:00:00" if until - ordinal <= _ANNOUNCED_DAYS else ""

    def _crossings(
        self, listed: Ints, close: Ints, suspended: NDArray[np.bool_], turnover: Floats, day: int
    ) -> Crossings:
        """Return the trades outside the regular market; suspended stocks trade on neither board."""
        rng, members = np.random.default_rng([self._seed, 34, day]), brokers()
        chosen = np.flatnonzero((rng.random(len(self.codes)) < _CROSSED)[listed] & ~suspended[listed])
        stock = np.repeat(chosen, rng.integers(1, _MOST_CROSSINGS + 1, len(chosen)))
        count = len(stock)
        size = np.exp(rng.normal(-1.2, 1.6, count)) * turnover[listed][stock] / close[listed][stock] / LOT
        shares = np.maximum(size, 1).astype(np.int64) * LOT
        starts = np.flatnonzero(np.diff(stock, prepend=-1))
        odd = starts[rng.random(len(starts)) < _ODD]
        # One odd lot a stock at most: whole lots then still add up on both sides.
        shares[odd] += rng.integers(1, LOT, len(odd)) - np.where(rng.random(len(odd)) < 0.5, shares[odd], 0)  # noqa: PLR2004
        negotiated = rng.random(count) >= _CASH
        negotiated[odd] = True
        weight = members.domestic + members.foreign
        buyer = rng.choice(len(members), count, p=weight / weight.sum())
        seller = np.where(rng.random(count) < 0.6, buyer, rng.choice(len(members), count, p=weight / weight.sum()))  # noqa: PLR2004
        price = np.maximum(np.rint(close[listed][stock] * rng.uniform(0.93, 1.04, count)), 1).astype(np.int64)
        foreign = members.foreign / np.maximum(weight, 1)
        return Crossings(
            stock=stock,
            negotiated=negotiated,
            buyer=buyer.astype(np.int64),
            seller=seller.astype(np.int64),
            buyer_foreign=rng.random(count) < foreign[buyer],
            seller_foreign=rng.random(count) < foreign[seller],
            shares=shares,
            value=shares * price,
        )

    def securities(self, day: date) -> list[Security]:
        """Return what is listed on `day`."""
        u, ordinal = self._universe, day.toordinal()
        shares = (u.listed_shares * u.split_factor(ordinal)).tolist()
        return [
            Security(u.codes[k], u.names[k], date.fromordinal(int(u.listed_from[k])), shares[k], u.boards[k])
            for k in np.flatnonzero(u.listed(ordinal)).tolist()
        ]


def _range(
    close: Ints, previous: Ints, lots: Ints, trades: Ints, sigma: Floats, draws: Floats
) -> tuple[Ints, Ints, Ints]:
    """Return high, low and value of the regular market; 0 where nothing was traded."""
    upper, lower = np.maximum(close, previous), np.minimum(close, previous)
    single = (trades <= 1) | (close <= _LEAST_PRICE)
    high = np.where(single, close, on_tick(upper * (1 + sigma * draws[0])))
    low = np.where(single, close, np.maximum(on_tick(lower * (1 - sigma * draws[1])), _LEAST_PRICE))
    high, low = np.maximum(high, close), np.minimum(low, close)
    value = np.rint(lots * (low + (high - low) * (0.25 + 0.5 * draws[2]))).astype(np.int64) * LOT
    none = lots == 0
    return np.where(none, 0, high), np.where(none, 0, low), value


def _book(
    close: Ints, high: Ints, traded: NDArray[np.bool_], draws: Floats, shape: Ints
) -> tuple[Ints, Ints, Ints, Ints]:
    """Return best bid and offer and the shares behind them; 0 where there is none."""
    step = tick(close)
    bid = np.where(traded & (close > _LEAST_PRICE) & (draws[0] < 0.97), close - step * (draws[1] < 0.5), 0)  # noqa: PLR2004
    above = np.where(bid == close, close + step, close)
    # A stock that ends on its high in a strong move has no sellers left.
    offer = np.where(traded & ~((close == high) & (draws[1] > 0.93)), above, 0)  # noqa: PLR2004
    behind = (shape % 9000 + 1) * LOT
    return bid, offer, np.where(bid > 0, behind, 0), np.where(offer > 0, behind[::-1], 0)


def _foreign(usual: Floats, lots: Ints, trades: Ints, noise: Floats, seed: list[int]) -> tuple[Ints, Ints]:
    """Return foreign investors' lots bought and sold; they lean one way as long as the seed stays."""
    lean = np.random.default_rng(seed).normal(0, 0.35, len(usual))
    share = np.clip(usual * np.exp(0.25 * noise[0]), 0, 0.95)
    tilt = np.clip(lean + 0.25 * noise[1], -0.9, 0.9)
    sides = []
    for sign in (1, -1):
        side = np.rint(lots * np.clip(share * (1 + sign * tilt), 0, 1)).astype(np.int64)
        # One trade has one buyer and one seller.
        sides.append(np.where(trades == 1, np.where(side * 2 > lots, lots, 0), side))
    return sides[0], sides[1]


def horizon(today: date) -> date:
    """Return how far the market is simulated, so that a sandbox that runs on gets new sessions by itself."""
    return today + timedelta(days=370)


def session_before(sessions: Sequence[date], day: date) -> date | None:
    """Return the last session before `day`."""
    at = bisect_left(sessions, day)
    return sessions[at - 1] if at else None
