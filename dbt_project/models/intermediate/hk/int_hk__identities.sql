-- A full table: its inputs have a handful of rows a session.
with changes as (
    select * from {{ ref('int_hk__presence_changes') }}
),

sessions as (
    {{ sessions_of('hkex_southbound', 'holdings') }}
),

pairs as (
    select * from {{ ref('int_hk__counter_pairs') }}
),

ratios as (
    select * from {{ ref('counter_ratios') }} where counter_ratio <> 1
),

confirmed as (
    select * from {{ ref('hk_share_adjustments') }}
),

temporary_ranges as (
    select * from {{ ref('temporary_counter_ranges') }}
),

-- The row before of a stock that stayed; of one that came back, that of the last list that had it.
remembered as (
    select
        changes.*,
        last(
            case when changes.has_disappeared then {
                'gone_date': changes.session_date,
                'seen_date': changes.previous_date,
                'stock_name': changes.previous_stock_name,
                'name_en': changes.previous_name_en,
                'name_zh': changes.previous_name_zh,
                'shares': changes.previous_shareholding_shares,
                'pct': changes.previous_pct_of_issued
            } end ignore nulls
        ) over (
            partition by changes.stock_code order by changes.session_date
            rows between unbounded preceding and 1 preceding
        ) as gone
    from changes
),

candidates as (
    select
        session_date,
        stock_code,
        previous_date,
        case when has_appeared then gone['gone_date'] end as gone_date,
        case when has_appeared then gone['seen_date'] else previous_date end as seen_date,
        case when has_appeared then gone['stock_name'] else previous_stock_name end as earlier_name,
        stock_name as later_name,
        case when has_appeared then gone['shares'] else previous_shareholding_shares end as earlier_shares,
        case when has_appeared then gone['pct'] else previous_pct_of_issued end as earlier_pct,
        shareholding_shares as later_shares,
        pct_of_issued as later_pct
    from remembered
    where is_renamed
        or (
            has_appeared
            and gone is not null
            and {{ names_differ([('name_en', "gone['name_en']"), ('name_zh', "gone['name_zh']")]) }}
        )
),

-- Lists without the code, of those that are known to lack it.
measured as (
    select
        candidates.*,
        coalesce(before.ordinal - gone.ordinal + 1, 0) as absent_sessions,
        -- Percentages have two decimals, so the issued shares are known between two bounds; nothing is known from 0.00.
        case when later_pct > 0 and later_shares > 0 then later_shares / (later_pct + 0.005) end as later_low,
        case when later_pct > 0.005 and later_shares > 0 then later_shares / (later_pct - 0.005) end as later_high,
        case when earlier_pct > 0 and earlier_shares > 0 then earlier_shares / (earlier_pct + 0.005) end as earlier_low,
        case when earlier_pct > 0.005 and earlier_shares > 0 then earlier_shares / (earlier_pct - 0.005) end as earlier_high
    from candidates
    inner join sessions as before on candidates.previous_date = before.session_date
    left join sessions as gone on candidates.gone_date = gone.session_date
),

-- Splits that a person has confirmed are no jump.
splits as (
    select measured.session_date, measured.stock_code, product(confirmed.factor) as factor
    from measured
    inner join confirmed
        on measured.stock_code = confirmed.stock_code
        and measured.seen_date < confirmed.effective_date
        and measured.session_date >= confirmed.effective_date
    group by measured.session_date, measured.stock_code
),

jumped as (
    select
        measured.*,
        later_low / earlier_high / coalesce(splits.factor, 1) as ratio_low,
        later_high / earlier_low / coalesce(splits.factor, 1) as ratio_high
    from measured
    left join splits using (session_date, stock_code)
),

judged as (
    select
        jumped.*,
        coalesce(
            jumped.ratio_low > {{ hk_identity_jump() }} or jumped.ratio_high < 1 / {{ hk_identity_jump() }}, false
        ) as has_jumped,
        -- A split with a change of name: the holding of a stock that stayed moved with the issued shares.
        jumped.gone_date is null and exists (
            select 1 from ratios
            where ratios.counter_ratio between jumped.ratio_low and jumped.ratio_high
                and abs(jumped.later_shares / jumped.earlier_shares / ratios.counter_ratio - 1)
                <= {{ hk_counter_trading_tolerance() }}
        ) as is_split,
        -- Out to another counter and back again: the same company (H3).
        exists(
            select 1 from pairs as away
            inner join pairs as back on away.old_code = back.new_code and away.new_code = back.old_code
            where away.old_code = jumped.stock_code
                and back.session_date = jumped.session_date
                and away.session_date < back.session_date
                and date_diff('day', away.session_date, back.session_date) <= {{ 7 * hk_counter_round_trip_sessions() // 5 }}
        ) as is_round_trip
    from jumped
),

starts as (
    select
        stock_code,
        session_date as valid_from,
        seen_date as last_seen_date,
        case when has_jumped then 'renamed_with_jump' else 'renamed_after_gap' end as reason,
        earlier_name,
        later_name,
        cast(absent_sessions as integer) as absent_sessions,
        100 * earlier_shares / nullif(earlier_pct, 0) as earlier_issued_shares,
        100 * later_shares / nullif(later_pct, 0) as later_issued_shares
    from judged
    where not is_split
        and not is_round_trip
        and (has_jumped or absent_sessions >= {{ hk_identity_gap_sessions() }})
),

{{ identity_spans(
    'starts', 'stock_code', 'hk_identity_overrides',
    ['earlier_name', 'later_name', 'absent_sessions', 'earlier_issued_shares', 'later_issued_shares']
) }},

final as (
    select
        spans.*,
        -- A temporary counter is given to one company after the other: nothing to look at.
        spans.reason is not null and spans.reason <> 'confirmed' and not exists (
            select 1 from temporary_ranges
            where spans.stock_code between temporary_ranges.first_code and temporary_ranges.last_code
        ) as needs_review
    from spans
)

select * from final
