"""The generated dataset: stocks, holdings and corporate events of each market, from a seed.

Only how numbers come about belongs here; how a page shows them is in `pages/`. The value of a stock on a day depends on
the seed and that day alone, not on the range that was asked for: everything is drawn from `EPOCH` onwards in one fixed
order, so that a sandbox that is started tomorrow tells the same past.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from fin_assets.core.calendars import get_calendar
from fin_assets.sandbox import names
from fin_assets.sandbox.market import MARKETS, DayList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

EPOCH: Final = date(2017, 3, 17)
"""First list of the real service; the random streams begin here."""
_YEARS: Final = 14
"""Additions, removals and events are spread over so many years from the epoch."""
NORTHBOUND_QUARTERLY_SINCE: Final = date(2024, 8, 19)

_ACTIVE: Final = 0.90
"""Share of stocks that change on a normal day; 88.7 % was measured on 207 real days, and caps take some away."""
_MAX_HELD: Final = 0.75
_FILLING_DAYS: Final = 120
_ODD_LOT_SHOCK: Final = 8.0
_COUNTER_SESSIONS: Final = (10, 25)
"""Sessions until the old code is back, and until the residue is gone: 198 in June 2017 took 10 and 25."""
_FOREVER: Final = date(2100, 1, 1).toordinal()


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
    known = np.array([1, 5, 388, 700, 939, 941, 1299, 3690, 9988])
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
    first, span = EPOCH.toordinal(), _YEARS * 365
    listed_from = np.full(count, first, dtype=np.int64)
    joins = first + rng.integers(5, span, count - at_start)
    reviewed = rng.random(count - at_start) < 0.6
    for k in np.flatnonzero(reviewed).tolist():
        joins[k] = _review_day(date.fromordinal(int(joins[k]))).toordinal()
    listed_from[at_start:] = joins
    stay = np.maximum(rng.exponential(25 * 365, count), 90).astype(np.int64)
    # The first codes are the ones that people and tests ask for: they stay.
    stay[:9] = _FOREVER
    return listed_from, listed_from + stay


def _review_day(day: date) -> date:
    """Return the semi-annual review on or after `day`: additions come in batches on the second Monday of March and September."""
    for year, month in ((day.year, 3), (day.year, 9), (day.year + 1, 3)):
        first = date(year, month, 1)
        review = first + timedelta(days=(7 - first.weekday()) % 7 + 7)
        if review >= day:
            return review
    msg = f"no review after {day}"
    raise AssertionError(msg)


def _counter_events(
    listed_from: Ints, listed_until: Ints, lot: Ints, rng: np.random.Generator
) -> tuple[CounterEvent, ...]:
    first = EPOCH.toordinal()
    count = 7 * _YEARS
    stocks = 9 + rng.permutation(len(listed_from) - 9)[:count]
    days = np.sort(first + rng.integers(40, _YEARS * 365, count))
    ratios = rng.choice(np.array([5.0, 10.0, 1 / 2, 1 / 5, 1 / 10]), count, p=[0.4, 0.35, 0.1, 0.1, 0.05])
    return tuple(
        CounterEvent(stock, 2901 + k % 98, ratio, day)
        for k, (stock, day, ratio) in enumerate(zip(stocks.tolist(), days.tolist(), ratios.tolist(), strict=True))
        if listed_from[stock] + 90 < day < listed_until[stock] - 90 and lot[stock] > 0
    )


@lru_cache(maxsize=6)
def universe(market: str, seed: int) -> Universe:
    """Return the stocks of a market; the same seed gives the same ones."""
    southbound = market == "hk"
    rng = np.random.default_rng([seed, MARKETS.index(market), 1])
    at_start = 470 if southbound else 350
    count = at_start + (30 if southbound else 8) * _YEARS
    if southbound:
        codes = _southbound_codes(count, rng)
        names_en, names_zh = names.companies(count, rng=rng, northbound=False)
    else:
        codes, a_codes = _northbound_codes(market, count, rng)
        names_en, names_zh = names.companies(count, rng=rng, northbound=True)
        names_en = [f"{name} (A #{code})" for name, code in zip(names_en, a_codes, strict=True)]
    lot = rng.choice(np.array([100, 200, 500, 1000, 2000, 4000]), count) if southbound else np.full(count, 1)
    issued = np.exp(rng.normal(21.5, 1.1, count)).astype(np.int64) // 1000 * 1000 + 200_000_000
    held = np.clip(np.exp(rng.normal(np.log(0.03), 1.2, count)), 0.0002, 0.6)
    held[: 9 if southbound else 0] = np.array([0.12, 0.09, 0.14, 0.11, 0.13, 0.10, 0.15, 0.18, 0.11])[
        : 9 if southbound else 0
    ]
    listed_from, listed_until = _lifetimes(count, at_start, rng)
    collapse_on = np.full(count, _FOREVER, dtype=np.int64)
    gap_from = np.full(count, _FOREVER, dtype=np.int64)
    first, span = EPOCH.toordinal(), _YEARS * 365
    counters = _counter_events(listed_from, listed_until, lot, rng) if southbound else ()
    busy = {event.stock for event in counters}
    free = np.array([s for s in rng.permutation(np.arange(9, count)).tolist() if s not in busy])
    taken, paused = free[: 3 * _YEARS], free[3 * _YEARS : 6 * _YEARS]
    collapse_on[taken] = first + rng.integers(60, span, len(taken))
    listed_until[taken] = np.minimum(listed_until[taken], collapse_on[taken] + rng.integers(30, 80, len(taken)))
    gap_from[paused] = first + rng.integers(60, span, len(paused))
    spells = 40 * _YEARS
    blank_from = first + rng.integers(0, span, spells)
    blank = np.stack([rng.integers(9, count, spells), blank_from, blank_from + rng.integers(7, 40, spells)], axis=1)
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
        blank_spells=blank.astype(np.int64),
    )


def list_days(until: date) -> list[date]:
    """Return the days on which Hong Kong publishes a list, from the epoch: its sessions, and storms that stopped trading."""
    hong_kong = get_calendar("XHKG")
    storms = [d for d, entry in hong_kong.overrides.items() if entry.kind == "weather" and EPOCH <= d <= until]
    return sorted({*hong_kong.sessions_in_range(EPOCH, until), *storms})


def settled(day: date) -> bool:
    """Return whether anything settled through the mainland leg on `day`: both trade and settlement need it open.

    Holdings of a day are the trades of two Hong Kong sessions before.
    """
    hong_kong, mainland = get_calendar("XHKG"), get_calendar("XSHG")

    def open_there(d: date) -> bool:
        return d > mainland.known_until or mainland.is_session(d)

    return hong_kong.is_session(day) and open_there(day) and open_there(hong_kong.offset(day, -2))


class GeneratedMarket:
    """The lists of one market, simulated from the epoch, kept from `start` on.

    Args:
        market: hk, sh or sz.
        seed: the same seed gives the same lists.
        start: first day that is kept.
        until: last day that is simulated.
    """

    def __init__(self, *, market: str, seed: int, start: date, until: date) -> None:
        self._market = market
        self._universe = universe(market, seed)
        self._all_days = list_days(until)
        self._keep = bisect_left(self._all_days, start)
        kept = self._all_days[self._keep :]
        self.days: Sequence[date] = kept if market == "hk" else _northbound(kept)
        self._row = {day: i for i, day in enumerate(kept)}
        self._holdings, self._issued = _simulate(
            self._universe, self._all_days, self._keep, [seed, MARKETS.index(market), 2]
        )
        self._counters = [(event, *self._phases(event)) for event in self._universe.counters]

    def _phases(self, event: CounterEvent) -> tuple[int, int, int]:
        """Return the kept rows on which the counter opens, the old code is back, and the residue is gone."""
        opened = bisect_left(self._all_days, date.fromordinal(event.effective)) - self._keep
        return opened, opened + _COUNTER_SESSIONS[0], opened + _COUNTER_SESSIONS[1]

    def _listed(self, day: date) -> NDArray[np.bool_]:
        u, n = self._universe, day.toordinal()
        return (u.listed_from <= n) & (n < u.listed_until) & ~((u.gap_from <= n) & (n < u.gap_until))

    def _counter_rows(self, row: int) -> list[tuple[int, int, int, bool]]:
        """Return (stock, temporary code, shares under it, old code hidden) for each counter that is open."""
        found = []
        for event, opened, back, gone in self._counters:
            held = int(self._holdings[row, event.stock]) if opened <= row < gone else 0
            if opened <= row < back:
                found.append((event.stock, event.code, held, True))
            elif back < row < gone:
                lot = int(self._universe.lot[event.stock])
                found.append((event.stock, event.code, max(held // 2000 // lot, 4) * lot, False))
        return found

    def on(self, day: date) -> DayList:
        """Return the list of one of `days`."""
        u, row = self._universe, self._row[day]
        shares, issued = self._holdings[row], self._issued[row]
        blank = {int(s) for s, begin, end in u.blank_spells.tolist() if begin <= day.toordinal() < end}
        listed = set(np.flatnonzero(self._listed(day)).tolist())
        lines: list[tuple[int, int, int]] = []
        for stock, code, held, hidden in self._counter_rows(row):
            if stock in listed:
                lines.append((code, stock, held))
                if hidden:
                    listed.discard(stock)
        lines.extend((int(u.codes[s]), s, int(shares[s])) for s in listed)
        lines.sort()
        return DayList(
            day=day,
            codes=[code for code, _, _ in lines],
            names_en=[u.names_en[s] for _, s, _ in lines],
            names_zh=[u.names_zh[s] for _, s, _ in lines],
            shares=[held for _, _, held in lines],
            percents=[None if s in blank else held * 10_000 // int(issued[s]) for _, s, held in lines],
        )

    def issued(self, code: int, day: date) -> int:
        """Return the issued shares behind a code that is on the list of `day`."""
        row = self._row[day]
        for stock, counter, _, _ in self._counter_rows(row):
            if counter == code:
                return int(self._issued[row, stock])
        return int(self._issued[row, int(np.flatnonzero(self._universe.codes == code)[0])])


def _northbound(days: Sequence[date]) -> list[date]:
    """Return the days on which a northbound list exists: daily, and the last one of each quarter since August 2024."""

    def quarter(day: date) -> tuple[int, int]:
        return day.year, (day.month - 1) // 3

    return [
        day
        for day, following in zip(days, [*days[1:], None], strict=True)
        if day < NORTHBOUND_QUARTERLY_SINCE or (following is not None and quarter(following) != quarter(day))
    ]


def _simulate(u: Universe, days: Sequence[date], keep: int, seed: list[int]) -> tuple[Ints, Ints]:
    """Return holdings and issued shares, a row a kept day and a column a stock, in the units of that day."""
    rng = np.random.default_rng(seed)
    count = len(u.codes)
    held = np.maximum((u.target * np.exp(rng.normal(0, 0.3, count))).astype(np.int64) // u.lot, 1) * u.lot
    issued, target = u.issued.copy(), u.target.copy()
    held[u.listed_from > EPOCH.toordinal()] = 0
    counters = {bisect_left(days, date.fromordinal(e.effective)): e for e in u.counters}
    kept_holdings = np.empty((len(days) - keep, count), dtype=np.int64)
    kept_issued = np.empty_like(kept_holdings)
    before = EPOCH.toordinal()
    for row, day in enumerate(days):
        # Always the same draws, whatever the day does with them: the past must not depend on a calendar's later change.
        shock, active = rng.standard_t(2.6, count), rng.random(count) < _ACTIVE
        extra, placed = rng.random(4), int(rng.integers(count))
        if row and settled(day):
            today = day.toordinal()
            taken = (before < u.collapse_on) & (u.collapse_on <= today)
            held = _step(u, held, issued, target, np.where(active, shock, np.nan), today)
            held = np.where(taken, np.maximum(held // 12 // u.lot, 1) * u.lot, held)
            target = np.where(taken, held, target)
            before = today
        if row and extra[0] < 0.15:
            issued[placed] += int(issued[placed] * (0.02 + 0.15 * extra[1])) // 1000 * 1000
        event = counters.get(row)
        if event is not None:
            held[event.stock] = int(held[event.stock] / event.ratio)
            issued[event.stock] = int(issued[event.stock] / event.ratio)
            target[event.stock] /= event.ratio
        if row >= keep:
            kept_holdings[row - keep], kept_issued[row - keep] = np.maximum(held, u.lot), issued
    return kept_holdings, kept_issued


def _step(u: Universe, held: Ints, issued: Ints, target: Floats, shock: Floats, today: int) -> Ints:
    """Return the holdings after one settlement day: most stocks move a little, some a lot; NaN shocks do not move."""
    base = np.maximum(held, u.lot)
    # A new name fills up within weeks, an old one drifts about its level.
    pull = np.where(today - u.listed_from < _FILLING_DAYS, 0.05, u.pull)
    step = np.clip(u.sigma * shock + pull * np.log(np.maximum(target, 1) / base), -0.5, 0.6)
    change = base * np.expm1(np.nan_to_num(step))
    lots = np.rint(change / u.lot).astype(np.int64)
    lots = np.where(lots == 0, np.sign(change).astype(np.int64), lots)
    # After an offer hardly anybody is left to trade.
    lots = np.where((u.collapse_on < today) & (np.abs(shock) < 1), 0, lots)
    # Odd lots: deposits and scrip dividends leave them behind.
    odd = np.where(
        np.abs(np.nan_to_num(shock)) > _ODD_LOT_SHOCK, np.abs(np.nan_to_num(shock) * 37).astype(np.int64) % 97, 0
    )
    moved = np.clip(base + lots * u.lot + odd, u.lot, (issued * _MAX_HELD).astype(np.int64))
    return np.where((held > 0) | (u.listed_from <= today), moved, held)
