"""The same tables through crawlee's PlaywrightCrawler: its own pool, queue, sessions and fingerprints, as they come."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from datetime import date

from crawlee import ConcurrencySettings, Request
from crawlee.crawlers import PlaywrightCrawler, PlaywrightCrawlingContext
from crawlee.storage_clients import MemoryStorageClient

from fin_assets.core.transport.browser import chromium
from fin_assets.core.transport.browser.chromium import find_chromium
from fin_assets.settings import BrowserSettings
from fin_assets.sources.idx_brokers.parse import parse_broker_page
from tests.bench._idx_ways import Reading, table_address
from tests.bench._site import WORKERS


def crawler(site: str, session: date, tickers: Sequence[str]) -> Reading:
    """Read each table in a page of the crawler; its HTML is parsed as for plain navigation.

    The crawler starts its browser with the run, so the clock begins with the first page that is ready, and the rest counts.
    """
    rows: list[tuple[str, int]] = []
    ready: list[float] = []

    async def handler(context: PlaywrightCrawlingContext) -> None:
        ready.append(time.perf_counter())
        content = await context.page.content()
        if ticker := context.request.user_data["ticker"]:
            rows.append((str(ticker), parse_broker_page(content.encode()).rows))

    async def run() -> float:
        own = PlaywrightCrawler(
            request_handler=handler,
            headless=True,
            browser_type="chromium",
            browser_launch_options={
                "executable_path": str(find_chromium(BrowserSettings()).path),
                "args": list(chromium.FLAGS),
                "chromium_sandbox": not chromium.runs_as_root(),
            },
            concurrency_settings=ConcurrencySettings(max_concurrency=WORKERS, desired_concurrency=WORKERS),
            storage_client=MemoryStorageClient(),
            configure_logging=False,
        )
        # Its queue outlives the crawler: an address of the round before would count as done.
        requests = [
            Request.from_url(
                table_address(site, session, ticker), always_enqueue=True, user_data={"ticker": "" if first else ticker}
            )
            for first, ticker in [(True, tickers[0]), *((False, ticker) for ticker in tickers)]
        ]
        await own.run(requests)
        return time.perf_counter() - ready[0]

    logging.getLogger("crawlee").setLevel(logging.WARNING)
    return Reading(asyncio.run(run()), rows)
