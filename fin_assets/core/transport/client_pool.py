"""What the clients of every transport share: slots of the host limiter, the quota, verdicts on answers, the time limit.

A transport adds how an answer is fetched; retries and the order of work are in `collection.fetch_jobs`.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import urlsplit

from fin_assets.core.contract.client import Attempt, Guard
from fin_assets.core.contract.failures import CollectionFailure, NetworkFailure, ServerError
from fin_assets.core.contract.limits import Limits
from fin_assets.core.transport.boundary import Boundary
from fin_assets.core.transport.concurrency import AdaptiveConcurrency
from fin_assets.core.transport.host_limiter import LONGEST_RETRY_AFTER, BreakerRule, HostLimiter, Hosts
from fin_assets.core.transport.limits import within_limits
from fin_assets.core.transport.redaction import Redactor
from fin_assets.core.transport.responses import judge

if TYPE_CHECKING:
    from fin_assets.core.contract.manifest import Transport
    from fin_assets.core.contract.source import Fetched
    from fin_assets.core.transport.quota import DailyQuota

SLOWNESS = (NetworkFailure, ServerError)
"""Failures that a site shows when it is asked too much."""

Answer = tuple["Fetched", Mapping[str, str]]
"""An answer with its headers, names in lower case."""


class ClientPool(ABC):
    """The clients of one site. Use it as `async with`.

    Args:
        workers: clients that ask at once, at most.
        rate_per_second: requests a second to one host, all clients together.
        request_timeout: for one request.
        breaker: when a failing host is paused and given up.
        quota: requests that are left today; None without a quota.

    Attributes:
        limits: of an answer before it is read.
        hosts: the limiters, by host.
        concurrency: how many of the workers may ask at present.
        longest_retry_after: a `Retry-After` beyond it is not obeyed.
        ended_by: the failure that ended the attempt before all units were asked for, if one did.
        boundary: the hosts that may be asked; all, unless `Clients` sets it before the pool is opened.
        redactor: takes the secrets of the site out of answers and failures.
    """

    def __init__(
        self,
        *,
        workers: int,
        rate_per_second: float,
        request_timeout: timedelta,
        breaker: BreakerRule | None = None,
        quota: DailyQuota | None = None,
    ) -> None:
        self.longest_retry_after = LONGEST_RETRY_AFTER
        self.workers = workers
        self.request_timeout = request_timeout
        self.concurrency = AdaptiveConcurrency(workers)
        self.hosts = Hosts(rate_per_second=rate_per_second, breaker=breaker)
        self.quota = quota
        self.limits = Limits()
        self.ended_by: CollectionFailure | None = None
        self.boundary = Boundary()
        self.redactor = Redactor()

    @abstractmethod
    async def __aenter__(self) -> Self:
        """Make the clients ready."""

    @abstractmethod
    async def __aexit__(self, *_: object) -> None:
        """Close everything, also while being cancelled."""

    @abstractmethod
    def client(self) -> AbstractAsyncContextManager[SiteClient]:
        """Lend a client for one attempt at one unit."""

    @property
    def ended(self) -> str | None:
        """Why nothing is asked any more, or None."""
        return self.hosts.given_up

    def end_attempt(self, reason: str, *, by: CollectionFailure | None = None) -> None:
        """Ask nothing more, of no host, until `begin_attempt`. A client that waits for a slot gets CircuitOpen.

        Args:
            reason: for messages.
            by: the failure that ended it, if one did.
        """
        self.ended_by = by
        self.hosts.give_up(reason)

    def begin_attempt(self) -> None:
        """Forget why the last attempt ended: another table of the same site begins one."""
        self.ended_by = None
        self.hosts.begin()

    def measure(self) -> float:
        """Return the memory that the transport takes outside of this process, in MiB."""
        return 0.0

    async def picture(self, body: bytes) -> bytes | None:
        """Return a PNG of saved bytes as a page; None where there is no browser to show it."""
        del body
        return None


class SiteClient(ABC):
    """One visitor of a site.

    Attributes:
        state, attempt: as `contract.client.Client` says.
        limiter: of the host that was asked last; None before the first request.
    """

    ERRORS: ClassVar[tuple[type[Exception], ...]] = ()
    """Errors of the transport's library; `_translated` makes typed failures of them."""

    def __init__(self, pool: ClientPool) -> None:
        self._site = pool
        self._watch: asyncio.Timeout | None = None
        self.state: dict[str, Any] = {}
        self.attempt = Attempt()
        self.limiter: HostLimiter | None = None

    @abstractmethod
    async def forget(self) -> None:
        """Become a new visitor: no cookies, no state."""

    def _translated(self, error: Exception, where: str) -> CollectionFailure:
        """Return the typed failure of one of `ERRORS`."""
        msg = f"{where}: a transport that declares errors translates them"
        raise AssertionError(msg) from error

    @asynccontextmanager
    async def limited(self, limit: timedelta) -> AsyncIterator[None]:
        """Cancel the body after `limit`, not counting the time spent waiting for the rate limit.

        Raises:
            NetworkFailure: the limit passed.
        """
        try:
            async with asyncio.timeout(limit.total_seconds()) as self._watch:
                yield
        except TimeoutError as error:
            msg = f"not finished within {limit.total_seconds():.0f} s"
            raise NetworkFailure(msg) from error
        finally:
            self._watch = None

    async def _slot(self, url: str) -> tuple[HostLimiter, float]:
        limiter = self.limiter = self._site.hosts.of(url)
        watch, now = self._watch, asyncio.get_running_loop().time
        left = (watch.when() or now()) - now() if watch else 0.0
        if watch:
            watch.reschedule(None)
        try:
            asked_at = await limiter.slot()
        finally:
            if watch:
                watch.reschedule(now() + left)
        if self._site.quota is not None:
            # After the slot: a request that a broken host never got must not be counted.
            self._site.quota.take()
        return limiter, asked_at

    async def _judged(
        self, url: str, answer: Callable[[], Awaitable[Answer]], guard: Guard | None, *, transport: Transport
    ) -> Fetched:
        """Ask when the host may be asked, and return the answer unless it is a failure.

        Raises:
            CollectionFailure: no answer, not a whole one, a refusing status, or what the guard raised.
        """
        limiter, asked_at = await self._slot(url)
        now, parts = asyncio.get_running_loop().time, urlsplit(url)
        begun, trouble = now(), False
        try:
            try:
                fetched, headers = await answer()
            except self.ERRORS as error:
                raise self._translated(error, url) from error
            # The guard reads the answer as well.
            judged = partial(judge, fetched, headers, guard=guard, longest_wait=self._site.longest_retry_after)
            await within_limits(judged, fetched, self._site.limits)
        except CollectionFailure as failure:
            self._site.redactor.failure(failure)
            trouble = isinstance(failure, SLOWNESS)
            limiter.failed(failure, asked_at=asked_at)
            raise
        finally:
            # Timings are grouped by transport and path; the query differs per unit.
            place = self._site.redactor.text(f"{transport} {parts.netloc}{parts.path}")
            self._site.concurrency.answered(place, now() - begun, trouble=trouble)
        limiter.succeeded()
        return self._site.redactor.fetched(fetched)
