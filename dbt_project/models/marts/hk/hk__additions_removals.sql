-- A full table: its inputs have a handful of rows a session, and an older snapshot may explain any later return.
with changes as (
    select * from {{ ref('int_hk__presence_changes') }}
),

pairs as (
    select * from {{ ref('int_hk__counter_pairs') }}
),

sessions as (
    select session_date, ordinal from {{ source('control', 'expected_sessions') }}
    where source = 'hkex_southbound' and table_name = 'holdings'
),

counters as (
    select session_date, old_code as stock_code, new_code as linked_stock_code, 'old' as counter_role,
        counter_ratio, observed_ratio, counter_confidence
    from pairs
    union all
    select session_date, new_code as stock_code, old_code as linked_stock_code, 'new' as counter_role,
        counter_ratio, observed_ratio, counter_confidence
    from pairs
),

-- Every appearance follows the disappearance that ended the stock's stay before, if it had one.
events as (
    select
        changes.*,
        sessions.ordinal,
        last(case when changes.has_disappeared then changes.previous_date end ignore nulls) over (
            partition by changes.stock_code order by changes.session_date
            rows between unbounded preceding and 1 preceding
        ) as left_date
    from changes
    inner join sessions using (session_date)
),

linked as (
    select
        events.*,
        counters.linked_stock_code,
        counters.counter_role,
        counters.counter_ratio,
        counters.observed_ratio,
        counters.counter_confidence
    from events
    left join counters using (session_date, stock_code)
    where events.has_appeared or events.has_disappeared or counters.counter_role is not null
),

placed_counters as (
    select counters.*, sessions.ordinal
    from counters
    inner join sessions using (session_date)
),

-- What comes or goes under a code soon after its counter change is the residue of parallel trading.
with_residue as (
    select
        linked.* exclude (linked_stock_code, counter_role, counter_confidence),
        coalesce(linked.linked_stock_code, parallel.linked_stock_code) as linked_stock_code,
        coalesce(linked.counter_role, case when parallel.stock_code is not null then 'residue' end) as counter_role,
        coalesce(linked.counter_confidence, parallel.counter_confidence) as counter_confidence
    from linked
    asof left join placed_counters as parallel
        on linked.stock_code = parallel.stock_code and linked.ordinal > parallel.ordinal
    where true
),

final as (
    select
        residue.session_date,
        residue.previous_date,
        residue.gap_sessions,
        residue.stock_code,
        residue.stock_name,
        residue.shareholding_shares
    from with_residue as residue
)

select * from final
