"""Dagster partitions made of a table's own calendar."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from fin_assets import clock
from fin_assets.core.contract.calendar import every_day
from fin_assets.core.contract.source import Source, Table, due_at

if TYPE_CHECKING:
    import dagster as dg


def partitions_of(source: Source, table: Table) -> dg.TimeWindowPartitionsDefinition:
    """Return one partition a session, from the source's start to its end, or to the last day that is over.

    Days without a session are left out as the calendar says, up to a year ahead: a day of the week that never has a session
    as a whole, every other day one by one. `end_offset` stays 0, so that a session becomes a partition only once its day is
    over.
    """
    # Here, because `fin status` asks what is due and needs no Dagster.
    import dagster as dg

    horizon = source.end or date(clock.now().year + 1, 12, 31)
    sessions = set(table.calendar.sessions(source.start, horizon))
    closed = [day for day in every_day(source.start, horizon) if day not in sessions]
    never = {day.isoweekday() % 7 for day in closed} - {day.isoweekday() % 7 for day in sessions}
    single = [
        datetime(day.year, day.month, day.day)  # noqa: DTZ001 - Dagster localizes exclusions itself
        for day in closed
        if day.isoweekday() % 7 not in never
    ]
    return dg.TimeWindowPartitionsDefinition(
        cron_schedule="0 0 * * *",
        start=source.start.isoformat(),
        # Dagster's end is the first moment that is outside.
        end=(source.end + timedelta(days=1)).isoformat() if source.end else None,
        timezone=table.partition_timezone or table.calendar.timezone,
        fmt="%Y-%m-%d",
        exclusions=[*(f"0 0 * * {day}" for day in sorted(never, reverse=True)), *single],
    )


def due_sessions(source: Source, table: Table, *, since: datetime, until: datetime) -> list[date]:
    """Return the sessions that became due after `since` and not after `until`, ascending."""
    zone = ZoneInfo(table.calendar.timezone)
    start = max(source.start, (since - table.due).astimezone(zone).date() - timedelta(days=2))
    end = until.astimezone(zone).date()
    return [day for day in table.calendar.sessions(start, end) if since < due_at(table, day) <= until]
