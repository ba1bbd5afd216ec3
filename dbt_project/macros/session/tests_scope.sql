{#
    Rows of a model that a data test looks at. Of models that are incremental by session, and of views over such, these are
    the sessions of this build: the others were tested when they were built, and have not changed since. A model whose grain
    is a rule of its staged files already may bound that with `meta.reach.tested_sessions`. Uses int__scope: the test depends
    on it.
#}
{% macro rows_under_test(model) -%}
    {%- set node = node_of(model) -%}
    {%- set reach = node.config.meta.get('reach') if node else none -%}
    {%- if reach -%}
        {%- set scope = sessions_in_scope(model.identifier) -%}
        {%- if reach.tested_sessions -%}
            {%- set scope = '(select session_date from ' ~ scope ~ ' as scope order by session_date desc limit ' ~ reach.tested_sessions ~ ')' -%}
        {%- endif -%}
        (select * from {{ model }} where session_date in {{ scope }}{{ span_of(scope) if node.config.materialized == 'view' }})
    {%- else -%}
        {{ model }}
    {%- endif -%}
{%- endmacro %}

{# The first and last session of a subquery as a condition: a view hands constants on to its tables, a subquery it does not. #}
{% macro span_of(scope) -%}
    {%- set ends = run_query('select min(session_date), max(session_date) from ' ~ scope).rows[0] -%}
    {%- if ends[0] is not none %} and session_date between date '{{ ends[0] }}' and date '{{ ends[1] }}'{% endif -%}
{%- endmacro %}

{# The node of a model; none while the project is parsed, and of what is no model. #}
{% macro node_of(model) -%}
    {%- set found = graph.nodes.values() | selectattr('resource_type', 'equalto', 'model')
        | selectattr('name', 'equalto', model.identifier) | list if execute else [] -%}
    {{ return(found | first if found else none) }}
{%- endmacro %}
