{#
    Rows of a model that a data test looks at. Of models that are incremental by session, and of views over such, these are
    the sessions of this build: the others were tested when they were built, and have not changed since. Uses int__scope: the
    test depends on it.
#}
{% macro rows_under_test(model) -%}
    {%- if model.identifier in session_reaches() | map(attribute=0) | list -%}
        {%- set tested = sessions_in_scope(model.identifier) -%}
        (
            select * from {{ model }}
            where session_date in {% if model.identifier == 'idx__broker_daily_flow' -%}
                {#- Every session's grain is a rule of its staged file; 90 million rows need not be grouped in a full refresh. -#}
                (select session_date from {{ tested }} as tested order by session_date desc limit 60)
            {%- else -%}
                {{ tested }}
            {%- endif %}
        )
    {%- else -%}
        {{ model }}
    {%- endif -%}
{%- endmacro %}
