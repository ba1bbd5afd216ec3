{# No two rows share the values of `columns`: the stated grain. #}
{% test grain(model, columns) %}
-- depends_on: {{ ref('int__scope') }}
select {{ columns | join(', ') }}, count(*) as copies
from {{ rows_under_test(model) }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}

{# None of `columns` is ever null. #}
{% test never_null(model, columns) %}
-- depends_on: {{ ref('int__scope') }}
select {{ columns | join(', ') }}
from {{ rows_under_test(model) }}
where {% for column in columns %}{{ column }} is null{{ ' or ' if not loop.last }}{% endfor %}
{% endtest %}

{# `column` lies between `low` and `high`, both included; nulls pass. #}
{% test within(model, column, low=none, high=none) %}
-- depends_on: {{ ref('int__scope') }}
select {{ column }}
from {{ rows_under_test(model) }}
where {% if low is not none %}{{ column }} < {{ low }}{% else %}false{% endif %}
    or {% if high is not none %}{{ column }} > {{ high }}{% else %}false{% endif %}
{% endtest %}

{# `column` has one of `values`; nulls pass. #}
{% test one_of(model, column, values) %}
-- depends_on: {{ ref('int__scope') }}
select {{ column }}, count(*) as found
from {{ rows_under_test(model) }}
where {{ column }} not in ('{{ values | join("', '") }}')
group by {{ column }}
{% endtest %}

{# `expression` is true of every row: an identity of the formula that is named. #}
{% test identity(model, expression, formula) %}
-- depends_on: {{ ref('int__scope') }}
-- {{ formula }}
select *
from {{ rows_under_test(model) }}
where ({{ expression }}) is not true
{% endtest %}

{# Every counter that emptied is linked to one that filled on the same day, and the reverse. #}
{% test counter_changes_come_in_pairs(model) %}
select one.session_date, one.stock_code, one.linked_stock_code
from {{ model }} as one
left join {{ model }} as other
    on other.session_date = one.session_date
    and other.stock_code = one.linked_stock_code
    and other.linked_stock_code = one.stock_code
where one.counter_role in ('old', 'new')
    and (other.counter_role is null or other.counter_role = one.counter_role)
{% endtest %}

{# Where every board was collected, board all is RG, TN and NG together, but for what rounding explains (B2). #}
{% test boards_add_up(model) %}
-- depends_on: {{ ref('int__scope') }}
with lists as (
    select * from {{ rows_under_test(model) }} as lists
    qualify count(distinct board) over (partition by session_date) = 4
)

select
    session_date,
    ticker_code,
    sum(visible_buy_lots) filter (where board = 'all') as all_buy_lots,
    sum(visible_buy_lots) filter (where board <> 'all') as boards_buy_lots,
    sum(visible_sell_lots) filter (where board = 'all') as all_sell_lots,
    sum(visible_sell_lots) filter (where board <> 'all') as boards_sell_lots
from lists
group by session_date, ticker_code
having not coalesce(bool_or(is_censored), false)
    and greatest(abs(all_buy_lots - boards_buy_lots), abs(all_sell_lots - boards_sell_lots)) > sum(tolerance_lots)
{% endtest %}
