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

{# The sessions that this build recomputes for a model, as a subquery. The caller depends on int_hk__scope. #}
{% macro sessions_in_scope(model_name) -%}
    (select session_date from {{ ref('int_hk__scope') }} where model_name = '{{ model_name }}')
{%- endmacro %}
