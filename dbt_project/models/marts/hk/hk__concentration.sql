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
    where session_date in (select session_date from {{ ref('int__scope') }} where model_name = 'hk__concentration')
),

ranked as (
    select
        *,
        row_number() over (
            partition by session_date, stock_code order by shareholding_shares desc, line_no asc
        ) as place
    from participants
),

summed as (
    select
        session_date,
        stock_code,
        cast(count(*) as integer) as participants,
        any_value(total_shares) as ccass_shares,
        any_value(non_consenting_shares) as unnamed_shares,
        any_value(issued_shares) as issued_shares,
        cast(sum(shareholding_shares) as bigint) as named_shares,
        -- A deposit that is being rectified shows as a holding below zero: none of the largest.
        cast(sum(greatest(shareholding_shares, 0)) filter (where place <= 5) as bigint) as top5_shares,
        cast(sum(greatest(shareholding_shares, 0)) filter (where place <= 10) as bigint) as top10_shares,
        cast(coalesce(sum(shareholding_shares) filter (where participant_id in ('A00003', 'A00004')), 0) as bigint)
            as southbound_shares
    from ranked
    group by session_date, stock_code
),

final as (
    select
        session_date,
        stock_code,
        participants,
        ccass_shares,
        named_shares,
        unnamed_shares,
        issued_shares,
        top5_shares,
        top10_shares,
        100 * top5_shares / nullif(ccass_shares - unnamed_shares, 0) as top5_pct,
        100 * top10_shares / nullif(ccass_shares - unnamed_shares, 0) as top10_pct,
        100 * (top10_shares + unnamed_shares) / nullif(ccass_shares, 0) as top10_with_unnamed_pct,
        100 * ccass_shares / nullif(issued_shares, 0) as ccass_stake_pct,
        southbound_shares,
        100 * southbound_shares / nullif(issued_shares, 0) as southbound_pct
    from summed
)

select * from final
order by session_date, stock_code
