{{ config(
    materialized='duckdb_macro',
    returns='table',
    parameters=['ticker', 'first_session', 'last_session', "on_board := 'all'"],
) }}

with flow_by_session as (
    {{ flow_in_range() }}
),

-- Sum first (B1).
flow as (
    select
        ticker_code,
        board,
        broker_code,
        sum(coalesce(buy_lots, 0)) as buy_lots,
        sum(coalesce(sell_lots, 0)) as sell_lots,
        sum(coalesce(buy_lots, 0) + coalesce(sell_lots, 0)) as gross_lots,
        bool_or(is_censored) as is_censored
    from flow_by_session
    group by ticker_code, board, broker_code
),

{{ concentration_sums('flow', ['ticker_code', 'board']) }}

select
    totals.ticker_code,
    totals.board,
    {{ concentration_columns() }}
from totals
left join churning using (ticker_code, board)
