with sessions as (
    select * from {{ source('control', 'expected_sessions') }}
),

partitions as (
    select * from {{ source('control', 'partitions') }}
),

snapshots as (
    select * from {{ ref('int__snapshots') }}
),

final as (
    select
        sessions.source,
        sessions.table_name,
        sessions.session_date,
        case
            when partitions.state = 'complete' and partitions.blocked_by is not null then 'blocked'
            when partitions.is_provisional then 'provisional'
            when partitions.state is not null then partitions.state
            when sessions.is_due then 'missing'
            else 'not_due'
        end as state,
        coalesce(partitions.state in ('complete', 'closed') and partitions.blocked_by is null, false) as is_green,
        sessions.is_due,
        sessions.day_state,
        case
            when partitions.state is null and sessions.is_due then 'never collected'
            when partitions.blocked_by is not null then concat('blocked by ', partitions.blocked_by)
            when partitions.is_provisional
                then 'published, but its row count is judged only when five whole sessions around it are known'
            else nullif(partitions.why, '')
        end as why,
        partitions.failure_kinds,
        case
            when partitions.state is null and sessions.is_due
                then concat('fin run ', sessions.source, ' --session ', sessions.session_date)
            when partitions.state not in ('complete', 'closed') or partitions.blocked_by is not null
                then coalesce(
                    partitions.mends,
                    concat('fin run ', sessions.source, ' --session ', sessions.session_date, ' --refetch')
                )
        end as mends,
        partitions.units_expected,
        partitions.units_done,
        partitions.staged_rows,
        partitions.quarantined_rows,
        snapshots.reference_rows,
        100 * (partitions.staged_rows / nullif(snapshots.reference_rows, 0) - 1) as rows_vs_reference_pct,
        partitions.attempts,
        partitions.first_attempt_at,
        partitions.last_attempt_at,
        partitions.next_retry_at,
        partitions.staged_file
    from sessions
    left join partitions using (source, table_name, session_date)
    left join snapshots using (source, table_name, session_date)
)

select * from final
order by source, table_name, session_date
