{{ config(
    materialized='incremental',
    incremental_strategy='by_session',
    meta={'reach': {
        'follows': ['hkex_southbound.holdings', 'hkex_southbound.northbound'],
        'back': 0,
        'forward': 20 + hk_base_tolerance_sessions() + hk_counter_round_trip_sessions(),
        'gate': true,
    }},
) }}

with sessions as (
    {{ sessions_of('hkex_southbound', 'holdings') }}
),

scope as (
    select session_date from {{ ref('int__scope') }} where model_name = 'hk__movers'
),

-- As far as the sessions in scope look back. An equality join on the date lets the scan skip the rest of the history.
looked_at as (
    select distinct earlier.session_date, earlier.ordinal
    from scope
    inner join sessions using (session_date)
    inner join sessions as earlier
        on earlier.ordinal between sessions.ordinal - {{ 20 + hk_base_tolerance_sessions() }} and sessions.ordinal
),

holdings as (
    select holdings.*, looked_at.ordinal, {{ identity_no() }} as identity_no
    from {{ ref('hk__daily_holdings') }} as holdings
    inner join looked_at on holdings.session_date = looked_at.session_date
    {{ identity_join(ref('int_hk__identities'), 'holdings', 'stock_code', 'session_date') }}
    where holdings.market = 'hk'
),

adjustments as (
    select * from {{ ref('int_hk__adjustments') }}
),

pairs as (
    select * replace (case when counter_confidence = 'low' then 0 else moved_shares end as moved_shares)
    from {{ ref('int_hk__counter_pairs') }}
),

windows as (
    select unnest([1, 5, 20]) as window_sessions
),

wanted as (
    select
        holdings.*,
        windows.window_sessions,
        holdings.ordinal - windows.window_sessions as ref_ordinal
    from holdings
    cross join windows
    where holdings.session_date in (select session_date from scope)
),

bases as (
    select stock_code, identity_no, session_date, ordinal, shareholding_shares, pct_of_issued
    from holdings
    where is_complete
),

based as (
    select
        wanted.*,
        bases.session_date as base_date,
        bases.ordinal as base_ordinal,
        bases.shareholding_shares as base_shareholding_shares,
        bases.pct_of_issued as base_pct_of_issued
    from wanted
    asof left join bases
        on wanted.stock_code = bases.stock_code
        and wanted.identity_no = bases.identity_no
        and wanted.ref_ordinal >= bases.ordinal
),

-- A base that is too old is no base (H2).
bounded as (
    select
        based.* exclude (base_date, base_ordinal, base_shareholding_shares, base_pct_of_issued),
        case when is_near then base_date end as base_date,
        case when is_near then base_ordinal end as base_ordinal,
        case when is_near then base_shareholding_shares end as base_shareholding_shares,
        case when is_near then base_pct_of_issued end as base_pct_of_issued
    from (
        select *, base_ordinal >= ref_ordinal - {{ hk_base_tolerance_sessions() }} as is_near from based
    ) as based
),

factors as (
    select
        bounded.session_date,
        bounded.stock_code,
        bounded.window_sessions,
        product(adjustments.factor) as adjustment_factor
    from bounded
    inner join adjustments
        on bounded.stock_code = adjustments.stock_code
        and bounded.base_date < adjustments.from_date
        and bounded.session_date >= adjustments.effective_date
    group by all
),

-- What came from (above 0) or went to another counter of the company between base and session (H7).
counters as (
    select session_date, new_code as stock_code, old_code as linked_stock_code, moved_shares, is_currency_pair from pairs
    union all
    select
        session_date,
        old_code as stock_code,
        new_code as linked_stock_code,
        -round(moved_shares / counter_ratio) as moved_shares,
        is_currency_pair
    from pairs
),

moved_by_counter as (
    select
        bounded.session_date,
        bounded.stock_code,
        bounded.window_sessions,
        counters.linked_stock_code,
        max(counters.session_date) as moved_date,
        -- Out to a temporary counter and back within the window is no move, and the adjustment has its split.
        case
            when bool_and(counters.is_currency_pair) or min(sign(counters.moved_shares)) = max(sign(counters.moved_shares))
                then sum(counters.moved_shares)
            else 0
        end as moved_shares
    from bounded
    inner join counters
        on bounded.stock_code = counters.stock_code
        and bounded.base_date < counters.session_date
        and bounded.session_date >= counters.session_date
    group by all
),

moved as (
    select
        session_date,
        stock_code,
        window_sessions,
        arg_max(linked_stock_code, (moved_date, linked_stock_code)) as linked_stock_code,
        sum(moved_shares) as moved_shares
    from moved_by_counter
    group by session_date, stock_code, window_sessions
),

adjusted as (
    select
        bounded.*,
        coalesce(factors.adjustment_factor, 1) as adjustment_factor,
        round(bounded.base_shareholding_shares * coalesce(factors.adjustment_factor, 1)) as adjusted_base,
        moved.linked_stock_code,
        coalesce(moved.moved_shares, 0) as moved_shares,
        -- The percentage that stands beside the larger of the two holdings is the more exact.
        coalesce(
            case
                when moved.moved_shares > 0
                    then moved.moved_shares * bounded.pct_of_issued / nullif(bounded.shareholding_shares, 0)
                else moved.moved_shares * bounded.base_pct_of_issued / nullif(bounded.base_shareholding_shares, 0)
            end, 0
        ) as moved_pp
    from bounded
    left join factors using (session_date, stock_code, window_sessions)
    left join moved using (session_date, stock_code, window_sessions)
),

final as (
    select
        adjusted.session_date,
        adjusted.stock_code,
        adjusted.stock_name,
        cast(adjusted.window_sessions as integer) as window_sessions,
        refs.session_date as ref_date,
        adjusted.base_date,
        cast(adjusted.ref_ordinal - adjusted.base_ordinal as integer) as gap_sessions,
        adjusted.shareholding_shares,
        adjusted.base_shareholding_shares,
        adjusted.adjustment_factor,
        cast(adjusted.moved_shares as bigint) as counter_change_shares,
        cast(adjusted.shareholding_shares - adjusted.adjusted_base - adjusted.moved_shares as bigint) as change_shares,
        100 * (adjusted.shareholding_shares - adjusted.adjusted_base - adjusted.moved_shares)
        / nullif(adjusted.adjusted_base, 0) as change_pct,
        adjusted.pct_of_issued,
        adjusted.base_pct_of_issued,
        -- Published with two decimals: the difference of two such numbers has no more.
        round(adjusted.pct_of_issued - adjusted.base_pct_of_issued - adjusted.moved_pp, 6) as change_pp,
        adjusted.linked_stock_code,
        adjusted.is_complete,
        adjusted.day_state
    from adjusted
    left join sessions as refs on adjusted.ref_ordinal = refs.ordinal
)

select * from final
order by session_date, window_sessions, stock_code
