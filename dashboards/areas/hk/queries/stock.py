"""Questions about one stock. Codes are five digits with leading zeros; see `normalise`.

A code may have meant other companies before: `companies` has them, and questions over time take the span of one.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from dashboards.areas.hk.queries import market
from dashboards.ui import identities
from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.identities import ALWAYS, Span

MAX_CODE_DIGITS = 5


class Identity(NamedTuple):
    """A stock that is or was on the list."""

    stock_code: str
    stock_name: str
    other_name: str | None


def normalise(text: str) -> str:
    """Return what a reader typed as the marts write it: `700` becomes `00700`; other text is only trimmed."""
    text = text.strip()
    return text.zfill(MAX_CODE_DIGITS) if text.isascii() and text.isdigit() and len(text) <= MAX_CODE_DIGITS else text


def find(build: CachedBuild, text: str) -> Identity | None:
    """Return the stock that a code, or a whole name in either language, belongs to; None if there is none."""
    wanted, folded = normalise(text), text.strip().casefold()
    for row in market.names(build).iter_rows(named=True):
        if row["stock_code"] == wanted or folded in {
            (row[name] or "").casefold() for name in ("stock_name", "other_name")
        } - {""}:
            return Identity(row["stock_code"], row["stock_name"], row["other_name"])
    return None


def similar(build: CachedBuild, text: str, *, limit: int = 8) -> list[Identity]:
    """Return stocks whose code or name contains the text, or whose code begins like it, by code."""
    folded = text.strip().casefold()
    if not folded:
        return []
    digits = folded.lstrip("0")
    found = []
    for code, name, other, *_ in market.names(build).iter_rows():
        in_code = digits.isdigit() and code.lstrip("0").startswith(digits)
        if in_code or folded in name.casefold() or folded in (other or "").casefold():
            found.append(Identity(code, name, other))
    return found[:limit]


def companies(build: CachedBuild, code: str) -> list[Span]:
    """Return the companies that a code has meant, the first one first; none if it has meant one only (H12)."""
    return identities.spans(
        build, table="hk__identities", code_column="stock_code", name_column="stock_name", code=code
    )


def history(build: CachedBuild, code: str, *, span: Span = ALWAYS) -> pl.DataFrame:
    """Return the daily holding of a stock, oldest first.

    Columns: session_date, shareholding_shares, pct_of_issued, change_shares, change_pp, base_date, gap_sessions,
    day_state, robust_z, is_unusual. Changes are over one session, against `base_date`.
    """
    return build.query(
        """
        select h.session_date, h.shareholding_shares, h.pct_of_issued, m.change_shares, m.change_pp, m.base_date,
               m.gap_sessions,
               h.day_state, u.robust_z, coalesce(u.is_unusual, false) as is_unusual
        from hk__daily_holdings h
        left join hk__movers m on m.session_date = h.session_date and m.stock_code = h.stock_code
        and m.window_sessions = 1
        left join hk__unusual_changes u on u.session_date = h.session_date and u.stock_code = h.stock_code
        where h.market = ? and h.stock_code = ? and h.session_date between ? and ? order by h.session_date
        """,
        [market.MARKET, code, span.start, span.end],
    )


def changes(build: CachedBuild, code: str, *, span: Span = ALWAYS) -> pl.DataFrame:
    """Return the changes of a stock on its newest session over 1, 5 and 20 sessions: the rows of `hk__movers`."""
    return build.query(
        """
        select window_sessions, session_date, base_date, gap_sessions, change_shares, change_pct, change_pp
        from hk__movers
        where stock_code = ? and session_date = (
            select max(session_date) from hk__movers where stock_code = ? and session_date between ? and ?
        )
        order by window_sessions
        """,
        [code, code, span.start, span.end],
    )


def rank_by_share(build: CachedBuild, code: str) -> tuple[int, int] | None:
    """Return the rank of a stock by percent of issued shares on the newest session, and the number of ranked stocks."""
    frame = build.query(
        """
        with ranked as (
            select stock_code, rank() over (order by pct_of_issued desc) as place, count(*) over () as stocks
            from hk__daily_holdings where market = ? and pct_of_issued is not null
              and session_date = (select max(session_date) from hk__daily_holdings where market = ?)
        )
        select place, stocks from ranked where stock_code = ?
        """,
        [market.MARKET, market.MARKET, code],
    )
    return (frame["place"][0], frame["stocks"][0]) if frame.height else None


def listing_events(build: CachedBuild, code: str, *, span: Span = ALWAYS) -> pl.DataFrame:
    """Return when a stock entered or left the list, newest first: rows of `hk__additions_removals`."""
    return build.query(
        """
        select session_date, kind, direction, linked_stock_code, linked_stock_name, counter_role, counter_ratio,
               counter_confidence
        from hk__additions_removals
        where stock_code = ?
          and case direction when 'in' then session_date else coalesce(previous_date, session_date) end between ? and ?
        order by session_date desc
        """,
        [code, span.start, span.end],
    )


def participants(build: CachedBuild, code: str, *, span: Span = ALWAYS) -> pl.DataFrame:
    """Return who holds a stock on its newest participant list, largest first, with the change since the list before.

    Columns: session_date, participant_id, participant_name, participant_kind, shareholding_shares, holding_pct,
    change_shares, change_pp, base_date. No change row means no change. Empty if the stock is not on the watchlist.
    """
    return build.query(
        """
        select p.session_date, p.participant_id, p.participant_name, p.participant_kind, p.shareholding_shares,
               p.holding_pct,
               c.change_shares, c.change_pp, c.base_date
        from hk__participants_daily p
        left join hk__participant_changes c
          on c.session_date = p.session_date and c.stock_code = p.stock_code and c.participant_key = p.participant_key
        where p.stock_code = ? and p.session_date = (select max(session_date) from hk__participants_daily
        where stock_code = ? and session_date between ? and ?)
        order by p.shareholding_shares desc, p.line_no
        """,
        [code, code, span.start, span.end],
    )


def big_changes(build: CachedBuild, code: str, *, span: Span = ALWAYS) -> pl.DataFrame:
    """Return the participants' changes of more than 0.25 percentage points (H9), newest first."""
    return build.query(
        """
        select session_date, participant_key, participant_name, kind, change_shares, change_pp, holding_pct,
               previous_change_date
        from hk__participant_changes where stock_code = ? and is_big_change and session_date between ? and ?
        order by session_date desc, abs(change_pp) desc
        """,
        [code, span.start, span.end],
    )


def concentration(build: CachedBuild, code: str, *, span: Span = ALWAYS) -> pl.DataFrame:
    """Return the concentration of a stock by session, oldest first (H8).

    Columns: session_date, top5_pct, top10_pct, top10_with_unnamed_pct, ccass_stake_pct, southbound_pct, participants.
    """
    return build.query(
        """
        select session_date, top5_pct, top10_pct, top10_with_unnamed_pct, ccass_stake_pct, southbound_pct, participants
        from hk__concentration where stock_code = ? and session_date between ? and ? order by session_date
        """,
        [code, span.start, span.end],
    )
