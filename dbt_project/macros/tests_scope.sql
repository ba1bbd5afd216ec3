{#
    Rows of a model that a data test looks at. Of marts that are incremental by session these are the sessions of this build:
    the others were tested when they were built, and have not changed since. Uses int_hk__scope: the test depends on it.
#}
{% macro rows_under_test(model) -%}
    {%- set incremental = ['hk__daily_holdings', 'hk__movers', 'hk__participants_daily', 'hk__participant_changes',
                           'hk__concentration', 'hk__unusual_changes'] -%}
    {%- if model.identifier in incremental -%}
        (select * from {{ model }} where session_date in {{ sessions_in_scope(model.identifier) }})
    {%- else -%}
        {{ model }}
    {%- endif -%}
{%- endmacro %}
