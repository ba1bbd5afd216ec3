-- A full table: its inputs have a row for each broker and session.
with names as (
    select session_date, broker_code, broker_name, null as licenses, false as is_from_members
    from {{ ref('idx__broker_league') }}
    where broker_name is not null
    union all
    select session_date, broker_code, broker_name, licenses, true as is_from_members
    from {{ ref('int_idx__members') }}
),

shown as (
    select broker_code, arg_max(broker_type_shown, session_date) as broker_type
    from {{ ref('idx__broker_league') }}
    where broker_type_shown is not null
    group by broker_code
),

types as (
    {{ broker_types() }}
),

seen as (
    select broker_code, min(session_date) as first_seen, max(session_date) as last_seen
    from (
        select broker_code, session_date from {{ ref('idx__broker_league') }}
        union all
        select broker_code, session_date from names
    ) as rows_of_broker
    group by broker_code
),

members as (
    select
        broker_code,
        arg_max(licenses, session_date) as licenses,
        max(session_date) = (select max(session_date) from {{ ref('int_idx__members') }}) as is_member
    from {{ ref('int_idx__members') }}
    group by broker_code
),

-- The same name in other capitals, as the two lists write it, is no new name; the summary's spelling comes first.
daily as (
    select
        session_date,
        broker_code,
        arg_min(broker_name, is_from_members) as broker_name
    from names
    group by session_date, broker_code
),

changes as (
    select * from daily
    qualify lower(broker_name) is distinct from lower(lag(broker_name) over (partition by broker_code order by session_date))
),

spans as (
    select
        broker_code,
        broker_name,
        session_date as valid_from,
        lead(session_date) over (partition by broker_code order by session_date) as next_from
    from changes
),

-- Brokers that only broker tables have.
all_spans as (
    select * from spans
    union all
    select broker_code, null as broker_name, first_seen as valid_from, null as next_from
    from seen
    where broker_code not in (select broker_code from spans)
),

final as (
    select
        all_spans.broker_code,
        coalesce(all_spans.broker_name, types.broker_name, all_spans.broker_code) as broker_name,
        all_spans.valid_from,
        all_spans.next_from - 1 as valid_to,
        all_spans.next_from is null as is_current,
        seen.first_seen,
        seen.last_seen,
        case
            when (select count(*) from members) > 0
                then coalesce(members.is_member, false)
        end as is_member,
        members.licenses,
        coalesce(types.broker_type, shown.broker_type, 'unknown') as broker_type,
        coalesce(types.type_confidence, case when shown.broker_type is not null then 'low' end) as type_confidence,
        coalesce(types.type_source, case when shown.broker_type is not null then 'colour on the broker page' end) as type_source
    from all_spans
    inner join seen using (broker_code)
    left join members using (broker_code) -- noqa: AL04
    left join types using (broker_code)
    left join shown using (broker_code)
)

select * from final
order by broker_code, valid_from
