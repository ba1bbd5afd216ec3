{{ config(
    materialized='incremental',
    incremental_strategy='by_session',
    meta={'reach': {
        'follows': ['hkex_southbound.holdings', 'hkex_southbound.northbound'],
        'back': 0,
        'forward': 20 + hk_base_tolerance_sessions() + hk_counter_round_trip_sessions() + hk_unusual_sessions(),
        'gate': true,
    }},
) }}

with sessions as (
    {{ sessions_of('hkex_southbound', 'holdings') }}
),

scope as (
    select scope.session_date, sessions.ordinal
    from {{ ref('int__scope') }} as scope
    inner join sessions using (session_date)
    where scope.model_name = 'hk__unusual_changes'
),

-- An equality join on the date lets the scan skip the rest of the history.
looked_at as (
    select distinct sessions.session_date, sessions.ordinal
    from scope
    inner join sessions
        on sessions.ordinal between scope.ordinal - {{ hk_unusual_sessions() }} and scope.ordinal
),

changes as (
    select
        movers.session_date,
        movers.stock_code,
        movers.stock_name,
        movers.change_pp,
        movers.change_shares,
        movers.base_pct_of_issued * movers.change_pct / 100 as implied_pp,
        looked_at.ordinal,
        {{ identity_no() }} as identity_no
    from {{ ref('hk__movers') }} as movers
    inner join looked_at on movers.session_date = looked_at.session_date
    {{ identity_join(ref('int_hk__identities'), 'movers', 'stock_code', 'session_date') }}
    where movers.window_sessions = 1
        and movers.day_state = 'open'
        and movers.is_complete
        and movers.change_pp is not null
),

measured as (
    select
        *,
        median(change_pp) over sessions_before as median_pp,
        mad(change_pp) over sessions_before as raw_mad_pp,
        cast(count(change_pp) over sessions_before as integer) as observations
    from changes
    window sessions_before as (
        partition by stock_code, identity_no order by ordinal
        range between {{ hk_unusual_sessions() }} preceding and 1 preceding
    )
),

scored as (
    select
        * exclude (raw_mad_pp),
        case when observations > 0 then greatest(raw_mad_pp, {{ hk_mad_floor_pp() }}) end as mad_pp,
        case
            when observations >= {{ hk_min_observations() }}
                then (change_pp - median_pp) / (1.4826 * greatest(raw_mad_pp, {{ hk_mad_floor_pp() }}))
        end as robust_z
    from measured
    where session_date in (select session_date from scope)
),

-- The nearest observation before that was at least as large; only for the few unusual rows.
outdone as (
    select
        scored.session_date,
        scored.stock_code,
        max(earlier.ordinal) filter (where abs(earlier.change_pp) >= abs(scored.change_pp)) as as_large_ordinal
    from scored
    inner join changes as earlier
        on scored.stock_code = earlier.stock_code
        and scored.identity_no = earlier.identity_no
        and earlier.ordinal between scored.ordinal - {{ hk_unusual_sessions() }} and scored.ordinal - 1
    where abs(scored.robust_z) >= {{ hk_unusual_z() }}
    group by scored.session_date, scored.stock_code
),

streaks as (
    select
        scored.session_date,
        scored.stock_code,
        cast(count(*) filter (where earlier.ordinal > coalesce(outdone.as_large_ordinal, -1)) as integer)
            as largest_in_sessions
    from scored
    inner join outdone using (session_date, stock_code)
    inner join changes as earlier
        on scored.stock_code = earlier.stock_code
        and scored.identity_no = earlier.identity_no
        and earlier.ordinal between scored.ordinal - {{ hk_unusual_sessions() }} and scored.ordinal - 1
    group by scored.session_date, scored.stock_code
),

final as (
    select
        scored.session_date,
        scored.stock_code,
        scored.stock_name,
        scored.change_pp,
        scored.change_shares,
        scored.median_pp,
        scored.mad_pp,
        scored.observations,
        case when scored.robust_z is null then 'too_few_observations' else 'judged' end as state,
        scored.robust_z,
        coalesce(abs(scored.robust_z) >= {{ hk_unusual_z() }}, false) as is_unusual,
        streaks.largest_in_sessions,
        -- 0.01: both percentages are published with two decimals.
        abs(scored.change_pp - scored.implied_pp) <= 0.01 + abs(scored.change_pp) / 2 as is_explained_by_shares
    from scored
    left join streaks using (session_date, stock_code)
)

select * from final
order by session_date, stock_code
