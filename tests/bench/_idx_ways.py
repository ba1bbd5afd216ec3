"""Ways to read the same broker tables, complete, with the same number of workers.

What is timed is reading only: browsers are started and a first page of each opened before. Each way but the last gets the
address of the complete table, so that it loses no time on the link to it; the last goes about it as a person does. Each
returns the seconds and the rows that it read by ticker.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from playwright.async_api import Page, async_playwright
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import presence_of_element_located, staleness_of
from selenium.webdriver.support.wait import WebDriverWait

from fin_assets.core.collection.fetch_jobs import Job, Outcome, run_jobs
from fin_assets.core.contract.manifest import PartitionKey
from fin_assets.core.contract.source import Fetched, Unit
from fin_assets.core.transport.browser import chromium
from fin_assets.core.transport.browser.chromium import find_chromium
from fin_assets.core.transport.browser.client import BrowserClient
from fin_assets.core.transport.browser.pool import BrowserPool
from fin_assets.settings import BrowserSettings
from fin_assets.sources.idx_brokers.fetch import BROKER_TABLE, STOCK_PAGE, Fetch, broker_fetcher
from fin_assets.sources.idx_brokers.parse import HEADINGS, parse_broker_page, parse_broker_trades
from tests.bench._drivers import chrome
from tests.bench._site import WORKERS

TABLE = "table.table-summary"
ROWS = f"{TABLE} tbody tr"
ALL_CELLS = f"""return [...document.querySelectorAll('{ROWS}')].map(
    row => [...row.querySelectorAll('td')].map(cell => cell.textContent));"""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a way has read: seconds for all, and table rows by ticker, in the order in which they came."""

    seconds: float
    rows: list[tuple[str, int]]


Read = Callable[[str, date, Sequence[str]], Reading]


def table_address(site: str, session: date, ticker: str) -> str:
    """Return the address of a ticker's complete table, all boards and investors."""
    day = f"{session:%m/%d/%Y}"
    return f"{site}{BROKER_TABLE}?code={ticker}&start={day}&end={day}&fd=all&board=all&list=full"


def broker_job(fetch: Fetch, session: date, ticker: str) -> Job:
    """Return the job of one table, as the source makes it, without the exchange's word on it."""
    unit = Unit(name=f"{ticker}/all/all")

    async def get(client: BrowserClient) -> Fetched:
        return await fetch(client, unit, session)

    key = PartitionKey("idx_brokers", "broker_trades", session)
    return Job(key=key, unit=unit.name, fetch=get, parse=lambda fetched: parse_broker_trades(fetched, unit))


def pool(site: str, session: date, tickers: Sequence[str]) -> Reading:
    """This project's pool: the visitor's own requests, each answer parsed strictly."""
    rows: list[tuple[str, int]] = []

    def keep(outcome: Outcome) -> None:
        if outcome.failure or outcome.parsed is None:
            raise RuntimeError(str(outcome.failure))
        rows.append((outcome.job.unit.partition("/")[0], outcome.parsed.rows))

    async def run() -> float:
        async with BrowserPool(
            BrowserSettings(), workers=WORKERS, rate_per_second=1000, request_timeout=timedelta(seconds=60)
        ) as opened:
            fetch = broker_fetcher(site)
            for chosen in (tickers[:WORKERS], tickers):
                rows.clear()
                jobs = [broker_job(fetch, session, ticker) for ticker in chosen]
                began = time.perf_counter()
                await run_jobs(opened, jobs, evidence_dir=lambda _: Path(), on_outcome=keep)
            return time.perf_counter() - began

    return Reading(asyncio.run(run()), rows)


def navigation(site: str, session: date, tickers: Sequence[str]) -> Reading:
    """Plain Playwright: a page for each table, closed after it, and its HTML is parsed."""
    return _navigate(site, session, tickers, keep_pages=False)


def navigation_in_open_pages(site: str, session: date, tickers: Sequence[str]) -> Reading:
    """Plain Playwright at its fastest: one page for each worker stays open. What every document left in it stays, too."""
    return _navigate(site, session, tickers, keep_pages=True)


def _navigate(site: str, session: date, tickers: Sequence[str], *, keep_pages: bool) -> Reading:
    rows: list[tuple[str, int]] = []

    async def read(first: Page, ticker: str) -> None:
        page = first if keep_pages else await first.context.new_page()
        await page.goto(table_address(site, session, ticker), wait_until="domcontentloaded")
        rows.append((ticker, parse_broker_page((await page.content()).encode()).rows))
        if not keep_pages:
            await page.close()

    async def run() -> float:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=find_chromium(BrowserSettings()).path,
                args=list(chromium.FLAGS),
                chromium_sandbox=not chromium.runs_as_root(),
            )
            pages = [await (await browser.new_context()).new_page() for _ in range(WORKERS)]
            for page in pages:
                await read(page, tickers[0])
            rows.clear()
            left = iter(tickers)

            async def worker(page: Page) -> None:
                for ticker in left:
                    await read(page, ticker)

            began = time.perf_counter()
            await asyncio.gather(*(worker(page) for page in pages))
            seconds = time.perf_counter() - began
            await browser.close()
            return seconds

    return Reading(asyncio.run(run()), rows)


def _selenium(tickers: Sequence[str], read: Callable[[webdriver.Chrome, str], int]) -> Reading:
    with ExitStack() as stack:
        drivers = [chrome(stack) for _ in range(WORKERS)]
        for driver in drivers:
            read(driver, tickers[0])
        left = iter(tickers)

        def worker(driver: webdriver.Chrome) -> list[tuple[str, int]]:
            return [(ticker, read(driver, ticker)) for ticker in left]

        with ThreadPoolExecutor(WORKERS) as threads:
            began = time.perf_counter()
            rows = [row for own in threads.map(worker, drivers) for row in own]
            return Reading(time.perf_counter() - began, rows)


def selenium_script(site: str, session: date, tickers: Sequence[str]) -> Reading:
    """Selenium, one browser for each worker, straight to the table, all cells read by one script."""

    def read(driver: webdriver.Chrome, ticker: str) -> int:
        driver.get(table_address(site, session, ticker))
        return len(driver.execute_script(ALL_CELLS))

    return _selenium(tickers, read)


def selenium_cells(site: str, session: date, tickers: Sequence[str]) -> Reading:
    """Selenium, one browser for each worker, straight to the table, row by row and then each cell."""

    def read(driver: webdriver.Chrome, ticker: str) -> int:
        driver.get(table_address(site, session, ticker))
        rows = driver.find_elements(By.CSS_SELECTOR, ROWS)
        return len([[cell.text for cell in row.find_elements(By.TAG_NAME, "td")] for row in rows])

    return _selenium(tickers, read)


def selenium_form(site: str, session: date, tickers: Sequence[str]) -> Reading:
    """Selenium as a person: the stock's page, both dates, GO, the link to the rest, then each cell by its own path."""

    def read(driver: webdriver.Chrome, ticker: str) -> int:
        driver.get(f"{site}{STOCK_PAGE}?code={ticker}")
        for name in ("startDateBrokerSummary", "endDateBrokerSummary"):
            field = driver.find_element(By.ID, name)
            field.clear()
            field.send_keys(f"{session:%m/%d/%Y}")
        before = driver.find_element(By.CSS_SELECTOR, TABLE)
        driver.find_element(By.XPATH, "//button[text()='GO']").click()
        wait = WebDriverWait(driver, 60, poll_frequency=0.05)
        wait.until(staleness_of(before))
        after = wait.until(presence_of_element_located((By.CSS_SELECTOR, TABLE)))
        for link in driver.find_elements(By.LINK_TEXT, "more"):
            link.click()
            wait.until(staleness_of(after))
            wait.until(presence_of_element_located((By.CSS_SELECTOR, TABLE)))
            break
        return _cell_by_cell(driver)

    return _selenium(tickers, read)


def _cell_by_cell(driver: webdriver.Chrome) -> int:
    count = len(driver.find_elements(By.CSS_SELECTOR, ROWS))
    path = "//table[contains(@class, 'table-summary')]/tbody/tr[{row}]/td[{column}]"
    for row in range(1, count + 1):
        for column in range(1, len(HEADINGS) + 1):
            _ = driver.find_element(By.XPATH, path.format(row=row, column=column)).text
    return count
