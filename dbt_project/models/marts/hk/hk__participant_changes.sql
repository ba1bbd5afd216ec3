{{ config(
    materialized='incremental',
    incremental_strategy='by_session',
    meta={'reach': {
        'follows': ['hkex_southbound.participants'],
        'back': 0,
        'forward': hk_base_tolerance_sessions() + 1 + hk_previous_change_sessions(),
        'gate': false,
    }},
) }}

with sessions as (
    {{ sessions_of('hkex_southbound', 'participants') }}
),

scope as (
    select scope.session_date, sessions.ordinal
    from {{ ref('int__scope') }} as scope
    inner join sessions using (session_date)
    where scope.model_name = 'hk__participant_changes'
),

-- An equality join on the date lets the scan skip the rest of the history.
looked_at as (
    select distinct sessions.session_date, sessions.ordinal
    from scope
    inner join sessions
        on sessions.ordinal between scope.ordinal - {{ hk_base_tolerance_sessions() + 1 }} and scope.ordinal
),

participants as (
    select participants.*, looked_at.ordinal
    from {{ ref('hk__participants_daily') }} as participants
    inner join looked_at on participants.session_date = looked_at.session_date
),

-- Consenting investors may stand on several lines under one name.
held as (
    select
        session_date,
        ordinal,
        stock_code,
        participant_key,
        any_value(participant_name) as participant_name,
        any_value(participant_kind) as participant_kind,
        cast(sum(shareholding_shares) as bigint) as shareholding_shares,
        any_value(issued_shares) as issued_shares
    from participants
    group by session_date, ordinal, stock_code, participant_key
),

lists as (
    select
        session_date,
        ordinal,
        stock_code,
        any_value(issued_shares) as issued_shares,
        lag(session_date) over by_stock as base_date,
        lag(ordinal) over by_stock as base_ordinal,
        lag(any_value(issued_shares)) over by_stock as base_issued_shares
    from held
    group by session_date, ordinal, stock_code
    window by_stock as (partition by stock_code order by ordinal)
),

compared_lists as (
    select * from lists
    where ordinal - base_ordinal - 1 <= {{ hk_base_tolerance_sessions() }}
        and session_date in (select session_date from scope)
),

now_held as (
    select compared_lists.*, held.* exclude (session_date, ordinal, stock_code, issued_shares)
    from compared_lists
    inner join held using (session_date, stock_code)
),

before_held as (
    select compared_lists.*, held.* exclude (session_date, ordinal, stock_code, issued_shares)
    from compared_lists
    inner join held
        on compared_lists.base_date = held.session_date and compared_lists.stock_code = held.stock_code
),

compared as (
    select
        session_date,
        stock_code,
        participant_key,
        coalesce(now_held.participant_name, before_held.participant_name) as participant_name,
        coalesce(now_held.participant_kind, before_held.participant_kind) as participant_kind,
        now_held.participant_key is null as has_left,
        before_held.participant_key is null as has_entered,
        coalesce(now_held.shareholding_shares, 0) as shareholding_shares,
        coalesce(before_held.shareholding_shares, 0) as base_shareholding_shares
    from now_held
    full outer join before_held using (session_date, stock_code, participant_key)
),

measured as (
    select
        compared.*,
        compared_lists.base_date,
        cast(compared_lists.ordinal - compared_lists.base_ordinal - 1 as integer) as gap_sessions,
        compared_lists.ordinal,
        compared.shareholding_shares - compared.base_shareholding_shares as change_shares,
        100 * compared.shareholding_shares / nullif(compared_lists.issued_shares, 0) as holding_pct,
        100 * compared.base_shareholding_shares / nullif(compared_lists.base_issued_shares, 0) as base_holding_pct
    from compared
    inner join compared_lists using (session_date, stock_code)
    where compared.shareholding_shares <> compared.base_shareholding_shares
),

known as (
    select session_date, ordinal, stock_code, participant_key from measured
    {%- if is_incremental() %}
    union all
    select changes.session_date, remembered.ordinal, changes.stock_code, changes.participant_key
    from {{ this }} as changes
    inner join (
        select distinct sessions.session_date, sessions.ordinal
        from scope
        inner join sessions
            on sessions.ordinal between scope.ordinal - {{ hk_previous_change_sessions() }} and scope.ordinal
    ) as remembered on changes.session_date = remembered.session_date
    where changes.session_date not in (select session_date from scope)
    {%- endif %}
),

previous as (
    select
        *,
        lag(session_date) over by_participant as previous_change_date,
        lag(ordinal) over by_participant as previous_change_ordinal
    from known
    window by_participant as (partition by stock_code, participant_key order by ordinal)
),

final as (
    select
        measured.session_date,
        measured.base_date,
        measured.gap_sessions,
        measured.stock_code,
        measured.participant_key,
        measured.participant_name,
        measured.participant_kind,
        case
            when measured.has_entered then 'entered'
            when measured.has_left then 'left'
            when measured.change_shares > 0 then 'increase'
            else 'decrease'
        end as kind,
        measured.shareholding_shares,
        measured.base_shareholding_shares,
        measured.change_shares,
        100 * measured.change_shares / nullif(measured.base_shareholding_shares, 0) as change_pct,
        measured.holding_pct,
        measured.base_holding_pct,
        measured.holding_pct - measured.base_holding_pct as change_pp,
        coalesce(
            abs(measured.holding_pct - measured.base_holding_pct) > {{ hk_big_change_pp() }}, false
        ) as is_big_change,
        case
            when previous.ordinal - previous.previous_change_ordinal <= {{ hk_previous_change_sessions() }}
                then previous.previous_change_date
        end as previous_change_date
    from measured
    inner join previous using (session_date, stock_code, participant_key)
)

select * from final
order by session_date, stock_code, participant_key
