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
    select
        session_date,
        ticker_code,
        board,
        coalesce(buy_lots, 0) as buy_lots,
        coalesce(sell_lots, 0) as sell_lots,
        coalesce(buy_lots, 0) + coalesce(sell_lots, 0) as gross_lots,
        not is_complete_list as is_censored
    from {{ source('idx_brokers', 'broker_trades') }}
    where investor_type = 'all' and session_date in {{ sessions_in_scope('idx__sides_concentration') }}
),

{{ concentration_sums('flow', ['session_date', 'ticker_code', 'board']) }},

-- Ratios are rounded where millions of rows are stored: they take a third of the room.
final as (
    select
        totals.session_date,
        totals.ticker_code,
        totals.board,
        {{ concentration_columns() }}
    from totals
    left join churning using (session_date, ticker_code, board)
)

select * from final
order by session_date, ticker_code, board
