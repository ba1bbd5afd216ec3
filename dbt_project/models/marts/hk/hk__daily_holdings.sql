{{ config(
    materialized='incremental',
    incremental_strategy='by_session',
    meta={'reach': {
        'follows': ['hkex_southbound.holdings', 'hkex_southbound.northbound'],
        'back': 0,
        'forward': 0,
        'gate': true,
    }},
) }}

with southbound as (
    select * from {{ source('hkex_southbound', 'holdings') }}
),

northbound as (
    select * from {{ source('hkex_southbound', 'northbound') }}
),

snapshots as (
    select * from {{ ref('int__snapshots') }} where source = 'hkex_southbound'
),

scope as (
    select session_date from {{ ref('int__scope') }} where model_name = 'hk__daily_holdings'
),

staged as (
    select *, 'holdings' as table_name from southbound
    union all by name
    select *, 'northbound' as table_name from northbound
    {%- if is_incremental() %}
    -- Sessions whose files are as they were, but whose place in the gate (H6) may have moved.
    union all by name
    select
        session_date, market, stock_code, stock_name, name_language, other_name, a_share_code,
        shareholding_shares, pct_of_issued, observed_at,
        case when market = 'hk' then 'holdings' else 'northbound' end as table_name
    from {{ this }}
    where session_date in (
        select session_date from scope
        except
        select session_date from {{ source('control', 'changed_sessions') }} where source = 'hkex_southbound'
    )
    {%- endif %}
),

final as (
    select
        staged.session_date,
        staged.market,
        staged.stock_code,
        coalesce(staged.stock_name, staged.other_name, staged.stock_code) as stock_name,
        staged.name_language,
        staged.other_name,
        staged.a_share_code,
        staged.shareholding_shares,
        staged.pct_of_issued,
        snapshots.is_complete,
        snapshots.day_state,
        staged.observed_at
    from staged
    inner join snapshots using (table_name, session_date)
)

select * from final
order by session_date, market, stock_code
