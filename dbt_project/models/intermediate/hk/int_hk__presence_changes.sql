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

currency_ranges as (
    select * from {{ ref('currency_counter_ranges') }}
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
        before_held.stock_name as previous_stock_name,
        before_held.pct_of_issued as previous_pct_of_issued,
        before_held.stock_code is null as has_appeared,
        now_held.stock_code is null as has_disappeared,
        if(now_held.name_language = 'en', now_held.stock_name, now_held.other_name) as name_en,
        if(now_held.name_language = 'en', now_held.other_name, now_held.stock_name) as name_zh,
        if(before_held.name_language = 'en', before_held.stock_name, before_held.other_name) as previous_name_en,
        if(before_held.name_language = 'en', before_held.other_name, before_held.stock_name) as previous_name_zh
    from now_held
    full outer join before_held using (session_date, stock_code)
),

-- Second counters that bought or sold, and the main counters that the position may have come from or gone to.
currency_counters as (
    select
        compared.session_date,
        compared.stock_code,
        lpad(cast(cast(compared.stock_code as integer) - currency_ranges.code_offset as varchar), 5, '0') as main_stock_code
    from compared
    inner join currency_ranges on compared.stock_code between currency_ranges.first_code and currency_ranges.last_code
    where compared.shareholding_shares <> compared.previous_shareholding_shares
        or compared.has_appeared
        or compared.has_disappeared
),

of_currency_counters as (
    select session_date, stock_code from currency_counters
    union
    select session_date, main_stock_code as stock_code from currency_counters
),

final as (
    select
        compared.session_date,
        snapshots.previous_complete_date as previous_date,
        cast(snapshots.ordinal - snapshots.previous_complete_ordinal - 1 as integer) as gap_sessions,
        compared.* exclude (session_date),
        not compared.has_appeared and not compared.has_disappeared and {{ names_differ([
            ('compared.name_en', 'compared.previous_name_en'), ('compared.name_zh', 'compared.previous_name_zh')
        ]) }} as is_renamed
    from compared
    inner join snapshots using (session_date)
    left join of_currency_counters using (session_date, stock_code) -- noqa: AL04
    where compared.has_appeared
        or compared.has_disappeared
        or compared.shareholding_shares <= {{ hk_counter_residue() }} * compared.previous_shareholding_shares
        or compared.previous_shareholding_shares <= {{ hk_counter_residue() }} * compared.shareholding_shares
        or of_currency_counters.stock_code is not null
        or is_renamed
)

select * from final
