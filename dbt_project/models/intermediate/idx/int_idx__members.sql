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

with members as (
    select * from {{ source('idx_brokers', 'members') }}
),

final as (
    select session_date, broker_code, broker_name, licenses
    from members
    where session_date in {{ sessions_in_scope('int_idx__members') }}
)

select * from final
order by session_date, broker_code
