{#
    A model that is a DuckDB macro of the published build: the same SQL as a mart, over what the caller asks for. Config:

        parameters  names, in order; `name := value` gives a default
        returns     'table', or 'value' for a scalar

    The macro names no database, so that it works in whichever file it is copied to. It resolves names where it is called:
    open the file itself, or `use` the catalog it is attached as. Its description is its comment in the file.
#}
{% materialization duckdb_macro, adapter='duckdb' %}
    {%- set target_relation = this.incorporate(type='view') -%}
    {%- set is_table = config.require('returns') == 'table' -%}

    {{ run_hooks(pre_hooks) }}
    {% call statement('main') -%}
        create or replace macro {{ this.include(database=false) }}({{ config.require('parameters') | join(', ') }}) as
        {{ 'table' if is_table }} (
        {{ sql }}
        );
    {%- endcall %}
    {% if config.persist_relation_docs() and model.description %}
        {% call statement('comment') -%}
            comment on macro {{ 'table' if is_table }} {{ this.include(database=false) }} is {{ duckdb_escape_comment(model.description) }};
        {%- endcall %}
    {% endif %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': []}) }}
{% endmaterialization %}
