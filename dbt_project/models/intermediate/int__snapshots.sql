-- A table and no increment: one row a session, from the manifests alone; no staged file is opened for it.
with sessions as (
    select * from {{ source('control', 'expected_sessions') }}
),

partitions as (
    select * from {{ source('control', 'partitions') }}
),

-- The window and the least number of snapshots are the collection's own (H6), so that the two judge alike.
bands as (
    select * from {{ source('control', 'tables') }}
),

snapshots as (
    select
        sessions.source,
        sessions.table_name,
        sessions.session_date,
        sessions.ordinal,
        sessions.day_state,
        partitions.staged_rows,
        bands.row_count_below,
        bands.row_count_above,
        bands.band_sessions,
        bands.band_min_sessions
    from sessions
    inner join partitions using (source, table_name, session_date)
    inner join bands using (source, table_name)
    where partitions.is_usable
),

referenced as (
    select
        *,
        median(staged_rows) over before_it as reference_rows,
        count(*) over before_it as references_found
    from snapshots
    window before_it as (
        partition by source, table_name order by ordinal
        rows between band_sessions preceding and 1 preceding
    )
),

gated as (
    select
        * exclude (reference_rows, references_found),
        case when references_found >= band_min_sessions then reference_rows end as reference_rows,
        references_found < band_min_sessions
        or staged_rows between reference_rows * (1 - row_count_below)
        and reference_rows * (1 + row_count_above) as is_complete
    from referenced
),

final as (
    select
        source,
        table_name,
        session_date,
        ordinal,
        day_state,
        staged_rows,
        reference_rows,
        is_complete,
        last(case when is_complete then session_date end ignore nulls) over earlier as previous_complete_date,
        last(case when is_complete then ordinal end ignore nulls) over earlier as previous_complete_ordinal
    from gated
    window earlier as (
        partition by source, table_name order by ordinal
        rows between unbounded preceding and 1 preceding
    )
)

select * from final
