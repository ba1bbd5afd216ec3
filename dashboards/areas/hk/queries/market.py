"""Questions about southbound holdings.

Every function takes a `CachedBuild` and returns a frame or a value; dates are sessions, shares are integers, percentages
are in percent. Rows whose change is not known (no base within reach, H2) are left out, never counted as zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

import polars as pl

from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.provenance import has

MARKET = "hk"
Measure = Literal["pp", "pct", "shares"]
Side = Literal["both", "top", "bottom"]

MEASURE_COLUMN: dict[Measure, str] = {"pp": "change_pp", "pct": "change_pct", "shares": "change_shares"}

_OTHER_NAME = (
    "case when upper(trim({0}.other_name)) <> upper(trim({0}.stock_name)) then {0}.other_name end as other_name"
)
"""SQL of the name in the other language, of an alias; null where the exchange has none and repeats the first."""

_NAMES = dict.fromkeys(("stock_code", "stock_name", "other_name"), pl.String) | dict.fromkeys(
    ("first_date", "last_date"), pl.Date
)


class Extreme(NamedTuple):
    """The stock with the largest or smallest change in percentage points."""

    stock_code: str
    stock_name: str
    change_pp: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Key figures of one session.

    Attributes:
        session: the session they are of.
        held: stocks on the list.
        compared: stocks with a base to compare with; the next three add up to it.
        up, down, unchanged: stocks whose holding rose, fell, stayed over the window.
        added, removed, counter_changes: rows of `hk__additions_removals`; a pair of counters counts once.
        rise, fall: the largest changes in percentage points; None if nothing rose or fell.
        day_state: `open`, or why an unchanged list is normal on this session.
        is_complete: whether the build passes the completeness gate (H6).
    """

    session: date
    held: int
    compared: int
    up: int
    down: int
    unchanged: int
    added: int
    removed: int
    counter_changes: int
    rise: Extreme | None
    fall: Extreme | None
    day_state: str
    is_complete: bool


def sessions(build: CachedBuild) -> list[date]:
    """Return the sessions that have a southbound list, oldest first; none in a build without the Hong Kong marts."""
    if not has(build, "hk__daily_holdings"):
        return []
    frame = build.query("select distinct session_date from hk__daily_holdings where market = ? order by 1", [MARKET])
    return frame["session_date"].to_list()


def names(build: CachedBuild) -> pl.DataFrame:
    """Return every stock ever held by code: stock_code, stock_name, other_name (the newest), first_date, last_date.

    None in a build without the Hong Kong marts.
    """
    if not has(build, "hk__daily_holdings"):
        return pl.DataFrame(schema=_NAMES)
    return build.query(
        f"""
        with named as (
            select stock_code, arg_max(stock_name, session_date) as stock_name,
                   arg_max(other_name, session_date) filter (where other_name is not null) as other_name,
                   min(session_date) as first_date, max(session_date) as last_date
            from hk__daily_holdings where market = ? group by stock_code
        )
        select stock_code, stock_name, {_OTHER_NAME.format("named")}, first_date, last_date from named order by stock_code
        """,  # noqa: S608 - written here
        [MARKET],
    )


def search_options(build: CachedBuild) -> list[str]:
    """Return `code name other-name` of every stock, for the search field."""
    return [" ".join(part for part in row[:3] if part) for row in names(build).iter_rows()]


def overview(build: CachedBuild, *, session: date, window: int) -> Overview:
    """Return the key figures of a session over a window of 1, 5 or 20 sessions."""
    held = build.query(
        "select count(*) as held, any_value(day_state) as day_state, bool_and(is_complete) as is_complete "
        "from hk__daily_holdings where market = ? and session_date = ?",
        [MARKET, session],
    ).row(0, named=True)
    counts = build.query(
        """
        select count(change_shares) as compared, count(*) filter (where change_shares > 0) as up,
               count(*) filter (where change_shares < 0) as down, count(*) filter (where change_shares = 0) as unchanged
        from hk__movers where session_date = ? and window_sessions = ?
        """,
        [session, window],
    ).row(0, named=True)
    kinds = build.query(
        """
        select count(*) filter (where kind in ('new', 'returning')) as added,
               count(*) filter (where kind = 'removed') as removed,
               count(distinct least(stock_code, linked_stock_code) || greatest(stock_code, linked_stock_code))
                 filter (where kind = 'counter_change') as counter_changes
        from hk__additions_removals where session_date = ?
        """,
        [session],
    ).row(0, named=True)
    return Overview(
        session=session,
        held=held["held"],
        day_state=held["day_state"] or "open",
        is_complete=bool(held["is_complete"]),
        rise=_extreme(build, session, window, 1),
        fall=_extreme(build, session, window, -1),
        **counts,
        **kinds,
    )


def _extreme(build: CachedBuild, session: date, window: int, sign: Literal[1, -1]) -> Extreme | None:
    frame = build.query(
        """
        select stock_code, stock_name, change_pp from hk__movers
        where session_date = ? and window_sessions = ? and ? * change_pp > 0
        order by ? * change_pp desc, stock_code limit 1
        """,
        [session, window, sign, sign],
    )
    return Extreme(*frame.row(0)) if frame.height else None


def movers(build: CachedBuild, *, session: date, window: int) -> pl.DataFrame:
    """Return all stocks of a session with their change over the window, by code.

    Columns: stock_code, stock_name, other_name, shareholding_shares, pct_of_issued, change_shares, change_pct,
    change_pp, base_date, gap_sessions, adjustment_factor.
    """
    return build.query(
        f"""
        select m.stock_code, m.stock_name, {_OTHER_NAME.format("h")}, m.shareholding_shares, m.pct_of_issued,
               m.change_shares, m.change_pct, m.change_pp, m.base_date, m.gap_sessions, m.adjustment_factor
        from hk__movers m
        left join hk__daily_holdings h on h.market = ? and h.session_date = m.session_date
        and h.stock_code = m.stock_code
        where m.session_date = ? and m.window_sessions = ? order by m.stock_code
        """,  # noqa: S608 - written here
        [MARKET, session, window],
    )


def rank(frame: pl.DataFrame, *, measure: Measure, side: Side, count: int) -> pl.DataFrame:
    """Return the `count` largest rises, the `count` largest falls, or both, largest rise first; ties by code."""
    column = MEASURE_COLUMN[measure]
    known = frame.filter(pl.col(column).is_not_null())
    rises = known.filter(pl.col(column) > 0).sort(column, "stock_code", descending=[True, False]).head(count)
    falls = known.filter(pl.col(column) < 0).sort(column, "stock_code", descending=[False, False]).head(count).reverse()
    parts = {"top": [rises], "bottom": [falls], "both": [rises, falls]}[side]
    return pl.concat(parts)


def additions_removals(build: CachedBuild, *, session: date, last_sessions: int) -> pl.DataFrame:
    """Return the rows of `hk__additions_removals` of the `last_sessions` sessions up to `session`, newest first."""
    return build.query(
        """
        select session_date, kind, direction, stock_code, stock_name, shareholding_shares, change_shares, pct_of_issued,
               linked_stock_code, linked_stock_name, counter_role, counter_ratio, counter_confidence, previous_date
        from hk__additions_removals where session_date between ? and ?
        order by session_date desc, kind, stock_code
        """,
        [_earliest(build, session=session, last_sessions=last_sessions), session],
    )


def breadth(build: CachedBuild, *, session: date, last_sessions: int) -> pl.DataFrame:
    """Return session_date, up, down, unchanged, day_state of the one-session changes, oldest first (H11)."""
    # The bounds are values, not a subquery: only then does the scan skip other years (185 ms became 15 over ten years).
    return build.query(
        """
        select session_date, count(*) filter (where change_shares > 0) as up,
               count(*) filter (where change_shares < 0) as down,
               count(*) filter (where change_shares = 0) as unchanged, any_value(day_state) as day_state
        from hk__movers where window_sessions = 1 and session_date between ? and ?
        group by session_date having count(change_shares) > 0 order by session_date
        """,
        [_earliest(build, session=session, last_sessions=last_sessions), session],
    )


def _earliest(build: CachedBuild, *, session: date, last_sessions: int) -> date:
    return [day for day in sessions(build) if day <= session][-last_sessions:][0]


def unusual(build: CachedBuild, *, session: date) -> pl.DataFrame:
    """Return the changes of a session that are unusual for their stock (H10), largest score first."""
    return build.query(
        """
        select stock_code, stock_name, change_pp, change_shares, robust_z, observations, largest_in_sessions
        from hk__unusual_changes where session_date = ? and is_unusual order by abs(robust_z) desc, stock_code
        """,
        [session],
    )


def judged(build: CachedBuild, *, session: date) -> tuple[int, int]:
    """Return how many changes of a session could be judged (H10), and how many there are."""
    frame = build.query(
        "select count(robust_z) as judged, count(*) as changes from hk__unusual_changes where session_date = ?",
        [session],
    )
    return frame.row(0)


def latest_holdings(build: CachedBuild, *, session: date) -> pl.DataFrame:
    """Return the stocks held on a session with their changes in percentage points over 1, 5 and 20 sessions."""
    return build.query(
        f"""
        select h.stock_code, h.stock_name, {_OTHER_NAME.format("h")}, h.shareholding_shares, h.pct_of_issued,
               max(m.change_pp) filter (where m.window_sessions = 1) as change_1_pp,
               max(m.change_pp) filter (where m.window_sessions = 5) as change_5_pp,
               max(m.change_pp) filter (where m.window_sessions = 20) as change_20_pp
        from hk__daily_holdings h
        left join hk__movers m on m.session_date = h.session_date and m.stock_code = h.stock_code
        where h.market = ? and h.session_date = ?
        group by all order by h.pct_of_issued desc nulls last, h.stock_code
        """,  # noqa: S608 - written here
        [MARKET, session],
    )
