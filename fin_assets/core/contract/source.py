"""The typed contract between a source and the engine that collects it.

A source is a folder in `fin_assets/sources` whose `source.py` has `def source(settings: Settings) -> Source`. It is not
registered anywhere: `fin_assets.discovery` finds it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

import polars as pl

from fin_assets.core.contract.manifest import RawUnit, Transport

if TYPE_CHECKING:
    import dataframely as dy

    from fin_assets.core.transport.browser.pool import BrowserClient
    from fin_assets.settings import SourceSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What the site answered for one unit: the exact bytes and how they were had."""

    body: bytes
    url: str
    status: int
    content_type: str
    transport: Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What the strict parser says of fetched bytes.

    Attributes:
        rows: data rows on the page.
        stated_date: the date that the page itself states.
        empty_reason: why it is right that the page has nothing; without it a page without rows is a failure.
        coverage_pct: how much of what there is the page shows, in percent, where the source can tell.
        page: what was parsed, for `UnitsFrom.reconcile`; not stored.
    """

    rows: int
    stated_date: date
    empty_reason: str | None = None
    coverage_pct: float | None = None
    page: object | None = None


@dataclass(frozen=True, slots=True)
class Staged:
    """Typed rows of one partition, sorted by their grain, and the rows that a rule refused (with a column `rule`)."""

    frame: pl.DataFrame
    quarantine: pl.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The outcome of a check: `passed`, one sentence, and numbers for the UI."""

    passed: bool
    summary: str
    numbers: dict[str, float | int | str | None] = field(default_factory=dict)


class StagedCheck(Protocol):
    """A non-blocking check on staged rows.

    It sees the rows of the session before, if that is complete, and those that the source's other tables have of the same
    session, by table (a table that is not complete is left out).
    """

    def __call__(
        self, frame: pl.DataFrame, *, session: date, before: pl.DataFrame | None, beside: Mapping[str, pl.DataFrame]
    ) -> Finding:
        """Judge one session."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitsFrom:
    """Units of a session that another table of the same session names, and what that table knows of each.

    Attributes:
        table: the other table, earlier in `Source.tables`; until it is complete nothing is asked for.
        facts: its staged rows of a session -> what is known of each expected unit, by unit.
        reconcile: compares a parsed page with the fact of its unit, and returns it with its coverage, or with the reason
            why it is right that it is empty; raises CollectionFailure where they contradict each other; pure.
    """

    table: str
    facts: Callable[[pl.DataFrame], Mapping[str, Any]]
    reconcile: Callable[[Parsed, str, Any], Parsed]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table of a source.

    Attributes:
        name: snake_case; assets are `raw/<source>/<name>` and `staged/<source>/<name>`.
        description: what a row is, for people.
        schema: dataframely schema of the staged rows; its columns and docs become the asset's column schema.
        sessions: list days of this table from .. to, both included; what the partitions are made of.
        units: expected units of a session, if the calendar and the settings alone tell them.
        units_from: the other table that tells them. Each unit is then reconciled with it, which is stronger than the band
            of its row count: that is not judged.
        present_only: the site shows the present and no history: only the newest session that is due is asked for.
        fetch: gets one unit through a client of the browser pool; raises CollectionFailure.
        parse: strict parse of the bytes; raises CollectionFailure; pure.
        stage: raw units of a session -> staged rows; pure and deterministic.
        closed_reason: the calendar's word why a session may have nothing, or None if it must have data.
        day_state: the calendar's word for a session in the marts (`open`, or why an unchanged table is normal).
        published_after: how long after the session's midnight (end of day) the site has it at the latest; negative if it
            has it on the same day.
        row_band: allowed share below and above the reference of rows per unit, or None to use the source's settings.
        off_calendar: the site may serve days that are no session, and `stage` puts these into quarantine: the audit asks.
        checks: further checks on staged rows, by name; not blocking.
        parser_version: changes whenever `parse` or `stage` give other rows for the same bytes.
    """

    name: str
    description: str
    schema: type[dy.Schema]
    sessions: Callable[[date, date], list[date]]
    fetch: Callable[[BrowserClient, str, date], Awaitable[Fetched]]
    parse: Callable[[bytes, str, str, date], Parsed]
    stage: Callable[[Sequence[RawUnit], date], Staged]
    closed_reason: Callable[[date], str | None]
    published_after: timedelta
    units: Callable[[date], list[str]] = lambda _day: []
    units_from: UnitsFrom | None = None
    present_only: bool = False
    off_calendar: bool = False
    day_state: Callable[[date], str] = lambda _day: "open"
    row_band: tuple[float, float] | None = None
    checks: dict[str, StagedCheck] = field(default_factory=dict)
    parser_version: str = "1"

    def band(self, settings: SourceSettings) -> tuple[float, float] | None:
        """Return the shares by which rows may fall short of and exceed the reference, or None if they are not judged."""
        if self.units_from is not None:
            return None
        return self.row_band or (settings.row_count_below, settings.row_count_above)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One origin of data, bound to its settings.

    Attributes:
        name: snake_case name of its folder.
        title, description, owner, link: for people.
        timezone: IANA name; schedules and freshness are in it.
        partition_timezone: IANA name of a zone whose midnight is the hour at which a session of the same day may be
            collected, in `timezone` if None: a partition exists only once its day is over.
        start: first session that can be had.
        end: last session that can be had, for a history that is over; None while it goes on.
        schedule: cron expression in `timezone`, after publication.
        heal_schedule: cron expression in `timezone` on whose ticks incomplete partitions are tried again.
        weekly_schedule: cron expression in `timezone` at which the week's sessions are asked for whatever they lack, and its
            closed days are audited; None for neither.
        intraday_schedule: cron expression in `timezone` for provisional snapshots of the running session; None for none.
        base_url: where its pages are, by the mode in the settings.
        settings: its section of the settings.
        tables: its tables, collected in this order.
    """

    name: str
    title: str
    description: str
    owner: str
    link: str
    timezone: str
    start: date
    schedule: str
    heal_schedule: str
    base_url: str
    settings: SourceSettings
    tables: tuple[Table, ...]
    end: date | None = None
    partition_timezone: str | None = None
    weekly_schedule: str | None = None
    intraday_schedule: str | None = None

    def groups(self) -> list[list[Table]]:
        """Return the tables, each with those behind it whose units it names: they are collected together, in this order."""
        return [
            [table, *(other for other in self.tables if other.units_from and other.units_from.table == table.name)]
            for table in self.tables
            if table.units_from is None
        ]

    def table(self, name: str) -> Table:
        """Return a table by name.

        Raises:
            KeyError: no such table; the message names those that exist.
        """
        for table in self.tables:
            if table.name == name:
                return table
        msg = f"{self.name} has no table {name!r}: it has {', '.join(table.name for table in self.tables)}"
        raise KeyError(msg)


def due_at(source: Source, table: Table, session: date) -> datetime:
    """Return when a session's data are published at the latest, aware, in the source's time zone."""
    midnight = datetime(session.year, session.month, session.day, tzinfo=ZoneInfo(source.timezone)) + timedelta(days=1)
    return midnight + table.published_after
