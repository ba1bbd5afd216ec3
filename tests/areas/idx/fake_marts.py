"""The Indonesian marts over the sessions of `fake_market`, with the columns that pages read.

The arithmetic of the marts is tested elsewhere. Names of columns are held to the documents of the marts by a test.
"""

from __future__ import annotations

from datetime import date

import duckdb
import polars as pl

from tests.areas.idx import fake_market
from tests.areas.idx.fake_market import BROKEN, CUT, MISSING_LOTS

SOURCE = "idx_brokers"
TABLES = ("stock_summary", "broker_summary_market", "members", "broker_trades")

_FLOW = """
create schema if not exists reference;
create schema if not exists intermediate;
create table reference.detector_bounds as
select * from (values ('Neutral', 0.0), ('Small', 6.0), ('Normal', 12.5), ('Big', 20.0)) b(label, from_pct);
create table intermediate.idx_flow as
select session_date, ticker_code, 'all' as board, 'all' as investor_type, broker_code,
       buy_lots::bigint as buy_lots, sell_lots::bigint as sell_lots, (buy_lots - sell_lots)::bigint as net_lots,
       buy_value::bigint as buy_value_idr, sell_value::bigint as sell_value_idr,
       (buy_value - sell_value)::bigint as net_value_idr, buy_value / (100.0 * nullif(buy_lots, 0)) as buy_average_idr,
       sell_value / (100.0 * nullif(sell_lots, 0)) as sell_average_idr, 1::bigint as lots_step,
       1::bigint as value_step_idr, ticker_code = '{cut}' and session_date = (select max(session_date) from flows)
         as is_censored,
       null::varchar as broker_type_shown, 1.0::double as adj_factor
from flows where not (ticker_code = '{broken}' and broker_code = 'YP'
  and session_date = (select max(session_date) from flows));
create view idx__broker_daily_flow as select * from intermediate.idx_flow;
comment on view idx__broker_daily_flow is 'What each broker bought and sold of each share.';
"""

_PRICES = """
create table intermediate.idx_prices as
select session_date, ticker_code, name as company_name, state as trading_state, open::decimal(18,2) as open_idr,
       high::decimal(18,2) as high_idr, low::decimal(18,2) as low_idr, close::decimal(18,2) as close_idr,
       previous::decimal(18,2) as previous_idr, (close - previous)::decimal(18,2) as change_idr,
       100.0 * (close - previous) / previous as change_pct, volume_lots * 100 as volume_shares, value as value_idr,
       trades, 0::bigint as nonregular_value_idr, 1.0::double as adj_factor, null::double as split_factor
from prices;
create view idx__daily_prices as select * from intermediate.idx_prices;
create table idx__foreign_flow as
select session_date, ticker_code, (foreign_buy_lots * 100)::bigint as foreign_buy_shares,
       (foreign_sell_lots * 100)::bigint as foreign_sell_shares,
       ((foreign_buy_lots - foreign_sell_lots) * 100)::bigint as net_foreign_shares,
       ((foreign_buy_lots - foreign_sell_lots) * 100 * close)::double as net_foreign_value_idr, true as is_estimate,
       (round((foreign_buy_lots - foreign_sell_lots) * close / 1e6) * 1e8)::bigint as page_net_foreign_value_idr,
       b.foreign_broker_net_value_idr,
       sum((foreign_buy_lots - foreign_sell_lots) * 100.0 * close) over (w rows 4 preceding) as flow_5_idr,
       sum((foreign_buy_lots - foreign_sell_lots) * 100.0 * close) over (w rows 19 preceding) as flow_20_idr,
       avg((foreign_buy_lots - foreign_sell_lots) * 100.0 * close) over (w rows 9 preceding) as ma10_idr,
       avg((foreign_buy_lots - foreign_sell_lots) * 100.0 * close) over (w rows 19 preceding) as ma20_idr,
       case when volume_lots > 0 then (hash(ticker_code) % 11)::integer - 4 end as streak_sessions
from prices left join (
    select session_date, ticker_code, sum(net_value_idr)::bigint as foreign_broker_net_value_idr
    from intermediate.idx_flow join brokers using (broker_code) where broker_type = 'foreign' group by all
) b using (session_date, ticker_code)
window w as (partition by ticker_code order by session_date);
"""

_DETECTOR = """
create table intermediate.idx_detector as
with days as (select session_date, row_number() over (order by session_date) as n
              from (select distinct session_date from prices)),
summed as (
    select e.session_date, f.ticker_code, w.window_sessions, f.broker_code, sum(f.net_lots)::bigint as nl,
           sum(f.net_value_idr)::bigint as nv
    from days e cross join (values (1), (5), (20)) w(window_sessions)
    join days d on d.n between e.n - w.window_sessions + 1 and e.n join intermediate.idx_flow f on f.session_date = d.session_date
    where e.n >= (select max(n) from days) - 10 or w.window_sessions = 1
    group by all
), placed as (
    select *, row_number() over (partition by session_date, ticker_code, window_sessions order by nv desc) as up,
           row_number() over (partition by session_date, ticker_code, window_sessions order by nv) as down
    from summed
), pressed as (
    select session_date, ticker_code, window_sessions, count(*) filter (where nv > 0)::integer as buyers,
           count(*) filter (where nv < 0)::integer as sellers, (sum(nl) filter (where nv > 0))::bigint as net_lots,
           sum(greatest(nv, 0))::bigint as net_value_idr,
           (coalesce(sum(nl) filter (where up <= 5 and nv > 0), 0)
            + coalesce(sum(nl) filter (where down <= 5 and nv < 0), 0))::bigint as top5_lots
    from placed group by all
)
select session_date, ticker_code, 'all' as board, window_sessions::integer as window_sessions, buyers, sellers, net_lots,
       net_value_idr, top5_lots, 100.0 * top5_lots / nullif(net_lots, 0) as top5_pct,
       top5_lots * net_value_idr / nullif(net_lots, 0)::double as top5_amount_idr,
       case when net_lots = 0 then null when abs(100.0 * top5_lots / net_lots) < 6 then 'Neutral'
       else case when abs(100.0 * top5_lots / net_lots) < 12.5 then 'Small'
                 when abs(100.0 * top5_lots / net_lots) < 20 then 'Normal' else 'Big' end
            || case when top5_lots > 0 then ' Acc' else ' Dist' end end as top5_label
from pressed;
create view idx__detector as select * from intermediate.idx_detector;
"""

_TOP = """
       sums.top{n}_lots, 100.0 * sums.top{n}_lots / nullif(net_lots, 0) as top{n}_pct,
       sums.top{n}_lots * net_value_idr / nullif(net_lots, 0)::double as top{n}_amount_idr,
       case when net_lots = 0 then null when abs(100.0 * sums.top{n}_lots / net_lots) < 6 then 'Neutral'
       else case when abs(100.0 * sums.top{n}_lots / net_lots) < 12.5 then 'Small'
                 when abs(100.0 * sums.top{n}_lots / net_lots) < 20 then 'Normal' else 'Big' end
            || case when sums.top{n}_lots > 0 then ' Acc' else ' Dist' end end as top{n}_label"""

_MACRO = """
create macro idx_detector(ticker, first_session, last_session, on_board := 'all') as table (
with summed as (
    select broker_code, sum(net_lots)::bigint as nl, sum(net_value_idr)::bigint as nv from idx__broker_daily_flow
    where ticker_code = ticker and session_date between first_session and last_session and board = on_board group by 1
), placed as (
    select *, row_number() over (order by nv desc) as up, row_number() over (order by nv) as down from summed
), sums as (
    select count(*) filter (where nv > 0)::integer as buyers, count(*) filter (where nv < 0)::integer as sellers,
           (sum(nl) filter (where nv > 0))::bigint as net_lots, sum(greatest(nv, 0))::bigint as net_value_idr, {sums}
    from placed
)
select buyers, sellers, net_lots, net_value_idr, net_value_idr / (100.0 * nullif(net_lots, 0)) as average_idr, {tops}
from sums where net_lots is not null)
""".format(  # noqa: S608 - our own names
    sums=", ".join(
        f"(coalesce(sum(nl) filter (where up <= {n} and nv > 0), 0)"
        f" + coalesce(sum(nl) filter (where down <= {n} and nv < 0), 0))::bigint as top{n}_lots"
        for n in (1, 3, 5, 10)
    ),
    tops=", ".join(_TOP.format(n=n) for n in (1, 3, 5, 10)),
)

_LISTS = """
create table idx__reconciliation as
with seen as (
    select session_date, ticker_code, sum(buy_lots)::bigint as buy, sum(sell_lots)::bigint as sell,
           count(*)::integer as brokers, bool_or(is_censored) as is_censored
    from intermediate.idx_flow group by all
), cut as (
    select *, case when is_censored then buy - {missing} else buy end as visible_buy_lots,
           case when is_censored then sell - {missing} else sell end as visible_sell_lots
    from seen
)
select p.session_date, p.ticker_code, 'all' as board,
       case when c.brokers is null then 'no_broker_table' when c.is_censored then 'cut_list'
            when visible_buy_lots = volume_lots and visible_sell_lots = volume_lots then 'reconciled'
            else 'mismatch' end as state,
       coalesce(visible_buy_lots = volume_lots and visible_sell_lots = volume_lots, false) as is_reconciled,
       c.is_censored, c.brokers, volume_lots::double as exchange_lots, value as exchange_value_idr,
       visible_buy_lots::bigint as visible_buy_lots, visible_sell_lots::bigint as visible_sell_lots,
       (volume_lots - visible_buy_lots)::double as buy_difference_lots,
       (volume_lots - visible_sell_lots)::double as sell_difference_lots,
       ((volume_lots - visible_buy_lots) * 100 * close)::bigint as buy_difference_idr,
       100.0 * least(visible_buy_lots, visible_sell_lots) / volume_lots as coverage_pct
from prices p left join cut c using (session_date, ticker_code) where p.volume_lots > 0;
create table idx__market_totals as
select p.session_date, count(*)::integer as tickers, count(*) filter (where volume_lots > 0)::integer as traded,
       count(*) filter (where p.state = 'no_trade')::integer as no_trade,
       count(*) filter (where p.state = 'suspended')::integer as suspended,
       count(*) filter (where volume_lots > 0 and close > previous)::integer as advancers,
       count(*) filter (where volume_lots > 0 and close < previous)::integer as decliners,
       count(*) filter (where volume_lots > 0 and close = previous)::integer as unchanged,
       sum(value)::bigint as value_idr, (sum(value) / 8)::bigint as nonregular_value_idr,
       sum(f.net_foreign_value_idr) as net_foreign_value_idr,
       100.0 * sum(least(r.visible_buy_lots, r.visible_sell_lots)) / sum(r.exchange_lots) as broker_coverage_pct,
       count(r.visible_buy_lots)::integer as broker_tickers,
       count(*) filter (where r.is_reconciled)::integer as reconciled_tickers,
       count(*) filter (where r.state = 'mismatch')::integer as unreconciled_tickers
from prices p left join idx__foreign_flow f using (session_date, ticker_code)
left join idx__reconciliation r using (session_date, ticker_code) group by p.session_date;
"""

_BROKERS = """
create table idx__broker_league as
select session_date, 'all' as board, broker_code, any_value(broker_name) as broker_name,
       count(*)::integer as tickers, sum(buy_lots)::bigint as buy_lots, sum(sell_lots)::bigint as sell_lots,
       sum(buy_value_idr)::bigint as buy_value_idr, sum(sell_value_idr)::bigint as sell_value_idr,
       sum(buy_value_idr + sell_value_idr)::bigint as gross_value_idr, sum(net_value_idr)::bigint as net_value_idr,
       100.0 * sum(buy_value_idr + sell_value_idr)
         / sum(sum(buy_value_idr + sell_value_idr)) over (partition by session_date) as share_pct,
       (row_number() over (partition by session_date order by sum(buy_value_idr + sell_value_idr) desc))::integer
         as place,
       (sum(buy_value_idr + sell_value_idr) * 1.02)::bigint as market_value_idr
from intermediate.idx_flow join brokers using (broker_code) group by session_date, broker_code;
create table idx__brokers as
select broker_code, broker_name, (select min(session_date) from prices) as valid_from, null::date as valid_to,
       true as is_current, broker_type, 'high' as type_confidence, 'invented' as type_source from brokers;
create table idx__tickers as
select ticker_code, max(name) as company_name, min(session_date) as valid_from, null::date as valid_to,
       true as is_current, min(session_date) as first_seen,
       case when min(session_date) > (select min(session_date) from prices) then min(session_date) end as listed_from,
       max(session_date) as last_seen, max(session_date) < (select max(session_date) from prices) as is_delisted,
       null::date as delisting_date
from prices group by ticker_code;
create table idx__identities as
with days as (select session_date, row_number() over (order by session_date) as n from (select distinct session_date from prices))
select '{reused}' as ticker_code, n::integer as identity_no, if(n = 1, 'Before Tbk.', 'Sampel 09') as company_name,
       (select session_date from days where days.n = {reused_from} and r.n = 2) as valid_from,
       (select session_date from days where days.n = {reused_from} - 1 and r.n = 1) as valid_to, n = 2 as is_current,
       n = 2 as needs_review
from range(1, 3) r(n) where (select count(*) from days) >= {reused_from};
create table idx__signals as
select session_date, ticker_code, 'big_accumulation' as signal, 'up' as expects from idx__detector
where window_sessions = 5 and top5_pct >= 20
union all
select session_date, ticker_code, 'foreign_streak', 'up' from idx__foreign_flow where streak_sessions >= 5
union all
select session_date, ticker_code, 'unusual_flow', 'up' from idx__foreign_flow where ticker_code = 'GOTO';
create table idx__unusual_flow as
select session_date, ticker_code, 'all' as board, 'YP' as broker_code, 4.25::double as robust_z
from idx__signals where signal = 'unusual_flow';
create table idx__signal_base_rates as
select * from (values ('big_accumulation', 5, 'up', 452, 12, 44.2, 43.1, 1.1, 0.2),
  ('big_accumulation', 20, 'up', 440, 24, 46.0, 44.9, 1.1, 0.3), ('stealth_accumulation', 5, 'up', 98, 2, 43.9, 43.1,
  0.8, -0.1), ('distribution_into_strength', 5, 'down', 12, 1, 58.3, 51.0, 7.3, 1.0),
  ('foreign_streak', 5, 'up', 803, 9, 42.9, 43.1, -0.2, 0.0), ('unusual_flow', 5, 'up', 0, 3, null, null, null, null))
  r(signal, horizon_sessions, expects, cases, open_cases, hit_rate_pct, base_rate_pct, edge_pp, median_excess_pct),
  (select min(session_date) as first_session, max(session_date) as last_session from prices);
drop table brokers;
"""

NEGOTIATED = """
insert into intermediate.idx_flow by name
select session_date, ticker_code, 'NG' as board, investor_type, v.*, 0::bigint as net_lots,
       v.buy_value_idr - v.sell_value_idr as net_value_idr, adj_factor, false as is_censored
from (select distinct session_date, ticker_code, investor_type, adj_factor from intermediate.idx_flow
      where ticker_code = 'BBCA' and session_date = (select max(session_date) from intermediate.idx_flow)) as f,
     (values ('KZ', 5000::bigint, null::bigint, 4000000000::bigint, null::bigint),
             ('CC', null, 5000, null, 4000000000)) v(broker_code, buy_lots, sell_lots, buy_value_idr, sell_value_idr);
update intermediate.idx_flow set net_lots = coalesce(buy_lots, 0) - coalesce(sell_lots, 0) where board = 'NG';
insert into idx__broker_league by name
select session_date, board, broker_code, buy_lots, sell_lots from intermediate.idx_flow where board = 'NG';
insert into idx__reconciliation by name
select session_date, ticker_code, 'NG' as board, 'bounded' as state, true as is_reconciled, false as is_censored,
       2::bigint as brokers, 8000.0 as exchange_lots, 5000::bigint as visible_buy_lots,
       5000::bigint as visible_sell_lots, 62.5 as coverage_pct
from idx__reconciliation where ticker_code = 'BBCA' and session_date = (select max(session_date) from idx__reconciliation);
"""
"""Lists of the negotiated board: on the last session BBCA crossed 5,000 lots from CC to KZ."""

REUSED, REUSED_FROM = "SP09", 50
"""A code that means another company since the session of this place."""

COLUMNS_READ = (
    "idx__broker_daily_flow",
    "idx__broker_league",
    "idx__brokers",
    "idx__daily_prices",
    "idx__detector",
    "idx__foreign_flow",
    "idx__identities",
    "idx__market_totals",
    "idx__reconciliation",
    "idx__signal_base_rates",
    "idx__signals",
    "idx__tickers",
    "idx__unusual_flow",
)


def write_marts(connection: duckdb.DuckDBPyConnection, count: int) -> None:
    """Write the marts of the first `count` sessions; none gives empty marts."""
    prices, flows = fake_market.generate(count)
    names = pl.DataFrame(fake_market.brokers(), schema=["broker_code", "broker_name", "broker_type"], orient="row")
    connection.register("prices", prices.to_arrow())
    connection.register("flows", flows.to_arrow())
    connection.register("names", names.to_arrow())
    connection.execute("create table brokers as select * from names")
    values = {"cut": CUT, "broken": BROKEN, "missing": MISSING_LOTS, "reused": REUSED, "reused_from": REUSED_FROM}
    for statement in (_FLOW, _PRICES, _DETECTOR, _MACRO, _LISTS, _BROKERS):
        connection.execute(statement.format(**values))


def health(days: list[date]) -> list[tuple[object, ...]]:
    """Return rows of partition states in the order of `fake_marts`: the last list is incomplete by one stock."""
    rows: list[tuple[object, ...]] = []
    for table in TABLES:
        units = 900 if table == "broker_trades" else 1
        for position, day in enumerate(days):
            short = table == "broker_trades" and position == len(days) - 3
            why = "1 of 900 units: 1 timeout (ADRO/all/all)" if short else None
            state, done = ("incomplete", units - 1) if short else ("complete", units)
            kinds = "timeout: 1" if short else None
            rows.append((SOURCE, table, day, state, "open", why, kinds, units, done, 40 * units, 1))
    return rows
