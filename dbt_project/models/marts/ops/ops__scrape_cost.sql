with partitions as (
    select * from {{ source('control', 'partitions') }}
),

final as (
    select
        source,
        table_name,
        session_date,
        units_expected as units,
        attempts,
        requests,
        requests / nullif(units_expected, 0) as requests_per_unit,
        body_bytes,
        body_bytes / nullif(units_expected, 0) as bytes_per_unit,
        elapsed_seconds,
        elapsed_seconds / nullif(units_expected, 0) as seconds_per_unit,
        via_request_units,
        via_in_page_units,
        via_navigation_units,
        last_attempt_at
    from partitions
)

select * from final
order by source, table_name, session_date
