{#
    How far a changed session reaches: what every model that is incremental by session, and every view whose tests are bounded
    in the same way, declares as `meta.reach`.

        follows   tables, as source.table, whose changed sessions it takes up and whose calendar it counts in
        back      sessions before a changed one that are recomputed
        forward   sessions after it; at least as far as the model and what it reads look back. A new last day reaches nobody
        gate      true: the completeness gate (H6) carries the change further. What compares lists is reached through the
                  gate; what is made of a session's own files alone must not be

    A list of (model, source, table, back, forward, gate). Empty while the project is parsed.
#}
{% macro session_reaches() -%}
    {%- set found = [] -%}
    {%- for node in (graph.nodes.values() if execute else []) | selectattr('resource_type', 'equalto', 'model') | sort(attribute='name') -%}
        {%- set reach = node.config.meta.get('reach') -%}
        {%- if reach -%}
            {%- do check_archived_files_are_read(node, reach) -%}
            {%- for followed in reach.follows -%}
                {%- set source_name, table_name = followed.split('.') -%}
                {%- do found.append((node.name, source_name, table_name, reach.back, reach.forward, reach.gate)) -%}
            {%- endfor -%}
        {%- elif node.config.incremental_strategy == 'by_session' -%}
            {%- do exceptions.raise_compiler_error(node.name ~ ' is incremental by session and declares no meta.reach') -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{#
    The warehouse opens the archived files within `archive.reach_sessions` of a changed session before dbt runs, so that number
    stands in the source's declaration. A model that reaches further would silently read a part of the history.
#}
{% macro check_archived_files_are_read(node, reach) -%}
    {%- for unique_id in node.depends_on.nodes if unique_id in graph.sources -%}
        {%- set archive = graph.sources[unique_id].config.meta.get('archive') -%}
        {%- if archive and archive.reach_sessions < [reach.back, reach.forward] | max -%}
            {%- do exceptions.raise_compiler_error(
                node.name ~ ' reaches ' ~ [reach.back, reach.forward] | max ~ ' sessions, archive.reach_sessions of ' ~ unique_id
                ~ ' is ' ~ archive.reach_sessions
            ) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}
