"""The companies of the generated Indonesian market: sizes, lifetimes, suspensions, splits.

Everything is drawn from a seed once; how prices and volumes move from day to day is in `generate.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from fin_assets.sandbox.sites.idx_brokers import names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fin_assets.sandbox.sites.idx_brokers.market import Floats, Ints

EPOCH: Final = date(2019, 1, 2)
"""First session; the random streams begin here."""
FOREVER: Final = date(2100, 1, 1).toordinal()
_YEARS: Final = 14
_SPAN: Final = _YEARS * 365
_LISTED_LATER: Final = 0.08
"""Companies that come to the market within the span, as a share of those of the first day."""
_DELISTED: Final = 0.04
_LEAST_COMING, _LEAST_GOING = 7, 4
"""So that a small market has a new listing every second year and a delisting every fourth."""
_FROZEN: Final = 0.02
"""Share that is suspended for years."""
_SPELLS_A_YEAR: Final = 0.10
"""Short suspensions of a company in a year."""
_RATIOS: Final = (2, 4, 5, 10)
_SPLITS: Final = 2 * _YEARS
_LEAST_BEFORE_SPLIT: Final = 4000.0
"""Cheap stocks are not split: a tenth must stay well above the least price."""
_LARGE: Final = 0.06


@dataclass(frozen=True, slots=True)
class Split:
    """`ratio` new shares for an old one from the session on or after `effective` (ordinal)."""

    stock: int
    ratio: int
    effective: int


@dataclass(frozen=True, slots=True)
class Universe:
    """Every stock that is ever listed, sorted by code; arrays by stock. Days are ordinals (`date.toordinal`).

    Attributes:
        size: rank by turnover, 0 the largest, 1 the smallest.
        turnover: rupiah of a usual day.
        quiet: chance of a day without a trade.
        foreign: usual share of foreign investors in the volume.
        spells: rows of (stock, from, until): suspended.
    """

    codes: tuple[str, ...]
    names: tuple[str, ...]
    remarks: tuple[str, ...]
    boards: tuple[str, ...]
    size: Floats
    turnover: Floats
    quiet: Floats
    foreign: Floats
    sigma: Floats
    beta: Floats
    first_price: Floats
    listed_shares: Ints
    free_float: Floats
    large: NDArray[np.bool_]
    listed_from: Ints
    listed_until: Ints
    spells: Ints
    splits: tuple[Split, ...]

    def listed(self, ordinal: int) -> NDArray[np.bool_]:
        """Return, by stock, whether it is on the list of a day."""
        return (self.listed_from <= ordinal) & (ordinal < self.listed_until)

    def suspended(self, ordinal: int) -> NDArray[np.bool_]:
        """Return, by stock, whether its trading is suspended on a day."""
        found = np.zeros(len(self.codes), dtype=np.bool_)
        now = (self.spells[:, 1] <= ordinal) & (ordinal < self.spells[:, 2])
        found[self.spells[now, 0]] = True
        return found

    def split_factor(self, ordinal: int) -> Ints:
        """Return, by stock, how many shares of a day one share of the first day has become."""
        factor = np.ones(len(self.codes), dtype=np.int64)
        for split in self.splits:
            if split.effective <= ordinal:
                factor[split.stock] *= split.ratio
        return factor


def _coming(count: int) -> int:
    return max(round(count * _LISTED_LATER), _LEAST_COMING)


def _spread(count: int, rng: np.random.Generator) -> Ints:
    """Return days spread over the span: one in each of `count` equal parts."""
    parts: Floats = (np.arange(count) + rng.random(count)) / count * (_SPAN - 60)
    return EPOCH.toordinal() + 30 + parts.astype(np.int64)


def _lifetimes(lasting: NDArray[np.bool_], coming: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    count = len(lasting)
    free = rng.permutation(np.flatnonzero(~lasting))
    listed_from = np.full(count, EPOCH.toordinal() - 1000, dtype=np.int64)
    listed_until = np.full(count, FOREVER, dtype=np.int64)
    listed_from[free[:coming]] = _spread(coming, rng)
    leaving = free[coming : coming + max(round((count - coming) * _DELISTED), _LEAST_GOING)]
    listed_until[leaving] = _spread(len(leaving), rng)
    return listed_from, listed_until


def _suspensions(lasting: NDArray[np.bool_], stays: NDArray[np.bool_], rng: np.random.Generator) -> Ints:
    """Return rows of (stock, from, until); the first stock is suspended for good within the first year."""
    free, first = np.flatnonzero(~lasting), EPOCH.toordinal()
    frozen = rng.permutation(np.flatnonzero(~lasting & stays))[: max(round(len(lasting) * _FROZEN), 2)]
    from_years = first + rng.integers(-400, 1800, len(frozen))
    from_years[0] = first + int(rng.integers(100, 300))
    years = rng.integers(700, 3000, len(frozen))
    years[0] = _SPAN
    long = np.stack([frozen, from_years, from_years + years], axis=1)
    spells = round(len(lasting) * _SPELLS_A_YEAR * _YEARS)
    begin = first + rng.integers(0, _SPAN, spells)
    # Most are a cooling-off of a day or two, some last for months.
    days = np.maximum(np.exp(rng.normal(1.2, 1.3, spells)), 1).astype(np.int64)
    short = np.stack([rng.choice(free, spells), begin, begin + np.minimum(days, 200)], axis=1)
    return np.concatenate([long, short]).astype(np.int64)


def _splits(size: Floats, eligible: NDArray[np.bool_], rng: np.random.Generator) -> tuple[Split, ...]:
    """Return about two splits a year, each of another one of the larger stocks that stay listed throughout."""
    larger = np.flatnonzero(eligible & (size < 0.7))  # noqa: PLR2004
    stocks, days = rng.permutation(larger)[:_SPLITS], _spread(_SPLITS, rng)
    ratios = rng.choice(_RATIOS, len(stocks))
    return tuple(Split(*found) for found in zip(stocks.tolist(), ratios.tolist(), days.tolist(), strict=False))


def _identities(count: int, rng: np.random.Generator) -> tuple[list[str], list[str], list[int]]:
    """Return codes and names sorted by code, and each one's number in the order of size."""
    extra = max(round(count * names.PREFERRED_SHARE), 1)
    codes, titles = names.companies(max(count - extra, 1), rng=rng)
    for parent in rng.choice(np.arange(min(len(names.LASTING), len(codes)) - 1, len(codes)), extra).tolist():
        code, title = names.preferred(codes[parent], titles[parent])
        if code not in codes and len(codes) < count:
            codes.append(code)
            titles.append(title)
    order = sorted(range(len(codes)), key=codes.__getitem__)
    return [codes[k] for k in order], [titles[k] for k in order], order


def _remark(board: str, size: float, number: int, rng: np.random.Generator) -> str:
    sector = int(rng.integers(1, 10)) * 10 + int(rng.integers(1, 6))
    indexed = f"{'M' if board == 'Utama' else 'U'}-{1 + number % 2}{int(size * 9)}35000000{sector:02d}"
    notation = "E" if rng.random() < _FROZEN else "-"
    return f"--{indexed}---{notation}".ljust(30, "-")[:30]


@lru_cache(maxsize=4)
def universe(companies: int, seed: int) -> Universe:
    """Return the stocks of a market that begins with `companies`; the same seed and number give the same ones."""
    rng = np.random.default_rng([seed, 31, companies])
    coming = _coming(companies)
    codes, titles, order = _identities(companies + coming, rng)
    count = len(codes)
    number = np.array(order)
    lasting = number < min(len(names.LASTING), count - 1)
    size = number / max(count - 1, 1)
    # Turnover falls over five orders of magnitude from the largest to the smallest.
    turnover = np.exp(np.log(3e11) - 11.5 * size**0.72 + rng.normal(0, 0.7, count) * ~lasting)
    price = np.exp(np.clip(rng.normal(6.3, 1.3, count), np.log(50), np.log(40_000)))
    price = np.where(lasting, rng.uniform(1500, 9000, count), price)
    listed_from, listed_until = _lifetimes(lasting, coming, rng)
    stays = (listed_from < EPOCH.toordinal()) & (listed_until == FOREVER)
    boards = ["Utama" if s < 0.35 else "Pengembangan" if s < 0.9 else "Akselerasi" for s in size.tolist()]  # noqa: PLR2004
    splits = _splits(size, stays & ~lasting | (number == 1), rng)
    divided = [split.stock for split in splits]
    price[divided] = np.maximum(price[divided], _LEAST_BEFORE_SPLIT)
    shares = np.exp(np.log(turnover / price) + rng.normal(6.2, 0.8, count)).astype(np.int64) // 100 * 100 + 300_000_000
    return Universe(
        codes=tuple(codes),
        names=tuple(titles),
        remarks=tuple(_remark(b, s, k, rng) for k, (b, s) in enumerate(zip(boards, size.tolist(), strict=True))),
        boards=tuple(boards),
        size=size,
        turnover=turnover,
        quiet=np.where(lasting, 0.0, 0.16 * np.clip(size - 0.55, 0, 1)),
        foreign=np.where(lasting, rng.uniform(0.25, 0.55, count), rng.beta(1.2, 9, count) * (size < 0.7)),  # noqa: PLR2004
        sigma=np.clip(np.exp(rng.normal(np.log(0.022), 0.45, count)) * (0.75 + 0.6 * size), 0.008, 0.07),
        beta=rng.uniform(0.4, 1.4, count),
        first_price=price,
        listed_shares=shares,
        free_float=np.where(rng.random(count) < 0.8, 1.0, np.round(rng.uniform(0.25, 0.99, count), 2)),  # noqa: PLR2004
        large=size < _LARGE,
        listed_from=listed_from,
        listed_until=listed_until,
        spells=_suspensions(lasting, stays, rng),
        splits=splits,
    )
