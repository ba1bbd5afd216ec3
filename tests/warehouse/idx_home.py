"""A small home with staged files of the Indonesian source, written through the store without a site or a browser.

`published(root)` gives one that is built and published, for tests of what reads the marts.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.warehouse.home import Home, weekdays
from tests.warehouse.idx_market import Day, IdxMarket

SOURCE = "idx_brokers"
EVERY = {"stock_summary": 1, "broker_summary_market": 1, "members": 1, "broker_trades": 1}
SESSIONS = weekdays(date(2026, 1, 5), 85)
TICKERS, BROKERS = 30, 40
CLOCK = "2026-05-30T00:00:00+00:00"


def idx_home(root: Path, sessions: list[date] | None = None) -> Home:
    """Return a home with nothing collected yet."""
    return Home(root, sessions or SESSIONS, source=SOURCE, every=EVERY)


def stage_day(home: Home, session: date, day: Day) -> None:
    """Stage all four tables of a session."""
    home.stage("stock_summary", session, day.summary, units=("all",))
    home.stage("broker_summary_market", session, day.market, units=("all",))
    home.stage("members", session, day.members, units=("all",))
    units = [f"{code}/all/all" for code in day.trades["ticker_code"].unique(maintain_order=True)]
    home.stage("broker_trades", session, day.trades, units=units)


def market_days(
    sessions: list[date] | None = None, *, tickers: int = TICKERS, brokers: int = BROKERS
) -> dict[date, Day]:
    """Return the frames of a small market with special shares (see IdxMarket)."""
    market = IdxMarket(tickers=tickers, brokers=brokers)
    return {session: market.next(session) for session in sessions or SESSIONS}


def published(root: Path, collected: list[date] | None = None) -> Home:
    """Return a home of 85 sessions, 30 shares and 40 brokers whose marts are published; the clock stands after the last.

    Args:
        root: where it is made.
        collected: sessions to stage; all if not given.
    """
    home = idx_home(root)
    for session, day in market_days().items():
        if collected is None or session in collected:
            stage_day(home, session, day)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIN_CLOCK", CLOCK)
        home.build()
    return home
