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

-- A counter belongs to one pair only: the surest, then the closest.
ranked as (
    select
        *,
        row_number() over (
            partition by session_date, old_code order by confidence desc, deviation asc, new_code asc, counter_ratio asc
        ) as old_rank,
        row_number() over (
            partition by session_date, new_code order by confidence desc, deviation asc, old_code asc, counter_ratio asc
        ) as new_rank
    from judged
    where confidence is not null
),

final as (
    select
        session_date,
        old_code,
        new_code,
        counter_ratio,
        observed_ratio,
        case confidence when 3 then 'high' when 2 then 'medium' else 'low' end as counter_confidence
    from ranked
    where old_rank = 1 and new_rank = 1
)

select * from final
