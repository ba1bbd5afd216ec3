"""The browser pool: one Chromium, a client for each worker, everything closed again.

Clients are in `client`, retries, evidence and the order of work in `collection.fetch_jobs`, which Chromium
and its processes in `chromium`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self, TypeVar

import psutil
from playwright.async_api import Browser, BrowserContext, Playwright, async_playwright
from playwright.async_api import Error as PlaywrightError

from fin_assets.core.contract.failures import BrowserLost, CollectionFailure
from fin_assets.core.transport.browser import chromium
from fin_assets.core.transport.browser.chromium import BrowserMissing, Found, ProcessTree, find_chromium
from fin_assets.core.transport.browser.client import BrowserClient
from fin_assets.core.transport.browser.errors import expect_ended_drivers, raise_if_ended, translate
from fin_assets.core.transport.client_pool import ClientPool
from fin_assets.core.transport.concurrency import free_memory
from fin_assets.core.transport.host_limiter import BreakerRule

if TYPE_CHECKING:
    from fin_assets.core.transport.quota import DailyQuota
    from fin_assets.settings import BrowserSettings

log = logging.getLogger(__name__)
T = TypeVar("T")

CLEAN_UP = timedelta(seconds=5)
"""Closing a page or a context takes milliseconds; a browser that needs longer is stuck and is killed."""

START = timedelta(seconds=30)
"""Driver and Chromium start within a second each, on a busy machine within five."""

STARTS = 3
"""Attempts at starting: a driver that is killed meanwhile (a machine short of memory) says nothing about the next one."""


MEMORY_EVERY = timedelta(seconds=5)
"""Measuring the tree reads a file in /proc for each of about a dozen processes: some 20 ms."""

RESTART_NOT_BEFORE = 25
"""Units between two restarts for memory: a limit below what Chromium needs at rest slows down but does not stop."""


@dataclass(slots=True)
class PoolStats:
    """What the pool has used so far. Memory is in MiB, of driver and Chromium together, at the measured moments."""

    units: int = 0
    contexts: int = 0
    browsers: int = 0
    mib: float = 0.0
    peak_mib: float = 0.0


@dataclass(slots=True)
class _Running:
    """One started browser."""

    playwright: Playwright
    browser: Browser
    tree: ProcessTree | None
    units: int = 0
    broken: bool = False


@dataclass(slots=True)
class _Traffic:
    """The users of the browser. A restart waits until there are none."""

    in_use: int = 0
    door: asyncio.Lock = field(default_factory=asyncio.Lock)
    quiet: asyncio.Event = field(default_factory=asyncio.Event)


class BrowserPool(ClientPool):
    """One Chromium for up to `workers` clients. Use it as `async with`.

    Args:
        browser: the `[browser]` section of the settings.
        workers: clients at most.
        rate_per_second: requests a second to one host, all clients together.
        request_timeout: for one request or navigation.
        breaker, quota: as in `ClientPool`.
        free_memory: bytes that the machine has left.

    Attributes:
        hosts: the limiters, by host.
        stats: counts of used browsers, contexts and units.
        found: which Chromium it is.
    """

    def __init__(
        self,
        browser: BrowserSettings,
        *,
        workers: int,
        rate_per_second: float,
        request_timeout: timedelta,
        breaker: BreakerRule | None = None,
        quota: DailyQuota | None = None,
        free_memory: Callable[[], int] = free_memory,
    ) -> None:
        super().__init__(
            workers=workers,
            rate_per_second=rate_per_second,
            request_timeout=request_timeout,
            breaker=breaker,
            quota=quota,
        )
        self.settings = browser
        self._free_memory = free_memory
        self.stats = PoolStats()
        self.found: Found | None = None
        self._running: _Running | None = None
        self._clients = [BrowserClient(self) for _ in range(workers)]
        self._idle: asyncio.LifoQueue[BrowserClient] = asyncio.LifoQueue()
        self._traffic = _Traffic()
        self._background: set[asyncio.Future[Any]] = set()
        self._measured_at = 0.0
        for client in self._clients:
            self._idle.put_nowait(client)

    async def __aenter__(self) -> Self:
        """Start Chromium.

        Raises:
            BrowserMissing: there is none, or it does not start.
        """
        self.found = find_chromium(self.settings)
        expect_ended_drivers()
        await self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close everything, also while being cancelled; what does not close is killed."""
        stopping = asyncio.ensure_future(self._stop())
        try:
            await asyncio.shield(stopping)
        except asyncio.CancelledError:
            await stopping
            raise

    @property
    def browser(self) -> Browser:
        """The running browser.

        Raises:
            BrowserLost: the pool has not been entered or has been left.
        """
        if self._running is None:
            msg = "the browser pool is not open"
            raise BrowserLost(msg)
        return self._running.browser

    @asynccontextmanager
    async def client(self) -> AsyncIterator[BrowserClient]:
        """Lend a visitor for one attempt at one unit.

        Raises:
            BrowserMissing: the browser had to be started again and did not.
        """
        async with self._using():
            client = await self._idle.get()
            try:
                yield client
            finally:
                try:
                    await client.used()
                finally:
                    self.stats.units += 1
                    if self._running:
                        self._running.units += 1
                    self._idle.put_nowait(client)

    async def picture(self, body: bytes) -> bytes:
        """Return a PNG of saved bytes as a page, with scripts off and nothing loaded from anywhere.

        Raises:
            CollectionFailure: the browser could not show it in time.
        """
        async with self._using():
            try:
                context = await self.within(
                    self.browser.new_context(java_script_enabled=False, service_workers="block"),
                    what="opening a context",
                )
                try:
                    return await self.within(_picture(context, body), what="making a picture")
                finally:
                    await self.quietly(context.close(), what="closing a context")
            except PlaywrightError as error:
                raise self.translated(error, where="the picture") from error

    def translated(self, error: PlaywrightError, *, where: str) -> CollectionFailure:
        """Return the typed failure of an error of the browser; a lost browser is replaced before its next use."""
        failure = translate(error, where=where)
        self.redactor.failure(failure)
        if isinstance(failure, BrowserLost) and self._running:
            # A dead driver cannot tell: `is_connected` stays true without it.
            self._running.broken = True
        return failure

    async def within(self, awaitable: Awaitable[T], *, what: str) -> T:
        """Await something of the browser, with a deadline beyond its own: a driver that hangs counts as lost."""
        running = self._running
        limit = self.request_timeout + CLEAN_UP
        try:
            return await asyncio.wait_for(awaitable, limit.total_seconds())
        except TimeoutError as error:
            if running:
                running.broken = True
            msg = f"{what}: the browser did not react within {limit.total_seconds():.0f} s"
            raise BrowserLost(msg) from error

    async def quietly(self, awaitable: Awaitable[Any], *, what: str) -> None:
        """Clean up: bounded, not stopped by a cancellation, and no second error beside the one that matters."""
        running = self._running
        task = asyncio.ensure_future(asyncio.wait_for(awaitable, CLEAN_UP.total_seconds()))
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        try:
            await asyncio.shield(task)
        except (PlaywrightError, TimeoutError) as error:
            log.debug("%s: %s", what, error)
            if isinstance(error, TimeoutError) and running:
                running.broken = True

    @asynccontextmanager
    async def _using(self) -> AsyncIterator[None]:
        traffic = self._traffic
        async with traffic.door:
            reason = self._restart_reason()
            if reason:
                await self._restart(reason)
            traffic.in_use += 1
            traffic.quiet.clear()
        try:
            yield
        finally:
            traffic.in_use -= 1
            if traffic.in_use == 0:
                traffic.quiet.set()

    def _restart_reason(self) -> str | None:
        running = self._running
        if running is None:
            msg = "the browser pool is not open"
            raise BrowserLost(msg)
        if running.broken or not running.browser.is_connected():
            return "it was lost"
        if running.units >= self.settings.restart_after_units:
            return f"{running.units} units"
        self.measure()
        if self.stats.mib > self.settings.restart_above_mib and running.units >= RESTART_NOT_BEFORE:
            return f"{self.stats.mib:.0f} MiB"
        return None

    def measure(self, *, now: bool = False) -> float:
        """Return the memory of the browser in MiB, measured now or at most `MEMORY_EVERY` ago."""
        time = asyncio.get_running_loop().time()
        running = self._running
        if running and running.tree and (now or time - self._measured_at >= MEMORY_EVERY.total_seconds()):
            self._measured_at = time
            self.stats.mib = running.tree.mebibytes()
            self.stats.peak_mib = max(self.stats.peak_mib, self.stats.mib)
            self.concurrency.memory(
                now=time,
                free=self._free_memory(),
                browser_mib=self.stats.mib,
                browser_limit_mib=self.settings.restart_above_mib,
            )
        return self.stats.mib

    async def _restart(self, reason: str) -> None:
        """Replace the browser once no unit uses it. No unit starts meanwhile: the caller holds the lock."""
        if self._traffic.in_use:
            await self._traffic.quiet.wait()
        log.info("starting the browser again: %s", reason)
        lost = self._running is None or self._running.broken or not self._running.browser.is_connected()
        for client in self._clients:
            # Asking a dead driver for cookies only costs the time-out.
            client.abandon() if lost else await client.retire()
        await self._stop()
        await self._start()

    async def _start(self) -> None:
        for attempt in range(1, STARTS + 1):
            try:
                await self._start_once()
            except BrowserLost as error:
                log.info("the browser did not start, attempt %d of %d: %s", attempt, STARTS, error)
                if attempt == STARTS:
                    which = f"{self.found.path} ({self.found.origin})" if self.found else "the browser"
                    msg = (
                        f"{which} does not start: it, or its driver, ended in each of {STARTS} attempts"
                        f" ({str(error).splitlines()[0]}). See that the machine has memory left, try it in a shell with"
                        " --headless --version, or name another as browser.executable in fin.toml"
                    )
                    raise BrowserMissing(msg) from error
            else:
                return

    async def _start_once(self) -> None:
        """Start driver and Chromium.

        Raises:
            BrowserLost: one of the two ended while it started.
            BrowserMissing: one of the two cannot be started.
        """
        if self.found is None:
            msg = "the browser pool is not open"
            raise BrowserLost(msg)
        before = ProcessTree.drivers()
        try:
            playwright = await asyncio.wait_for(async_playwright().start(), START.total_seconds())
        except Exception as error:
            raise_if_ended(error)
            msg = f"the driver of playwright does not start ({error!r}): reinstall that package in this environment"
            raise BrowserMissing(msg) from error
        new = ProcessTree.drivers() - before
        tree = ProcessTree(psutil.Process(new.pop())) if len(new) == 1 else None
        try:
            browser = await playwright.chromium.launch(
                executable_path=self.found.path,
                args=list(chromium.FLAGS),
                # As root, which is usual in containers, Chromium refuses to start with its own sandbox.
                chromium_sandbox=not chromium.runs_as_root(),
                # Signals are this program's business: it stops the run and then closes the pool.
                handle_sigint=False,
                handle_sigterm=False,
                handle_sighup=False,
                timeout=START.total_seconds() * 1000,
            )
        except BaseException as error:
            await self.quietly(playwright.stop(), what="stopping the driver")
            raise_if_ended(error)
            if isinstance(error, PlaywrightError):
                msg = (
                    f"{self.found.path} ({self.found.origin}) does not start: {str(error).splitlines()[0]}. "
                    "Try it in a shell with --headless --version, or name another as browser.executable in fin.toml"
                )
                raise BrowserMissing(msg) from error
            raise
        self._running = _Running(playwright, browser, tree)
        self._measured_at = 0.0
        self.stats.browsers += 1

    async def _stop(self) -> None:
        running = self._running
        if running is None:
            return
        processes = running.tree.processes() if running.tree else []
        if running.broken:
            # What hangs does not close; killing it first saves three time-outs.
            await asyncio.to_thread(chromium.end_survivors, processes, grace=0.0)
        await self.quietly(running.browser.close(reason="the pool is closing"), what="closing the browser")
        await self.quietly(running.playwright.stop(), what="stopping the driver")
        self._running = None
        await asyncio.to_thread(chromium.end_survivors, processes, grace=CLEAN_UP.total_seconds())


async def _picture(context: BrowserContext, body: bytes) -> bytes:
    address = "http://evidence.invalid/"
    served = False

    async def only_the_body(route: Any) -> None:
        nonlocal served
        if served:
            await route.abort()
            return
        served = True
        await route.fulfill(status=200, content_type="text/html", body=body)

    await context.route("**/*", only_the_body)
    page = await context.new_page()
    await page.goto(address, wait_until="domcontentloaded")
    return await page.screenshot(type="png", animations="disabled", timeout=10_000)
