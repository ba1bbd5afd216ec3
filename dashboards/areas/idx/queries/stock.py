"""Questions about one Indonesian stock over a range of sessions.

Codes are upper case. Every question about broker lists names the stock and the range first: the finest grain is read
from files sorted by stock and session. Lots are 100 shares, money is in rupiah, percentages in percent. Adjusted prices
and lots are in the newest session's shares. A question about broker lists takes a board; None is that of `market.board`.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import polars as pl

from dashboards.areas.idx.measures import TOPS, Detector, Top
from dashboards.areas.idx.queries import market
from dashboards.areas.idx.queries.market import INVESTOR
from dashboards.ui import identities
from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.identities import ALWAYS, Span


class Identity(NamedTuple):
    """A stock that is or was listed."""

    ticker_code: str
    company_name: str | None


def find(build: CachedBuild, text: str) -> Identity | None:
    """Return the stock that a code in any case, or a whole company name, belongs to; None if there is none."""
    folded = text.strip().casefold()
    for code, name in market.ticker_names(build).iter_rows():
        if folded and folded in {code.casefold(), (name or "").casefold()}:
            return Identity(code, name)
    return None


def similar(build: CachedBuild, text: str, *, limit: int = 8) -> list[Identity]:
    """Return stocks whose code begins like the text, or whose name contains it, by code."""
    folded = text.strip().casefold()
    if not folded:
        return []
    return [
        Identity(code, name)
        for code, name in market.ticker_names(build).iter_rows()
        if code.casefold().startswith(folded[:2]) or folded in (name or "").casefold()
    ][:limit]


def companies(build: CachedBuild, code: str) -> list[Span]:
    """Return the companies that a code has meant, the first one first; none if it has meant one only (B22)."""
    return identities.spans(
        build, table="idx__identities", code_column="ticker_code", name_column="company_name", code=code
    )


def sessions(build: CachedBuild, code: str, *, span: Span = ALWAYS) -> list[date]:
    """Return the sessions from the first to the last that have a stock, or one company of its code, oldest first."""
    seen = build.query(
        "select min(first_seen) as first, max(last_seen) as last from idx__tickers where ticker_code = ?", [code]
    ).row(0, named=True)
    if seen["first"] is None:
        return []
    first, last = max(seen["first"], span.start), min(seen["last"], span.end)
    return [day for day in market.sessions(build) if first <= day <= last]


def prices(build: CachedBuild, code: str, *, start: date, end: date) -> pl.DataFrame:
    """Return prices, volume and foreign flow by session, oldest first.

    Columns: session_date, previous_idr, open_idr, high_idr, low_idr, close_idr (adjusted), last_idr (as quoted),
    volume_lots (adjusted), value_idr, net_foreign_value_idr (an estimate), page_net_foreign_value_idr (F. NVal of the
    broker page; null without one), trading_state.
    """
    return build.query(
        """
        select p.session_date, p.previous_idr::double / p.adj_factor as previous_idr,
               p.open_idr::double / p.adj_factor as open_idr, p.high_idr::double / p.adj_factor as high_idr,
               p.low_idr::double / p.adj_factor as low_idr, p.close_idr::double / p.adj_factor as close_idr,
               p.close_idr::double as last_idr, p.volume_shares / 100.0 * p.adj_factor as volume_lots, p.value_idr,
               f.net_foreign_value_idr, f.page_net_foreign_value_idr, p.trading_state
        from idx__daily_prices p
        left join idx__foreign_flow f
          on f.session_date = p.session_date and f.ticker_code = ? and f.session_date between ? and ?
        where p.ticker_code = ? and p.session_date between ? and ? order by p.session_date
        """,
        [code, start, end, code, start, end],
    )


def brokers(build: CachedBuild, code: str, *, start: date, end: date, board: str | None = None) -> pl.DataFrame:
    """Return what every broker bought and sold over the range: sums first, averages from the sums (B1, B3).

    Columns: broker_code, broker_name, broker_type, buy_lots, buy_value_idr, sell_lots, sell_value_idr, net_lots,
    net_value_idr, buy_average_idr, sell_average_idr.
    """
    return build.query(
        """
        with summed as (
            select broker_code, sum(buy_lots)::bigint as buy_lots, sum(buy_value_idr)::bigint as buy_value_idr,
                   sum(sell_lots)::bigint as sell_lots, sum(sell_value_idr)::bigint as sell_value_idr
            from idx__broker_daily_flow
            where ticker_code = ? and session_date between ? and ? and board = ? and investor_type = ?
            group by broker_code
        )
        select s.broker_code, b.broker_name, b.broker_type, s.buy_lots, s.buy_value_idr, s.sell_lots, s.sell_value_idr,
               coalesce(s.buy_lots, 0) - coalesce(s.sell_lots, 0) as net_lots,
               coalesce(s.buy_value_idr, 0) - coalesce(s.sell_value_idr, 0) as net_value_idr,
               s.buy_value_idr / (100.0 * nullif(s.buy_lots, 0)) as buy_average_idr,
               s.sell_value_idr / (100.0 * nullif(s.sell_lots, 0)) as sell_average_idr
        from summed s left join idx__brokers b on b.broker_code = s.broker_code and b.is_current
        order by s.broker_code
        """,
        [code, start, end, board or market.board(build), INVESTOR],
    )


def detector(build: CachedBuild, code: str, *, start: date, end: date, board: str | None = None) -> Detector:
    """Return the detector over a range (B4 to B8), from the published macro."""
    columns = [f"top{n}_{part}" for n in TOPS for part in ("lots", "pct", "amount_idr", "label")]
    found = build.query(
        f"select buyers, sellers, net_lots, net_value_idr, average_idr, {', '.join(columns)}"  # noqa: S608 - our own names
        " from idx_detector(?, ?, ?, on_board := ?)",
        [code, start, end, board or market.board(build)],
    )
    row = found.row(0, named=True) if found.height else dict.fromkeys(found.columns)
    return Detector(
        buyers=row["buyers"] or 0,
        sellers=row["sellers"] or 0,
        net_lots=row["net_lots"] or 0,
        net_value_idr=row["net_value_idr"] or 0,
        average_idr=row["average_idr"],
        tops=tuple(
            Top(
                brokers=n,
                pressure_lots=row[f"top{n}_lots"] or 0,
                percent=row[f"top{n}_pct"],
                amount_idr=row[f"top{n}_amount_idr"],
                label=row[f"top{n}_label"],
            )
            for n in TOPS
        ),
    )


def adjusted(build: CachedBuild, code: str, *, start: date, end: date, board: str | None = None) -> pl.DataFrame:
    """Return each broker's net lots by session, adjusted: session_date, broker_code, net_lots (B12)."""
    return build.query(
        """
        select session_date, broker_code, round(net_lots * adj_factor)::bigint as net_lots
        from idx__broker_daily_flow
        where ticker_code = ? and session_date between ? and ? and board = ? and investor_type = ?
        """,
        [code, start, end, board or market.board(build), INVESTOR],
    )


def lists(build: CachedBuild, code: str, *, start: date, end: date, board: str | None = None) -> pl.DataFrame:
    """Return what the broker lists of a range are worth, oldest first; a session without trades has no row.

    Columns: session_date, state, is_reconciled, is_censored (null without a list), exchange_lots, visible_buy_lots,
    visible_sell_lots, coverage_pct.
    """
    return build.query(
        """
        select session_date, state, is_reconciled, is_censored, exchange_lots, visible_buy_lots, visible_sell_lots,
               coverage_pct
        from idx__reconciliation
        where ticker_code = ? and session_date between ? and ? and board = ?
        order by session_date
        """,
        [code, start, end, board or market.board(build)],
    )


def days(build: CachedBuild, code: str, *, start: date, end: date, board: str | None = None) -> pl.DataFrame:
    """Return the sessions of a range as a table, oldest first.

    Columns: session_date, state, close_idr, change_pct, value_idr, net_foreign_value_idr (an estimate),
    page_net_foreign_value_idr (F. NVal), foreign_broker_net_value_idr, label and pressure_pct of the five largest on
    either side (one session), coverage_pct (null for a board of which the exchange states only a sum), list_state.
    """
    chosen, span = board or market.board(build), (code, start, end)
    return build.query(
        """
        with prices as (
            select session_date, trading_state, close_idr, change_pct, value_idr from idx__daily_prices
            where ticker_code = ? and session_date between ? and ?
        ), foreigners as (
            select session_date, net_foreign_value_idr, page_net_foreign_value_idr, foreign_broker_net_value_idr
            from idx__foreign_flow where ticker_code = ? and session_date between ? and ?
        ), pressed as (
            select session_date, top5_label as label, top5_pct as pressure_pct from idx__detector
            where ticker_code = ? and session_date between ? and ? and window_sessions = 1 and board = ?
        ), lists as (
            select session_date, state as list_state,
                   case when state <> 'bounded' then coverage_pct end as coverage_pct
            from idx__reconciliation
            where ticker_code = ? and session_date between ? and ? and board = ?
        )
        select p.session_date, replace(p.trading_state, '_', ' ') as state, p.close_idr, p.change_pct, p.value_idr,
               f.* exclude (session_date), d.* exclude (session_date), l.* exclude (session_date)
        from prices p left join foreigners f using (session_date) left join pressed d using (session_date)
        left join lists l using (session_date) order by p.session_date
        """,
        [*span, *span, *span, chosen, *span, chosen],
    )


def events(build: CachedBuild, code: str, *, span: Span = ALWAYS) -> pl.DataFrame:
    """Return what befell a listing, newest first: session_date, what."""
    return build.query(
        """
        with spans as (
            select *, lag(company_name) over (order by valid_from) as before from idx__tickers
            where ticker_code = ? and valid_from between ? and ?
        )
        select listed_from as session_date, 'new listing' as what from spans where is_current and listed_from is not null
        union all
        select valid_from, 'renamed from ' || before from spans where before is not null
        union all
        select coalesce(delisting_date, last_seen), 'left the exchange''s list' from spans
        where is_current and is_delisted
        union all
        select session_date, 'split: ' || printf('%g', split_factor) || ' shares for one' from idx__daily_prices
        where ticker_code = ? and split_factor is not null and session_date between ? and ?
        order by 1 desc, 2
        """,
        [code, span.start, span.end, code, span.start, span.end],
    )
