"""A source over a site held in memory, and a pool without a browser: for what is about neither pages nor browsers."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any, Self, TypeVar

import dataframely as dy
import polars as pl

from fin_assets.core.calendars.exchange import get_calendar
from fin_assets.core.collection.acceptance import RowBand, StatesItsSession
from fin_assets.core.contract.calendar import OPEN, CalendarOf, DayState
from fin_assets.core.contract.client import Attempt
from fin_assets.core.contract.failures import CollectionFailure, Drift
from fin_assets.core.contract.limits import Limits
from fin_assets.core.contract.site import Site
from fin_assets.core.contract.source import Accepted, DateRange, Fetched, Parsed, Schedules, Source, Staged, Table, Unit
from fin_assets.core.transport.concurrency import AdaptiveConcurrency
from fin_assets.core.transport.redaction import Redactor
from fin_assets.settings import SourceSettings

T = TypeVar("T")

NAME, TABLE = "fake", "things"


class Things(dy.Schema):
    """One row a thing and session."""

    session_date = dy.Date(primary_key=True, description="session")
    unit = dy.String(primary_key=True, description="unit")
    line = dy.Int64(primary_key=True, description="line")


@dataclass
class FakeSite:
    """What the site answers: rows by unit and session, `faults` first. Counts every request."""

    rows: int = 100
    units: tuple[str, ...] = ("a", "b")
    stated: dict[date, date] = field(default_factory=dict)
    faults: dict[tuple[str, date], list[CollectionFailure]] = field(default_factory=dict)
    broken: dict[tuple[str, date], CollectionFailure] = field(default_factory=dict)
    rows_of: dict[tuple[str, date], list[int]] = field(default_factory=dict)
    asked: Counter[tuple[str, date]] = field(default_factory=Counter)
    before_answer: Callable[[str, date], None] | None = None

    async def fetch(self, client: object, asked: Unit, session: date) -> Fetched:
        """Answer one request."""
        del client
        unit = asked.name
        key = (unit, session)
        self.asked[key] += 1
        if self.before_answer is not None:
            self.before_answer(unit, session)
        if key in self.broken:
            raise self.broken[key]
        if self.faults.get(key):
            raise self.faults[key].pop(0)
        given = self.rows_of.get(key)
        rows = (given.pop(0) if len(given) > 1 else given[0]) if given else self.rows
        body = json.dumps({"unit": unit, "date": self.stated.get(session, session).isoformat(), "rows": rows}).encode()
        return Fetched(
            body=body, url=f"http://site/{unit}", status=200, content_type="application/json", transport="request"
        )


def parse(fetched: Fetched, unit: Unit) -> Parsed:
    """Read the fake page."""
    page = json.loads(fetched.body)
    if page["unit"] != unit.name:
        raise Drift(f"asked for {unit.name}", body=fetched.body)
    return Parsed(rows=page["rows"], covers=DateRange.day(date.fromisoformat(page["date"])))


def stage(units: Sequence[Accepted], session: date) -> Staged:
    """Turn fake pages into rows."""
    rows = [(session, unit.unit, line) for unit in units for line in range(unit.parsed.rows)]
    frame = pl.DataFrame(rows, schema={"session_date": pl.Date, "unit": pl.String, "line": pl.Int64}, orient="row")
    return Staged(frame, frame.clear().with_columns(rule=pl.lit("")))


def fake_source(site: FakeSite, **changes: Any) -> Source:
    """Return a source over the site.

    Args:
        site: what it asks.
        changes: fields of its table; keys of its settings (`workers`, `max_attempts`, ...); `sessions`, `closed_reason` or
            `day_state` of its calendar; `units` of a day; cron expressions `daily`, `heal`, `weekly`, `intraday`; `start`
            and `end` of the source.
    """
    settings = SourceSettings(**{key: changes.pop(key) for key in list(changes) if key in SourceSettings.model_fields})
    bounds = {key: changes.pop(key) for key in ("start", "end") if key in changes}
    crons = {key: changes.pop(key) for key in ("daily", "heal", "weekly", "intraday") if key in changes}
    units = changes.pop("units", None)
    values: dict[str, Any] = {
        "name": TABLE,
        "description": "Things.",
        "schema": Things,
        "site": Site(
            name="fake_site",
            base_url="http://site",
            mode=settings.mode,
            transport="http",
            rate_per_second=settings.rate_per_second,
            workers=settings.workers,
            request_timeout=settings.request_timeout,
        ),
        "calendar": _calendar(changes, bounds.get("end")),
        "due": timedelta(hours=6),
        "schedules": Schedules(**({"daily": "30 6 * * *"} | crons)),
        "expected": lambda day, _siblings: [Unit(name=name) for name in (units(day) if units else site.units)],
        "fetch": site.fetch,
        "parse": parse,
        "accept": (StatesItsSession(), RowBand(below=settings.row_count_below, above=settings.row_count_above)),
        "stage": stage,
    }
    return Source(
        name=NAME,
        title="A fake",
        description="For tests.",
        owner="team:tests",
        link="https://example.invalid",
        timezone="Asia/Hong_Kong",
        settings=settings,
        tables=(Table(**(values | changes)),),
        **({"start": date(2026, 1, 2)} | bounds),
    )


def _calendar(changes: dict[str, Any], end: date | None) -> CalendarOf:
    reason = changes.pop("closed_reason", None)

    def state(day: date) -> DayState:
        why = reason(day) if reason else None
        return OPEN if why is None else DayState(name="weather", reason=why, may_be_empty=True)

    return CalendarOf(
        timezone="Asia/Hong_Kong",
        days=changes.pop("sessions", get_calendar("XHKG").sessions),
        state=changes.pop("day_state", state),
        end=end,
    )


class _FakeClient:
    def __init__(self) -> None:
        self.attempt, self.limiter, self.state = Attempt(), None, {}

    @asynccontextmanager
    async def limited(self, limit: timedelta) -> AsyncIterator[None]:
        del limit
        yield

    async def forget(self) -> None:
        self.state.clear()


class FakePool:
    """Clients without a transport. Stands in for a ClientPool."""

    def __init__(self, workers: int, request_timeout: timedelta) -> None:
        self.workers, self.request_timeout = workers, request_timeout
        self.limits = Limits()
        self.redactor = Redactor()
        self.ended: str | None = None
        self.ended_by: CollectionFailure | None = None
        self.hosts = SimpleNamespace(held=lambda: None)
        self.concurrency = AdaptiveConcurrency(workers)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[_FakeClient]:
        yield _FakeClient()

    def end_attempt(self, reason: str, *, by: CollectionFailure | None = None) -> None:
        """Remember why."""
        self.ended, self.ended_by = reason, by

    def measure(self) -> float:
        """Return no memory."""
        return 0.0

    async def picture(self, body: bytes) -> bytes:
        """Return a picture that shows nothing."""
        return b"PNG" + body[:4]


class FakeClients:
    """Opens fake pools. Stands in for Clients."""

    opened = 0

    def __init__(self, *_: object, **__: object) -> None:
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something to its end."""
        return self._runner.run(work)

    async def pool(self, site: Site) -> FakePool:
        """Return a new pool: each attempt has its own."""
        FakeClients.opened += 1
        return FakePool(site.workers, site.request_timeout)
