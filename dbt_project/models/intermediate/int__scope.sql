-- One row a model and session: what this build recomputes. From the manifests alone.
{%- set reaches = session_reaches() %}
with reaches (model_name, source, table_name, back, forward, through_gate) as (
    values
    {%- for model_name, source_name, table_name, back, forward, through_gate in reaches %}
    ('{{ model_name }}', '{{ source_name }}', '{{ table_name }}', {{ back }}, {{ forward }}, {{ through_gate | lower }})
    {{- ',' if not loop.last }}
    {%- else %}
    ('', '', '', 0, 0, false)
    {%- endfor %}
),

sessions as (
    {%- for source_name, tables in reaches | groupby(1) %}
    {%- set last_source = loop.last %}
    {%- for table_name, models in tables | groupby(2) %}
    select
        '{{ source_name }}' as source,
        '{{ table_name }}' as table_name,
        session_date,
        ordinal
    from ({{ sessions_of(source_name, table_name) }}) as sessions_of_table
    {{ 'union all' if not (last_source and loop.last) }}
    {%- endfor %}
    {%- else %}
    select source, table_name, session_date, ordinal from {{ source('control', 'business_sessions') }} where false
    {%- endfor %}
),

bands as (
    select * from {{ source('control', 'tables') }}
),

-- Rows of int__snapshots have a place in the sequence of snapshots: the gate (H6) looks back by snapshots, not sessions.
snapshots as (
    select
        source,
        table_name,
        ordinal,
        row_number() over (partition by source, table_name order by ordinal) as place
    from {{ ref('int__snapshots') }}
),

changed as (
    select
        sessions.source,
        sessions.table_name,
        sessions.ordinal
    from {{ source('control', 'changed_sessions') }}
    inner join sessions using (source, session_date)
),

-- A snapshot more or less moves the gate, and the neighbour compared with, of the next ones.
placed as (
    select
        changed.source,
        changed.table_name,
        changed.ordinal as from_ordinal,
        coalesce(snapshots.place, 0) as place
    from changed
    asof left join snapshots
        on changed.source = snapshots.source
        and changed.table_name = snapshots.table_name
        and changed.ordinal >= snapshots.ordinal
),

gate_reach as (
    select
        placed.source,
        placed.table_name,
        placed.from_ordinal,
        greatest(placed.from_ordinal, coalesce(horizon.ordinal, final_one.ordinal, 0)) as to_ordinal
    from placed
    inner join bands
        on placed.source = bands.source and placed.table_name = bands.table_name
    left join snapshots as horizon
        on placed.source = horizon.source
        and placed.table_name = horizon.table_name
        and horizon.place = placed.place + bands.band_sessions + 1
    left join (select source, table_name, max(ordinal) as ordinal from snapshots group by all) as final_one
        on placed.source = final_one.source and placed.table_name = final_one.table_name
),

final as (
    select distinct
        reaches.model_name,
        sessions.session_date
    from gate_reach
    inner join reaches using (source, table_name)
    inner join sessions
        on gate_reach.source = sessions.source
        and gate_reach.table_name = sessions.table_name
        and sessions.ordinal between gate_reach.from_ordinal - reaches.back
        and case when reaches.through_gate then gate_reach.to_ordinal else gate_reach.from_ordinal end + reaches.forward
)

select * from final
