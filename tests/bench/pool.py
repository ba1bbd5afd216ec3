"""Pages a second: the pool beside plain navigation and two uses of Selenium, same site, same latency, same workers."""

from __future__ import annotations

from datetime import date
from statistics import median

from tests.bench import _ways
from tests.bench._needs import possible, told
from tests.bench._site import LATENCY, WORKERS, list_days, sandbox
from tests.bench.report import Section, machine, table

MINUTES = 5
NEEDS = ("chromium",)
ROUNDS = 3
# Enough pages that each way takes some ten seconds a round; the slowest is given one page for each worker.
WAYS: list[tuple[str, _ways.Read, int]] = [
    ("this pool", _ways.pool, 150),
    ("plain Playwright navigation", _ways.navigation, 40),
    ("Selenium, one script a page", _ways.selenium_script, 30),
    ("Selenium, cell by cell", _ways.selenium_cells, WORKERS),
]

EXTRA = {name: ("selenium", "chromedriver") for name, _, _ in WAYS if name.startswith("Selenium")}
"""What a way needs beside the browser."""


def measure() -> Section:
    """Measure every way in each of three rounds and compare the medians."""
    where = machine()
    names, left_out = possible([name for name, _, _ in WAYS], EXTRA)
    rates: dict[str, list[float]] = {name: [] for name in names}
    with sandbox() as base_url:
        for turn in range(ROUNDS):
            for name, read, pages in (way for way in WAYS if way[0] in rates):
                days: list[date] = list_days(pages, skip=turn * pages)
                seconds = read(base_url, days)
                rates[name].append(pages / seconds)
                print(f"  round {turn + 1}: {name}: {pages} pages in {seconds:.1f} s", flush=True)
    own = median(rates["this pool"])
    bound = WORKERS / LATENCY.total_seconds()
    rows = [
        [
            name,
            f"{median(rates[name]):.2f}",
            f"{min(rates[name]):.2f} to {max(rates[name]):.2f}",
            f"{own / median(rates[name]):.1f}",
            f"{median(rates[name]) / bound:.2f}",
        ]
        for name in rates
    ]
    milliseconds = LATENCY.total_seconds() * 1000
    text = (
        f"Southbound list pages (about 520 rows, 770 kB) of the sandbox with {milliseconds:.0f} ms latency, "
        f"{WORKERS} workers, {ROUNDS} rounds. {where}. Browsers are started and first pages opened before the clock "
        f"runs; every page is read completely and its date checked. The bound is {WORKERS} workers / "
        f"{milliseconds:.0f} ms = {bound:.1f} pages a second.\n\n"
        + table(["way", "pages/s (median)", "range", "times as fast: the pool", "share of the bound"], rows)
        + told(left_out)
    )
    return Section("Pages a second", text)
