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
        broker_code,
        cast(sum(net_lots) as bigint) as net_lots,
        cast(sum(net_value_idr) as bigint) as net_value_idr
    from flow
    group by broker_code
),

ranked as (
    select
        {{ ranked_sums() }}
    from summed
),

pressed as (
    select
        *,
        {{ pressures() }} as pressures
    from ranked
),

daily as (
    select
        flow.ticker_code,
        flow.board,
        flow.session_date,
        greatest(sum(coalesce(flow.buy_lots, 0)), sum(coalesce(flow.sell_lots, 0))) as volume_lots,
        bool_or(flow.is_censored) as is_censored,
        bool_or(flow.lots_step > 1) as has_rounded_lots
    from flow
    group by flow.ticker_code, flow.board, flow.session_date
),

listed as (
    select
        ticker_code,
        board,
        min(session_date) as first_date,
        max(session_date) as last_date,
        count(*) as sessions_used,
        sum(volume_lots) as volume_lots,
        bool_or(is_censored) as is_censored,
        bool_or(has_rounded_lots) as has_rounded_lots
    from daily
    group by ticker_code, board
),

sums as (
    select
        listed.ticker_code,
        listed.board,
        listed.first_date,
        listed.last_date,
        cast(listed.sessions_used as integer) as sessions_used,
        cast(pressed.buyers as integer) as buyers,
        cast(pressed.sellers as integer) as sellers,
        cast(listed.volume_lots as bigint) as volume_lots,
        {{ pressure_columns('pressed') }},
        listed.is_censored,
        listed.has_rounded_lots
    from listed
    cross join pressed
),

{{ detector_measures('sums') }}

select
    measured.ticker_code,
    measured.board,
    measured.first_date,
    measured.last_date,
    {{ detector_columns() }}
from measured
cross join bounds
