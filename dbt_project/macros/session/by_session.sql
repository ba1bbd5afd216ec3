{#
    Incremental by session: the rows of every session in this model's scope are replaced, also by nothing.
    delete+insert would keep the rows of a session that has none any more.
#}
{% macro get_incremental_by_session_sql(arg_dict) %}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    delete from {{ arg_dict['target_relation'] }}
    where session_date in {{ sessions_in_scope(this.identifier) }};
    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{% endmacro %}

{# The sessions that this build recomputes for a model, as a subquery. The caller depends on int__scope. #}
{% macro sessions_in_scope(model_name) -%}
    (select session_date from {{ ref('int__scope') }} where model_name = '{{ model_name }}' and {{ chunk_mark() }})
{%- endmacro %}

{# Stands in a model's SQL where `duckdb__create_table_as` may put the sessions of one chunk. #}
{% macro chunk_mark() -%} true /* chunk */ {%- endmacro %}

{#
    Models with the config `chunk_sessions` are built that number of sessions at a time: ten years of broker tables in one statement
    would need more memory than there is. A statement for each chunk, all in dbt's one transaction.
#}
{% macro duckdb__create_table_as(temporary, relation, compiled_code, language='sql', partitioned_by=none, sorted_by=none) -%}
    {%- set chunks = session_chunks() if config.get('chunk_sessions') and execute else [] -%}
    {%- set codes = [] -%}
    {%- for first, last in chunks -%}
        {%- do codes.append(compiled_code.replace(chunk_mark(), "session_date between date '" ~ first ~ "' and date '" ~ last ~ "'")) -%}
    {%- endfor -%}
    {{ dbt.duckdb__create_table_as(temporary, relation, codes[0] if codes else compiled_code, language, partitioned_by, sorted_by) }}
    {%- for code in codes[1:] %}
    insert into {{ relation.include(database=(not temporary), schema=(not temporary)) }} by name
    {{ code }};
    {%- endfor %}
{%- endmacro %}

{# The first and last session of each chunk of this model's scope. #}
{% macro session_chunks() -%}
    {%- set found = run_query(
        "select min(session_date), max(session_date) from ("
        ~ "select session_date, row_number() over (order by session_date) - 1 as place from " ~ sessions_in_scope(this.identifier)
        ~ ") group by place // " ~ config.get('chunk_sessions') ~ " order by 1"
    ) -%}
    {{ return(found.rows | list) }}
{%- endmacro %}
