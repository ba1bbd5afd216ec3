"""Questions about the Indonesian market as a whole.

Every function takes a `CachedBuild`. Broker lists are those of all investors on the board that `board` names. Value, volume
and Net Foreign are the regular board's. Money is in rupiah, lots are 100 shares, percentages in percent. What a reader
may ask of 90 million rows is bounded by sessions, which are values and never subqueries: only then does the scan skip
the other months' files.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Literal

import polars as pl

from dashboards.areas.idx.measures import Bounds
from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.provenance import has

INVESTOR = "all"
BOARDS = ("all", "RG", "TN", "NG")
"""In the order of preference."""
BROKER_LETTERS = 2
EMPTY_CELLS = {
    "broker_code": pl.String,
    "ticker_code": pl.String,
    "net_value_idr": pl.Int64,
    "net_lots": pl.Int64,
}


def sessions(build: CachedBuild) -> list[date]:
    """Return the sessions with market totals, oldest first; none in a build without the Indonesian marts."""
    if not has(build, "idx__market_totals"):
        return []
    return build.query("select session_date from idx__market_totals order by 1")["session_date"].to_list()


def boards(build: CachedBuild) -> tuple[str, ...]:
    """Return the boards that have broker lists, in the order of preference; none in a build without lists."""
    frame = build.query("select distinct board from idx__broker_league where buy_lots is not null")
    had = set(frame["board"])
    return tuple(name for name in BOARDS if name in had)


def board(build: CachedBuild) -> str:
    """Return the board whose broker lists the pages show: all boards together, else the regular one."""
    return next(iter(boards(build)), BOARDS[0])


def ticker_names(build: CachedBuild) -> pl.DataFrame:
    """Return every stock ever listed in these data by its newest name: ticker_code, company_name."""
    if not has(build, "idx__tickers"):
        return pl.DataFrame(schema={"ticker_code": pl.String, "company_name": pl.String})
    return build.query("select ticker_code, company_name from idx__tickers where is_current order by ticker_code")


def broker_names(build: CachedBuild) -> pl.DataFrame:
    """Return every broker by its newest name: broker_code, broker_name."""
    if not has(build, "idx__brokers"):
        return pl.DataFrame(schema={"broker_code": pl.String, "broker_name": pl.String})
    return build.query("select broker_code, broker_name from idx__brokers where is_current order by broker_code")


def looks_like_broker(text: str) -> bool:
    """Return whether a text has the form of a broker code."""
    return len(text.strip()) == BROKER_LETTERS


def bounds(build: CachedBuild) -> Bounds:
    """Return the bounds of the detector's labels, from the seed that the marts use too (B8)."""
    rows = dict(build.query("select label, from_pct from reference.detector_bounds").iter_rows())
    return Bounds(neutral=rows["Small"], small=rows["Normal"], normal=rows["Big"])


def totals(build: CachedBuild, *, start: date, end: date) -> pl.DataFrame:
    """Return the market's sessions from `start` to `end`, oldest first.

    Columns: session_date, value_idr, nonregular_value_idr, advancing, declining, unchanged, traded, listed, suspended,
    net_foreign_value_idr (an estimate), coverage_pct, lists and reconciled (null without broker lists).
    """
    return build.query(
        """
        select session_date, value_idr, nonregular_value_idr, advancers as advancing, decliners as declining, unchanged,
               traded, tickers as listed, suspended, net_foreign_value_idr, broker_coverage_pct as coverage_pct,
               broker_tickers as lists, reconciled_tickers as reconciled
        from idx__market_totals where session_date between ? and ? order by session_date
        """,
        [start, end],
    )


def stocks(build: CachedBuild, *, start: date, end: date, window: int) -> pl.DataFrame:
    """Return every stock of the sessions from `start` to `end`, largest value first.

    Columns: ticker_code, name, close_idr, change_pct (from the reference price of the first session, split-adjusted),
    value_idr, net_foreign_value_idr, pressure_pct, amount_idr, label (of the five largest on either side over `window`
    sessions to `end`, B6 to B8), buyers, sellers.
    """
    return build.query(
        """
        with summed as (
            select ticker_code, arg_max(company_name, session_date) as name,
                   arg_max(close_idr, session_date)::double as close_idr,
                   arg_min(previous_idr::double / adj_factor, session_date) as base_idr,
                   arg_max(close_idr::double / adj_factor, session_date) as last_idr,
                   sum(value_idr)::bigint as value_idr
            from idx__daily_prices where session_date between ? and ? group by ticker_code
        ), foreigners as (
            select ticker_code, sum(net_foreign_value_idr) as net_foreign_value_idr
            from idx__foreign_flow where session_date between ? and ? group by ticker_code
        ), pressed as (
            select ticker_code, top5_pct as pressure_pct, top5_amount_idr as amount_idr, top5_label as label, buyers,
                   sellers
            from idx__detector where session_date = ? and window_sessions = ? and board = ?
        )
        select s.ticker_code, s.name, s.close_idr, 100 * (s.last_idr / nullif(s.base_idr, 0) - 1) as change_pct,
               s.value_idr, f.net_foreign_value_idr, p.pressure_pct, p.amount_idr, p.label, p.buyers, p.sellers
        from summed s left join foreigners f using (ticker_code) left join pressed p using (ticker_code)
        order by s.value_idr desc, s.ticker_code
        """,
        [start, end, start, end, end, window, board(build)],
    )


def ranked(stocks: pl.DataFrame, *, sign: Literal[1, -1], count: int) -> pl.DataFrame:
    """Return the `count` largest amounts of accumulation (1) or distribution (-1), the largest first; ties by code."""
    return (
        stocks.filter(sign * pl.col("amount_idr") > 0)
        .sort((sign * pl.col("amount_idr")), "ticker_code", descending=[True, False])
        .head(count)
    )


def largest_brokers(build: CachedBuild, *, start: date, end: date, count: int) -> list[str]:
    """Return the brokers that bought and sold most over the range, the largest first."""
    frame = build.query(
        """
        select broker_code from idx__broker_league
        where session_date between ? and ? and board = ? and gross_value_idr is not null
        group by broker_code order by sum(gross_value_idr) desc, broker_code limit ?
        """,
        [start, end, board(build), count],
    )
    return frame["broker_code"].to_list()


def matrix(
    build: CachedBuild, *, start: date, end: date, brokers: Sequence[str], tickers: Sequence[str]
) -> pl.DataFrame:
    """Return net value and net lots of brokers by stock over the range (B1).

    Columns: broker_code, ticker_code, net_value_idr, net_lots; pairs without trades are missing.
    """
    if not brokers or not tickers:
        return pl.DataFrame(schema=EMPTY_CELLS)
    some_tickers, some_brokers = ", ".join("?" * len(tickers)), ", ".join("?" * len(brokers))
    return build.query(
        f"""
        select broker_code, ticker_code, sum(net_value_idr)::bigint as net_value_idr, sum(net_lots)::bigint as net_lots
        from idx__broker_daily_flow
        where session_date between ? and ? and ticker_code in ({some_tickers}) and broker_code in ({some_brokers})
          and board = ? and investor_type = ?
        group by broker_code, ticker_code
        """,  # noqa: S608 - only question marks are filled in
        [start, end, *tickers, *brokers, board(build), INVESTOR],
    )


def closes(build: CachedBuild, *, end: date) -> pl.DataFrame:
    """Return the adjusted close of every stock on a session: ticker_code, name, close_idr."""
    return build.query(
        "select ticker_code, company_name as name, close_idr::double / adj_factor as close_idr "
        "from idx__daily_prices where session_date = ? order by ticker_code",
        [end],
    )
