{{ config(
    materialized='incremental',
    incremental_strategy='by_session',
    meta={'reach': {
        'follows': ['idx_brokers.stock_summary'],
        'back': 0,
        'forward': 0,
        'gate': false,
    }},
) }}

with summary as (
    select * from {{ source('idx_brokers', 'stock_summary') }}
),

final as (
    select
        session_date,
        ticker_code,
        coalesce(company_name, ticker_code) as company_name,
        coalesce(nullif(first_trade_idr, 0), nullif(open_idr, 0)) as open_idr,
        high_idr,
        low_idr,
        close_idr,
        previous_idr,
        change_idr,
        bid_idr is null and offer_idr is null as is_without_orders,
        volume_shares,
        value_idr,
        trades,
        nonregular_volume_shares,
        nonregular_value_idr,
        nonregular_trades,
        listed_shares,
        foreign_buy_shares,
        foreign_sell_shares,
        delisting_date
    from summary
    where session_date in {{ sessions_in_scope('int_idx__prices') }}
)

select * from final
order by session_date, ticker_code
