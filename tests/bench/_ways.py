"""Four ways to read the same list pages with the same number of workers. Each yields the seconds for a list of days.

What is timed is reading only: browsers are started, pages opened once and cookie banners accepted before.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path

from playwright.async_api import Page, async_playwright
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import presence_of_element_located, staleness_of
from selenium.webdriver.support.wait import WebDriverWait

from fin_assets.core.collection.fetch_jobs import Job, Outcome, run_jobs
from fin_assets.core.contract.manifest import PartitionKey
from fin_assets.core.contract.source import DateRange, Fetched, Parsed, Unit
from fin_assets.core.transport.browser import chromium
from fin_assets.core.transport.browser.chromium import find_chromium
from fin_assets.core.transport.browser.client import BrowserClient
from fin_assets.core.transport.browser.pool import BrowserPool
from fin_assets.settings import BrowserSettings
from fin_assets.sources.hkex_southbound import parse
from fin_assets.sources.hkex_southbound.fetch import holdings_fetcher
from tests.bench._drivers import chrome
from tests.bench._site import WORKERS

Read = Callable[[str, Sequence[date]], float]
PAGE = "/sdw/search/mutualmarket.aspx?t=hk"
ACCEPT = "#onetrust-accept-btn-handler"
LEAST_ROWS = 400
SUBMIT = "document.getElementById('txtShareholdingDate').value = arguments[0];"
ALL_CELLS = """return [...document.querySelectorAll('#mutualmarket-result tbody tr')].map(
    row => [...row.querySelectorAll('.mobile-list-body')].map(cell => cell.textContent));"""


def holdings_job(base_url: str, day: date) -> Job:
    """Return the job of one list, as the source makes it."""
    fetch = holdings_fetcher(base_url)

    async def get(client: BrowserClient) -> Fetched:
        return await fetch(client, Unit(name="hk/en"), day)

    def read(fetched: Fetched) -> Parsed:
        page = parse.parse_holdings(fetched.body, content_type=fetched.content_type)
        return Parsed(rows=page.rows.height, covers=DateRange.day(page.stated_date))

    return Job(key=PartitionKey("hkex_southbound", "holdings", day), unit="hk/en", fetch=get, parse=read)


def require(day: date, stated: date | str, rows: int) -> None:
    """Refuse a figure that was got by reading something else."""
    if str(stated).replace("/", "-") != str(day) or rows < LEAST_ROWS:
        msg = f"asked for {day}, read {rows} rows of {stated}"
        raise RuntimeError(msg)


def pool(base_url: str, days: Sequence[date]) -> float:
    """This project's pool: form state from a page, then the visitor's own requests; parsed strictly."""

    def check(outcome: Outcome) -> None:
        if outcome.failure or outcome.parsed is None:
            raise RuntimeError(str(outcome.failure))
        require(outcome.job.key.session, str(outcome.parsed.covers), outcome.parsed.rows)

    async def run() -> float:
        async with BrowserPool(
            BrowserSettings(), workers=WORKERS, rate_per_second=1000, request_timeout=timedelta(seconds=60)
        ) as opened:
            await run_jobs(
                opened,
                [holdings_job(base_url, day) for day in days[:WORKERS]],
                evidence_dir=lambda _: Path(),
                on_outcome=check,
            )
            jobs = [holdings_job(base_url, day) for day in days]
            began = time.perf_counter()
            await run_jobs(opened, jobs, evidence_dir=lambda _: Path(), on_outcome=check)
            return time.perf_counter() - began

    return asyncio.run(run())


def navigation(base_url: str, days: Sequence[date]) -> float:
    """Plain Playwright at its best: a page for each worker stays open, the form is sent in it, its HTML is parsed."""

    async def read(page: Page, day: date) -> None:
        await page.evaluate(f"day => {{ {SUBMIT.replace('arguments[0]', 'day')} }}", f"{day:%Y/%m/%d}")
        async with page.expect_navigation(wait_until="domcontentloaded"):
            await page.locator("#btnSearch").click()
        found = parse.parse_holdings((await page.content()).encode())
        require(day, found.stated_date, found.rows.height)

    async def run() -> float:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=find_chromium(BrowserSettings()).path,
                args=list(chromium.FLAGS),
                chromium_sandbox=not chromium.runs_as_root(),
            )
            pages = [await (await browser.new_context()).new_page() for _ in range(WORKERS)]
            for page in pages:
                await page.goto(base_url + PAGE)
                await page.locator(ACCEPT).click()
            left = iter(days)

            async def worker(page: Page) -> None:
                for day in left:
                    await read(page, day)

            began = time.perf_counter()
            await asyncio.gather(*(worker(page) for page in pages))
            seconds = time.perf_counter() - began
            await browser.close()
            return seconds

    return asyncio.run(run())


def _selenium(base_url: str, days: Sequence[date], read: Callable[[webdriver.Chrome], int]) -> float:
    def open_page(stack: ExitStack) -> webdriver.Chrome:
        driver = chrome(stack)
        driver.get(base_url + PAGE)
        WebDriverWait(driver, 30).until(lambda opened: opened.find_element(By.CSS_SELECTOR, ACCEPT)).click()
        return driver

    with ExitStack() as stack:
        drivers = [open_page(stack) for _ in range(WORKERS)]
        left = iter(days)

        def worker(driver: webdriver.Chrome) -> None:
            for day in left:
                before = driver.find_element(By.ID, "mutualmarket-result")
                driver.execute_script(SUBMIT, f"{day:%Y/%m/%d}")
                driver.find_element(By.ID, "btnSearch").click()
                wanted = f"{day:%Y/%m/%d}"
                WebDriverWait(driver, 60, poll_frequency=0.05).until(staleness_of(before))
                WebDriverWait(driver, 60, poll_frequency=0.05).until(
                    presence_of_element_located((By.ID, "hkex_news_footer"))
                )
                heading = driver.find_element(By.CSS_SELECTOR, "h2.ccass-heading").text
                require(day, wanted if wanted in heading else heading, read(driver))

        with ThreadPoolExecutor(WORKERS) as threads:
            began = time.perf_counter()
            list(threads.map(worker, drivers))
            return time.perf_counter() - began


def selenium_script(base_url: str, days: Sequence[date]) -> float:
    """Selenium, one browser for each worker, all cells read by one script."""
    return _selenium(base_url, days, lambda driver: len(driver.execute_script(ALL_CELLS)))


def selenium_cells(base_url: str, days: Sequence[date]) -> float:
    """Selenium, one browser for each worker, each cell found and read by itself."""

    def read(driver: webdriver.Chrome) -> int:
        rows = driver.find_elements(By.CSS_SELECTOR, "#mutualmarket-result tbody tr")
        cells = [[cell.text for cell in row.find_elements(By.CSS_SELECTOR, ".mobile-list-body")] for row in rows]
        return len(cells)

    return _selenium(base_url, days, read)
