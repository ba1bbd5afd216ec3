"""A source over a site held in memory, and a pool without a browser: for what is about neither pages nor browsers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any, Self

import dataframely as dy
import polars as pl

from fin_assets.core.calendars.exchange import get_calendar
from fin_assets.core.contract.failures import CollectionFailure, Drift
from fin_assets.core.contract.manifest import RawUnit
from fin_assets.core.contract.source import Fetched, Parsed, Source, Staged, Table
from fin_assets.core.transport.browser.client import Attempt
from fin_assets.core.transport.concurrency import AdaptiveConcurrency
from fin_assets.settings import SourceSettings

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

    async def fetch(self, client: object, unit: str, session: date) -> Fetched:
        """Answer one request."""
        del client
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


def parse(body: bytes, content_type: str, unit: str, session: date) -> Parsed:
    """Read the fake page."""
    del content_type, session
    page = json.loads(body)
    if page["unit"] != unit:
        raise Drift(f"asked for {unit}", body=body)
    return Parsed(rows=page["rows"], stated_date=date.fromisoformat(page["date"]))


def stage(units: Sequence[RawUnit], session: date) -> Staged:
    """Turn fake pages into rows."""
    rows = [
        (session, unit.unit, line) for unit in sorted(units, key=lambda unit: unit.unit) for line in range(unit.rows)
    ]
    frame = pl.DataFrame(rows, schema={"session_date": pl.Date, "unit": pl.String, "line": pl.Int64}, orient="row")
    return Staged(frame, frame.clear().with_columns(rule=pl.lit("")))


def fake_source(site: FakeSite, **changes: Any) -> Source:
    """Return a source over the site; `changes` replace fields of its table or keys of its settings."""
    settings = {key: changes.pop(key) for key in list(changes) if key in SourceSettings.model_fields}
    values: dict[str, Any] = {
        "name": TABLE,
        "description": "Things.",
        "schema": Things,
        "sessions": get_calendar("XHKG").sessions_in_range,
        "units": lambda _session: list(site.units),
        "fetch": site.fetch,
        "parse": parse,
        "stage": stage,
        "closed_reason": lambda _session: None,
        "published_after": timedelta(hours=6),
    }
    return Source(
        name=NAME,
        title="A fake",
        description="For tests.",
        owner="team:tests",
        link="https://example.invalid",
        timezone="Asia/Hong_Kong",
        start=date(2026, 1, 2),
        schedule="30 6 * * *",
        heal_schedule="*/30 * * * *",
        base_url="http://site",
        settings=SourceSettings(**settings),
        tables=(Table(**(values | changes)),),
    )


class _FakeLease:
    def __init__(self) -> None:
        self.attempt, self.limiter, self.state = Attempt(), None, {}

    @asynccontextmanager
    async def limited(self, limit: timedelta) -> AsyncIterator[None]:
        del limit
        yield

    async def forget(self) -> None:
        self.state.clear()


class FakePool:
    """Leases without a browser. Stands in for BrowserPool."""

    opened = 0

    def __init__(self, browser: object, *, workers: int, rate_per_second: float, request_timeout: timedelta) -> None:
        del browser, rate_per_second
        self.workers, self.request_timeout = workers, request_timeout
        self.ended: str | None = None
        self.hosts = SimpleNamespace(held=lambda: None)
        self.concurrency = AdaptiveConcurrency(workers)

    async def __aenter__(self) -> Self:
        FakePool.opened += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    @asynccontextmanager
    async def client(self) -> AsyncIterator[_FakeLease]:
        yield _FakeLease()

    def end_attempt(self, reason: str) -> None:
        """Remember why."""
        self.ended = reason

    def measure(self, *, now: bool = False) -> float:
        """Return no memory."""
        del now
        return 0.0

    async def picture(self, body: bytes) -> bytes:
        """Return a picture that shows nothing."""
        return b"PNG" + body[:4]
