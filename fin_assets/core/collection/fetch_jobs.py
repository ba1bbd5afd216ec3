"""Fetching a list of units with the clients of a site: order, retries, evidence, deadline and a sign of life.

What a failure allows is in `contract.failures`, how a host is spared in `transport.host_limiter`, how a unit is fetched in the
source's `fetch.py`, what is stored of it in `collector`, and what is saved of a failing answer in `evidence`.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sized
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Literal

from fin_assets.core.collection.evidence import Evidence
from fin_assets.core.contract.client import Attempt
from fin_assets.core.contract.failures import (
    BrowserLost,
    CircuitOpen,
    CollectionFailure,
    Deferred,
    NotAsked,
    QuotaSpent,
    RetryRule,
)
from fin_assets.core.contract.manifest import PartitionKey
from fin_assets.core.contract.source import Fetched, Parsed
from fin_assets.core.transport.client_pool import ClientPool, SiteClient
from fin_assets.core.transport.host_limiter import HostLimiter
from fin_assets.core.transport.limits import within_limits

log = logging.getLogger(__name__)

ALIVE_EVERY = timedelta(seconds=2)

MOST_ATTEMPTS = 8
"""Requests for one unit in one run, whatever mixture of failures it meets."""

LONGEST_WAIT = timedelta(minutes=5)
"""A site that asks for more patience than this is left alone until the next attempt at the partition."""

TIMEOUTS_PER_UNIT = 4
"""A fetch may take this many request time-outs: a page, its form, an answer, and one to spare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One unit to get: `fetch` asks the site, `parse` is the strict parser, `accept` judges. All raise CollectionFailure.

    `parse` is pure: of a large answer it runs in a thread. `accept` runs in the event loop.
    """

    key: PartitionKey
    unit: str
    fetch: Callable[[SiteClient], Awaitable[Fetched]]
    parse: Callable[[Fetched], Parsed]
    accept: Callable[[Fetched, Parsed], Parsed] = lambda _fetched, parsed: parsed


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of a job.

    Attributes:
        job: the job.
        fetched, parsed: both set, and `failure` None, if it succeeded.
        failure: the last failure; NotAsked if its turn never came (`attempts` is then 0).
        attempts: requests that were made for it.
        seconds: from its first attempt to its end, waits included.
        evidence: saved files of the failing body (`.html` or `.json`, `.png`).
    """

    job: Job
    fetched: Fetched | None = None
    parsed: Parsed | None = None
    failure: CollectionFailure | None = None
    attempts: int = 0
    seconds: float = 0.0
    evidence: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something to show while it runs.

    Attributes:
        kind: `alive` comes every two seconds, `stopped` once if the rest is not asked for.
        message: one line.
        key, unit: the unit, if the event is about one.
        failure_kind: the kind of the failure, for `failed` and `retry`.
        done, failed: units finished so far in this run.
        total: units in all, or None if the list has no length.
        seconds: since the run began.
    """

    kind: Literal["done", "failed", "retry", "alive", "stopped"]
    message: str
    key: PartitionKey | None = None
    unit: str | None = None
    failure_kind: str | None = None
    done: int = 0
    failed: int = 0
    total: int | None = None
    seconds: float = 0.0


async def run_jobs(
    pool: ClientPool,
    jobs: Iterable[Job],
    *,
    evidence_dir: Callable[[PartitionKey], Path],
    on_outcome: Callable[[Outcome], None],
    on_event: Callable[[Event], None] | None = None,
    deadline: timedelta | None = None,
) -> None:
    """Get every unit, in order, with as many workers as the pool's pace allows; each job ends in exactly one outcome.

    A refusal, a host that is down, too long a wait or the deadline ends the attempt: the jobs that are left, also of
    later calls with this pool, come out as NotAsked.

    Args:
        pool: an open pool.
        jobs: taken lazily, in order.
        evidence_dir: where a partition's evidence goes; made when needed.
        on_outcome: called in this event loop as soon as a job has ended; its stored units are kept.
        on_event: called for each event.
        deadline: for this call; units in the middle of it are cut off.

    Raises:
        BrowserMissing: the browser had to be started again and did not.
        Exception: whatever `fetch`, `parse` or a callback raises beyond CollectionFailure is a bug: the run is
            cancelled, and outcomes so far have been delivered.
    """
    run = _Run(pool, jobs, evidence_dir=evidence_dir, on_outcome=on_outcome, on_event=on_event, deadline=deadline)
    try:
        await run.to_the_end()
    except BaseExceptionGroup as group:
        raise _first(group) from group


class _Run:
    """The state of one call of `run_jobs`."""

    def __init__(
        self,
        pool: ClientPool,
        jobs: Iterable[Job],
        *,
        evidence_dir: Callable[[PartitionKey], Path],
        on_outcome: Callable[[Outcome], None],
        on_event: Callable[[Event], None] | None,
        deadline: timedelta | None,
    ) -> None:
        self._pool = pool
        self._jobs: Iterator[Job] = iter(jobs)
        self._total = len(jobs) if isinstance(jobs, Sized) else None
        self._evidence = Evidence(pool, evidence_dir)
        self._on_outcome, self._on_event = on_outcome, on_event
        self._begun = asyncio.get_running_loop().time()
        self._deadline = deadline
        self._stopped = asyncio.Event()
        self._turn = asyncio.Event()
        self._all_taken = False
        self._done = self._failed = self._in_flight = 0
        if pool.ended:
            self._stopped.set()

    async def to_the_end(self) -> None:
        self._pool.concurrency.on_change = self._turn.set
        async with asyncio.TaskGroup() as group:
            alive = group.create_task(self._sign_of_life())
            workers = [group.create_task(self._worker(number)) for number in range(self._pool.workers)]
            await asyncio.wait(workers)
            alive.cancel()

    async def _worker(self, number: int) -> None:
        while True:
            await self._my_turn(number)
            job = next(self._jobs, None)
            if job is None:
                self._all_taken = True
                self._turn.set()
                return
            if self._stopped.is_set():
                self._deliver(Outcome(job=job, failure=self._not_asked()))
                # A long rest of the list must not keep the loop from the others' answers.
                await asyncio.sleep(0)
                continue
            self._in_flight += 1
            try:
                outcome = await self._with_evidence(await self._before_deadline(job))
            finally:
                self._in_flight -= 1
            self._deliver(outcome)

    async def _my_turn(self, number: int) -> None:
        """Wait before a job is taken, so that a worker that rests keeps no unit from the others."""
        while number >= self._pool.concurrency.allowed and not self._all_taken and not self._stopped.is_set():
            self._turn.clear()
            await self._turn.wait()

    async def _before_deadline(self, job: Job) -> Outcome:
        unit = _Unit(job, begun=self._now)
        if self._deadline is None:
            return await self._unit(unit)
        try:
            async with asyncio.timeout_at(self._begun + self._deadline.total_seconds()):
                return await self._unit(unit)
        except TimeoutError:
            self._stop(f"the deadline of {self._deadline} has passed")
            cut_off = NotAsked(f"not finished: {self._pool.ended}")
            return unit.failed(unit.failure or cut_off, now=self._now)

    async def _unit(self, unit: _Unit) -> Outcome:
        while True:
            fetched, parsed, limiter = await self._attempt(unit)
            if fetched is not None and parsed is not None:
                return unit.succeeded(fetched, parsed, now=self._now)
            failure = unit.failure or self._not_asked()
            if self._stopped.is_set() or not unit.may_try_again:
                return unit.failed(failure, now=self._now)
            wait = unit.wait()
            if wait > LONGEST_WAIT:
                self._stop(f"{unit.job.unit}: {failure}")
                return unit.failed(failure, now=self._now)
            if limiter is not None and (failure.retry.whole_host or failure.retry_after):
                limiter.hold(wait, reason=str(failure))
            self._tell("retry", f"{unit.job.unit}: {failure}; retry in {wait.total_seconds():.1f} s", unit.job, failure)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), wait.total_seconds())
            if self._stopped.is_set():
                return unit.failed(failure, now=self._now)

    async def _attempt(self, unit: _Unit) -> tuple[Fetched | None, Parsed | None, HostLimiter | None]:
        """Ask once. A failure is noted in the unit; a host that is given up before it was asked is not a request."""
        fetched: Fetched | None = None
        async with self._pool.client() as client:
            client.attempt = unit.attempt()
            client.limiter = None
            unit.attempts += 1
            try:
                async with client.limited(self._pool.request_timeout * TIMEOUTS_PER_UNIT):
                    fetched = await unit.job.fetch(client)
                parsed = await within_limits(partial(unit.job.parse, fetched), fetched, self._pool.limits)
                return fetched, unit.job.accept(fetched, parsed), client.limiter
            except CircuitOpen as failure:
                unit.attempts -= 1
                if self._pool.ended is None:
                    self._stop(str(failure))
            except CollectionFailure as failure:
                # A source's own words may hold an address with a key.
                self._pool.redactor.failure(failure)
                if failure.body is None and fetched is not None:
                    failure.body, failure.status = fetched.body, fetched.status
                unit.note(failure)
                if isinstance(failure, Deferred):
                    # Nothing was sent.
                    unit.attempts -= 1
                if failure.retry.stop_attempt:
                    # Before anything else is awaited: others would ask meanwhile.
                    self._stop(f"{unit.job.unit}: {failure}", by=failure)
                if failure.retry.fresh_state and not isinstance(failure, BrowserLost):
                    await client.forget()
            return None, None, client.limiter

    def _not_asked(self) -> CollectionFailure:
        """Return the failure of a unit that is not asked for; a spent quota defers it until the quota is renewed."""
        spent = self._pool.ended_by
        if isinstance(spent, QuotaSpent):
            return Deferred(f"deferred: {spent}", retry_after=spent.retry_after)
        return NotAsked(f"not asked: {self._pool.ended}")

    async def _with_evidence(self, outcome: Outcome) -> Outcome:
        if outcome.failure is None or not outcome.failure.body:
            return outcome
        files = await self._evidence.save(outcome.job.key, outcome.job.unit, outcome.failure.body)
        return Outcome(
            job=outcome.job, failure=outcome.failure, attempts=outcome.attempts, seconds=outcome.seconds, evidence=files
        )

    def _deliver(self, outcome: Outcome) -> None:
        self._on_outcome(outcome)
        if outcome.failure is None:
            self._done += 1
            self._tell("done", outcome.job.unit, outcome.job)
        else:
            self._failed += 1
            self._tell("failed", f"{outcome.job.unit}: {outcome.failure}", outcome.job, outcome.failure)

    def _stop(self, reason: str, *, by: CollectionFailure | None = None) -> None:
        if not self._stopped.is_set():
            self._pool.end_attempt(reason, by=by)
            self._stopped.set()
            self._turn.set()
            self._tell("stopped", f"no further requests: {reason}", None)

    async def _sign_of_life(self) -> None:
        while True:
            await asyncio.sleep(ALIVE_EVERY.total_seconds())
            busy = f"{self._in_flight} in flight, {self._pool.measure():.0f} MiB"
            self._tell(
                "alive", self._pool.hosts.held() or "; ".join(filter(None, (self._pool.concurrency.said, busy))), None
            )

    def _tell(
        self,
        kind: Literal["done", "failed", "retry", "alive", "stopped"],
        message: str,
        job: Job | None,
        failure: CollectionFailure | None = None,
    ) -> None:
        if self._on_event is not None:
            self._on_event(
                Event(
                    kind=kind,
                    message=message,
                    key=job.key if job else None,
                    unit=job.unit if job else None,
                    failure_kind=failure.kind if failure else None,
                    done=self._done,
                    failed=self._failed,
                    total=self._total,
                    seconds=self._now - self._begun,
                )
            )

    @property
    def _now(self) -> float:
        return asyncio.get_running_loop().time()


@dataclass(slots=True)
class _Unit:
    """A job in the middle of its attempts. Each kind of failure has its own allowance."""

    job: Job
    begun: float
    attempts: int = 0
    failure: CollectionFailure | None = None
    kinds: Counter[str] = field(default_factory=Counter)

    def note(self, failure: CollectionFailure) -> None:
        self.failure = failure
        self.kinds[failure.kind] += 1

    @property
    def may_try_again(self) -> bool:
        return (
            self.failure is not None
            and self.kinds[self.failure.kind] <= self.failure.retry.times
            and self.attempts < MOST_ATTEMPTS
        )

    def attempt(self) -> Attempt:
        last = self.failure is not None and (
            self.kinds[self.failure.kind] == self.failure.retry.times or self.attempts + 1 == MOST_ATTEMPTS
        )
        return Attempt(number=self.attempts + 1, previous=self.failure, last=last)

    def wait(self) -> timedelta:
        """Return the wait: what the site asked for, else the backoff, doubled each time and spread by a quarter."""
        failure = self.failure
        rule = failure.retry if failure else RetryRule()
        if failure is not None and failure.retry_after is not None:
            return failure.retry_after
        doubled = rule.backoff * float(2 ** (self.kinds[failure.kind] - 1 if failure else 0))
        return doubled * random.uniform(0.75, 1.25)  # noqa: S311 - spacing, not secrets

    def succeeded(self, fetched: Fetched, parsed: Parsed, *, now: float) -> Outcome:
        return Outcome(job=self.job, fetched=fetched, parsed=parsed, attempts=self.attempts, seconds=now - self.begun)

    def failed(self, failure: CollectionFailure, *, now: float) -> Outcome:
        return Outcome(job=self.job, failure=failure, attempts=self.attempts, seconds=now - self.begun)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
