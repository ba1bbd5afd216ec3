"""What a published build says of itself: which marts it has, where its data come from, and how good a session is.

Sources are described by the build's own `control.tables`, never by settings: settings can change after a build.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

import polars as pl

from dashboards.ui.build_cache import CachedBuild

LABELS = {
    "complete": "complete",
    "closed": "closed",
    "provisional": "provisional, rows not judged yet",
    "stale": "stale",
    "incomplete": "incomplete",
    "blocked": "blocked by a check",
    "missing": "missing",
    "not_due": "not due yet",
    "history": "history, not collected",
}
"""The states of a partition in words."""

SANDBOX, LIVE = "sandbox", "live"
MIXED = "Generated and live data in one build"
GENERATED = "sandbox data"


class Quality(NamedTuple):
    """The worst state among the latest due sessions of a source, and a sentence about it."""

    state: str
    sentence: str


class Source(NamedTuple):
    """A source of a build, with the time zone of its market.

    `modes` holds sandbox, live or both; none in a build older than that record.
    """

    name: str
    title: str
    zone: ZoneInfo
    modes: frozenset[str]

    @property
    def words(self) -> str:
        """The title, and whether the data are generated, if the build records it."""
        if not self.modes:
            return self.title
        if self.modes == {LIVE}:
            return f"{self.title}, live"
        return f"{self.title}, embedded sandbox" + (" and live" if LIVE in self.modes else "")


def has(build: CachedBuild, mart: str, *, schema: str = "main") -> bool:
    """Return whether a build has a mart: one from before a source was added, or with it switched off, lacks its marts."""
    return bool(_columns(build, mart, schema=schema))


def _columns(build: CachedBuild, table: str, *, schema: str) -> set[str]:
    frame = build.query(
        """
        select column_name from information_schema.columns
        where table_catalog = current_database() and table_schema = ? and table_name = ?
        """,
        [schema, table],
    )
    return set(frame["column_name"])


def sources(build: CachedBuild) -> dict[str, Source]:
    """Return the sources of a build by name; none in a build that does not describe them."""
    columns = _columns(build, "tables", schema="control")
    if not columns:
        return {}
    mode = "mode" if "mode" in columns else "null"
    frame = build.query(
        f"""
        select source, any_value(title) as title, any_value(timezone) as timezone,
               list(distinct {mode}) filter (where {mode} is not null) as modes
        from control.tables group by source order by source
        """  # noqa: S608 - one of two words
    )
    return {
        name: Source(name, title or name, ZoneInfo(zone or "UTC"), frozenset(modes or ()))
        for name, title, zone, modes in frame.iter_rows()
    }


def is_mixed(build: CachedBuild) -> bool:
    """Return whether a build holds generated and live data."""
    return {SANDBOX, LIVE} <= set[str]().union(*(source.modes for source in sources(build).values()))


def origin(build: CachedBuild, names: tuple[str, ...]) -> str:
    """Return where the data of some sources come from, in words; a source that the build does not know by its name."""
    known = sources(build)
    return ", ".join(known[name].words if name in known else name for name in names)


def is_generated(build: CachedBuild, names: tuple[str, ...]) -> bool:
    """Return whether one of some sources is of the sandbox."""
    known = sources(build)
    return any(SANDBOX in known[name].modes for name in names if name in known)


def quality(build: CachedBuild, *, source: str, table: str, session: date) -> Quality:
    """Return what the shown session is worth, and whether later ones are due and not there."""
    frame = build.query(
        """
        select session_date, state, why, is_due, is_green from ops__partition_health
        where source = ? and table_name = ? and session_date >= ?
        """,
        [source, table, session],
    )
    shown = frame.filter(pl.col("session_date") == session)
    later = frame.filter((pl.col("session_date") > session) & pl.col("is_due") & ~pl.col("is_green")).sort(
        "session_date"
    )
    if not shown.height:
        return Quality("missing", f"{table} of {session} has no manifest")
    state, why = shown["state"][0], shown["why"][0]
    if later.height:
        days = ", ".join(str(day) for day in later["session_date"].head(3))
        return Quality("stale", f"{session} is {state}, but later sessions are due and not there: {days}")
    return Quality(state, f"{session} is {state}" + (f": {why}" if why else ""))
