"""Memory of the pool over 500 units, by its own requests and, the worst case, with a page for every unit."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from fin_assets.core.collection.fetch_jobs import Job, Outcome, run_jobs
from fin_assets.core.contract.client import Attempt
from fin_assets.core.contract.failures import Drift
from fin_assets.core.contract.source import Fetched
from fin_assets.core.transport.browser.client import BrowserClient
from fin_assets.core.transport.browser.pool import BrowserPool
from fin_assets.settings import BrowserSettings
from tests.bench._site import WORKERS, list_days, sandbox
from tests.bench._ways import holdings_job
from tests.bench.report import Section, line_chart, machine, table

MINUTES = 2
NEEDS = ("chromium",)
UNITS, EVERY = 500, 20
BY_PAGE = 100
"""Units with a page each: four contexts' worth for every worker, and already a minute."""

FIGURE = "pool-memory.svg"


def measure() -> Section:
    """Sample the memory of driver and Chromium every twenty units."""
    where = machine()
    with sandbox(latency=timedelta(0)) as base_url:
        by_request = asyncio.run(_sampled(base_url, UNITS))
        by_page = asyncio.run(_sampled(base_url, BY_PAGE, through_pages=True))
    marks = [0, 20, 60, 100, 200, 300, 400, 500]
    rows = [
        [name, *(_at(samples, mark) for mark in marks), f"{max(mib for _, mib in samples):.0f}"]
        for name, samples in (("requests", by_request), ("a page for each unit", by_page))
    ]
    text = (
        f"Proportional memory (PSS) of Playwright's driver and all Chromium processes in MiB, {WORKERS} workers, "
        f"list pages of 770 kB without latency; the context is recycled every 25 units. {where}.\n\n"
        + table(["way", *(f"{mark} units" for mark in marks), "highest"], rows)
        + f"\n\n![memory over {UNITS} units](benchmarks/{FIGURE})"
    )
    chart = line_chart(
        {"requests": by_request, "pages": by_page}, title="Memory of the pool, MiB", x="units", y="driver and Chromium"
    )
    return Section("Memory of the pool", text, ((FIGURE, chart),))


def _at(samples: list[tuple[float, float]], units: int) -> str:
    return next((f"{mib:.0f}" for done, mib in samples if done == units), "-")


async def _sampled(base_url: str, units: int, *, through_pages: bool = False) -> list[tuple[float, float]]:
    jobs = [holdings_job(base_url, day) for day in list_days(units)]
    if through_pages:
        jobs = [_through_a_page(job) for job in jobs]
    done, began = 0, time.perf_counter()
    samples: list[tuple[float, float]] = []
    async with BrowserPool(
        BrowserSettings(), workers=WORKERS, rate_per_second=1000, request_timeout=timedelta(seconds=60)
    ) as pool:
        samples.append((0, pool.measure(now=True)))

        def count(outcome: Outcome) -> None:
            nonlocal done
            if outcome.failure:
                raise outcome.failure
            done += 1
            if done % EVERY == 0:
                samples.append((done, pool.measure(now=True)))

        await run_jobs(pool, jobs, evidence_dir=lambda _: Path(), on_outcome=count)
    print(f"  {done} units in {time.perf_counter() - began:.0f} s, {pool.stats}", flush=True)
    return samples


def _through_a_page(job: Job) -> Job:
    async def fetch(client: BrowserClient) -> Fetched:
        client.attempt = Attempt(number=2, previous=Drift("measured"), last=True)
        return await job.fetch(client)

    return replace(job, fetch=fetch)
