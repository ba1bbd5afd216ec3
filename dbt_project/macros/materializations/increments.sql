{#
    What an increment need not do again. Every change of the project is a full refresh, so that in an increment all comments,
    columns and views are already as the project declares them.
#}

{# Comments of a table stay with it while its rows are replaced; one statement for each column takes longer than the rows. #}
{% macro duckdb__persist_docs(relation, model, for_relation=true, for_columns=true) -%}
    {%- if should_full_refresh() or not is_incremental() -%}
        {{ return(dbt.default__persist_docs(relation, model, for_relation, for_columns)) }}
    {%- endif -%}
{%- endmacro %}

{# Returns no columns: the caller then takes those of the table. Instead of comparing them, in two queries for each model. #}
{% macro process_schema_changes(on_schema_change, source_relation, target_relation) -%}
    {{ return([]) }}
{%- endmacro %}

{% materialization view, adapter='duckdb' %}
    {%- set existing = load_cached_relation(this) -%}
    {% if existing is none or not existing.is_view or should_full_refresh() %}
        {{ return(dbt.materialization_view_default()) }}
    {% endif %}
    {# dbt wants a statement of this name for the outcome. #}
    {% call statement('main') -%}
        select 1
    {%- endcall %}
    {% do adapter.commit() %}
    {{ return({'relations': [existing]}) }}
{% endmaterialization %}
