"""The audit of closed days: the site is asked for days without a session, and its rows go to quarantine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial

from fin_assets import clock
from fin_assets.core.collection.fetch_jobs import Job, Outcome, run_jobs
from fin_assets.core.collection.row_baseline import REACH, RowBaseline
from fin_assets.core.contract.calendar import CalendarOf
from fin_assets.core.contract.client import Client
from fin_assets.core.contract.failures import StaleDate
from fin_assets.core.contract.manifest import PartitionKey
from fin_assets.core.contract.source import (
    Accepted,
    Fetched,
    Finding,
    Nothing,
    NotYet,
    Parsed,
    Sibling,
    Source,
    Table,
    Unit,
)
from fin_assets.core.storage.store import Store
from fin_assets.core.transport.clients import Clients

WEEK = timedelta(days=7)
SATURDAY = 5
FEWER_ROWS = 0.10
"""A list of a day that the calendar does not know as a session is taken for whole if at most a tenth of the rows is missing."""
OVERRIDES = "fin_assets/core/calendars/overrides.toml"


def audit(source: Source, table: Table, days: Sequence[date], *, store: Store, clients: Clients) -> dict[date, Finding]:
    """Ask the site for days that are no session. What it serves for them goes to quarantine, and to no mart.

    Raises:
        BrowserMissing: the site needs a browser, and there is no Chromium to start.
    """
    findings: dict[date, Finding] = {}
    jobs = [
        Job(
            key=PartitionKey(source.name, table.name, day),
            unit=unit.name,
            fetch=partial(_fetch, table, unit, day),
            parse=partial(_parse, table, unit, day),
        )
        for day in days
        for unit in _units(table, day)
    ]

    def judged(outcome: Outcome) -> None:
        findings[outcome.job.key.session] = _closed_day(source, table, outcome, store)

    async def ask() -> None:
        await run_jobs(await clients.pool(table.site), jobs, evidence_dir=store.evidence_dir, on_outcome=judged)

    if jobs:
        clients.run(ask())
    return findings


def closed_days(table: Table, *, until: date) -> list[date]:
    """Return the days of the week up to `until` that are no session."""
    days = [until - timedelta(days=back) for back in range(WEEK.days - 1, -1, -1)]
    return [day for day in days if not table.calendar.sessions(day, day)]


def past_closed_days(source: Source, table: Table) -> list[date]:
    """Return the closed days of the week that ended yesterday: what a test session of today leaves is not there yet."""
    yesterday = clock.today(table.calendar.timezone) - timedelta(days=1)
    days = closed_days(table, until=yesterday)
    return [day for day in days if source.start <= day <= (source.end or day)]


def _units(table: Table, day: date) -> Sequence[Unit]:
    expected = table.expected(day, lambda _table: Sibling(state="missing"))
    return () if isinstance(expected, NotYet | Nothing) else expected


async def _fetch(table: Table, unit: Unit, day: date, client: Client) -> Fetched:
    return await table.fetch(client, unit, day)


def _parse(table: Table, unit: Unit, day: date, fetched: Fetched) -> Parsed:
    parsed = table.parse(fetched, unit)
    if parsed.covers is not None and not parsed.covers.is_day(day):
        # Some sites answer with the session before where they have nothing.
        raise StaleDate(f"asked for {day}, the page states {parsed.covers}", body=fetched.body)
    return parsed


def _proposed_override(source: Source, table: Table, day: date, unit: str, rows: int, store: Store) -> str | None:
    """Return the entry of overrides.toml that makes a day a session; None where its list is not that of a session.

    A session's list falls on a weekday, as test sessions do not, and has as many rows as those of the sessions around it.
    With too few sessions to compare, the entry is proposed as well: a person decides.
    """
    mic = table.calendar.mic if isinstance(table.calendar, CalendarOf) else None
    if mic is None or day.weekday() >= SATURDAY:
        return None
    near = store.manifests(source.name, table.name, first=day - REACH, last=day + REACH)
    baseline = RowBaseline(near, below=FEWER_ROWS, above=FEWER_ROWS)
    if baseline.judge(unit, day, rows).short:
        return None
    return (
        f'[[override]]\nmic = "{mic}"\nday = {day}\nkind = "open"\nreason = "The exchange traded: its site has a list '
        f'of {rows} rows"\nlink = "{source.link}"'
    )


def _closed_day(source: Source, table: Table, outcome: Outcome, store: Store) -> Finding:
    day = outcome.job.key.session
    if isinstance(outcome.failure, StaleDate):
        return Finding(passed=True, summary=f"{day} is closed, and the site has no data for it", numbers={"rows": 0})
    if outcome.failure is not None or outcome.fetched is None or outcome.parsed is None:
        return Finding(passed=False, summary=f"{day} could not be asked for: {outcome.failure}")
    unit = Accepted(unit=outcome.job.unit, parsed=outcome.parsed, fetched_at=clock.now())
    staged = table.stage([unit], day)
    rows = staged.quarantine.height
    if staged.frame.height:
        return Finding(passed=False, summary=f"{day} is a session for the source and none for its calendar")
    file = store.write_quarantine(outcome.job.key, staged.quarantine)
    summary = (
        f"{day} is no session of the calendar, and the site served {rows} rows for it: they are in {file}, and no "
        "mart sees them"
    )
    override = _proposed_override(source, table, day, outcome.job.unit, rows, store)
    if override is None:
        return Finding(passed=False, summary=summary, numbers={"rows": rows, "file": file})
    return Finding(
        passed=False,
        summary=f"{summary}. It is the list of a whole session: if the exchange did trade, add this to {OVERRIDES}, with a link "
        f"to its own word, then fin run {source.name} --session {day}:\n\n{override}\n",
        numbers={"rows": rows, "file": file},
    )
