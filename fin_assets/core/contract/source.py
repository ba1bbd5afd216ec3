"""The typed contract between a source and the engine that collects it. Knows no transport, no exchange, no Dagster.

A source is a folder in `fin_assets/sources` whose `source.py` has `def source(settings: Settings) -> Source`. It is not
registered anywhere: `fin_assets.discovery` finds it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Protocol
from zoneinfo import ZoneInfo

import polars as pl

from fin_assets.core.contract.calendar import Calendar
from fin_assets.core.contract.failures import CollectionFailure
from fin_assets.core.contract.filters import Filter
from fin_assets.core.contract.manifest import RawUnit, Transport
from fin_assets.core.contract.site import Site
from fin_assets.core.contract.unread import Unread

if TYPE_CHECKING:
    import dataframely as dy

    from fin_assets.settings import SourceSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What the site answered for one unit: the exact bytes and how they were fetched.

    `promised_whole`: the site gave it as a complete list, so that a shorter one is a failure. It is not stored.
    """

    body: bytes
    url: str
    status: int
    content_type: str
    transport: Transport
    promised_whole: bool = False

    @classmethod
    def of(cls, unit: RawUnit) -> Fetched:
        """Return the stored answer of a unit."""
        return cls(
            body=unit.body,
            url=unit.url,
            status=unit.status,
            content_type=unit.content_type,
            transport=unit.transport,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One thing that a partition must have.

    Attributes:
        name: unique within its table and partition, at most 80 characters.
        due: earliest instant at which the site can have it, aware; not fetched before. None: with the partition.
        fact: known of it beforehand, for the rules that accept it.
        problem: why it cannot be asked for; it then fails with this, without a request.
    """

    name: str
    due: datetime | None = None
    fact: Any = None
    problem: CollectionFailure | None = None


@dataclass(frozen=True, slots=True)
class NotYet:
    """The units of a partition are not known yet; the partition is incomplete, with the reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing is expected of a partition, for good: it is closed."""

    reason: str


Expected = Sequence[Unit] | NotYet | Nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Sibling:
    """The rows and state of another table in the same partition.

    Attributes:
        state: of its partition.
        frame: its staged rows if it is complete and no blocking check failed; else None.
        reason: why it is not complete, or why it has nothing.
    """

    state: Literal["complete", "closed", "incomplete", "missing"]
    frame: pl.DataFrame | None = None
    reason: str = ""


class Siblings(Protocol):
    """The other tables of a source, for one partition."""

    def __call__(self, table: str) -> Sibling:
        """Return the rows and state of the table of that name."""
        ...


@dataclass(frozen=True, slots=True)
class DateRange:
    """Days from `first` to `last`, both included."""

    first: date
    last: date

    @classmethod
    def day(cls, day: date) -> DateRange:
        """Return the range of one day."""
        return cls(day, day)

    @property
    def is_one_day(self) -> bool:
        """Whether the range has one day."""
        return self.first == self.last

    def is_day(self, day: date) -> bool:
        """Return whether the range is exactly this day."""
        return self.first == self.last == day

    def __str__(self) -> str:
        """Return the day, or first and last."""
        return str(self.first) if self.is_one_day else f"{self.first} to {self.last}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """The result of the strict parser. A fetch is parsed once.

    Attributes:
        rows: data rows on the page.
        covers: days that the answer itself says it is about; None if it states none.
        page: the parsed page, for acceptance and staging; not stored.
        empty_reason: why it is right that the page has nothing; without it a page without rows is a failure.
        closed_reason: why the partition has nothing; set by acceptance, never by a parser.
        coverage_pct: how much of the unit the page shows, in percent, where the source can tell.
        unread: values and columns that were not understood and are not needed.
    """

    rows: int
    covers: DateRange | None = None
    page: Any = None
    empty_reason: str | None = None
    closed_reason: str | None = None
    coverage_pct: float | None = None
    unread: tuple[Unread, ...] = ()


class Context(Protocol):
    """What a rule may ask while it accepts a parsed unit."""

    @property
    def day(self) -> date:
        """The partition that the unit was asked for."""
        ...

    @property
    def fetched(self) -> Fetched:
        """The answer itself."""
        ...

    def may_be_empty(self) -> str | None:
        """Return why the day may have nothing, once it is due; None if it must have data."""
        ...

    def require_whole(self, unit: str, rows: int) -> None:
        """Raise HalfTable if rows are missing against complete partitions around this one."""
        ...


class Accept(Protocol):
    """A rule between parsing and storing. It returns the parsed unit, with coverage or reasons added, or raises."""

    def __call__(self, parsed: Parsed, unit: Unit, context: Context) -> Parsed:
        """Accept a parsed unit.

        Raises:
            CollectionFailure: it is not accepted; only evidence of it is stored.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """One stored unit as staging sees it: `fetched_at` is aware, UTC."""

    unit: str
    parsed: Parsed
    fetched_at: datetime


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
    """A check on staged rows that does not block.

    It sees the rows of the partition before, if that is complete, and the complete rows of the source's other tables of the
    same partition, by table.
    """

    def __call__(
        self, frame: pl.DataFrame, *, session: date, previous: pl.DataFrame | None, siblings: Mapping[str, pl.DataFrame]
    ) -> Finding:
        """Judge one partition."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedules:
    """Cron expressions in the time zone of the table's calendar.

    Attributes:
        daily: after publication.
        heal: on its ticks incomplete partitions are tried again.
        weekly: asks for whatever the week's sessions lack, and audits its closed days; None for neither.
        intraday: takes provisional snapshots of the running session; None for none.
    """

    daily: str
    heal: str = "*/30 * * * *"
    weekly: str | None = None
    intraday: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table of a source.

    Attributes:
        name: snake_case; assets are `raw/<source>/<name>` and `staged/<source>/<name>`.
        description: what a row is, for people.
        schema: dataframely schema of the staged rows; its columns and docs become the asset's column schema.
        site: who is asked.
        calendar: the days that it has partitions of.
        due: how long after the session's midnight (end of day) the site has it at the latest; negative if it has it on the
            same day.
        schedules: when it is collected.
        expected: units of a partition, from the partition's day and what the source's other tables have of it.
        needs: tables whose rows `expected` reads; they stand before this one in `Source.tables`.
        fetch: gets one unit through a client; raises CollectionFailure.
        parse: strict parse of an answer; raises CollectionFailure; pure.
        accept: rules that a parsed unit must keep before it is stored, in order.
        stage: accepted units of a partition, also those proven empty -> staged rows; pure and deterministic. Where a
            partition is the day an answer was obtained, rows are of any session date.
        partition: the day that an answer is about (`session`), or the day that it was obtained (`obtained`).
        partition_timezone: IANA name of a zone whose midnight is the hour at which a session of the same day may be
            collected, the calendar's if None: a partition exists only once its day is over.
        off_calendar: the site may serve days that are no session, and `stage` puts these into quarantine: the audit asks.
        checks: further checks on staged rows, by name; not blocking.
        filters: names in the settings that choose its units; each has to exist.
        parser_version: changes whenever `parse` or `stage` give other rows for the same bytes.
    """

    name: str
    description: str
    schema: type[dy.Schema]
    site: Site
    calendar: Calendar
    due: timedelta
    schedules: Schedules
    expected: Callable[[date, Siblings], Expected]
    fetch: Callable[[Any, Unit, date], Awaitable[Fetched]]
    parse: Callable[[Fetched, Unit], Parsed]
    stage: Callable[[Sequence[Accepted], date], Staged]
    accept: tuple[Accept, ...] = ()
    needs: tuple[str, ...] = ()
    partition: Literal["session", "obtained"] = "session"
    partition_timezone: str | None = None
    off_calendar: bool = False
    checks: dict[str, StagedCheck] = field(default_factory=dict)
    filters: tuple[Filter, ...] = ()
    parser_version: str = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One origin of data, bound to its settings.

    Attributes:
        name: snake_case name of its folder.
        title, description, owner, link: for people.
        timezone: IANA name; freshness and backlog are watched in it.
        start: first partition that the site offers.
        end: last partition, for a history that is over; None while it continues.
        settings: its section of the settings.
        tables: its tables, collected in this order.
        left_out: tables that the settings switch off, each with the reason.
    """

    name: str
    title: str
    description: str
    owner: str
    link: str
    timezone: str
    start: date
    settings: SourceSettings
    tables: tuple[Table, ...]
    end: date | None = None
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def sites(self) -> list[Site]:
        """The sites that its tables ask, each once, in the order of the tables."""
        return list({table.site.name: table.site for table in self.tables}.values())

    def groups(self) -> list[list[Table]]:
        """Return the tables, each with those behind it that need it: they are collected together, in this order."""
        groups: list[list[Table]] = []
        for table in self.tables:
            group = next((group for group in groups if {each.name for each in group} & {*table.needs}), None)
            if group is None:
                groups.append([table])
            else:
                group.append(table)
        return groups

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


def due_at(table: Table, session: date) -> datetime:
    """Return when a session's data are published at the latest, aware, in the time zone of the table's calendar."""
    return due_instant(table.calendar, table.due, session)


def due_instant(calendar: Calendar, due: timedelta, session: date) -> datetime:
    """Return the instant `due` after the end of a session's day."""
    midnight = datetime(session.year, session.month, session.day, tzinfo=ZoneInfo(calendar.timezone)) + timedelta(
        days=1
    )
    return midnight + due
