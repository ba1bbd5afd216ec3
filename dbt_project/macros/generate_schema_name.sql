{# Marts lie in `main`, so that a shell finds them by their name alone; the rest in the schema that its folder names. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name | trim if custom_schema_name else 'main' }}
{%- endmacro %}
