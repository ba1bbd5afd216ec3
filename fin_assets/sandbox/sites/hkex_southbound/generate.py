"""The generated dataset: the lists of each market, simulated day by day over the stocks of `universe.py`.

Only how numbers come about belongs here; how a page shows them is in `pages/`. The value of a stock on a day depends on
the seed and that day alone, not on the range that was asked for: everything is drawn from `EPOCH` onwards in one fixed
order, so that a sandbox that is started tomorrow tells the same past.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np

from fin_assets.core.calendars.exchange import get_calendar
from fin_assets.sandbox.sites.hkex_southbound.market import MARKETS, DayList
from fin_assets.sandbox.sites.hkex_southbound.universe import EPOCH, CounterEvent, Universe, universe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

NORTHBOUND_QUARTERLY_SINCE: Final = date(2024, 8, 19)

_ACTIVE: Final = 0.90
"""Share of stocks that change on a normal day; 88.7 % was measured on 207 real days, and caps take some away."""
_MAX_HELD: Final = 0.75
_PLACED_DAILY: Final = 0.15
"""Chance that some stock issues shares on a day."""
_FILLING_DAYS: Final = 120
_ODD_LOT_SHOCK: Final = 8.0
_COUNTER_SESSIONS: Final = (10, 25)
"""Sessions until the old code is back, and until the residue is gone: 198 in June 2017 took 10 and 25."""


def list_days(until: date) -> list[date]:
    """Return the days on which Hong Kong publishes a list, from the epoch: its sessions, and days lost to storms."""
    hong_kong = get_calendar("XHKG")
    storms = [d for d, entry in hong_kong.overrides.items() if entry.kind == "weather" and EPOCH <= d <= until]
    return sorted({*hong_kong.sessions(EPOCH, until), *storms})


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
    counters: dict[int, list[CounterEvent]] = {}
    for event in u.counters:
        counters.setdefault(bisect_left(days, date.fromordinal(event.effective)), []).append(event)
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
        if row and extra[0] < _PLACED_DAILY:
            issued[placed] += int(issued[placed] * (0.02 + 0.15 * extra[1])) // 1000 * 1000
        for event in counters.get(row, ()):
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
