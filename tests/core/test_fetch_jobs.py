"""Working off units: order, retries, holds, stops, deadline and evidence, in virtual time without a browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from fin_assets.core.collection.evidence import MOST_PICTURES
from fin_assets.core.collection.fetch_jobs import MOST_ATTEMPTS, Event, Job, Outcome, run_jobs
from fin_assets.core.contract.client import Attempt
from fin_assets.core.contract.failures import (
    CaptchaPage,
    CollectionFailure,
    ConsentPage,
    Drift,
    FormStateRefused,
    HalfTable,
    NetworkFailure,
    RateLimited,
    Refused,
    ServerError,
    StaleDate,
    TruncatedBody,
)
from fin_assets.core.contract.manifest import PartitionKey
from fin_assets.core.contract.source import Fetched, Parsed
from fin_assets.core.transport.browser.client import BrowserClient
from fin_assets.core.transport.browser.pool import BrowserPool
from fin_assets.core.transport.host_limiter import BreakerRule
from fin_assets.settings import BrowserSettings
from tests.core.virtual_time import run

DAY = date(2026, 1, 5)
KEY = PartitionKey("fake", "things", DAY)
URL = "http://site/page"
OK = Fetched(body=b"<html>ok</html>", url=URL, status=200, content_type="text/html", transport="request")
ALL_FAILURES: list[type[CollectionFailure]] = [
    NetworkFailure,
    TruncatedBody,
    ServerError,
    RateLimited,
    ConsentPage,
    FormStateRefused,
    HalfTable,
    StaleDate,
    Drift,
]


class PoolWithoutBrowser(BrowserPool):
    """The pool with its clients and limiters, but nothing started."""

    def __init__(self, *, workers: int = 1, rate: float = 1000, breaker: BreakerRule | None = None) -> None:
        super().__init__(
            BrowserSettings(),
            workers=workers,
            rate_per_second=rate,
            request_timeout=timedelta(seconds=10),
            breaker=breaker,
        )
        self.pictures = 0

    @asynccontextmanager
    async def _using(self) -> AsyncIterator[None]:
        yield

    async def picture(self, body: bytes) -> bytes:
        """Pretend."""
        del body
        self.pictures += 1
        return b"PNG"


class Script:
    """A site that answers each unit with a list of failures and then well. Notes who was asked when."""

    def __init__(self, failures: dict[str, list[CollectionFailure]] | None = None, *, seconds: float = 0.0) -> None:
        self.failures = failures or {}
        self.seconds = seconds
        self.asked: list[tuple[str, float]] = []
        self.trials: list[Attempt] = []
        self.states: list[dict[str, object]] = []

    def job(self, unit: str, parse: Callable[[Fetched], Parsed] | None = None) -> Job:
        """Return the job of a unit."""

        async def fetch(client: BrowserClient) -> Fetched:
            client.limiter = client._pool.hosts.of(URL)
            asked_at = await client.limiter.slot()
            self.asked.append((unit, asyncio.get_running_loop().time()))
            self.trials.append(client.attempt)
            self.states.append(dict(client.state))
            client.state["form"] = unit
            await asyncio.sleep(self.seconds)
            if self.failures.get(unit):
                failure = self.failures[unit].pop(0)
                client.limiter.failed(failure, asked_at=asked_at)
                raise failure
            client.limiter.succeeded()
            return OK

        return Job(key=KEY, unit=unit, fetch=fetch, parse=parse or (lambda _: Parsed(rows=1)))

    def units(self) -> list[str]:
        """Return who was asked, in order."""
        return [unit for unit, _ in self.asked]


async def outcomes_of(
    pool: BrowserPool,
    jobs: Iterable[Job],
    tmp_path: Path,
    *,
    deadline: timedelta | None = None,
    events: list[Event] | None = None,
) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}

    def keep(outcome: Outcome) -> None:
        assert outcome.job.unit not in found, "a unit has two outcomes"
        found[outcome.job.unit] = outcome

    await run_jobs(
        pool,
        jobs,
        evidence_dir=lambda key: tmp_path / key.table,
        on_outcome=keep,
        on_event=events.append if events is not None else None,
        deadline=deadline,
    )
    return found


def names(n: int) -> list[str]:
    return [f"u{i:02}" for i in range(n)]


def test_every_job_ends_in_exactly_one_outcome_and_starts_in_order(tmp_path: Path) -> None:
    script = Script(seconds=1)
    found = run(outcomes_of(PoolWithoutBrowser(workers=5), [script.job(unit) for unit in names(23)], tmp_path))
    assert sorted(found) == names(23)
    assert script.units() == names(23)
    assert all(outcome.failure is None and outcome.attempts == 1 for outcome in found.values())
    # Five at a time: five waves of a second.
    assert script.asked[-1][1] == pytest.approx(4, abs=0.1)


def test_jobs_are_taken_lazily(tmp_path: Path) -> None:
    script, taken = Script(seconds=1), []

    def jobs() -> Iterator[Job]:
        for unit in names(6):
            taken.append((unit, len(script.asked)))
            yield script.job(unit)

    found = run(outcomes_of(PoolWithoutBrowser(workers=2), jobs(), tmp_path))
    assert len(found) == 6
    assert taken[-1][1] >= 4


@pytest.mark.parametrize("kind", ALL_FAILURES, ids=lambda kind: kind.kind)
def test_a_failure_is_retried_as_often_as_its_rule_says_and_then_stays(
    kind: type[CollectionFailure], tmp_path: Path
) -> None:
    script = Script({"u00": [kind("bad", body=b"<html>bad</html>") for _ in range(20)]})
    found = run(outcomes_of(PoolWithoutBrowser(), [script.job("u00"), script.job("u01")], tmp_path))
    outcome = found["u00"]
    assert isinstance(outcome.failure, kind)
    assert outcome.attempts == 1 + kind.retry.times == script.units().count("u00")
    assert found["u01"].failure is None
    assert [path.name for path in outcome.evidence] == ["u00-1.html", "u00-1.png"]


@pytest.mark.parametrize("kind", [kind for kind in ALL_FAILURES if kind.retry.times], ids=lambda kind: kind.kind)
def test_a_failure_that_ends_within_its_rule_leaves_a_fetched_unit(
    kind: type[CollectionFailure], tmp_path: Path
) -> None:
    script = Script({"u00": [kind("bad", body=b"x") for _ in range(kind.retry.times)]})
    found = run(outcomes_of(PoolWithoutBrowser(), [script.job("u00")], tmp_path))
    assert found["u00"].fetched is OK
    assert found["u00"].attempts == 1 + kind.retry.times
    assert not list(tmp_path.rglob("*"))


def test_waits_double_and_are_spread_by_a_quarter(tmp_path: Path) -> None:
    script = Script({"u00": [NetworkFailure("reset") for _ in range(3)]})
    run(outcomes_of(PoolWithoutBrowser(), [script.job("u00")], tmp_path))
    times = [instant for _, instant in script.asked]
    for gap, nominal in zip([b - a for a, b in pairwise(times)], [0.5, 1, 2], strict=True):
        assert 0.75 * nominal <= gap <= 1.25 * nominal + 0.01


def test_each_kind_has_its_own_allowance_within_a_total(tmp_path: Path) -> None:
    mixture = [ServerError("1"), NetworkFailure("2"), Drift("3"), ServerError("4"), NetworkFailure("5"), HalfTable("6")]
    script = Script({"u00": [*mixture, ServerError("7"), NetworkFailure("8"), HalfTable("9")]})
    found = run(outcomes_of(PoolWithoutBrowser(), [script.job("u00")], tmp_path))
    assert found["u00"].attempts == MOST_ATTEMPTS


def test_a_fetch_gets_the_failure_before_and_whether_this_is_the_last_try(tmp_path: Path) -> None:
    script = Script({"u00": [FormStateRefused("a"), FormStateRefused("b"), FormStateRefused("c")]})
    run(outcomes_of(PoolWithoutBrowser(), [script.job("u00")], tmp_path))
    assert [(attempt.number, attempt.last, type(attempt.previous).__name__) for attempt in script.trials] == [
        (1, False, "NoneType"),
        (2, False, "FormStateRefused"),
        (3, True, "FormStateRefused"),
    ]


def test_a_refused_form_state_makes_a_new_visitor_and_a_reset_does_not(tmp_path: Path) -> None:
    script = Script({"u01": [FormStateRefused("a")], "u02": [NetworkFailure("b")]})
    run(outcomes_of(PoolWithoutBrowser(), [script.job(unit) for unit in names(3)], tmp_path))
    assert script.units() == ["u00", "u01", "u01", "u02", "u02"]
    assert script.states == [{}, {"form": "u00"}, {}, {"form": "u01"}, {"form": "u02"}]


def test_a_429_holds_every_worker_as_long_as_the_site_asks(tmp_path: Path) -> None:
    script = Script({"u03": [RateLimited("429", retry_after=timedelta(seconds=40))]}, seconds=1)
    found = run(outcomes_of(PoolWithoutBrowser(workers=4), [script.job(unit) for unit in names(12)], tmp_path))
    assert all(outcome.failure is None for outcome in found.values())
    # Requests that were under way when the answer came are not called back; nobody asks for 40 s after it.
    assert not [instant for _, instant in script.asked if 1.1 < instant < 41]
    assert found["u03"].seconds == pytest.approx(42, abs=0.1)


def test_a_longer_wait_than_we_have_ends_the_attempt(tmp_path: Path) -> None:
    script = Script({"u00": [RateLimited("429", retry_after=timedelta(hours=1))]})
    found = run(outcomes_of(PoolWithoutBrowser(), [script.job(unit) for unit in names(3)], tmp_path))
    assert found["u00"].failure is not None
    assert found["u00"].failure.retry_after == timedelta(hours=1)
    assert [found[unit].failure.kind for unit in ("u01", "u02")] == ["not_asked", "not_asked"]  # type: ignore[union-attr]
    assert script.units() == ["u00"]


@pytest.mark.parametrize("kind", [Refused, CaptchaPage])
def test_a_refusal_ends_the_attempt_for_all_that_is_left(kind: type[Refused], tmp_path: Path) -> None:
    async def scenario() -> None:
        script = Script({"u04": [kind("not you", body=b"<p>no")]}, seconds=1)
        pool, events = PoolWithoutBrowser(workers=3), list[Event]()
        found = await outcomes_of(pool, [script.job(unit) for unit in names(60)], tmp_path, events=events)
        assert len(found) == 60
        assert isinstance(found["u04"].failure, kind)
        assert max(script.units()) <= "u06"
        left = found["u59"]
        assert left.failure is not None
        assert (left.failure.state, left.attempts, left.failure.retryable) == ("missing", 0, True)
        assert str(left.failure) == "not asked: u04: not you"
        assert [event.message for event in events if event.kind == "stopped"] == ["no further requests: u04: not you"]
        # The pool remembers: the next chunk of the same attempt does not ask either.
        again = Script()
        later = await outcomes_of(pool, [again.job("x")], tmp_path)
        assert later["x"].failure is not None
        assert again.asked == []

    run(scenario())


def test_a_stop_ends_the_waits_of_other_units_at_once(tmp_path: Path) -> None:
    script = Script(
        {"u00": [RateLimited("429", retry_after=timedelta(seconds=200))], "u01": [Refused("no")]}, seconds=1
    )

    async def scenario() -> float:
        found = await outcomes_of(PoolWithoutBrowser(workers=2), [script.job(unit) for unit in names(4)], tmp_path)
        assert isinstance(found["u00"].failure, RateLimited)
        assert found["u03"].failure is not None
        return asyncio.get_running_loop().time()

    assert run(scenario()) < 5


def test_a_dead_host_is_paused_and_then_left_alone(tmp_path: Path) -> None:
    units = names(200)
    script = Script({unit: [NetworkFailure("refused") for _ in range(9)] for unit in units})
    rule = BreakerRule(failures=10, pause=timedelta(seconds=5), pauses=2)
    found = run(
        outcomes_of(PoolWithoutBrowser(workers=5, breaker=rule), [script.job(unit) for unit in units], tmp_path)
    )
    kinds = [outcome.failure.kind for outcome in found.values() if outcome.failure]
    assert len(kinds) == 200
    assert set(kinds) == {"network", "not_asked"}
    assert len(script.asked) < 30, "the site got too many requests"
    assert "requests in a row failed, also after 2 pauses" in str(found["u199"].failure)
    assert all(
        outcome.attempts == 0 for outcome in found.values() if outcome.failure and outcome.failure.kind == "not_asked"
    )
    assert sum(outcome.attempts for outcome in found.values()) == len(script.asked)


def test_the_deadline_cuts_off_what_is_under_way(tmp_path: Path) -> None:
    async def scenario() -> None:
        script = Script(seconds=4)
        found = await outcomes_of(
            PoolWithoutBrowser(workers=2),
            [script.job(unit) for unit in names(10)],
            tmp_path,
            deadline=timedelta(seconds=10),
        )
        assert asyncio.get_running_loop().time() == pytest.approx(10, abs=0.1)
        assert sum(outcome.failure is None for outcome in found.values()) == 4
        assert str(found["u04"].failure) == "not finished: the deadline of 0:00:10 has passed"
        assert found["u04"].attempts == 1
        assert str(found["u09"].failure) == "not asked: the deadline of 0:00:10 has passed"

    run(scenario())


def test_a_unit_that_never_answers_is_given_up_but_waiting_for_politeness_is_not_its_fault(tmp_path: Path) -> None:
    async def scenario() -> None:
        pool = PoolWithoutBrowser()
        pool.hosts.of(URL).hold(timedelta(minutes=4), reason="429")
        script = Script(seconds=39)
        found = await outcomes_of(pool, [with_lease_slot(script.job("slow"))], tmp_path)
        assert found["slow"].failure is None
        hangs = Script(seconds=10_000)
        found = await outcomes_of(pool, [hangs.job("hangs")], tmp_path)
        assert str(found["hangs"].failure) == "not finished within 40 s"
        assert found["hangs"].attempts == 1 + NetworkFailure.retry.times

    def with_lease_slot(job: Job) -> Job:
        async def fetch(client: BrowserClient) -> Fetched:
            await client._slot(URL)
            return await job.fetch(client)

        return Job(key=job.key, unit=job.unit, fetch=fetch, parse=job.parse)

    run(scenario())


def test_the_examiner_decides_and_its_failure_carries_the_fetched_body(tmp_path: Path) -> None:
    def drifted(_: Fetched) -> Parsed:
        raise Drift("column renamed")

    script = Script()
    found = run(outcomes_of(PoolWithoutBrowser(), [script.job("hk/en", drifted)], tmp_path))
    failure = found["hk/en"].failure
    assert failure is not None
    assert (failure.body, failure.status) == (OK.body, 200)
    page, picture = found["hk/en"].evidence
    assert page == tmp_path / "things" / "hk_en-1.html"
    assert page.read_bytes() == OK.body
    assert picture.read_bytes() == b"PNG"


def test_evidence_is_never_overwritten_and_never_kept_twice(tmp_path: Path) -> None:
    def once(body: bytes) -> tuple[str, ...]:
        script = Script({"u": [StaleDate("old", body=body)]})
        found = run(outcomes_of(PoolWithoutBrowser(), [script.job("u")], tmp_path))
        return tuple(path.name for path in found["u"].evidence)

    assert once(b"first") == ("u-1.html", "u-1.png")
    assert once(b"second") == ("u-2.html", "u-2.png")
    assert once(b"first") == ("u-1.html", "u-1.png")
    assert sorted(path.name for path in (tmp_path / "things").iterdir()) == [
        "u-1.html",
        "u-1.png",
        "u-2.html",
        "u-2.png",
    ]


def test_evidence_that_cannot_be_saved_hides_no_failure(tmp_path: Path) -> None:
    class Pictureless(PoolWithoutBrowser):
        async def picture(self, body: bytes) -> bytes:
            raise NetworkFailure("the browser hangs")

    script = Script({unit: [StaleDate("old", body=b"b")] for unit in ("u", "v")})
    found = run(outcomes_of(Pictureless(), [script.job("u")], tmp_path))
    assert [path.name for path in found["u"].evidence] == ["u-1.html"]
    (tmp_path / "file").write_text("")
    found = run(outcomes_of(PoolWithoutBrowser(), [script.job("v")], tmp_path / "file"))
    assert isinstance(found["v"].failure, StaleDate)
    assert found["v"].evidence == ()


def test_a_flood_of_failures_does_not_become_a_flood_of_pictures(tmp_path: Path) -> None:
    units = [f"u{n}" for n in range(MOST_PICTURES + 20)]
    script = Script({unit: [StaleDate("old", body=unit.encode())] for unit in units})
    pool = PoolWithoutBrowser(workers=5)
    found = run(outcomes_of(pool, [script.job(unit) for unit in units], tmp_path))
    assert pool.pictures == MOST_PICTURES
    assert all(outcome.evidence[0].suffix == ".html" for outcome in found.values())


@pytest.mark.parametrize("place", ["fetch", "parse", "outcome"])
def test_a_bug_ends_the_run_and_what_was_delivered_stays(place: str, tmp_path: Path) -> None:
    class Bug(Exception):
        pass

    def broken_examine(_: Fetched) -> Parsed:
        raise Bug("in parse")

    async def broken_fetch(_: BrowserClient) -> Fetched:
        raise Bug("in fetch")

    async def scenario() -> None:
        script, delivered = Script(seconds=1), list[str]()
        jobs = [script.job(unit) for unit in names(20)]
        if place != "outcome":
            jobs[7] = Job(
                key=KEY,
                unit="u07",
                fetch=broken_fetch if place == "fetch" else jobs[7].fetch,
                parse=broken_examine if place == "parse" else jobs[7].parse,
            )

        def keep(outcome: Outcome) -> None:
            if place == "outcome" and outcome.job.unit == "u07":
                raise Bug("in the callback")
            delivered.append(outcome.job.unit)

        with pytest.raises(Bug, match="in"):
            await run_jobs(PoolWithoutBrowser(workers=3), jobs, evidence_dir=lambda _: tmp_path, on_outcome=keep)
        assert delivered[:5] == names(5)
        assert "u12" not in delivered
        assert len(asyncio.all_tasks()) == 1, "workers were left behind"

    run(scenario())


def test_a_cancelled_run_leaves_no_task_and_no_lease_behind(tmp_path: Path) -> None:
    async def scenario() -> None:
        script, pool = Script(seconds=1), PoolWithoutBrowser(workers=4)
        running = asyncio.create_task(outcomes_of(pool, [script.job(unit) for unit in names(30)], tmp_path))
        await asyncio.sleep(2.5)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert len(asyncio.all_tasks()) == 1
        assert pool._idle.qsize() == 4

    run(scenario())


def test_a_sign_of_life_comes_every_two_seconds_also_while_all_wait(tmp_path: Path) -> None:
    events: list[Event] = []
    script = Script({"u00": [RateLimited("429", retry_after=timedelta(seconds=21))]})
    run(outcomes_of(PoolWithoutBrowser(), [script.job(unit) for unit in names(3)], tmp_path, events=events))
    alive = [event for event in events if event.kind == "alive"]
    assert [round(event.seconds) for event in alive] == list(range(2, 21, 2))
    assert alive[0].message == "site gets no request for another 19 s: 429"
    assert [event.kind for event in events if event.kind != "alive"] == ["retry", "done", "done", "done"]
    assert (events[-1].done, events[-1].failed, events[-1].total) == (3, 0, 3)


def test_no_jobs_is_no_work(tmp_path: Path) -> None:
    assert run(outcomes_of(PoolWithoutBrowser(), [], tmp_path)) == {}


def slowing_job(
    pool: BrowserPool, unit: str, *, seconds: Callable[[], float], asking: set[str], running: list[int]
) -> Job:
    """Return a job whose answer takes as long as the site does now; `running` gets how many ask at once."""

    async def fetch(client: BrowserClient) -> Fetched:
        del client
        asking.add(unit)
        running.append(len(asking))
        begun = asyncio.get_running_loop().time()
        await asyncio.sleep(seconds())
        pool.concurrency.answered("request site/page", asyncio.get_running_loop().time() - begun)
        asking.remove(unit)
        return OK

    return Job(key=KEY, unit=unit, fetch=fetch, parse=lambda _: Parsed(rows=1))


def test_fewer_ask_while_the_site_is_slow_and_all_again_when_it_is_not(tmp_path: Path) -> None:
    async def scenario() -> None:
        pool, events = PoolWithoutBrowser(workers=5), list[Event]()
        asking, running = set[str](), list[int]()

        def seconds() -> float:
            return 3.0 if 30 <= len(running) < 70 else 0.6

        jobs = [slowing_job(pool, unit, seconds=seconds, asking=asking, running=running) for unit in names(200)]
        found = await outcomes_of(pool, jobs, tmp_path, events=events)
        assert all(outcome.failure is None for outcome in found.values())
        assert len(found) == 200
        assert max(running[:30]) == 5
        assert min(running[30:80]) < 3
        assert running[-10] == 5
        said = [event.message for event in events if event.kind == "alive"]
        assert "4 of 5 workers: the site answers in 3.0 s, 0.6 s at best; 4 in flight, 0 MiB" in said
        assert "workers" not in said[-1]

    run(scenario())


def test_workers_that_rest_end_with_the_others_and_with_a_stop(tmp_path: Path) -> None:
    async def scenario() -> None:
        for script in (Script(seconds=1), Script({"u03": [Refused("no")]}, seconds=1)):
            pool = PoolWithoutBrowser(workers=4)
            pool.concurrency.allowed = 1
            found = await outcomes_of(pool, [script.job(unit) for unit in names(6)], tmp_path)
            assert len(found) == 6
            assert [instant for _, instant in script.asked] == sorted(instant for _, instant in script.asked)
            assert len({instant for _, instant in script.asked}) == len(script.asked), "two asked at once"

    run(scenario())
