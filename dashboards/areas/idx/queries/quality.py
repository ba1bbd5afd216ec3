"""Questions about the Indonesian broker lists: how much of the exchange's lots they show, and which do not add up."""

from __future__ import annotations

from datetime import date

import polars as pl

from dashboards.areas.idx.queries.market import board, sessions
from dashboards.ui.build_cache import CachedBuild


def by_session(build: CachedBuild, *, last_sessions: int) -> pl.DataFrame:
    """Return the newest sessions, newest first.

    Columns: session_date, traded, lists, reconciled, unreconciled, cut (lists that may show the ten largest only),
    coverage_pct (all lots together), least_coverage_pct with least_ticker, missing_lots (of each stock's larger gap; none
    of a list that reconciles), market_difference_idr (value on the lists less the exchange's own totals of the brokers,
    both counted on both sides; null where one of them was not had). Without any session there is no row, and session_date
    the only column.
    """
    days = sessions(build)[-last_sessions:]
    if not days:
        return pl.DataFrame(schema={"session_date": pl.Date})
    first, last = days[0], days[-1]
    return build.query(
        """
        with lists as (
            select session_date, count(visible_buy_lots) as lists, count(*) filter (where is_reconciled) as reconciled,
                   count(*) filter (where state in ('mismatch', 'no_broker_table', 'no_exchange_row')) as unreconciled,
                   count(*) filter (where state = 'cut_list') as cut,
                   sum(coverage_pct * exchange_lots) / nullif(sum(exchange_lots), 0) as coverage_pct,
                   min(coverage_pct) as least_coverage_pct,
                   case when min(coverage_pct) < 100 then arg_min(ticker_code, coverage_pct) end as least_ticker,
                   sum(case when is_reconciled then 0 else greatest(coalesce(buy_difference_lots, exchange_lots, 0),
                         coalesce(sell_difference_lots, exchange_lots, 0), 0) end) as missing_lots
            from idx__reconciliation
            where session_date between ? and ? and (board = ? or state = 'no_broker_table') group by session_date
        ), wide as (
            select session_date, (sum(gross_value_idr) - sum(market_value_idr))::bigint as market_difference_idr
            from idx__broker_league where session_date between ? and ? and board = 'all' group by session_date
        )
        select m.session_date, m.traded, l.* exclude (session_date), w.market_difference_idr
        from idx__market_totals m left join lists l using (session_date) left join wide w using (session_date)
        where m.session_date between ? and ? order by m.session_date desc
        """,
        [first, last, board(build), first, last, first, last],
    )


def differing(build: CachedBuild, *, session: date) -> pl.DataFrame:
    """Return the lists of a session that do not reconcile or are cut, the worst first.

    Columns: ticker_code, state, brokers, exchange_lots, visible_buy_lots, visible_sell_lots, buy_difference_lots,
    sell_difference_lots, buy_difference_idr, coverage_pct.
    """
    return build.query(
        """
        select ticker_code, state, brokers, exchange_lots, visible_buy_lots, visible_sell_lots, buy_difference_lots,
               sell_difference_lots, buy_difference_idr, coverage_pct
        from idx__reconciliation
        where session_date = ? and (board = ? or state = 'no_broker_table') and not is_reconciled
        order by state = 'cut_list', coverage_pct, ticker_code
        """,
        [session, board(build)],
    )
