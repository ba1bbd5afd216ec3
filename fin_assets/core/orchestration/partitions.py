"""Dagster partitions made of a table's own sessions."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from fin_assets import clock
from fin_assets.core.calendars.exchange import weekdays
from fin_assets.core.contract.source import Source, Table, due_at

if TYPE_CHECKING:
    import dagster as dg

__all__ = ["due_at", "due_sessions", "partitions_of"]


def partitions_of(source: Source, table: Table) -> dg.TimeWindowPartitionsDefinition:
    """Return one partition a session, from the source's start to its end, or to the last day that is over.

    An open end stays open: the definition itself leaves out weekends and every weekday that is no session, up to a year ahead.
    `end_offset` stays 0, so that a session becomes a partition only once its day is over.
    """
    # Here, because `fin status` asks what is due and needs no Dagster.
    import dagster as dg

    horizon = source.end or date(clock.now().year + 1, 12, 31)
    sessions = set(table.sessions(source.start, horizon))
    closed = [datetime(day.year, day.month, day.day) for day in weekdays(source.start, horizon) if day not in sessions]  # noqa: DTZ001 - Dagster localizes exclusions itself
    return dg.TimeWindowPartitionsDefinition(
        cron_schedule="0 0 * * *",
        start=source.start.isoformat(),
        # Dagster's end is the first moment that is outside.
        end=(source.end + timedelta(days=1)).isoformat() if source.end else None,
        timezone=source.partition_timezone or source.timezone,
        fmt="%Y-%m-%d",
        exclusions=["0 0 * * 6", "0 0 * * 0", *closed],
    )


def due_sessions(source: Source, table: Table, *, since: datetime, until: datetime) -> list[date]:
    """Return the sessions that became due after `since` and not after `until`, ascending."""
    zone = ZoneInfo(source.timezone)
    start = max(source.start, (since - table.published_after).astimezone(zone).date() - timedelta(days=2))
    end = until.astimezone(zone).date()
    return [day for day in table.sessions(start, end) if since < due_at(source, table, day) <= until]
