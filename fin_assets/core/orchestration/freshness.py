"""Dagster's own freshness policies, wide enough for the longest holiday: the check `fresh` judges by the calendar itself.

A policy of Dagster looks at the latest materialization of any partition and knows no holidays. A deadline by cron would fail on
each of them; a window as long as the longest wait of the calendar never does, and shows when nothing comes at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import pairwise

import dagster as dg

from fin_assets import clock
from fin_assets.core.contract.source import Source, Table, due_at

GRACE = timedelta(hours=3)
"""After the time of publication a session may take this long before it counts as late: one heal tick and a slow site."""

PAST = timedelta(days=3 * 366)
"""How far back holidays are looked at: three years have each one that moves."""


def longest_wait(source: Source, table: Table) -> timedelta | None:
    """Return the longest time between two sessions that become due, from three years ago to the end of next year.

    None for a history that is over, and for one with less than two sessions.
    """
    if source.end is not None:
        return None
    now = clock.now()
    first, last = max(source.start, (now - PAST).date()), date(now.year + 1, 12, 31)
    due = [due_at(table, day) for day in table.calendar.sessions(first, last)]
    return max((later - earlier for earlier, later in pairwise(due)), default=None)


def freshness_policy(source: Source, table: Table) -> dg.FreshnessPolicy | None:
    """Return the policy of a table's assets; None where nothing more is expected."""
    wait = longest_wait(source, table)
    return dg.FreshnessPolicy.time_window(fail_window=wait + GRACE) if wait else None


def marts_policy(sources: Iterable[Source]) -> dg.FreshnessPolicy | None:
    """Return the policy of the marts: each build materializes all of them, and the busiest table makes one."""
    waits = [wait for source in sources for table in source.tables if (wait := longest_wait(source, table))]
    return dg.FreshnessPolicy.time_window(fail_window=min(waits) + GRACE) if waits else None
