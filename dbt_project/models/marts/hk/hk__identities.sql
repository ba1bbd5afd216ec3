-- A full table: it has a handful of rows.
with identities as (
    select * from {{ ref('int_hk__identities') }}
),

final as (
    select
        stock_code,
        identity_no,
        coalesce(later_name, lead(earlier_name) over by_code) as stock_name,
        nullif(valid_from, date '1900-01-01') as valid_from,
        last_seen_date as valid_to,
        next_from = date '9999-12-31' as is_current,
        reason,
        absent_sessions,
        earlier_issued_shares,
        later_issued_shares,
        needs_review
    from identities
    window by_code as (partition by stock_code order by identity_no)
)

select * from final
order by stock_code, identity_no
