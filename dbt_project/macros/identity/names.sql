{#
    Names of companies and other issuers as they are compared: capitals, without accents, signs, spaces and legal forms. Null
    where nothing is left.
#}
{% macro name_key(name) -%}
    nullif(
        regexp_replace(
            regexp_replace(upper(strip_accents(nfc_normalize({{ name }}))), '\b(PT|TBK|PERSERO|PLC|LTD|LIMITED|INC|CORP)\b', '', 'g'),
            '[^\p{L}\p{N}]', '', 'g'
        ),
        ''
    )
{%- endmacro %}

{#
    Whether two such keys are of one name: equal, or one begins the other, as where a list cuts names off. Null where either is
    unknown. A beginning of fewer than 4 letters says too little.
#}
{% macro is_same_name(one, other) -%}
    (
        {{ one }} = {{ other }}
        or (least(length({{ one }}), length({{ other }})) >= 4 and (starts_with({{ one }}, {{ other }}) or starts_with({{ other }}, {{ one }})))
    )
{%- endmacro %}

{#
    Whether names differ in every language in which both are known; false where none is. `pairs` are (name, name before). Keys
    are only made where the names as written differ.
#}
{% macro names_differ(pairs) -%}
    case
        {%- for one, other in pairs %}
        when {{ one }} = {{ other }} then false
        {%- endfor %}
        else not coalesce(
            {%- for one, other in pairs %}
            {{ is_same_name(name_key(one), name_key(other)) }}{{ ' or' if not loop.last else ',' }}
            {%- endfor %}
            {%- for one, other in pairs %}
            {{ is_same_name(name_key(one), name_key(other)) }},
            {%- endfor %}
            true
        )
    end
{%- endmacro %}
