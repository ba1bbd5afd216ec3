with pairs as (
    select * from {{ ref('int_hk__counter_pairs') }} where counter_confidence = 'high'
),

sessions as (
    {{ sessions_of('hkex_southbound', 'holdings') }}
),

confirmed as (
    select * from {{ ref('hk_share_adjustments') }}
),

placed as (
    select pairs.*, sessions.ordinal
    from pairs
    inner join sessions using (session_date)
),

-- Out to a temporary counter and back: the two ratios together are the split of the code itself.
round_trips as (
    select
        away.old_code as stock_code,
        away.session_date as from_date,
        back.session_date as effective_date,
        away.counter_ratio * back.counter_ratio as factor
    from placed as away
    inner join placed as back
        on away.old_code = back.new_code
        and away.new_code = back.old_code
        and away.ordinal < back.ordinal
        and away.ordinal + {{ hk_counter_round_trip_sessions() }} >= back.ordinal
    qualify row_number() over (partition by away.old_code, away.session_date order by back.session_date) = 1
),

final as (
    select stock_code, from_date, effective_date, factor, 'inferred' as origin
    from round_trips
    where factor <> 1
        and not exists (
            select 1 from confirmed
            where confirmed.stock_code = round_trips.stock_code
                and abs(date_diff('day', confirmed.effective_date, round_trips.effective_date)) <= 45
        )
    union all
    select stock_code, effective_date as from_date, effective_date, factor, 'confirmed' as origin
    from confirmed
)

select * from final
