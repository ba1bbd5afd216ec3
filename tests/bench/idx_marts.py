"""Ten years of 900 Indonesian shares: time of the pages' questions, of a day's increment, and size of the Parquet files.

The closed months are written as they would lie after their compaction, with the manifests of their sessions: 2,400 daily
files of broker lists would only be read once to be compacted. `python -m tests.bench.idx_marts 1 2 --tickers 100` tries it
on a small scale.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from statistics import median

import duckdb
import polars as pl

from dashboards.areas.idx.queries import broker, quality, screener, stock
from dashboards.areas.idx.queries import market as market_queries
from dashboards.ui.build_cache import BuildCache, CachedBuild
from fin_assets import clock
from fin_assets.core.contract.manifest import PartitionKey, StagedRef
from fin_assets.warehouse import archive
from fin_assets.warehouse.archive import StagedFile
from fin_assets.warehouse.declarations import archived_tables
from fin_assets.warehouse.paths import BUILDS, PROJECT, Layout
from tests.bench.report import Section, machine, table
from tests.warehouse.home import Home, weekdays
from tests.warehouse.idx_home import SOURCE, idx_home, stage_day
from tests.warehouse.idx_market import Day, IdxMarket, ticker_codes

MINUTES = 20
FIRST = date(2016, 1, 4)
YEARS, A_YEAR, DAYS, TICKERS, BROKERS = (1, 10), 240, 8, 900, 60
ASKED = 40
"""Times that each question is asked, each time another one, so that none is answered from memory."""

BOUND_TICKER, BOUND_MARKET = 100, 300
"""Milliseconds that 19 of 20 questions may take."""


@dataclass(frozen=True)
class Measured:
    """What was seen with one length of history."""

    rows: int
    refresh: float
    wall: float
    processor: float
    files: int
    published: float
    parquet: float
    questions: dict[str, float]


def measure(years: Sequence[int] = YEARS, tickers: int = TICKERS) -> Section:
    """Build a history, ask the pages' questions, then add days one by one; the first fills dbt's parse cache."""
    where = machine()
    before = os.environ.get(clock.ENV)
    os.environ[clock.ENV] = "2026-11-21T00:00:00+00:00"
    try:
        found = {count: _history(count, tickers) for count in years}
    finally:
        os.environ.pop(clock.ENV) if before is None else os.environ.update({clock.ENV: before})
    return Section("Ten years of Indonesian broker flows", _text(found, tickers, where))


def _text(found: dict[int, Measured], tickers: int, where: str) -> str:
    few, many = found[min(found)], found[max(found)]
    builds = [
        [_length(years), f"{one.rows / 1e6:.1f}", f"{one.refresh:.0f}", f"{one.wall:.1f}", f"{one.processor:.1f}",
         one.files, f"{one.published:.0f}", f"{one.parquet / years:.0f}"]
        for years, one in found.items()
    ]  # fmt: skip
    heads = ["history", "million rows", "full refresh, s", "a day's increment, s", "processor, s", "files read"]
    asked = [
        [
            name,
            BOUND_MARKET if name.startswith("market") else BOUND_TICKER,
            *(f"{one.questions[name]:.0f}" for one in found.values()),
        ]
        for name in many.questions
    ]
    return (
        f"{tickers} shares, {A_YEAR} sessions a year, about 45 brokers a share; medians of {DAYS - 1} days added one by one, "
        f"each a whole dbt build with its tests and a publish. {where}.\n\n"
        + table([*heads, "published MB", "Parquet MB a year"], builds)
        + f"\n\nA day costs {many.wall / few.wall:.2f} times the seconds with {_length(max(found))} behind it. "
        f"The pages' own questions, {ASKED} different ones each, 95th percentile in milliseconds:\n\n"
        + table(["question", "bound", *map(_length, found)], asked)
    )


def _length(years: int) -> str:
    return f"{years} year{'s' if years > 1 else ''}"


def _history(years: int, tickers: int) -> Measured:
    with tempfile.TemporaryDirectory() as root:
        home = idx_home(Path(root), weekdays(FIRST, years * A_YEAR + DAYS))
        market = IdxMarket(tickers=tickers, brokers=BROKERS, lives=False)
        past, coming = home.sessions[:-DAYS], home.sessions[-DAYS:]
        parquet = _stage_past(home, market, past)
        refresh, _, _ = _build(home)
        build = BuildCache(home.settings).build()
        if build is None:
            raise AssertionError  # it was published just now
        rows = build.query("select count(*) from history.idx_brokers__broker_trades").item()
        questions = _ask(build, past, tickers)
        # A build runs in a process in which nobody reads.
        del build
        gc.collect()
        walls, processors, files = [], [], 0
        for session in coming:
            stage_day(home, session, market.next(session))
            wall, processor, files = _build(home)
            walls.append(wall)
            processors.append(processor)
        size = max(found.size for found in Layout(home.data).blobs.list(BUILDS))
        return Measured(
            rows, refresh, median(walls[1:]), median(processors[1:]), files, size / 1e6, parquet / 1e6, questions
        )


def _stage_past(home: Home, market: IdxMarket, sessions: Sequence[date]) -> float:
    """Write the history; return the bytes of the broker lists of all of it, the open month counted as the others."""
    months = [list(days) for _, days in groupby(sessions, key=lambda day: (day.year, day.month))]
    (kept,) = archived_tables(PROJECT)
    written = closed = 0
    for place, days in enumerate(months):
        frames = {day: market.next(day) for day in days}
        if place == len(months) - 1:
            for day, frame in frames.items():
                stage_day(home, day, frame)
            break
        staged = [_record(home, day, frame) for day, frame in frames.items()]
        path = home.data / archive.month_key(kept, f"{days[0]:%Y-%m}", staged)
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = pl.concat(frame.trades for frame in frames.values()).sort(kept.order_by)
        with duckdb.connect() as connection:
            connection.register("sorted", rows.to_arrow())
            connection.execute(
                f"copy sorted to '{path}' (format parquet, compression zstd, row_group_size {archive.ROW_GROUP})"
            )
        written, closed = written + path.stat().st_size, closed + len(days)
    return written / max(closed, 1) * len(sessions)


def _record(home: Home, session: date, day: Day) -> StagedFile:
    """Stage the small tables of a session, and the manifest alone of its broker lists."""
    for name, frame in (
        ("stock_summary", day.summary),
        ("broker_summary_market", day.market),
        ("members", day.members),
    ):
        home.stage(name, session, frame, units=("all",))
    name = f"staged/{SOURCE}/broker_trades/{session}.parquet"
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    ref = StagedRef(file=name, sha256=sha256, rows=day.trades.height, bytes=0, parser_version="1")
    home.record(PartitionKey(SOURCE, "broker_trades", session), ref, units=("all",))
    return StagedFile(session, name, sha256)


def _ask(build: CachedBuild, sessions: Sequence[date], tickers: int) -> dict[str, float]:
    """Return the 95th percentile of each question in milliseconds."""
    codes = ticker_codes(tickers)
    step = max(1, len(codes) // ASKED)
    some = (codes[::step] * ASKED)[:ASKED]
    ends = [sessions[-1 - place] for place in range(ASKED)]
    year, month = sessions[-min(250, len(sessions))], sessions[-60]

    def span(end: date, count: int) -> date:
        return sessions[max(0, sessions.index(end) - count + 1)]

    def cells(end: date) -> object:
        start = span(end, 20)
        return market_queries.matrix(
            build,
            start=start,
            end=end,
            brokers=market_queries.largest_brokers(build, start=start, end=end, count=30),
            tickers=codes[:30],
        )

    asked: dict[str, list[Callable[[], object]]] = {
        "stock: prices of a year": [lambda c=c: stock.prices(build, c, start=year, end=sessions[-1]) for c in some],
        "stock: buyers and sellers of 60 sessions": [
            lambda c=c: stock.brokers(build, c, start=month, end=sessions[-1]) for c in some
        ],
        "stock: buyers and sellers of a year": [
            lambda c=c: stock.brokers(build, c, start=year, end=sessions[-1]) for c in some
        ],
        "stock: inventory of a year": [
            lambda c=c: stock.adjusted(build, c, start=year, end=sessions[-1]) for c in some
        ],
        "stock: sessions of a year": [lambda c=c: stock.days(build, c, start=year, end=sessions[-1]) for c in some],
        "stock: lists of a year": [lambda c=c: stock.lists(build, c, start=year, end=sessions[-1]) for c in some],
        "market: stocks over 20 sessions": [
            lambda e=e: market_queries.stocks(build, start=span(e, 20), end=e, window=20) for e in ends
        ],
        "market: 30 brokers by 30 stocks, 20 sessions": [lambda e=e: cells(e) for e in ends],
        "market: league of 20 sessions": [lambda e=e: broker.league(build, start=span(e, 20), end=e) for e in ends],
        "market: one broker's stocks, 20 sessions": [
            lambda e=e: broker.stocks(build, "YU", start=span(e, 20), end=e) for e in ends
        ],
        "market: screener": [lambda e=e: screener.stocks(build, session=e, preset="all") for e in ends],
        "market: quality of the newest sessions": [
            lambda n=n: quality.by_session(build, last_sessions=20 + n) for n in range(ASKED)
        ],
    }
    return {name: _p95(questions) for name, questions in asked.items()}


def _p95(questions: Sequence[Callable[[], object]]) -> float:
    times = []
    for question in questions:
        began = time.perf_counter()
        question()
        times.append(1000 * (time.perf_counter() - began))
    return sorted(times)[int(0.95 * (len(times) - 1))]


def _build(home: Home) -> tuple[float, float, int]:
    """Return seconds, processor seconds and files read of one build."""
    before = sum(os.times()[:4])
    result = home.build()
    return result.seconds, sum(os.times()[:4]) - before, result.plan.files


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("years", nargs="+", type=int)
    parser.add_argument("--tickers", type=int, default=TICKERS)
    return parser.parse_args()


if __name__ == "__main__":
    given = _arguments()
    print(measure(given.years, given.tickers).text)
