{{ config(
    materialized='incremental',
    incremental_strategy='by_session',
    chunk_sessions=20,
    meta={'reach': {
        'follows': ['idx_brokers.stock_summary'],
        'back': 0,
        'forward': idx_unusual_sessions(),
        'gate': false,
    }},
) }}

with {{ sessions_and_scope('idx__unusual_flow', 'idx_brokers', 'stock_summary') }},

-- An equality join on the date lets the scan skip the rest of the history.
looked_at as (
    select distinct sessions.session_date, sessions.ordinal
    from scope
    inner join sessions on sessions.ordinal between scope.ordinal - {{ idx_unusual_sessions() }} and scope.ordinal
),

flow as (
    select
        trades.session_date,
        looked_at.ordinal,
        trades.ticker_code,
        trades.board,
        trades.broker_code,
        {{ identity_no() }} as identity_no,
        coalesce(trades.buy_value_idr, 0) - coalesce(trades.sell_value_idr, 0) as net_value_idr,
        coalesce(trades.buy_lots, 0) - coalesce(trades.sell_lots, 0) as net_lots,
        not trades.is_complete_list as is_censored
    from {{ source('idx_brokers', 'broker_trades') }} as trades
    inner join looked_at on trades.session_date = looked_at.session_date
    {{ identity_join(ref('int_idx__identities'), 'trades', 'ticker_code', 'session_date') }}
    where trades.investor_type = 'all'
),

-- Only what is large enough to alert is compared: one row in twenty or so.
candidates as (
    select * from flow
    where abs(net_value_idr) >= {{ idx_unusual_floor_idr() }} and session_date in (select session_date from scope)
),

measured as (
    select
        candidates.session_date,
        candidates.ticker_code,
        candidates.board,
        candidates.broker_code,
        any_value(candidates.net_value_idr) as net_value_idr,
        any_value(candidates.net_lots) as net_lots,
        any_value(candidates.is_censored) as is_censored,
        count(*) as observations,
        median(earlier.net_value_idr) as median_idr,
        greatest(mad(earlier.net_value_idr), {{ idx_mad_floor_idr() }}) as mad_idr
    from candidates
    inner join flow as earlier
        on candidates.ticker_code = earlier.ticker_code
        and candidates.identity_no = earlier.identity_no
        and candidates.board = earlier.board
        and candidates.broker_code = earlier.broker_code
        and earlier.ordinal between candidates.ordinal - {{ idx_unusual_sessions() }} and candidates.ordinal - 1
    group by candidates.session_date, candidates.ticker_code, candidates.board, candidates.broker_code
),

final as (
    select
        session_date,
        ticker_code,
        board,
        broker_code,
        net_value_idr,
        net_lots,
        median_idr,
        mad_idr,
        cast(observations as integer) as observations,
        round((net_value_idr - median_idr) / (1.4826 * mad_idr), 4) as robust_z,
        is_censored
    from measured
    where observations >= {{ idx_min_observations() }}
        and abs(net_value_idr - median_idr) >= {{ idx_unusual_z() }} * 1.4826 * mad_idr
)

select * from final
order by session_date, ticker_code, board, broker_code
