{{ config(
    materialized='incremental',
    incremental_strategy='by_session',
    meta={'reach': {'follows': ['rates.closes'], 'back': 0, 'forward': 1, 'gate': false}},
) }}

with {{ sessions_and_scope('small__moves', 'rates', 'closes') }},

closes as (
    select * from {{ ref('small__closes') }}
),

final as (
    select
        scope.session_date,
        closes.symbol,
        closes.close_usd_cents - before.close_usd_cents as move_usd_cents
    from scope
    inner join closes using (session_date)
    inner join sessions on scope.ordinal - 1 = sessions.ordinal
    inner join closes as before
        on sessions.session_date = before.session_date and closes.symbol = before.symbol
)

select * from final
