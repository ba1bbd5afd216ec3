{{ config(
    materialized='incremental',
    incremental_strategy='by_session',
    chunk_sessions=120,
    meta={'reach': {
        'follows': ['idx_brokers.stock_summary'],
        'back': 0,
        'forward': 0,
        'gate': false,
    }},
) }}

with flow as (
    select * from {{ source('idx_brokers', 'broker_trades') }}
    where investor_type = 'all' and session_date in {{ sessions_in_scope('idx__broker_league') }}
),

market as (
    select
        session_date,
        broker_code,
        'all' as board,
        broker_name,
        value_idr,
        volume_shares,
        trades,
        sum(value_idr) over (partition by session_date) as all_value_idr
    from {{ source('idx_brokers', 'broker_summary_market') }}
    where session_date in {{ sessions_in_scope('idx__broker_league') }}
),

summed as (
    select
        session_date,
        board,
        broker_code,
        count(*) as tickers,
        sum(coalesce(buy_lots, 0)) as buy_lots,
        sum(coalesce(sell_lots, 0)) as sell_lots,
        sum(coalesce(buy_value_idr, 0)) as buy_value_idr,
        sum(coalesce(sell_value_idr, 0)) as sell_value_idr,
        min(broker_type_shown) as broker_type_shown
    from flow
    group by session_date, board, broker_code
),

ranked as (
    select
        *,
        buy_value_idr + sell_value_idr as gross_value_idr,
        sum(buy_value_idr + sell_value_idr) over (partition by session_date, board) as all_gross_value_idr,
        rank() over (partition by session_date, board order by buy_value_idr + sell_value_idr desc) as place
    from summed
),

final as (
    select
        session_date,
        board,
        broker_code,
        market.broker_name,
        ranked.broker_type_shown,
        cast(ranked.tickers as integer) as tickers,
        cast(ranked.buy_lots as bigint) as buy_lots,
        cast(ranked.sell_lots as bigint) as sell_lots,
        cast(ranked.buy_value_idr as bigint) as buy_value_idr,
        cast(ranked.sell_value_idr as bigint) as sell_value_idr,
        cast(ranked.gross_value_idr as bigint) as gross_value_idr,
        cast(ranked.buy_value_idr - ranked.sell_value_idr as bigint) as net_value_idr,
        100 * cast(ranked.gross_value_idr as double) / nullif(ranked.all_gross_value_idr, 0) as share_pct,
        cast(ranked.place as integer) as place,
        market.value_idr as market_value_idr,
        market.volume_shares as market_volume_shares,
        market.trades as market_trades,
        100 * cast(market.value_idr as double) / nullif(market.all_value_idr, 0) as market_share_pct
    from ranked
    full outer join market using (session_date, board, broker_code)
)

select * from final
order by session_date, board, broker_code
