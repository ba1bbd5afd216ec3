-- A full table: it has a handful of rows.
with identities as (
    select * from {{ ref('int_idx__identities') }}
),

final as (
    select
        ticker_code,
        identity_no,
        coalesce(later_name, lead(earlier_name) over by_code) as company_name,
        nullif(valid_from, date '1900-01-01') as valid_from,
        last_seen_date as valid_to,
        next_from = date '9999-12-31' as is_current,
        reason,
        absent_sessions,
        cast(earlier_listed_shares as bigint) as earlier_listed_shares,
        later_listed_shares,
        needs_review
    from identities
    window by_code as (partition by ticker_code order by identity_no)
)

select * from final
order by ticker_code, identity_no
