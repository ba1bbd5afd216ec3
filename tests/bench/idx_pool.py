"""Broker tables a second: the pool beside plain navigation, crawlee and Selenium; and a session of 900 tickers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from http.cookiejar import CookieJar
from statistics import median
from typing import Any
from urllib.request import HTTPCookieProcessor, build_opener

from tests.bench import _idx_session, _idx_ways
from tests.bench._idx_ways import Read, Reading
from tests.bench._needs import possible, told
from tests.bench._site import HKEX, LATENCY, WORKERS, sandbox
from tests.bench.report import Section, machine, table

SESSION = date(2026, 3, 31)
COMPANIES = 930
"""At the start of the generated market; somewhat over 900 of them trade on the session."""

MINUTES = 8
NEEDS = ("chromium",)
ROUNDS = 3
OWN = "this pool"


def _crawlee(site: str, session: date, tickers: Sequence[str]) -> Reading:
    # Imported late: the other benchmarks run without this package.
    from tests.bench._crawlee import crawler

    return crawler(site, session, tickers)


# Enough tables that each way takes some ten seconds a round.
WAYS: list[tuple[str, Read, int]] = [
    (OWN, _idx_ways.pool, 150),
    ("plain Playwright navigation, a page for each table", _idx_ways.navigation, 60),
    ("plain Playwright navigation, pages that stay open", _idx_ways.navigation_in_open_pages, 60),
    ("crawlee's PlaywrightCrawler", _crawlee, 45),
    ("Selenium, one script a page", _idx_ways.selenium_script, 60),
    ("Selenium, row by row and each cell, straight to the table", _idx_ways.selenium_cells, 2 * WORKERS),
    ("Selenium, cell by cell, by the page's form (the reference's way)", _idx_ways.selenium_form, 2 * WORKERS),
]

EXTRA = {name: ("selenium", "chromedriver") if name.startswith("Selenium") else ("crawlee",) for name, _, _ in WAYS[3:]}
"""What a way needs beside the browser."""


def measure() -> Section:
    """Measure every way in each of three rounds, then collect one session."""
    where = machine()
    names, left_out = possible([name for name, _, _ in WAYS], EXTRA)
    rates: dict[str, list[float]] = {name: [] for name in names}
    with sandbox(idx_tickers=COMPANIES) as hkex:
        root = hkex.removesuffix(HKEX)
        expected = _rows_by_ticker(root)
        for turn in range(ROUNDS):
            for name, read, tables in (way for way in WAYS if way[0] in rates):
                tickers = _evenly(expected, tables)
                reading = read(f"{root}/ipot", SESSION, tickers)
                _require_each_once(name, reading, {ticker: expected[ticker] for ticker in tickers})
                rates[name].append(tables / reading.seconds)
                print(f"  round {turn + 1}: {name}: {tables} tables in {reading.seconds:.1f} s", flush=True)
        collected = _idx_session.collect(root, SESSION)
    text = _ways_text(where, rates, median(expected.values())) + told(left_out) + "\n\n" + _session_text(collected)
    return Section("Broker tables a second, and a session of 900 tickers", text)


def _rows_by_ticker(root: str) -> dict[str, int]:
    """Return the table rows of each traded ticker, read by the pool once; this also warms the sandbox for all."""
    opener = build_opener(HTTPCookieProcessor(CookieJar()))
    opener.open(f"{root}/idx/").close()
    address = f"{root}/idx/primary/TradingSummary/GetStockSummary?length=9999&start=0&date={SESSION:%Y%m%d}"
    with opener.open(address) as answer:
        stocks: list[dict[str, Any]] = json.load(answer)["data"]
    traded = [stock["StockCode"] for stock in stocks if stock["Volume"] or stock["NonRegularVolume"]]
    return dict(_idx_ways.pool(f"{root}/ipot", SESSION, traded).rows)


def _evenly(expected: dict[str, int], tables: int) -> list[str]:
    """Return this number of tickers whose tables are as long as all of them on average."""
    ranked = sorted(expected, key=lambda ticker: (expected[ticker], ticker))
    middle = len(ranked) / tables / 2
    return [ranked[int(place * len(ranked) / tables + middle)] for place in range(tables)]


def _require_each_once(name: str, reading: Reading, expected: dict[str, int]) -> None:
    """Refuse a figure that was got with a table lost, read twice or cut short."""
    if sorted(reading.rows) != sorted(expected.items()):
        wrong = sorted(set(reading.rows) ^ set(expected.items()))[:5] or "a table twice"
        msg = f"{name}: {len(reading.rows)} tables read of {len(expected)}; they differ in {wrong}"
        raise RuntimeError(msg)


def _ways_text(where: str, rates: dict[str, list[float]], typical_rows: float) -> str:
    own, bound = median(rates[OWN]), WORKERS / LATENCY.total_seconds()
    rows = [
        [
            name,
            f"{median(found):.2f}",
            f"{min(found):.2f} to {max(found):.2f}",
            f"{own / median(found):.1f}",
            f"{median(found) / bound:.2f}",
        ]
        for name, found in rates.items()
    ]
    milliseconds = LATENCY.total_seconds() * 1000
    return (
        f"Complete broker tables of the sandbox (median {typical_rows:.0f} rows) with {milliseconds:.0f} ms latency, "
        f"{WORKERS} workers, {ROUNDS} rounds, tickers spread evenly by the length of their table. {where}. Browsers are "
        "started before the clock runs; every table is read once and to its last row, which is checked. Each way is "
        "told the address of the complete table, except the last, which goes about it as a bot that imitates a person: "
        "the stock's page, both dates, GO, the link to the rest, then each cell by its own path (the reference system "
        "itself takes 50 minutes for 900 companies with 5 to 10 such bots: 0.3 tables a second). The bound is "
        f"{WORKERS} workers / {milliseconds:.0f} ms = {bound:.1f} tables a second.\n\n"
        + table(["way", "tables/s (median)", "range", "times as fast: the pool", "share of the bound"], rows)
    )


def _session_text(collected: _idx_session.Session) -> str:
    trades = collected.seconds["broker_trades"]
    total = sum(collected.seconds.values())
    memory = collected.memory
    bound = collected.attempts * LATENCY.total_seconds() / WORKERS
    return (
        f"A session of {collected.tickers} tickers at the same latency with as many workers, collected as `fin run` does, "
        "from starting the browser to the staged file (parsed, reconciled with the exchange, sealed, staged):\n\n"
        + table(
            [
                "broker tables, s",
                "all four tables, s",
                "requests",
                "share of the bound",
                "rows",
                "browser, MiB",
                "own, MiB",
            ],
            [
                [
                    f"{trades:.1f}",
                    f"{total:.1f}",
                    collected.attempts,
                    f"{bound / trades:.2f}",
                    f"{collected.rows:,}",
                    f"{memory.browser_mib:.0f}",
                    f"{memory.own_mib:.0f}",
                ]
            ],
        )
        + "\n\nMemory is the largest proportional size (PSS) of Playwright's driver and all Chromium processes, and of "
        "the collecting process itself. A unit that is lost or there twice fails the benchmark."
    )
