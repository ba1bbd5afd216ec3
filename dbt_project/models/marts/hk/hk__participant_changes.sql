{{ config(
    materialized='incremental',
    incremental_strategy='by_session',
    meta={'reach': {
        'follows': ['hkex_southbound.participants', 'hkex_southbound.holdings'],
        'back': 0,
        'forward': hk_base_tolerance_sessions() + 1 + hk_previous_change_sessions(),
        'gate': true,
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
    select participants.*, looked_at.ordinal, {{ identity_no() }} as identity_no
    from {{ ref('hk__participants_daily') }} as participants
    inner join looked_at on participants.session_date = looked_at.session_date
    {{ identity_join(ref('int_hk__identities'), 'participants', 'stock_code', 'session_date') }}
),

currency_ranges as (
    select * from {{ ref('currency_counter_ranges') }}
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
        any_value(issued_shares) as issued_shares,
        any_value(identity_no) as identity_no
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
    window by_stock as (partition by stock_code, any_value(identity_no) order by ordinal)
),

compared_lists as (
    select * from lists
    where ordinal - base_ordinal - 1 <= {{ hk_base_tolerance_sessions() }}
        and session_date in (select session_date from scope)
),

now_held as (
    select compared_lists.*, held.* exclude (session_date, ordinal, stock_code, issued_shares, identity_no)
    from compared_lists
    inner join held using (session_date, stock_code)
),

before_held as (
    select compared_lists.*, held.* exclude (session_date, ordinal, stock_code, issued_shares, identity_no)
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

-- Counters between which shares may have moved: those that the lists show (H7), and counters in two currencies by their codes.
counters as (
    select compared_lists.session_date, pairs.old_code, pairs.new_code, pairs.counter_ratio
    from compared_lists
    inner join {{ ref('int_hk__counter_pairs') }} as pairs
        on compared_lists.stock_code = pairs.old_code
        and compared_lists.base_date < pairs.session_date
        and compared_lists.session_date >= pairs.session_date
    where not pairs.is_currency_pair
    union
    select
        compared_lists.session_date,
        unnest([codes.counter, codes.main]) as old_code,
        unnest([codes.main, codes.counter]) as new_code,
        1 as counter_ratio
    from compared_lists
    inner join (
        select distinct
            lists.stock_code as counter,
            lpad(cast(cast(lists.stock_code as integer) - currency_ranges.code_offset as varchar), 5, '0') as main
        from lists
        inner join currency_ranges on lists.stock_code between currency_ranges.first_code and currency_ranges.last_code
    ) as codes on compared_lists.stock_code = codes.counter
),

changed as (
    select
        session_date,
        stock_code,
        participant_key,
        compared_lists.base_date,
        shareholding_shares - base_shareholding_shares as change_shares
    from compared
    inner join compared_lists using (session_date, stock_code)
    where shareholding_shares <> base_shareholding_shares
),

-- What a participant has less of one counter and more of the other, as far as both lists show it.
moves as (
    select
        counters.*,
        fallen.participant_key,
        least(-fallen.change_shares * counters.counter_ratio, risen.change_shares) as moved_shares
    from counters
    inner join changed as fallen
        on counters.session_date = fallen.session_date and counters.old_code = fallen.stock_code
    inner join changed as risen
        on counters.session_date = risen.session_date
        and counters.new_code = risen.stock_code
        and fallen.participant_key = risen.participant_key
        and fallen.base_date = risen.base_date
    where fallen.change_shares < 0 and risen.change_shares > 0
),

moved as (
    select session_date, stock_code, participant_key, arg_max(linked_stock_code, moved_shares) as linked_stock_code,
        sum(moved_shares) as moved_shares
    from (
        select session_date, old_code as stock_code, participant_key, new_code as linked_stock_code,
            -round(moved_shares / counter_ratio) as moved_shares
        from moves
        union all
        select session_date, new_code as stock_code, participant_key, old_code as linked_stock_code,
            round(moved_shares) as moved_shares
        from moves
    ) as sides
    group by session_date, stock_code, participant_key
),

measured as (
    select
        compared.*,
        moved.linked_stock_code,
        coalesce(moved.moved_shares, 0) as moved_shares,
        compared_lists.base_date,
        cast(compared_lists.ordinal - compared_lists.base_ordinal - 1 as integer) as gap_sessions,
        compared_lists.ordinal,
        compared.shareholding_shares - compared.base_shareholding_shares
        - coalesce(moved.moved_shares, 0) as change_shares,
        coalesce(
            100 * moved.moved_shares
            / case when moved.moved_shares > 0 then compared_lists.issued_shares else compared_lists.base_issued_shares end, 0
        ) as moved_pp,
        100 * compared.shareholding_shares / nullif(compared_lists.issued_shares, 0) as holding_pct,
        100 * compared.base_shareholding_shares / nullif(compared_lists.base_issued_shares, 0) as base_holding_pct
    from compared
    inner join compared_lists using (session_date, stock_code)
    left join moved using (session_date, stock_code, participant_key)
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
        known.*,
        lag(known.session_date) over by_participant as previous_change_date,
        lag(known.ordinal) over by_participant as previous_change_ordinal
    from known
    {{ identity_join(ref('int_hk__identities'), 'known', 'stock_code', 'session_date') }}
    window by_participant as (
        partition by known.stock_code, {{ identity_no() }}, known.participant_key order by known.ordinal
    )
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
            when abs(measured.change_shares) <= {{ hk_counter_trading_tolerance() }} * abs(measured.moved_shares)
                then 'counter_change'
            when measured.has_entered then 'entered'
            when measured.has_left then 'left'
            when measured.change_shares > 0 then 'increase'
            else 'decrease'
        end as kind,
        measured.shareholding_shares,
        measured.base_shareholding_shares,
        cast(measured.moved_shares as bigint) as counter_change_shares,
        cast(measured.change_shares as bigint) as change_shares,
        100 * measured.change_shares / nullif(measured.base_shareholding_shares, 0) as change_pct,
        measured.holding_pct,
        measured.base_holding_pct,
        measured.holding_pct - measured.base_holding_pct - measured.moved_pp as change_pp,
        coalesce(
            abs(measured.holding_pct - measured.base_holding_pct - measured.moved_pp) > {{ hk_big_change_pp() }}, false
        ) as is_big_change,
        case
            when previous.ordinal - previous.previous_change_ordinal <= {{ hk_previous_change_sessions() }}
                then previous.previous_change_date
        end as previous_change_date,
        measured.linked_stock_code
    from measured
    inner join previous using (session_date, stock_code, participant_key)
)

select * from final
order by session_date, stock_code, participant_key
