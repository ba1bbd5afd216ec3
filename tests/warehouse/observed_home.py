"""A home of one table of observations, its project, and two models of one SQL statement each in place of dbt's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb
import polars as pl

from fin_assets.warehouse import plan
from fin_assets.warehouse.paths import Layout
from fin_assets.warehouse.plan import Plan
from tests.warehouse.home import Home, weekdays

OBTAINED = weekdays(date(2026, 1, 5), 8)
"""Days on which answers are obtained: the partitions."""

DATES = weekdays(date(2025, 12, 1), 6)
"""Session dates of the rows."""

PROJECT = """
sources:
  - name: quotes
    schema: staged
    tables:
      - name: closes
        identifier: quotes__closes
        config: {meta: {observations: {key: [session_date, code]}}}
        columns:
          - {name: session_date, data_type: date}
          - {name: code, data_type: varchar}
          - {name: close_hkd, data_type: double}
          - {name: note, data_type: varchar}
          - {name: observed_at, data_type: timestamp with time zone}
"""
SCHEMA = {
    "session_date": pl.Date,
    "code": pl.String,
    "close_hkd": pl.Float64,
    "note": pl.String,
    "observed_at": pl.Datetime("us", "UTC"),
}
MODELS = {
    "closes": (
        "from {changed}",
        "select * from history.quotes__closes",
    ),
    "sums": (
        """
        select near.session_date from {changed} as changed
        inner join control.business_sessions as sessions using (session_date)
        inner join control.business_sessions as near on near.ordinal between sessions.ordinal and sessions.ordinal + 2
        """,
        """
        select sessions.session_date, closes.code, sum(closes.close_hkd) as total, count(closes.note) as notes
        from control.business_sessions as sessions
        inner join control.business_sessions as near on near.ordinal between sessions.ordinal - 2 and sessions.ordinal
        inner join history.quotes__closes as closes on closes.session_date = near.session_date
        group by all
        """,
    ),
}
"""Sessions that each model recomputes, and its rows: of the session alone, and of a window of sessions."""


class Row(NamedTuple):
    """One observation."""

    session_date: date
    code: str
    close_hkd: float | None
    note: str | None
    observed_at: datetime


def row(day: int, code: str, close: float | None, hour: int, note: str | None = None) -> Row:
    """Return an observation of the n-th session date, made at some hour of a fixed day."""
    return Row(DATES[day], code, close, note, datetime(2026, 1, 5, tzinfo=UTC) + timedelta(hours=hour))


def observed_home(root: Path) -> Home:
    """Return a home without partitions."""
    path = root / "project/models/sources/quotes.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(PROJECT)
    return Home(root, OBTAINED, source="quotes", every={"closes": 1})


def stage(home: Home, partitions: Mapping[int, Sequence[Row] | None]) -> None:
    """Write partitions by their place; None is a partition that is not usable any more."""
    for place, rows in partitions.items():
        if rows is None:
            home.fail("closes", OBTAINED[place])
        else:
            home.stage("closes", OBTAINED[place], pl.DataFrame(rows, schema=SCHEMA, orient="row"))


class Build:
    """Builds in memory: what `plan` and the two models make of the home at that time."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.connection = duckdb.connect()
        self.connection.execute("set TimeZone = 'UTC'")

    def __call__(self, *, full_refresh: bool = False, killed: bool = False) -> Plan:
        """Make one build; a killed one ends after the first model."""
        made = plan.prepare(
            self.connection,
            layout=Layout(self.home.data),
            project=self.home.settings.home / "project",
            sources=self.home.sources,
            modes=self.home.store.modes,
            full_refresh=full_refresh,
        )
        for name, (scope, rows) in MODELS.items():
            self._model(name, scope, rows, rebuild=made.full_refresh)
            if killed:
                return made
        plan.finish(self.connection, made)
        return made

    def changed(self) -> set[date]:
        """Return the sessions that the last build took up."""
        return {
            day for (day,) in self.connection.execute("select session_date from control.changed_sessions").fetchall()
        }

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Return the rows of a query, sorted."""
        return self.connection.execute(f"select * from ({query}) order by all").fetchall()  # noqa: S608 - of a test

    def everything(self) -> dict[str, list[tuple[object, ...]]]:
        """Return all that must not depend on the order of arrival."""
        # The first model copies the time of the newest observation: that alone is no change, so it may be an older one.
        queries = {
            "closes": "select * exclude (observed_at) from closes",
            "sums": "from sums",
            "history": "from history.quotes__closes",
            "sessions": "from control.business_sessions",
        }
        return {name: self.rows(query) for name, query in queries.items()}

    def _model(self, name: str, scope: str, rows: str, *, rebuild: bool) -> None:
        if rebuild:
            self.connection.execute(f"create or replace table {name} as {rows}")
            return
        changed = scope.format(changed="(select session_date from control.changed_sessions)")
        self.connection.execute(f"create or replace temp table scope as select session_date from ({changed})")  # noqa: S608 - of a test
        self.connection.execute(f"delete from {name} where session_date in (from scope)")  # noqa: S608 - of a test
        self.connection.execute(f"insert into {name} select * from ({rows}) where session_date in (from scope)")  # noqa: S608 - of a test
