"""The stocks of a generated market: codes, names, sizes, when they come and go, and what happens to them.

Everything is drawn from a seed once; how holdings move from day to day is in `generate.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from fin_assets.sandbox.sites.hkex_southbound import names
from fin_assets.sandbox.sites.hkex_southbound.market import MARKETS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

EPOCH: Final = date(2017, 3, 17)
"""First list of the real service; the random streams begin here."""
FOREVER: Final = date(2100, 1, 1).toordinal()
_YEARS: Final = 14
"""Unit: years from the epoch over which additions, removals and events are spread."""
_SPAN: Final = _YEARS * 365
_LASTING: Final = (1, 5, 388, 700, 939, 941, 1299, 3690, 9988)
"""Codes that are always there, large and without events: people and tests ask for them."""
_LASTING_HELD: Final = (0.12, 0.09, 0.14, 0.11, 0.13, 0.10, 0.15, 0.18, 0.11)
_IN_REVIEWS: Final = 0.6
"""Share of the additions that come in a batch at a semi-annual review."""
_LIFE_YEARS: Final = 25
_COUNTERS_A_YEAR, _OFFERS_A_YEAR, _PAUSES_A_YEAR, _BLANKS_A_YEAR = 7, 3, 3, 40


@dataclass(frozen=True, slots=True)
class CounterEvent:
    """A consolidation (ratio 10 means ten old shares are one new) or split (ratio 1/5) through a temporary counter."""

    stock: int
    code: int
    ratio: float
    effective: int


@dataclass(frozen=True, slots=True)
class Universe:
    """Every stock that is ever listed in one market; arrays by stock. Days are ordinals (`date.toordinal`)."""

    codes: Ints
    names_en: list[str]
    names_zh: list[str]
    issued: Ints
    lot: Ints
    target: Floats
    sigma: Floats
    pull: Floats
    listed_from: Ints
    listed_until: Ints
    gap_from: Ints
    gap_until: Ints
    collapse_on: Ints
    counters: tuple[CounterEvent, ...]
    blank_spells: Ints
    """Rows of (stock, from, until): the page leaves the percentage empty."""


def _southbound_codes(count: int, rng: np.random.Generator) -> Ints:
    pool = np.concatenate([np.arange(1, 2900), np.arange(3300, 4000), np.arange(6030, 6999), np.arange(9600, 9999)])
    known = np.array(_LASTING)
    rest = rng.permutation(np.setdiff1d(pool, known))[: count - len(known)]
    return np.concatenate([known, rest]).astype(np.int64)


_A_SHARES: Final = {
    "sh": ((600_000, 90_000), (601_000, 91_000), (603_000, 93_000), (605_000, 95_000)),
    "sz": ((0, 70_000), (2_000, 72_000), (300_000, 77_000), (301_000, 78_000)),
}
"""First A-share code of a board and first internal code that stands for it."""


def _northbound_codes(market: str, count: int, rng: np.random.Generator) -> tuple[Ints, list[str]]:
    boards = _A_SHARES[market]
    picks = rng.permutation(len(boards) * 999)[:count]
    internal = np.array([boards[p // 999][1] + p % 999 + 1 for p in picks.tolist()], dtype=np.int64)
    return internal, [f"{boards[p // 999][0] + p % 999 + 1:06d}" for p in picks.tolist()]


def _lifetimes(count: int, at_start: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    first = EPOCH.toordinal()
    listed_from = np.full(count, first, dtype=np.int64)
    joins = first + rng.integers(5, _SPAN, count - at_start)
    reviewed = rng.random(count - at_start) < _IN_REVIEWS
    for k in np.flatnonzero(reviewed).tolist():
        joins[k] = _review_day(date.fromordinal(int(joins[k]))).toordinal()
    listed_from[at_start:] = joins
    stay = np.maximum(rng.exponential(_LIFE_YEARS * 365, count), 90).astype(np.int64)
    stay[: len(_LASTING)] = FOREVER
    return listed_from, listed_from + stay


def _review_day(day: date) -> date:
    """Return the semi-annual review on or after `day`: the second Monday of March or September."""
    firsts = (date(day.year, 3, 1), date(day.year, 9, 1), date(day.year + 1, 3, 1))
    return next(r for r in (first + timedelta(days=(7 - first.weekday()) % 7 + 7) for first in firsts) if r >= day)


def _counter_events(listed_from: Ints, listed_until: Ints, rng: np.random.Generator) -> tuple[CounterEvent, ...]:
    first = EPOCH.toordinal()
    count = _COUNTERS_A_YEAR * _YEARS
    stocks = len(_LASTING) + rng.permutation(len(listed_from) - len(_LASTING))[:count]
    days = np.sort(first + rng.integers(40, _SPAN, count))
    ratios = rng.choice(np.array([5.0, 10.0, 1 / 2, 1 / 5, 1 / 10]), count, p=[0.4, 0.35, 0.1, 0.1, 0.05])
    return tuple(
        CounterEvent(stock, 2901 + k % 98, ratio, day)
        for k, (stock, day, ratio) in enumerate(zip(stocks.tolist(), days.tolist(), ratios.tolist(), strict=True))
        if listed_from[stock] + 90 < day < listed_until[stock] - 90
    )


@lru_cache(maxsize=6)
def universe(market: str, seed: int) -> Universe:
    """Return the stocks of a market; the same seed gives the same ones."""
    southbound = market == "hk"
    rng = np.random.default_rng([seed, MARKETS.index(market), 1])
    at_start = 470 if southbound else 350
    count = at_start + (30 if southbound else 8) * _YEARS
    codes, names_en, names_zh = _identities(market, count, rng)
    lot = (
        rng.choice(np.array([100, 200, 500, 1000, 2000, 4000]), count) if southbound else np.ones(count, dtype=np.int64)
    )
    issued = np.exp(rng.normal(21.5, 1.1, count)).astype(np.int64) // 1000 * 1000 + 200_000_000
    held = np.clip(np.exp(rng.normal(np.log(0.03), 1.2, count)), 0.0002, 0.6)
    if southbound:
        held[: len(_LASTING)] = _LASTING_HELD
    listed_from, listed_until = _lifetimes(count, at_start, rng)
    counters = _counter_events(listed_from, listed_until, rng) if southbound else ()
    collapse_on, gap_from = _offers_and_pauses(count, {event.stock for event in counters}, rng)
    offered = collapse_on < FOREVER
    listed_until = np.where(offered, np.minimum(listed_until, collapse_on + rng.integers(30, 80, count)), listed_until)
    return Universe(
        codes=codes,
        names_en=names_en,
        names_zh=names_zh,
        issued=issued,
        lot=lot.astype(np.int64),
        target=held * issued,
        sigma=np.clip(np.exp(rng.normal(np.log(0.004), 0.7, count)), 0.0008, 0.05),
        pull=rng.uniform(0.002, 0.01, count),
        listed_from=listed_from,
        listed_until=listed_until,
        gap_from=gap_from,
        gap_until=gap_from + rng.integers(35, 90, count),
        collapse_on=collapse_on,
        counters=counters,
        blank_spells=_blank_spells(count, rng),
    )


def _identities(market: str, count: int, rng: np.random.Generator) -> tuple[Ints, list[str], list[str]]:
    """Return codes and names as the English and the Chinese page print them."""
    if market == "hk":
        codes = _southbound_codes(count, rng)
        return codes, *names.companies(count, rng=rng, northbound=False)
    codes, a_codes = _northbound_codes(market, count, rng)
    english, chinese = names.companies(count, rng=rng, northbound=True)
    return codes, [f"{name} (A #{code})" for name, code in zip(english, a_codes, strict=True)], chinese


def _offers_and_pauses(count: int, busy: set[int], rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Return, by stock, the day of a takeover and the first day of an absence; `busy` stocks have neither."""
    free = np.array([s for s in rng.permutation(np.arange(len(_LASTING), count)).tolist() if s not in busy])
    offers, pauses = _OFFERS_A_YEAR * _YEARS, _PAUSES_A_YEAR * _YEARS
    found = []
    for stocks in (free[:offers], free[offers : offers + pauses]):
        days = np.full(count, FOREVER, dtype=np.int64)
        days[stocks] = EPOCH.toordinal() + rng.integers(60, _SPAN, len(stocks))
        found.append(days)
    return found[0], found[1]


def _blank_spells(count: int, rng: np.random.Generator) -> Ints:
    spells = _BLANKS_A_YEAR * _YEARS
    begin = EPOCH.toordinal() + rng.integers(0, _SPAN, spells)
    stocks = rng.integers(len(_LASTING), count, spells)
    return np.stack([stocks, begin, begin + rng.integers(7, 40, spells)], axis=1).astype(np.int64)
