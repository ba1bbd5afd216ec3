-- A full table: its input has a handful of rows a session.
with changes as (
    select
        *,
        nullif(upper(trim(stock_name)), '') as name_key,
        nullif(upper(trim(other_name)), '') as other_name_key
    from {{ ref('int_hk__presence_changes') }}
),

ratios as (
    select * from {{ ref('counter_ratios') }}
),

temporary_ranges as (
    select * from {{ ref('temporary_counter_ranges') }}
),

currency_ranges as (
    select * from {{ ref('currency_counter_ranges') }}
),

emptied as (
    select *, previous_shareholding_shares - shareholding_shares as moved_shares
    from changes
    where shareholding_shares <= {{ hk_counter_residue() }} * previous_shareholding_shares
        and previous_shareholding_shares > 0
),

filled as (
    select *, shareholding_shares - previous_shareholding_shares as moved_shares
    from changes
    where previous_shareholding_shares <= {{ hk_counter_residue() }} * shareholding_shares
        and shareholding_shares > 0
),

paired as (
    select
        filled.session_date,
        emptied.stock_code as old_code,
        filled.stock_code as new_code,
        filled.moved_shares / emptied.moved_shares as observed_ratio,
        filled.moved_shares,
        emptied.has_disappeared and filled.has_appeared as is_clean,
        coalesce(
            emptied.name_key = filled.name_key
            or emptied.name_key = filled.other_name_key
            or emptied.other_name_key = filled.name_key
            or emptied.other_name_key = filled.other_name_key, false
        ) as same_name,
        exists(
            select 1 from temporary_ranges
            where emptied.stock_code between temporary_ranges.first_code and temporary_ranges.last_code
                or filled.stock_code between temporary_ranges.first_code and temporary_ranges.last_code
        ) as is_temporary
    from emptied
    inner join filled
        on emptied.session_date = filled.session_date and emptied.stock_code <> filled.stock_code
    where emptied.moved_shares > 0 and filled.moved_shares > 0
),

measured as (
    select
        paired.*,
        ratios.counter_ratio,
        abs(paired.observed_ratio / ratios.counter_ratio - 1) as deviation
    from paired
    inner join ratios
        on abs(paired.observed_ratio / ratios.counter_ratio - 1) <= {{ hk_counter_trading_tolerance() }}
),

judged as (
    select
        *,
        case
            when same_name then 3
            when deviation <= {{ hk_counter_rounding() }} and is_temporary and is_clean then 3
            when is_temporary and is_clean then 2
            when deviation <= {{ hk_counter_rounding() }} and is_clean then 1
        end as confidence
    from measured
),

-- Two counters in two currencies are of one company by their codes, and one share is one share. Both trade as well, so a
-- change of a counter that neither emptied nor filled must be found exactly in the other one.
currency_counters as (
    select
        changes.*,
        changes.shareholding_shares - changes.previous_shareholding_shares as change_shares,
        least(changes.shareholding_shares, changes.previous_shareholding_shares)
        <= {{ hk_counter_residue() }} * greatest(changes.shareholding_shares, changes.previous_shareholding_shares) as is_whole,
        lpad(cast(cast(changes.stock_code as integer) - currency_ranges.code_offset as varchar), 5, '0') as main_code
    from changes
    inner join currency_ranges on changes.stock_code between currency_ranges.first_code and currency_ranges.last_code
),

currency_pairs as (
    select
        currency_counters.session_date,
        currency_counters.stock_code,
        currency_counters.main_code,
        currency_counters.change_shares,
        currency_counters.is_whole,
        currency_counters.has_appeared or currency_counters.has_disappeared as has_come_or_gone,
        -- Above 0 where the main counter gained as this one lost, or the reverse.
        (main.previous_shareholding_shares - main.shareholding_shares) / currency_counters.change_shares as observed_ratio
    from currency_counters
    inner join changes as main
        on currency_counters.session_date = main.session_date and currency_counters.main_code = main.stock_code
    where currency_counters.change_shares <> 0
),

currency_judged as (
    select
        session_date,
        case when change_shares < 0 then stock_code else main_code end as old_code,
        case when change_shares < 0 then main_code else stock_code end as new_code,
        1.0 as counter_ratio,
        case when change_shares < 0 then observed_ratio else 1 / nullif(observed_ratio, 0) end as observed_ratio,
        case when observed_ratio > 0 then round(least(observed_ratio, 1) * abs(change_shares)) else 0 end as moved_shares,
        abs(observed_ratio - 1) as deviation,
        case
            when abs(observed_ratio - 1) <= {{ hk_counter_rounding() }} then 3
            when is_whole and abs(observed_ratio - 1) <= {{ hk_counter_trading_tolerance() }} then 3
            when is_whole and observed_ratio > 1 then 2
            -- The company stays on the list; how many of the shares moved cannot be seen beside the trading.
            when has_come_or_gone then 1
        end as confidence
    from currency_pairs
),

all_judged as (
    select session_date, old_code, new_code, counter_ratio, observed_ratio, moved_shares, deviation, confidence,
        false as is_currency_pair
    from judged
    union all
    select session_date, old_code, new_code, counter_ratio, observed_ratio, moved_shares, deviation, confidence,
        true as is_currency_pair
    from currency_judged
),

-- A counter belongs to one pair only: the surest, then the closest.
ranked as (
    select
        *,
        row_number() over (
            partition by session_date, old_code order by confidence desc, deviation asc, new_code asc, counter_ratio asc,
                is_currency_pair desc
        ) as old_rank,
        row_number() over (
            partition by session_date, new_code order by confidence desc, deviation asc, old_code asc, counter_ratio asc,
                is_currency_pair desc
        ) as new_rank
    from all_judged
    where confidence is not null
),

final as (
    select
        session_date,
        old_code,
        new_code,
        counter_ratio,
        case when observed_ratio > 0 then observed_ratio end as observed_ratio,
        cast(moved_shares as bigint) as moved_shares,
        is_currency_pair,
        case confidence when 3 then 'high' when 2 then 'medium' else 'low' end as counter_confidence
    from ranked
    where old_rank = 1 and new_rank = 1
)

select * from final
