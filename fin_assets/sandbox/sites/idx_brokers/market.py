"""The data that the exchange states of a session, generated or given, and the rules of prices that both makers share.

Only the shapes that `generate.py` and `dataset.py` fill belong here; who traded is in `flows.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

LOT: Final = 100
"""Shares of one lot."""
_TICKS: Final = ((200, 1), (500, 2), (2000, 5), (5000, 10))
_LARGEST_TICK: Final = 25


@dataclass(frozen=True, slots=True)
class Crossings:
    """Trades of the cash and the negotiated market, one a row, sorted by `stock`.

    Attributes:
        stock: row in the session's list.
        negotiated: on the board NG; else on TN.
        buyer, seller: member indices.
        buyer_foreign, seller_foreign: whether the investor behind it is.
        shares: whole lots, save for the one odd lot that a stock may have on NG.
        value: rupiah.
    """

    stock: Ints
    negotiated: NDArray[np.bool_]
    buyer: Ints
    seller: Ints
    buyer_foreign: NDArray[np.bool_]
    seller_foreign: NDArray[np.bool_]
    shares: Ints
    value: Ints


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """One session as the exchange's list states it; arrays by row, sorted by code.

    Volume, value, trades and the foreign columns are of the regular market; the other boards are `crossings`. Shares are
    single shares, money is rupiah, 0 stands where the site prints 0. `stock` is the row's number in the market's `codes`.
    """

    day: date
    stock: Ints
    codes: Sequence[str]
    names: Sequence[str]
    remarks: Sequence[str]
    previous: Ints
    first_trade: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    value: Ints
    trades: Ints
    index: Floats
    offer: Ints
    offer_shares: Ints
    bid: Ints
    bid_shares: Ints
    listed: Ints
    tradable: Ints
    foreign_buy: Ints
    foreign_sell: Ints
    delisting: Sequence[str]
    crossings: Crossings


@dataclass(frozen=True, slots=True)
class Security:
    """One line of the list of securities: as of the day asked about."""

    code: str
    name: str
    listed_on: date
    shares: int
    board: str


class IdxMarket(Protocol):
    """The sessions of one market."""

    @property
    def codes(self) -> Sequence[str]:
        """Every code that was ever listed, sorted."""
        ...

    @property
    def sessions(self) -> Sequence[date]:
        """Every day with data, ascending, those that are not published yet included."""
        ...

    def on(self, day: date) -> SessionFacts:
        """Return one of `sessions`."""
        ...

    def securities(self, day: date) -> list[Security]:
        """Return what is listed on `day`."""
        ...


def tick(price: Ints) -> Ints:
    """Return the price step at a price, by the exchange's table."""
    bounds = [price < bound for bound, _ in _TICKS]
    steps: Ints = np.select(bounds, [np.full_like(price, step) for _, step in _TICKS], default=_LARGEST_TICK)
    return steps


def on_tick(price: Floats) -> Ints:
    """Return the price nearest to `price` that conforms to the tick of its range."""
    whole = np.rint(price).astype(np.int64)
    step = tick(whole)
    return np.rint(price / step).astype(np.int64) * step


def no_crossings() -> Crossings:
    """Return the trades of a session on which only the regular market traded."""
    none, no = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_)
    return Crossings(none, no, none, none, no, no, none, none)
