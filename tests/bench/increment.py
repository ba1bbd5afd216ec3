"""Time of the daily increment of the marts with one and with ten times the history."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from statistics import median

import polars as pl

from fin_assets import clock
from tests.bench.report import Section, machine, table
from tests.warehouse.home import HOLDINGS, OBSERVED, Home, weekdays

MINUTES = 4
FIRST = date(2015, 1, 5)
SESSIONS, TIMES, DAYS, STOCKS = 250, (1, 10), 4, 550


def market(sessions: list[date], stocks: int) -> Iterator[tuple[date, pl.DataFrame]]:
    """Yield the list of each session: random walks of `stocks` holdings, the same for the same sessions."""
    dice = random.Random(7)
    codes = [f"{code:05d}" for code in range(1, stocks + 1)]
    shares = [dice.randrange(1_000_000, 1_000_000_000) for _ in codes]
    for session in sessions:
        shares = [max(0, int(held * (1 + dice.gauss(0, 0.01)))) for held in shares]
        rows = [
            (session, "hk", code, f"STOCK {code}", "en", None, None, held, round(held / 50_000_000, 2), OBSERVED)
            for code, held in zip(codes, shares, strict=True)
        ]
        yield session, pl.DataFrame(rows, schema=HOLDINGS, orient="row")


def measure() -> Section:
    """Build a history once, then add days one by one; the first is left out, since it fills dbt's parse cache."""
    where = machine()
    before = os.environ.get(clock.ENV)
    os.environ[clock.ENV] = "2026-11-21T00:00:00+00:00"
    try:
        rows = [_history(SESSIONS * times) for times in TIMES]
    finally:
        os.environ.pop(clock.ENV) if before is None else os.environ.update({clock.ENV: before})
    ratio = float(rows[-1][2]) / float(rows[0][2])
    text = (
        f"{STOCKS} stocks a session; medians of {DAYS - 1} days added one by one, each a whole dbt build with its tests and a "
        f"publish. {where}.\n\n"
        + table(
            ["history", "full refresh, s", "increment, s", "increment, processor s", "files read", "published MB"], rows
        )
        + f"\n\nTen times the history costs {ratio:.2f} times the seconds a day."
    )
    return Section("The marts' daily increment", text)


def _history(sessions: int) -> list[object]:
    with tempfile.TemporaryDirectory() as root:
        home = Home(Path(root), weekdays(FIRST, sessions + DAYS))
        lists = market(home.sessions, STOCKS)
        for _ in range(sessions):
            home.stage("holdings", *next(lists))
        refresh, _, _ = _build(home)
        walls, processors, files = [], [], 0
        for session, frame in lists:
            home.stage("holdings", session, frame)
            wall, processor, files = _build(home)
            walls.append(wall)
            processors.append(processor)
        size = max(path.stat().st_size for path in (home.data / "marts/builds").glob("*.duckdb"))
        counts = [f"{refresh:.1f}", f"{median(walls[1:]):.1f}", f"{median(processors[1:]):.1f}"]
        return [f"{sessions:,} sessions", *counts, files, f"{size / 1e6:.0f}"]


def _build(home: Home) -> tuple[float, float, int]:
    """Return seconds, processor seconds and files read of one build."""
    before = sum(os.times()[:4])
    result = home.build()
    return result.seconds, sum(os.times()[:4]) - before, result.plan.files
