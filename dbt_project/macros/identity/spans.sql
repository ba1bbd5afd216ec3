{#
    Identity of a code: the code and the time for which it means one company, fund class or coin. A code may be given to
    another one; what is compared or summed by code must not cross that. The macros know no area: an area says what starts a
    new identity (a model with one row a start), and keeps a seed in which a person overrules it. docs/formulas.md has the rule.

    identity_spans      the model of an area: spans of the codes that have meant more than one thing, and of no other
    identity_join       joins the span that holds on a row's date: a left join to a few rows
    identity_no         the number of that span: comparisons are partitioned by it and joined on it, next to the code
#}

{#
    Spans from starts. Arguments:

        starts      table expression: <code>, valid_from, last_seen_date, reason, and `columns`
        code        name of the column with the code
        seed        name of the seed with <code>, session_date, action, reason: `join` says that the start found within 45 days
                    of the date is none, `split` that another identity starts on the date
        columns     further columns of a start that its span keeps

    Columns: <code>, identity_no (from 1), valid_from (1900-01-01 for the first), next_from (9999-12-31 for the last),
    last_seen_date (last one before next_from; null for the last span), reason, `columns`.
#}
{% macro identity_spans(starts, code, seed, columns) -%}
overruled as (
    select {{ code }}, session_date, action from {{ ref(seed) }}
),

found_starts as (
    select starts.{{ code }}, starts.valid_from, starts.last_seen_date, starts.reason, starts.{{ columns | join(', starts.') }}
    from {{ starts }} as starts
    where not exists (
        select 1 from overruled
        where overruled.{{ code }} = starts.{{ code }}
            and (
                (overruled.action = 'join' and abs(date_diff('day', overruled.session_date, starts.valid_from)) <= 45)
                or (overruled.action = 'split' and overruled.session_date = starts.valid_from)
            )
    )
    union all by name
    select {{ code }}, session_date as valid_from, 'confirmed' as reason from overruled where action = 'split'
),

all_spans as (
    select * from found_starts
    union all by name
    select distinct {{ code }}, date '1900-01-01' as valid_from from found_starts
),

spans as (
    select
        {{ code }},
        cast(row_number() over by_code as integer) as identity_no,
        valid_from,
        coalesce(lead(valid_from) over by_code, date '9999-12-31') as next_from,
        case when lead(valid_from) over by_code is not null
            then coalesce(lead(last_seen_date) over by_code, lead(valid_from) over by_code - 1)
        end as last_seen_date,
        reason,
        {{ columns | join(', ') }}
    from all_spans
    window by_code as (partition by {{ code }} order by valid_from)
)
{%- endmacro %}

{# Left join of the span that holds on `day`. `spans` is a relation that identity_spans made. #}
{% macro identity_join(spans, rows, code, day, alias='identities') -%}
left join {{ spans }} as {{ alias }}
        on {{ rows }}.{{ code }} = {{ alias }}.{{ code }}
        and {{ rows }}.{{ day }} >= {{ alias }}.valid_from
        and {{ rows }}.{{ day }} < {{ alias }}.next_from
{%- endmacro %}

{# The number of the span; 1 for a code that has meant one company only. #}
{% macro identity_no(alias='identities') -%}
coalesce({{ alias }}.identity_no, 1)
{%- endmacro %}
