"""Questions about the data itself: states of partitions, freshness, cost, and what the marts' columns mean."""

from __future__ import annotations

import polars as pl

from dashboards.ui.build_cache import CachedBuild

STATES = ("complete", "closed", "provisional", "not_due", "history", "stale", "incomplete", "blocked", "missing")
"""From nothing to do to most urgent; the heat map colours by the position."""

_HEALTH = """
with started as (
    select source, table_name, min(session_date) filter (where state not in ('missing', 'not_due')) as first_tried
    from ops__partition_health group by all
), waiting as (
    select *, not is_green and coalesce(regexp_full_match(failure_kinds, '\\d+ deferred'), false) as is_waiting
    from ops__partition_health
), health as (
    select h.* replace (
        case
            when h.is_green or (h.is_due and h.state <> 'missing' and not h.is_waiting) then h.state
            when not h.is_due or h.is_waiting then 'not_due'
            when h.session_date < s.first_tried then 'history'
            else h.state
        end as state,
        h.is_due and not h.is_waiting
        and not (h.state = 'missing' and coalesce(h.session_date < s.first_tried, false)) as is_due
    )
    from waiting h join started s using (source, table_name)
)
"""
"""Sessions before the first collected one are history that can still be collected, not gaps.

Where all that is left of a session is not published yet by the site's own hours, the session is not due.

A table of which nothing was ever collected has no such beginning: all its due sessions are missing.
"""


def partitions(build: CachedBuild, *, last_sessions: int) -> pl.DataFrame:
    """Return the newest `last_sessions` sessions of every table, oldest first.

    Columns: source, table_name, session_date, state, day_state, why, mends, failure_kinds, units_expected, units_done,
    staged_rows, quarantined_rows, attempts, last_attempt_at.
    """
    return build.query(
        f"""
        {_HEALTH}
        select source, table_name, session_date, state, day_state, why, mends, failure_kinds, units_expected,
               units_done, staged_rows, quarantined_rows, attempts, last_attempt_at
        from health where session_date in (select distinct session_date from health order by 1 desc limit ?)
        order by source, table_name, session_date
        """,  # noqa: S608 - both halves are written here
        [last_sessions],
    )


def problems(build: CachedBuild) -> pl.DataFrame:
    """Return every due session that is not green, newest first, with its reason and the command that mends it."""
    return build.query(
        f"""
        {_HEALTH}
        select session_date, source, table_name, state, why, mends, units_done, units_expected, attempts, next_retry_at
        from health where is_due and not is_green order by session_date desc, source, table_name
        """  # noqa: S608 - both halves are written here
    )


def freshness(build: CachedBuild) -> pl.DataFrame:
    """Return one row a table, by name.

    Columns: source, table_name, newest_green, newest_due, behind, not_green, history, not_due, sessions, last_attempt_at.
    `behind` counts the due sessions after the newest green one, `history` those before the first collected one,
    `not_due` those that the site cannot have yet; both are in none of the other counts. Unit: sessions.
    """
    return build.query(
        f"""
        {_HEALTH}, newest as (
            select source, table_name, max(session_date) filter (where is_green and is_due) as newest_green
            from health group by all
        )
        select h.source, h.table_name, n.newest_green, max(h.session_date) filter (where h.is_due) as newest_due,
               count(*) filter (where h.is_due and coalesce(h.session_date > n.newest_green, true)) as behind,
               count(*) filter (where h.is_due and not h.is_green) as not_green,
               count(*) filter (where h.state = 'history') as history,
               count(*) filter (where h.state = 'not_due') as not_due,
               count(*) filter (where h.is_due) as sessions, max(h.last_attempt_at) as last_attempt_at
        from health h join newest n using (source, table_name)
        group by all order by h.source, h.table_name
        """  # noqa: S608 - both halves are written here
    )


def behind(build: CachedBuild) -> tuple[int, int]:
    """Return how many sessions are due after the newest green one of their table, and in how many tables.

    A session of a source counts once, however many tables lack it.
    """
    frame = build.query(
        f"""
        {_HEALTH}, newest as (
            select source, table_name, max(session_date) filter (where is_green and is_due) as newest_green
            from health group by all
        )
        select count(distinct (h.source, h.session_date)) as sessions, count(distinct (h.source, h.table_name)) as tables
        from health h join newest n using (source, table_name)
        where h.is_due and coalesce(h.session_date > n.newest_green, true)
        """  # noqa: S608 - both halves are written here
    )
    sessions, tables = frame.row(0)
    return int(sessions), int(tables)


def attempts(build: CachedBuild, *, limit: int) -> pl.DataFrame:
    """Return the sessions that were collected last: what they are, their state, and what they cost."""
    return build.query(
        """
        select c.last_attempt_at, c.source, c.table_name, c.session_date, h.state, h.units_done,
               c.units as units_expected, h.staged_rows,
               c.requests, c.body_bytes, c.elapsed_seconds, c.attempts
        from ops__scrape_cost c join ops__partition_health h using (source, table_name, session_date)
        where c.last_attempt_at is not null
        order by c.last_attempt_at desc, c.session_date desc, c.source, c.table_name limit ?
        """,
        [limit],
    )


def marts(build: CachedBuild) -> pl.DataFrame:
    """Return the published marts: mart, description, rows (null for a view over files), columns."""
    frame = build.query(
        """
        with relations as (
            select database_name, schema_name, table_name as mart, comment as description, column_count
            from duckdb_tables()
            union all
            select database_name, schema_name, view_name, comment, column_count from duckdb_views()
        )
        select mart, description, column_count::integer as "columns" from relations
        where database_name = current_database() and schema_name = current_schema() and mart like '%\\_\\_%' escape '\\'
        order by 1
        """
    )
    counts = pl.DataFrame(
        {"mart": list(build.rows), "rows": list(build.rows.values())},
        schema={"mart": pl.String, "rows": pl.Int64},
    )
    return frame.join(counts, on="mart", how="left", maintain_order="left")


def columns(build: CachedBuild, *, mart: str) -> pl.DataFrame:
    """Return the columns of a mart in order: column, type, description."""
    return build.query(
        """
        select column_name as "column", lower(data_type) as "type", comment as description from duckdb_columns()
        where database_name = current_database() and schema_name = current_schema() and table_name = ?
        order by column_index
        """,
        [mart],
    )
