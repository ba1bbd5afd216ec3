"""Three small sources: histories and metered volumes over HTTP, a directory of files, values that come at different hours.

Each is a `Source` as a folder of `fin_assets/sources` defines it; the contract is all that they import.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dataframely as dy
import polars as pl

from fin_assets.core.calendars.exchange import get_calendar
from fin_assets.core.collection.acceptance import StatesItsSession
from fin_assets.core.contract.calendar import CalendarOf, every_day
from fin_assets.core.contract.client import Client
from fin_assets.core.contract.expecting import each
from fin_assets.core.contract.failures import Drift, StaleDate
from fin_assets.core.contract.site import Site
from fin_assets.core.contract.source import (
    Accepted,
    Context,
    DateRange,
    Fetched,
    Parsed,
    Schedules,
    Source,
    Staged,
    Table,
    Unit,
)
from fin_assets.core.transport.file_client import arrivals, inbox_of
from fin_assets.settings import SourceSettings

START = date(2026, 1, 1)
BANGKOK, JAKARTA = ZoneInfo("Asia/Bangkok"), ZoneInfo("Asia/Jakarta")
OBSERVED_AT = pl.Datetime("us", "UTC")

SYMBOLS = ("AAA", "BBB")
VOLUME_SYMBOLS = ("V1", "V2", "V3", "V4", "V5")
PER_DAY = 3
"""Requests a day that the metered site allows."""

HOURS = {"early": (0, time(18)), "late": (0, time(21)), "morning": (1, time(9))}
"""Funds, with the days after the session and the hour in Bangkok at which each value can be there."""


class Closes(dy.Schema):
    """One row a symbol and session date, as one answer states it."""

    session_date = dy.Date(primary_key=True, description="day of the price")
    symbol = dy.String(primary_key=True, description="symbol")
    close_usd_cents = dy.Int64(nullable=False, description="closing price, US cents")
    observed_at = dy.Datetime(
        nullable=False, time_zone="UTC", time_unit="us", description="when the answer was obtained"
    )


class Volumes(dy.Schema):
    """One row a symbol and session."""

    session_date = dy.Date(primary_key=True, description="session")
    symbol = dy.String(primary_key=True, description="symbol")
    volume_shares = dy.Int64(nullable=False, description="shares traded")


class Trades(dy.Schema):
    """One row a trade and file."""

    session_date = dy.Date(primary_key=True, description="day of the trade")
    trade_id = dy.String(primary_key=True, description="the broker's number of the trade")
    account = dy.String(nullable=False, description="account")
    shares = dy.Int64(nullable=False, description="shares bought, negative if sold")
    observed_at = dy.Datetime(primary_key=True, time_zone="UTC", time_unit="us", description="when the file was read")


class Navs(dy.Schema):
    """One row a fund and session."""

    session_date = dy.Date(primary_key=True, description="day of the value")
    fund = dy.String(primary_key=True, description="fund")
    nav_thb_satang = dy.Int64(nullable=False, description="net asset value a unit, satang")


def _staged(schema: type[dy.Schema], rows: list[tuple[Any, ...]]) -> Staged:
    types = {name: column.dtype for name, column in schema.columns().items()}
    frame = pl.DataFrame(rows, schema=types, orient="row")
    good, failures = schema.filter(frame)
    refused = failures.invalid().with_columns(rule=pl.lit("schema"))
    return Staged(good.sort(schema.primary_key()), refused)


def _json(fetched: Fetched) -> Any:
    try:
        return json.loads(fetched.body)
    except json.JSONDecodeError as error:
        raise Drift(f"{fetched.url} is no JSON: {error}", body=fetched.body) from error


def ends_on_its_day(parsed: Parsed, unit: Unit, context: Context) -> Parsed:
    """Accept a history whose last point is of the day that it was asked for on."""
    if parsed.covers is None or parsed.covers.last != context.day:
        raise StaleDate(f"{unit.name}: asked for on {context.day}, the history covers {parsed.covers}")
    return parsed


def _parse_closes(fetched: Fetched, unit: Unit) -> Parsed:
    page = _json(fetched)
    if page["symbol"] != unit.name:
        raise Drift(f"asked for {unit.name}, the answer is about {page['symbol']}", body=fetched.body)
    points = [(date.fromisoformat(day), int(cents)) for day, cents in page["points"]]
    return Parsed(rows=len(points), covers=DateRange(points[0][0], points[-1][0]), page=points)


def _stage_closes(units: Sequence[Accepted], _day: date) -> Staged:
    rows = [(day, unit.unit, cents, unit.fetched_at) for unit in units for day, cents in unit.parsed.page]
    return _staged(Closes, rows)


def _parse_one(fetched: Fetched, unit: Unit) -> Parsed:
    page = _json(fetched)
    if page["name"] != unit.name:
        raise Drift(f"asked for {unit.name}, the answer is about {page['name']}", body=fetched.body)
    return Parsed(rows=1, covers=DateRange.day(date.fromisoformat(page["date"])), page=int(page["value"]))


def _stage_one(schema: type[dy.Schema]) -> Callable[[Sequence[Accepted], date], Staged]:
    return lambda units, day: _staged(schema, [(day, unit.unit, unit.parsed.page) for unit in units])


def _ask(url: str) -> Callable[[Client, Unit, date], Any]:
    async def fetch(client: Client, unit: Unit, day: date) -> Fetched:
        return await client.get(f"{url}/?name={unit.name}&day={day}")

    return fetch


def rates(
    *, closes_url: str, volumes_url: str, symbols: Callable[[date], Sequence[str]] = lambda _day: SYMBOLS
) -> Source:
    """Return a source of two sites: a fast one with histories of 100 days, and a slow one with a quota.

    Args:
        closes_url: of the fast site.
        volumes_url: of the slow site.
        symbols: whose history is asked for, by day.
    """
    always = get_calendar("24/7")
    fast = Site(name="closes_api", base_url=closes_url, mode="sandbox", transport="http", rate_per_second=50)
    slow = Site(
        name="volumes_api",
        base_url=volumes_url,
        mode="sandbox",
        transport="http",
        rate_per_second=4,
        workers=1,
        per_day=PER_DAY,
        quota_timezone="America/New_York",
    )
    closes = Table(
        name="closes",
        description="Closing prices, of 100 days in each answer.",
        schema=Closes,
        site=fast,
        calendar=always,
        due=timedelta(minutes=30),
        schedules=Schedules(daily="30 0 * * *"),
        expected=lambda day, _siblings: [Unit(name=name) for name in symbols(day)],
        fetch=_ask(closes_url),
        parse=_parse_closes,
        accept=(ends_on_its_day,),
        stage=_stage_closes,
        partition="obtained",
    )
    volumes = Table(
        name="volumes",
        description="Shares traded in a session.",
        schema=Volumes,
        site=slow,
        calendar=always,
        due=timedelta(minutes=30),
        schedules=Schedules(daily="30 0 * * *"),
        expected=each(VOLUME_SYMBOLS),
        fetch=_ask(volumes_url),
        parse=_parse_one,
        accept=(StatesItsSession(),),
        stage=_stage_one(Volumes),
    )
    return _source("rates", "UTC", (closes, volumes))


def _parse_trades(fetched: Fetched, _unit: Unit) -> Parsed:
    lines = csv.DictReader(io.StringIO(fetched.body.decode()))
    rows = [(date.fromisoformat(row["date"]), row["id"], row["account"], int(row["shares"])) for row in lines]
    days = [row[0] for row in rows]
    return Parsed(rows=len(rows), covers=DateRange(min(days), max(days)), page=rows)


def _stage_trades(units: Sequence[Accepted], _day: date) -> Staged:
    return _staged(Trades, [(*row, unit.fetched_at) for unit in units for row in unit.parsed.page])


async def _read(client: Client, unit: Unit, _day: date) -> Fetched:
    return await client.get(unit.name)


def trades(*, directory: Path, data: Path) -> Source:
    """Return a source of a directory into which files of trades are put; `data` is the home's data directory."""
    site = Site(
        name="trades_inbox",
        base_url=str(directory),
        mode="sandbox",
        transport="files",
        quota_timezone=str(JAKARTA),
    )
    table = Table(
        name="trades",
        description="Trades of any date, by the file that states them.",
        schema=Trades,
        site=site,
        calendar=CalendarOf(timezone=str(JAKARTA), days=every_day),
        due=timedelta(minutes=30),
        schedules=Schedules(daily="30 0 * * *"),
        expected=arrivals(inbox_of(site, data)),
        fetch=_read,
        parse=_parse_trades,
        stage=_stage_trades,
        partition="obtained",
    )
    return _source("trades", str(JAKARTA), (table,))


def hour_of(fund: str, day: date) -> datetime:
    """Return when the value of a fund can be there at the earliest."""
    later, hour = HOURS[fund]
    return datetime.combine(day + timedelta(days=later), hour, BANGKOK)


def navs(*, url: str) -> Source:
    """Return a source of funds whose values come at different hours, the last one on the next day."""
    table = Table(
        name="navs",
        description="Net asset values.",
        schema=Navs,
        site=Site(name="navs_api", base_url=url, mode="sandbox", transport="http"),
        calendar=CalendarOf(timezone=str(BANGKOK), days=every_day),
        due=timedelta(hours=9),
        schedules=Schedules(daily="0 9 * * *"),
        expected=lambda day, _siblings: [Unit(name=fund, due=hour_of(fund, day)) for fund in HOURS],
        fetch=_ask(url),
        parse=_parse_one,
        accept=(StatesItsSession(),),
        stage=_stage_one(Navs),
        # The farthest east: its midnight, when the partition of a day begins to exist, is 17:00 of that day in Bangkok.
        partition_timezone="Pacific/Kiritimati",
    )
    return _source("navs", str(BANGKOK), (table,))


def _source(name: str, timezone: str, tables: tuple[Table, ...]) -> Source:
    return Source(
        name=name,
        title=f"Small {name}",
        description="For tests.",
        owner="team:tests",
        link="https://example.invalid",
        timezone=timezone,
        start=START,
        settings=SourceSettings(),
        tables=tables,
    )
