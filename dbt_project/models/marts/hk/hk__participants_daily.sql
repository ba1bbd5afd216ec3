{{ config(
    materialized='incremental',
    incremental_strategy='by_session',
    meta={'reach': {
        'follows': ['hkex_southbound.participants'],
        'back': 0,
        'forward': 0,
        'gate': false,
    }},
) }}

with participants as (
    select * from {{ source('hkex_southbound', 'participants') }}
),

scope as (
    select session_date from {{ ref('int__scope') }} where model_name = 'hk__participants_daily'
),

final as (
    select
        session_date,
        stock_code,
        line_no,
        coalesce(participant_id, participant_name) as participant_key,
        participant_id,
        participant_name,
        participant_kind,
        is_consenting,
        shareholding_shares,
        pct_of_issued,
        100 * shareholding_shares / nullif(issued_shares, 0) as holding_pct,
        issued_shares,
        observed_at
    from participants
    where session_date in (select session_date from scope)
)

select * from final
order by session_date, stock_code, line_no
