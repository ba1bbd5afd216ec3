"""Time of the daily increment with one and with ten times the history. Prints figures; asserts nothing.

python -m tests.warehouse.bench_increment [--sessions 250] [--stocks 550] [--times 1 10]
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl

from fin_assets.warehouse.build import BuildResult, build_and_publish
from tests.warehouse.home import HOLDINGS, OBSERVED, Home, weekdays

FIRST = date(2015, 1, 5)
DAYS = 4


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


def measure(root: Path, *, sessions: int, stocks: int) -> None:
    """Build a history, then add some last days one by one, and print what each build took."""
    days = weekdays(FIRST, sessions + DAYS)
    home = Home(root, days)
    lists = market(days, stocks)
    for _ in range(sessions):
        home.stage("holdings", *next(lists))
    first = _timed(home, label=f"{sessions} sessions x {stocks} stocks, full refresh")
    for session, frame in lists:
        home.stage("holdings", session, frame)
        _timed(home, label=f"{sessions} sessions, increment of {session}")
    size = (home.data / first.build.file).stat().st_size if (home.data / first.build.file).exists() else 0
    print(f"  published file: {size / 1e6:.0f} MB, {sum(first.build.marts.values()):,} rows", flush=True)


def _timed(home: Home, *, label: str) -> BuildResult:
    spent: dict[str, float] = {}
    cpu = os.times()
    result = build_and_publish(
        home.settings, home.sources, home.store, on_event=lambda node: spent.update({node.name: node.seconds})
    )
    after = os.times()
    processor = sum(after[:4]) - sum(cpu[:4])
    slowest = ", ".join(
        f"{name} {seconds:.2f}" for name, seconds in sorted(spent.items(), key=lambda item: -item[1])[:5]
    )
    print(
        f"{label}: {result.seconds:.1f} s, processor {processor:.1f} s, dbt's nodes {sum(spent.values()):.2f} s,"
        f" {result.plan.files} files read (slowest: {slowest})",
        flush=True,
    )
    return result


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=250)
    parser.add_argument("--stocks", type=int, default=550)
    parser.add_argument("--times", type=int, nargs="+", default=[1, 10])
    options = parser.parse_args()
    os.environ["FIN_CLOCK"] = "2026-11-21T00:00:00+00:00"
    for times in options.times:
        with tempfile.TemporaryDirectory() as root:
            started = time.monotonic()
            measure(Path(root), sessions=options.sessions * times, stocks=options.stocks)
            print(f"  whole run: {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
