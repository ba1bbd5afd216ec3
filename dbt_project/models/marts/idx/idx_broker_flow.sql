{{ config(
    materialized='duckdb_macro',
    returns='table',
    parameters=['ticker', 'first_session', 'last_session', "on_board := 'all'"],
) }}

with flow as (
    {{ flow_in_range() }}
),

-- Sum first (B1).
summed as (
    select
        ticker_code,
        broker_code,
        count(*) as sessions,
        sum(buy_lots) as buy_lots,
        sum(buy_value_idr) as buy_value_idr,
        sum(sell_lots) as sell_lots,
        sum(sell_value_idr) as sell_value_idr,
        sum(net_lots) as net_lots,
        sum(net_value_idr) as net_value_idr,
        bool_or(is_censored) as is_censored
    from flow
    group by ticker_code, broker_code
)

select
    ticker_code,
    broker_code,
    cast(sessions as integer) as sessions,
    cast(buy_lots as bigint) as buy_lots,
    cast(buy_value_idr as bigint) as buy_value_idr,
    cast(sell_lots as bigint) as sell_lots,
    cast(sell_value_idr as bigint) as sell_value_idr,
    cast(net_lots as bigint) as net_lots,
    cast(net_value_idr as bigint) as net_value_idr,
    buy_value_idr / nullif(100 * buy_lots, 0) as buy_average_idr,
    sell_value_idr / nullif(100 * sell_lots, 0) as sell_average_idr,
    is_censored
from summed
order by broker_code
