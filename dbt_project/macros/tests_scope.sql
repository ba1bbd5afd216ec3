{#
    Rows of a model that a data test looks at. Of models that are incremental by session, and of views over such, these are
    the sessions of this build: the others were tested when they were built, and have not changed since. Uses int__scope: the
    test depends on it.
#}
{% macro rows_under_test(model) -%}
    {%- if model.identifier in session_reaches() | map(attribute=0) | list -%}
        {%- set scope = sessions_in_scope(model.identifier) -%}
        {%- if model.identifier == 'idx__broker_daily_flow' -%}
            {#- Every session's grain is a rule of its staged file; 90 million rows need not be grouped in a full refresh. -#}
            {%- set scope = '(select session_date from ' ~ scope ~ ' as scope order by session_date desc limit 60)' -%}
        {%- endif -%}
        (select * from {{ model }} where session_date in {{ scope }}{{ span_of(scope) if is_view(model) }})
    {%- else -%}
        {{ model }}
    {%- endif -%}
{%- endmacro %}

{# The first and last session of a subquery as a condition: a view hands constants on to its tables, a subquery it does not. #}
{% macro span_of(scope) -%}
    {%- set ends = run_query('select min(session_date), max(session_date) from ' ~ scope).rows[0] -%}
    {%- if ends[0] is not none %} and session_date between date '{{ ends[0] }}' and date '{{ ends[1] }}'{% endif -%}
{%- endmacro %}

{# Whether a model is a view; false while the project is parsed. #}
{% macro is_view(model) -%}
    {%- set found = graph.nodes.values() | selectattr('name', 'equalto', model.identifier) | list if execute else [] -%}
    {{ return(found and found[0].config.materialized == 'view') }}
{%- endmacro %}
