"""Rate, holds and circuit breaker of a host, shared by all workers.

Nothing here sends a request or knows a browser; what one unit may retry stands in `failures`, who retries in
`fetching`. Instants are of the event loop's monotonic clock; only a `Retry-After` that is a date needs the wall clock.
"""

from __future__ import annotations

import asyncio
import random
import re
from dataclasses import dataclass
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from fin_assets import clock
from fin_assets.core.contract.failures import CircuitOpen, CollectionFailure, NetworkFailure, RateLimited, ServerError

LONGEST_RETRY_AFTER = timedelta(days=1)

HOST_TROUBLE = (NetworkFailure, ServerError, RateLimited)
"""Failures that speak against the host. A page with the wrong content does not: it would answer the next unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRule:
    """When a host that only fails gets no further requests.

    Attributes:
        failures: this many in a row, over all workers, open the breaker. With 20 workers at most and a healthy host
            that fails 5 % of requests at random, ten in a row happen once in 10^13.
        pause: the first pause; each further one is twice as long.
        pauses: number of pauses without one success after which the host is given up for this attempt.
    """

    failures: int = 10
    pause: timedelta = timedelta(seconds=5)
    pauses: int = 3


class HostLimiter:
    """Limits requests to one host: take a `slot` before each, report its outcome with `succeeded` or `failed`.

    Args:
        host: name and port, for messages.
        rate_per_second: requests a second, all workers together, evenly spaced; there are no bursts.
        jitter: share by which each gap is randomly longer or shorter, so that requests are not evenly spaced.
        breaker: when to pause and when to give up.
    """

    def __init__(
        self, host: str, *, rate_per_second: float, jitter: float = 0.2, breaker: BreakerRule | None = None
    ) -> None:
        if rate_per_second <= 0 or not 0 <= jitter < 1:
            msg = f"{host}: rate_per_second={rate_per_second} must be above 0 and jitter={jitter} from 0 to below 1"
            raise ValueError(msg)
        self.host = host
        self.requests = 0
        self._gap = 1 / rate_per_second
        self._jitter = jitter
        self._rule = breaker or BreakerRule()
        self._door = asyncio.Lock()
        self._changed = asyncio.Event()
        self._next = 0.0
        self._held_until = 0.0
        self._reason = ""
        self._in_a_row = 0
        self._pauses = 0
        self._resumed_at = 0.0
        self._given_up: str | None = None

    async def slot(self) -> float:
        """Wait until the host may be asked and return that instant, for `failed`.

        Raises:
            CircuitOpen: the host has been given up for this attempt.
        """
        loop = asyncio.get_running_loop()
        async with self._door:
            while True:
                self._refuse_if_given_up()
                now = loop.time()
                opens_at = max(self._next, self._held_until)
                if opens_at <= now:
                    break
                # A hold may be lengthened, or the host given up, while this worker sleeps.
                self._changed.clear()
                try:
                    await asyncio.wait_for(self._changed.wait(), opens_at - now)
                except TimeoutError:
                    continue
            self._next = now + self._gap * random.uniform(1 - self._jitter, 1 + self._jitter)  # noqa: S311 - spacing, not secrets
            self.requests += 1
            return now

    def hold(self, wait: timedelta, *, reason: str) -> None:
        """Stop all requests to the host for `wait`. The longest of several holds counts."""
        until = asyncio.get_running_loop().time() + wait.total_seconds()
        if until > self._held_until:
            self._held_until = until
            self._reason = reason
            self._changed.set()

    def held_for(self) -> tuple[timedelta, str] | None:
        """Return the remaining hold of the host and its reason, or None."""
        left = self._held_until - asyncio.get_running_loop().time()
        return (timedelta(seconds=left), self._reason) if left > 0 else None

    def succeeded(self) -> None:
        """Note an answer that does not speak against the host."""
        self._in_a_row = 0
        self._pauses = 0

    def failed(self, failure: CollectionFailure, *, asked_at: float) -> None:
        """Note a failed request; enough of them in a row pause the host, and finally stop it.

        A 429 holds it at once: other workers would send requests before the caller reacts.

        Args:
            failure: counted only if it is one of `HOST_TROUBLE`.
            asked_at: what `slot` returned. A request from before the last pause says nothing about the time after it.
        """
        if isinstance(failure, RateLimited):
            self.hold(failure.retry_after or failure.retry.backoff, reason=str(failure))
        if not isinstance(failure, HOST_TROUBLE) or asked_at < self._resumed_at:
            return
        self._in_a_row += 1
        if self._in_a_row < self._rule.failures:
            return
        if self._pauses >= self._rule.pauses:
            self.give_up(
                f"{self._in_a_row} requests in a row failed, also after {self._pauses} pauses; the last: {failure}"
            )
            return
        pause = self._rule.pause * 2**self._pauses
        self._pauses += 1
        self._resumed_at = asyncio.get_running_loop().time() + pause.total_seconds()
        self.hold(pause, reason=f"{self._in_a_row} failures in a row, pause {self._pauses} of {self._rule.pauses}")

    def give_up(self, reason: str) -> None:
        """Stop all requests to the host. The first reason stays."""
        self._given_up = self._given_up or reason
        self._changed.set()

    def begin(self) -> None:
        """Let the host be asked again: a new attempt begins. Holds stay."""
        self._given_up = None
        self._in_a_row = self._pauses = 0

    def _refuse_if_given_up(self) -> None:
        if self._given_up is not None:
            msg = f"{self.host} gets no further requests in this attempt: {self._given_up}"
            raise CircuitOpen(msg)


class Hosts:
    """The limiters of all hosts that a pool talks to, made when a host is first asked."""

    def __init__(self, *, rate_per_second: float, jitter: float = 0.2, breaker: BreakerRule | None = None) -> None:
        self._rate = rate_per_second
        self._jitter = jitter
        self._breaker = breaker
        self._limiters: dict[str, HostLimiter] = {}
        self.given_up: str | None = None

    def of(self, url: str) -> HostLimiter:
        """Return the limiter of the URL's host."""
        host = urlsplit(url).netloc
        if host not in self._limiters:
            self._limiters[host] = HostLimiter(
                host, rate_per_second=self._rate, jitter=self._jitter, breaker=self._breaker
            )
            if self.given_up:
                self._limiters[host].give_up(self.given_up)
        return self._limiters[host]

    def give_up(self, reason: str) -> None:
        """Stop all requests to all hosts."""
        self.given_up = self.given_up or reason
        for limiter in self._limiters.values():
            limiter.give_up(self.given_up)

    def begin(self) -> None:
        """Let every host be asked again: a new attempt begins."""
        self.given_up = None
        for limiter in self._limiters.values():
            limiter.begin()

    @property
    def requests(self) -> int:
        """Requests let through so far, all hosts together."""
        return sum(limiter.requests for limiter in self._limiters.values())

    def held(self) -> str | None:
        """Return one line about the host that waits longest, or None if none waits."""
        waits = [(*wait, limiter.host) for limiter in self._limiters.values() if (wait := limiter.held_for())]
        if not waits:
            return None
        left, reason, host = max(waits)
        return f"{host} gets no request for another {left.total_seconds():.0f} s: {reason}"


def retry_after(value: str | None, *, longest: timedelta = LONGEST_RETRY_AFTER) -> timedelta | None:
    """Read a `Retry-After` header: seconds or an HTTP date.

    None if there is none, if it cannot be read, and if it asks for nothing or for more than `longest`: no site means ten years.
    The usual waits then count.
    """
    if value is None:
        return None
    text = value.strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        # A float, because it takes any number of digits.
        seconds = float(text)
    else:
        try:
            instant = parsedate_to_datetime(text)
        except (ValueError, TypeError, OverflowError, IndexError):
            return None
        # RFC 9110 dates are GMT; the parser leaves "-0000" naive.
        aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
        seconds = (aware - clock.now()).total_seconds()
    return timedelta(seconds=seconds) if 0 < seconds <= longest.total_seconds() else None
