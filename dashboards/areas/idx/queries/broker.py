"""Questions about brokers: the league table, and one broker across all stocks.

A broker's rows lie scattered over all stocks: a question about one reads the whole range, so ranges here are short.
Lots are 100 shares, money is in whole rupiah, percentages in percent.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import polars as pl

from dashboards.areas.idx.queries.market import INVESTOR, board
from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.provenance import has


class Identity(NamedTuple):
    """A broker, and how sure its type is."""

    broker_code: str
    broker_name: str | None
    broker_type: str | None
    confidence: str | None


def _one_company(build: CachedBuild, table: str) -> str:
    """Return the condition, with the end of the range as its parameter, that a row is of the company that has the code then.

    What another company did under the same code before is left out (B22).
    """
    if not has(build, "idx__identities"):
        return "? is not null"
    return f"""not exists (
        select 1 from idx__identities i
        where i.ticker_code = {table}.ticker_code and i.valid_from > {table}.session_date and i.valid_from <= ?
    )"""  # noqa: S608 - our own names


def _all(build: CachedBuild) -> list[Identity]:
    if not has(build, "idx__brokers"):
        return []
    frame = build.query(
        "select broker_code, broker_name, broker_type, type_confidence from idx__brokers where is_current order by 1"
    )
    return [Identity(*row) for row in frame.iter_rows()]


def find(build: CachedBuild, text: str) -> Identity | None:
    """Return the broker with a code, in any case, or with a whole name; None if there is none."""
    folded = text.strip().casefold()
    for one in _all(build):
        if folded and folded in {one.broker_code.casefold(), (one.broker_name or "").casefold()}:
            return one
    return None


def similar(build: CachedBuild, text: str, *, limit: int = 8) -> list[Identity]:
    """Return brokers whose code begins like the text, or whose name contains it, by code."""
    folded = text.strip().casefold()
    if not folded:
        return []
    return [
        one
        for one in _all(build)
        if one.broker_code.casefold().startswith(folded[:1]) or folded in (one.broker_name or "").casefold()
    ][:limit]


def kind_words(one: Identity) -> str:
    """Return a broker's type in words, with its confidence."""
    words = {"foreign": "Foreign broker", "local": "Local broker", "bumn": "BUMN (state-owned) broker"}
    known = words.get((one.broker_type or "").casefold())
    return "Broker of unknown type" if known is None else f"{known} ({one.confidence or 'unrated'} confidence)"


def league(build: CachedBuild, *, start: date, end: date) -> pl.DataFrame:
    """Return all brokers of a range, the largest first.

    Columns: place, broker_code, broker_name, broker_type, buy_value_idr, sell_value_idr, net_value_idr, share_pct,
    market_value_idr (the exchange's own total, all boards, every trade on both sides; null where it was not had).
    """
    return build.query(
        """
        with summed as (
            select broker_code, sum(buy_value_idr)::bigint as buy_value_idr, sum(sell_value_idr)::bigint as sell_value_idr,
                   sum(net_value_idr)::bigint as net_value_idr, sum(gross_value_idr)::bigint as gross_value_idr
            from idx__broker_league where session_date between ? and ? and board = ? group by broker_code
        ), published as (
            select broker_code, sum(market_value_idr)::bigint as market_value_idr
            from idx__broker_league where session_date between ? and ? and board = 'all' group by broker_code
        )
        select row_number() over (order by s.gross_value_idr desc nulls last, p.market_value_idr desc, broker_code)::integer
                 as place,
               broker_code, b.broker_name, b.broker_type, s.buy_value_idr, s.sell_value_idr, s.net_value_idr,
               100.0 * s.gross_value_idr / sum(s.gross_value_idr) over () as share_pct, p.market_value_idr
        from summed s full join published p using (broker_code)
        left join idx__brokers b using (broker_code)
        where coalesce(b.is_current, true) order by place
        """,
        [start, end, board(build), start, end],
    )


def league_days(build: CachedBuild, code: str, *, start: date, end: date) -> pl.DataFrame:
    """Return a broker's sessions, oldest first: session_date, net_value_idr, share_pct, place."""
    return build.query(
        """
        select session_date, net_value_idr, share_pct, place from idx__broker_league
        where broker_code = ? and session_date between ? and ? and board = ? order by session_date
        """,
        [code, start, end, board(build)],
    )


def stocks(build: CachedBuild, code: str, *, start: date, end: date) -> pl.DataFrame:
    """Return what a broker bought and sold over the range by stock, largest value first (B1, B3).

    Columns: ticker_code, name, buy_value_idr, sell_value_idr, net_value_idr, net_lots, buy_average_idr,
    sell_average_idr, share_pct (of all that was bought and sold of the stock).
    """
    return build.query(
        f"""
        with summed as (
            select ticker_code, sum(buy_lots)::bigint as buy_lots, sum(buy_value_idr)::bigint as buy_value_idr,
                   sum(sell_lots)::bigint as sell_lots, sum(sell_value_idr)::bigint as sell_value_idr
            from idx__broker_daily_flow
            where session_date between ? and ? and broker_code = ? and board = ? and investor_type = ?
              and {_one_company(build, "idx__broker_daily_flow")}
            group by ticker_code
        ), traded as (
            select ticker_code, arg_max(company_name, session_date) as name,
                   sum(case ? when 'RG' then value_idr when 'all' then value_idr + nonregular_value_idr end)::bigint
                     as value_idr
            from idx__daily_prices where session_date between ? and ?
              and {_one_company(build, "idx__daily_prices")}
            group by ticker_code
        )
        select s.ticker_code, t.name, s.buy_value_idr, s.sell_value_idr,
               coalesce(s.buy_value_idr, 0) - coalesce(s.sell_value_idr, 0) as net_value_idr,
               coalesce(s.buy_lots, 0) - coalesce(s.sell_lots, 0) as net_lots,
               s.buy_value_idr / (100.0 * nullif(s.buy_lots, 0)) as buy_average_idr,
               s.sell_value_idr / (100.0 * nullif(s.sell_lots, 0)) as sell_average_idr,
               100.0 * (coalesce(s.buy_value_idr, 0) + coalesce(s.sell_value_idr, 0)) / nullif(2 * t.value_idr, 0)
                 as share_pct
        from summed s left join traded t using (ticker_code)
        order by coalesce(s.buy_value_idr, 0) + coalesce(s.sell_value_idr, 0) desc, s.ticker_code
        """,  # noqa: S608 - our own condition
        [start, end, code, board(build), INVESTOR, end, board(build), start, end, end],
    )


def adjusted(build: CachedBuild, code: str, *, start: date, end: date) -> pl.DataFrame:
    """Return a broker's net lots and average prices by stock and session, in the newest session's shares (B12, B13).

    Columns: ticker_code, session_date, net_lots, buy_average_idr, sell_average_idr.
    """
    return build.query(
        f"""
        select ticker_code, session_date, round(net_lots * adj_factor)::bigint as net_lots,
               buy_average_idr / adj_factor as buy_average_idr, sell_average_idr / adj_factor as sell_average_idr
        from idx__broker_daily_flow
        where session_date between ? and ? and broker_code = ? and board = ? and investor_type = ?
          and {_one_company(build, "idx__broker_daily_flow")}
        """,  # noqa: S608 - our own condition
        [start, end, code, board(build), INVESTOR, end],
    )
