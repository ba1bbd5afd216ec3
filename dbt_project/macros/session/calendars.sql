{#
    Sessions of a table with their place in the sequence. A source may say, in `meta.calendar.leaves_out` of a table, which
    states of a day make it no session: such a day has no place, and the places of the others have no gap.
#}
{% macro sessions_of(source_name, table_name) -%}
    {%- set left_out = states_left_out(source_name, table_name) -%}
    select session_date, {{ 'cast(row_number() over (order by session_date) as integer) as ordinal' if left_out else 'ordinal' }}
    from {{ source('control', 'business_sessions') }}
    where source = '{{ source_name }}' and table_name = '{{ table_name }}'
    {%- if left_out %} and day_state not in ('{{ left_out | join("', '") }}'){% endif %}
{%- endmacro %}

{# What a table's declaration says of days that are no session; nothing while the project is parsed, and in unit tests. #}
{% macro states_left_out(source_name, table_name) -%}
    {%- set declared = graph.get('sources', {}) if execute else {} -%}
    {%- for table in declared.values() if table.source_name == source_name and table.name == table_name -%}
        {{ return(table.config.meta.get('calendar', {}).get('leaves_out', [])) }}
    {%- endfor -%}
    {{ return([]) }}
{%- endmacro %}

{# Two steps that begin a model which looks at other sessions than its own: all sessions, and those that it recomputes. #}
{% macro sessions_and_scope(model_name, source_name, table_name) -%}
sessions as (
    {{ sessions_of(source_name, table_name) }}
),

scope as (
    select sessions.session_date, sessions.ordinal
    from {{ sessions_in_scope(model_name) }} as scope
    inner join sessions using (session_date)
)
{%- endmacro %}
