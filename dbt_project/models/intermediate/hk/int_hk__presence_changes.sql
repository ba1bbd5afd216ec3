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

with snapshots as (
    select * from {{ ref('int__snapshots') }}
    where source = 'hkex_southbound' and table_name = 'holdings' and is_complete and previous_complete_date is not null
        and session_date in {{ sessions_in_scope('int_hk__presence_changes') }}
),

-- An equality join on the date lets the scan skip the rest of the history.
looked_at as (
    select session_date from snapshots
    union
    select previous_complete_date as session_date from snapshots
),

holdings as (
    select holdings.*
    from {{ ref('hk__daily_holdings') }} as holdings
    inner join looked_at on holdings.session_date = looked_at.session_date
    where holdings.market = 'hk'
),

now_held as (
    select snapshots.session_date, holdings.* exclude (session_date)
    from snapshots
    inner join holdings on snapshots.session_date = holdings.session_date
),

before_held as (
    select snapshots.session_date, holdings.* exclude (session_date)
    from snapshots
    inner join holdings on snapshots.previous_complete_date = holdings.session_date
),

compared as (
    select
        session_date,
        stock_code,
        coalesce(now_held.stock_name, before_held.stock_name) as stock_name,
        coalesce(now_held.other_name, before_held.other_name) as other_name,
        coalesce(now_held.pct_of_issued, before_held.pct_of_issued) as pct_of_issued,
        coalesce(now_held.shareholding_shares, 0) as shareholding_shares,
        coalesce(before_held.shareholding_shares, 0) as previous_shareholding_shares,
        before_held.stock_code is null as has_appeared,
        now_held.stock_code is null as has_disappeared
    from now_held
    full outer join before_held using (session_date, stock_code)
),

final as (
    select
        compared.session_date,
        snapshots.previous_complete_date as previous_date,
        cast(snapshots.ordinal - snapshots.previous_complete_ordinal - 1 as integer) as gap_sessions,
        compared.* exclude (session_date)
    from compared
    inner join snapshots using (session_date)
    where compared.has_appeared
        or compared.has_disappeared
        or compared.shareholding_shares <= {{ hk_counter_residue() }} * compared.previous_shareholding_shares
        or compared.previous_shareholding_shares <= {{ hk_counter_residue() }} * compared.shareholding_shares
)

select * from final
