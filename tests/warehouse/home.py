"""A small home whose staged files are written through the store, as a collection would, without a site or a browser."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dataframely as dy
import polars as pl

from fin_assets.core.collection.acceptance import RowBand
from fin_assets.core.contract.calendar import CalendarOf, DayState
from fin_assets.core.contract.expecting import each
from fin_assets.core.contract.manifest import (
    Manifest,
    PartitionKey,
    PartitionState,
    StagedRef,
    UnitRecord,
    UnitState,
)
from fin_assets.core.contract.site import Site
from fin_assets.core.contract.source import Accepted, Fetched, Parsed, Schedules, Source, Staged, Table, Unit
from fin_assets.core.storage.store import Store
from fin_assets.settings import Settings, SourceSettings
from fin_assets.warehouse.build import BuildResult, drain, run
from fin_assets.warehouse.dbt import OnNode

SOURCE = "hkex_southbound"
EVERY = {"holdings": 1, "northbound": 20, "participants": 1}
"""Each table has every n-th session."""

OBSERVED = datetime(2026, 3, 1, tzinfo=UTC)
INSTANT = pl.Datetime("us", "UTC")

HOLDINGS: dict[str, Any] = {
    "session_date": pl.Date,
    "market": pl.String,
    "stock_code": pl.String,
    "stock_name": pl.String,
    "name_language": pl.String,
    "other_name": pl.String,
    "a_share_code": pl.String,
    "shareholding_shares": pl.Int64,
    "pct_of_issued": pl.Float64,
    "observed_at": INSTANT,
}
PARTICIPANTS: dict[str, Any] = {
    "session_date": pl.Date,
    "stock_code": pl.String,
    "line_no": pl.Int32,
    "participant_id": pl.String,
    "participant_name": pl.String,
    "participant_kind": pl.String,
    "is_consenting": pl.Boolean,
    "address": pl.String,
    "shareholding_shares": pl.Int64,
    "pct_of_issued": pl.Float64,
    "issued_shares": pl.Int64,
    "total_shares": pl.Int64,
    "total_participants": pl.Int64,
    "intermediaries_shares": pl.Int64,
    "consenting_shares": pl.Int64,
    "non_consenting_shares": pl.Int64,
    "observed_at": INSTANT,
}

StateOf = Callable[[date], str]


class Anything(dy.Schema):
    """Staged rows are not validated here."""

    session_date = dy.Date()


class Home:
    """A data directory with one source over given sessions; without further words the Hong Kong one of three tables."""

    def __init__(
        self,
        root: Path,
        sessions: Sequence[date],
        *,
        day_state: StateOf = lambda _day: "open",
        source: str = SOURCE,
        every: Mapping[str, int] = EVERY,
    ) -> None:
        self.source = source
        self.settings = Settings(home=root)
        self.store = Store(self.settings.data)
        self.sessions = sorted(sessions)
        tables = tuple(_table(name, self.sessions[::every], day_state) for name, every in every.items())
        self.sources = [_source(source, self.sessions[0], tables)]

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.settings.data

    def build(self, *, full_refresh: bool = False, on_node: OnNode | None = None) -> BuildResult:
        """Build the marts and publish them."""
        return drain(run(self.settings, self.sources, self.store, full_refresh=full_refresh), on_node)

    def stage(self, table: str, session: date, frame: pl.DataFrame, *, units: Sequence[str] = ("hk/en",)) -> None:
        """Write a complete partition."""
        key = PartitionKey(self.source, table, session)
        self.record(key, self.store.write_staged(key, frame, frame.head(0), parser_version="1"), units=units)

    def record(self, key: PartitionKey, staged: StagedRef, *, units: Sequence[str]) -> None:
        """Write the manifest of a complete partition."""
        records = tuple(
            UnitRecord(
                unit=unit,
                state=UnitState.FETCHED,
                attempts=1,
                rows=staged.rows,
                bytes=1000,
                transport="request",
                seconds=0.5,
            )
            for unit in units
        )
        self.store.save(
            Manifest(
                source=key.source,
                table=key.table,
                session=key.session,
                state=PartitionState.COMPLETE,
                units=records,
                attempts=1,
                requests=len(units),
                seconds=0.5 * len(units),
                first_attempt_at=OBSERVED,
                last_attempt_at=OBSERVED,
                staged=staged,
            )
        )

    def fail(self, table: str, session: date) -> None:
        """Write the manifest of a partition of which one unit failed."""
        unit = UnitRecord(
            unit="hk/en",
            state=UnitState.FAILED,
            attempts=3,
            error_kind="half_table",
            error="12 rows",
            remedy="fin heal",
        )
        self.store.save(
            Manifest(
                source=self.source,
                table=table,
                session=session,
                state=PartitionState.INCOMPLETE,
                units=(unit,),
                attempts=2,
                requests=6,
                seconds=3.0,
                first_attempt_at=OBSERVED,
                last_attempt_at=OBSERVED,
                next_retry_at=OBSERVED + timedelta(minutes=20),
            )
        )


def holdings_frame(
    session: date, rows: Sequence[tuple[str, str, int, float | None]], *, market: str = "hk"
) -> pl.DataFrame:
    """Return staged holdings from (code, name, shares, percent)."""
    return pl.DataFrame(
        [
            (session, market, code, name, "en", None, None, shares, pct, OBSERVED)
            for code, name, shares, pct in sorted(rows)
        ],
        schema=HOLDINGS,
        orient="row",
    )


def participants_frame(
    session: date, code: str, rows: Sequence[tuple[str | None, str, int]], *, issued: int, unnamed: int = 0
) -> pl.DataFrame:
    """Return staged participants of one stock from (id, name, shares), with the page's own totals."""
    named = sum(shares for _, _, shares in rows)
    consenting = sum(shares for identity, _, shares in rows if identity is None)
    kinds = {"A": "clearing", "B": "broker", "C": "custodian", "P": "pledgee"}
    return pl.DataFrame(
        [
            (
                session,
                code,
                line,
                identity,
                name,
                kinds.get(identity[0], "other") if identity else "investor",
                identity is None,
                "",
                shares,
                round(100 * shares / issued, 2),
                issued,
                named + unnamed,
                len(rows),
                named - consenting,
                consenting,
                unnamed,
                OBSERVED,
            )
            for line, (identity, name, shares) in enumerate(sorted(rows, key=lambda row: -row[2]), start=1)
        ],
        schema=PARTICIPANTS,
        orient="row",
    )


def weekdays(start: date, count: int) -> list[date]:
    """Return `count` weekdays from `start` on."""
    days: list[date] = []
    day = start
    while len(days) < count:
        if day.weekday() < 5:
            days.append(day)
        day += timedelta(days=1)
    return days


def real_days(path: Path) -> dict[date, pl.DataFrame]:
    """Return the recorded southbound lists as staged frames, by session."""
    by_day: dict[date, list[tuple[str, str, int, float | None]]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            fraction = row["pct_of_issued_fraction"]
            pct = round(100 * float(fraction), 2) if fraction else None
            by_day.setdefault(date.fromisoformat(row["date"]), []).append(
                (row["stock_code"].zfill(5), row["name_zh"], int(row["shareholding"]), pct)
            )
    return {day: holdings_frame(day, rows) for day, rows in by_day.items()}


async def _no_site(_client: object, _unit: Unit, _session: date) -> Fetched:
    raise AssertionError


def _no_page(_fetched: Fetched, _unit: Unit) -> Parsed:
    raise AssertionError


def _no_staging(_units: Sequence[Accepted], _session: date) -> Staged:
    raise AssertionError


SITE = Site(name="nowhere", base_url="http://127.0.0.1:1", mode="sandbox", transport="http")


def _table(name: str, sessions: Sequence[date], day_state: StateOf) -> Table:
    return Table(
        name=name,
        description=name,
        schema=Anything,
        site=SITE,
        calendar=CalendarOf(
            timezone="Asia/Hong_Kong",
            days=lambda start, end: [day for day in sessions if start <= day <= end],
            state=lambda day: DayState(name=day_state(day)),
        ),
        due=timedelta(hours=6),
        schedules=Schedules(daily="30 6 * * *"),
        expected=each(["hk/en"]),
        fetch=_no_site,
        parse=_no_page,
        accept=(RowBand(below=0.02, above=0.10),),
        stage=_no_staging,
    )


def _source(name: str, start: date, tables: tuple[Table, ...]) -> Source:
    return Source(
        name=name,
        title="Test",
        description="Test",
        owner="team:test",
        link="https://example.org",
        timezone="Asia/Hong_Kong",
        start=start,
        settings=SourceSettings(),
        tables=tables,
    )
