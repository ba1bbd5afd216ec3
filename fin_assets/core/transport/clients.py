"""One pool of clients per site, opened when a site is first asked and kept until everything is done.

A browser starts only for a site whose transport is the browser. The event loop lives as long as the pools: what was opened
while one table was collected serves the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self, TypeVar

from fin_assets.core.contract.site import Site
from fin_assets.core.transport import interrupts
from fin_assets.core.transport.boundary import Boundary
from fin_assets.core.transport.client_pool import ClientPool
from fin_assets.core.transport.quota import DailyQuota
from fin_assets.core.transport.redaction import Redactor
from fin_assets.settings import BrowserSettings

T = TypeVar("T")


class Clients:
    """The pools of one run. Use it as `with`.

    Args:
        browser: the `[browser]` section of the settings.
        data: the data directory; quotas and indexes of inboxes lie in it.
    """

    def __init__(self, browser: BrowserSettings, *, data: Path) -> None:
        self._browser, self._data = browser, data
        self._runner: asyncio.Runner | None = None
        self._pools: dict[tuple[str, str, str], ClientPool] = {}
        self._open = AsyncExitStack()

    def __enter__(self) -> Self:
        """Begin; nothing is opened yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close every pool and the event loop."""
        self.close()

    def close(self) -> None:
        """Close every pool and the event loop; work that follows opens new ones."""
        if self._runner is None:
            return
        try:
            interrupts.run(self._runner, self._open.aclose())
        finally:
            self._runner.close()
            self._runner = None
            self._pools.clear()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something to its end in the event loop of the pools.

        Raises:
            Interrupted: a signal came; the work was cancelled and has cleaned up.
        """
        if self._runner is None:
            self._runner = asyncio.Runner()
        return interrupts.run(self._runner, work)

    async def pool(self, site: Site) -> ClientPool:
        """Return the open pool of a site; a new attempt begins.

        Raises:
            BrowserMissing: the site needs a browser, and there is no Chromium to start.
        """
        key = (site.name, site.base_url, site.transport)
        pool = self._pools.get(key)
        if pool is None:
            pool = await self._open.enter_async_context(self.make(site))
            pool.longest_retry_after = site.longest_retry_after
            self._pools[key] = pool
        pool.begin_attempt()
        return pool

    def make(self, site: Site) -> ClientPool:
        """Return a pool of a site that is not open yet."""
        pool = self._of_transport(site)
        pool.redactor = Redactor(secret.get_secret_value() for secret in site.secrets)
        if site.transport != "files":
            pool.boundary = Boundary.of(site)
        pool.limits = site.limits
        return pool

    def _of_transport(self, site: Site) -> ClientPool:
        common: dict[str, Any] = {
            "workers": site.workers,
            "rate_per_second": site.rate_per_second,
            "request_timeout": site.request_timeout,
            "quota": self._quota(site),
        }
        # Each transport is imported when it is needed: a home without pages needs no browser library in memory.
        if site.transport == "browser":
            from fin_assets.core.transport.browser.pool import BrowserPool

            return BrowserPool(self._browser, **common)
        if site.transport == "files":
            from fin_assets.core.transport.file_client import FilePool, inbox_of

            return FilePool(inbox_of(site, self._data), **common)
        from fin_assets.core.transport.http_client import HttpPool

        return HttpPool(impersonate=site.impersonate, **common)

    def _quota(self, site: Site) -> DailyQuota | None:
        if site.per_day is None:
            return None
        path = self._data / "quota" / f"{site.name}-{site.mode}.json"
        return DailyQuota(path, per_day=site.per_day, timezone=site.quota_timezone, site=site.name)
