-- How far a changed session reaches, in sessions. A new last day reaches nobody but itself. What compares lists is also
-- reached through the gate (H6); what is made of a session's own files alone must not be.
{%- set base = 20 + var('base_tolerance_sessions') %}
{%- set movers = base + var('counter_round_trip_sessions') %}
{%- set reaches = [
    ('hk__daily_holdings', 'lists', 0),
    ('int_hk__presence_changes', 'lists', 0),
    ('hk__movers', 'lists', movers),
    ('hk__unusual_changes', 'lists', movers + var('unusual_sessions')),
    ('hk__participants_daily', 'participants', 0),
    ('hk__concentration', 'participants', 0),
    ('hk__participant_changes', 'participants', var('base_tolerance_sessions') + 1 + var('previous_change_sessions')),
] %}
with sessions as (
    select
        table_name,
        session_date,
        ordinal
    from {{ source('control', 'expected_sessions') }}
    where source = 'hkex_southbound'
),

-- Rows of int__snapshots have a place in the sequence of snapshots: the gate (H6) looks back by snapshots, not sessions.
snapshots as (
    select
        table_name,
        ordinal,
        row_number() over (partition by table_name order by ordinal) as place
    from {{ ref('int__snapshots') }}
    where source = 'hkex_southbound'
),

changed as (
    select
        sessions.table_name,
        sessions.session_date,
        sessions.ordinal
    from {{ source('control', 'changed_sessions') }} as changed_sessions
    inner join sessions using (session_date)
    where changed_sessions.source = 'hkex_southbound'
),

-- A snapshot more or less moves the gate, and the neighbour compared with, of the next ones.
placed as (
    select
        changed.table_name,
        changed.ordinal as from_ordinal,
        coalesce(snapshots.place, 0) as place
    from changed
    asof left join snapshots
        on changed.table_name = snapshots.table_name and changed.ordinal >= snapshots.ordinal
),

gate_reach as (
    select
        placed.table_name,
        placed.from_ordinal,
        greatest(placed.from_ordinal, coalesce(horizon.ordinal, final_one.ordinal, 0)) as to_ordinal
    from placed
    left join snapshots as horizon
        on placed.table_name = horizon.table_name
        and horizon.place = placed.place + {{ var('gate_snapshots') + 1 }}
    left join (select table_name, max(ordinal) as ordinal from snapshots group by table_name) as final_one
        on placed.table_name = final_one.table_name
),

final as (
    {%- for model_name, family, reach in reaches %}
    select distinct
        '{{ model_name }}' as model_name,
        sessions.session_date
    from gate_reach
    inner join sessions
        on gate_reach.table_name = sessions.table_name
        and sessions.ordinal between gate_reach.from_ordinal and gate_reach.{{ 'from' if family == 'participants' else 'to' }}_ordinal + {{ reach }}
    where gate_reach.table_name in ({{ "'participants'" if family == 'participants' else "'holdings', 'northbound'" }})
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select * from final
