-- A full table: its inputs have a handful of rows a session, and an older snapshot may explain any later return.
with changes as (
    select * from {{ ref('int_hk__presence_changes') }}
),

pairs as (
    select * from {{ ref('int_hk__counter_pairs') }}
),

sessions as (
    {{ sessions_of('hkex_southbound', 'holdings') }}
),

identities as (
    select * from {{ ref('int_hk__identities') }}
),

-- A code that means another company from one list to the next (H12): the one left, the other came.
exchanged as (
    select changes.*, identities.earlier_name
    from changes
    inner join identities on changes.stock_code = identities.stock_code and changes.session_date = identities.valid_from
    where not changes.has_appeared and not changes.has_disappeared
),

presence as (
    select * from changes
    where (session_date, stock_code) not in (select (session_date, stock_code) from exchanged)
    union all by name
    select
        exchanged.* exclude (earlier_name) replace (
            earlier_name as stock_name,
            0 as shareholding_shares,
            previous_pct_of_issued as pct_of_issued,
            true as has_disappeared
        )
    from exchanged
    union all by name
    select exchanged.* exclude (earlier_name) replace (0 as previous_shareholding_shares, true as has_appeared)
    from exchanged
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
        presence.*,
        sessions.ordinal,
        coalesce(identities.valid_from, date '1900-01-01') as identity_from,
        case when presence.session_date = identities.valid_from and not presence.has_disappeared
            then identities.earlier_name
        end as earlier_company,
        last(case when presence.has_disappeared then presence.previous_date end ignore nulls) over (
            partition by presence.stock_code order by presence.session_date
            rows between unbounded preceding and 1 preceding
        ) as left_date
    from presence
    inner join sessions using (session_date)
    {{ identity_join('identities', 'presence', 'stock_code', 'session_date') }}
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

nearest_counters as (
    select
        linked.*,
        placed_counters.linked_stock_code as parallel_stock_code,
        placed_counters.counter_confidence as parallel_confidence,
        coalesce(
            linked.counter_role is null
            and linked.identity_from <= placed_counters.session_date
            and linked.ordinal - placed_counters.ordinal <= {{ hk_counter_parallel_sessions() }}, false
        ) as is_residue
    from linked
    asof left join placed_counters
        on linked.stock_code = placed_counters.stock_code and linked.ordinal > placed_counters.ordinal
),

-- What comes or goes under a code soon after its counter change is the residue of parallel trading.
explained as (
    select
        * exclude (linked_stock_code, counter_role, counter_confidence),
        case when is_residue then parallel_stock_code else linked_stock_code end as linked_stock_code,
        case when is_residue then 'residue' else counter_role end as counter_role,
        case when is_residue then parallel_confidence else counter_confidence end as counter_confidence,
        shareholding_shares > previous_shareholding_shares or has_appeared as is_in
    from nearest_counters
),

dated as (
    select
        *,
        -- What another company left behind under this code is no return (H12).
        case
            when not (is_in and has_appeared) then previous_date
            when left_date >= identity_from then left_date
        end as last_seen_date
    from explained
),

latest_names as (
    select stock_code, arg_max(stock_name, session_date) as stock_name
    from changes
    group by stock_code
),

final as (
    select
        dated.session_date,
        dated.previous_date,
        dated.gap_sessions,
        dated.stock_code,
        dated.stock_name,
        case
            when dated.counter_role is not null then 'counter_change'
            when dated.has_disappeared then 'removed'
            when dated.ordinal - seen.ordinal - 1 >= {{ hk_returning_after_sessions() }} then 'returning'
            else 'new'
        end as kind,
        case when dated.is_in then 'in' else 'out' end as direction,
        dated.shareholding_shares,
        dated.previous_shareholding_shares,
        dated.shareholding_shares - dated.previous_shareholding_shares as change_shares,
        dated.pct_of_issued,
        dated.last_seen_date,
        case when dated.is_in then cast(dated.ordinal - seen.ordinal - 1 as integer) end as absent_sessions,
        dated.linked_stock_code,
        latest_names.stock_name as linked_stock_name,
        dated.counter_role,
        dated.counter_ratio,
        dated.observed_ratio,
        dated.counter_confidence,
        dated.earlier_company
    from dated
    left join sessions as seen on dated.last_seen_date = seen.session_date
    left join latest_names on dated.linked_stock_code = latest_names.stock_code
)

select * from final
order by session_date, direction, stock_code
