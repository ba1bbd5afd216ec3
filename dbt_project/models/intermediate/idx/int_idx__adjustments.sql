-- A full table: its input has a handful of rows. Through it a split changes all earlier prices without rewriting one.
with found as (
    select ticker_code, session_date as effective_date, split_factor as factor
    from {{ ref('int_idx__events') }}
    where split_factor is not null
),

confirmed as (
    select * from {{ ref('idx_share_adjustments') }}
),

splits as (
    select ticker_code, effective_date, factor, 'found' as origin
    from found
    where not exists (
        select 1 from confirmed
        where confirmed.ticker_code = found.ticker_code
            and abs(date_diff('day', confirmed.effective_date, found.effective_date)) <= 45
    )
    union all
    select ticker_code, effective_date, factor, 'confirmed' as origin
    from confirmed
    where factor <> 1
),

-- A split is of one company: it changes no price of another one that had the code (B22).
identified as (
    select
        splits.*,
        {{ identity_no() }} as identity_no,
        coalesce(identities.valid_from, date '1900-01-01') as identity_from
    from splits
    {{ identity_join(ref('int_idx__identities'), 'splits', 'ticker_code', 'effective_date') }}
),

final as (
    select
        ticker_code,
        coalesce(lag(effective_date) over earlier, identity_from) as valid_from,
        effective_date,
        factor,
        product(factor) over (
            partition by ticker_code, identity_no order by effective_date rows between current row and unbounded following
        ) as adj_factor,
        origin
    from identified
    window earlier as (partition by ticker_code, identity_no order by effective_date)
)

select * from final
