{#
    Concentration of each side and churn (B15, B18), once: the mart and the table macro of the published build are rendered
    from these. `flow` is a table expression with one row a broker and key: the key's columns, buy_lots, sell_lots, gross_lots,
    is_censored. Lots are lots of 100 shares.
#}

{# The CTEs `totals` and `churning`. #}
{% macro concentration_sums(flow, keys) -%}
totals as (
    select
        {{ keys | join(', ') }},
        count(*) filter (where buy_lots > 0) as buying_brokers,
        count(*) filter (where sell_lots > 0) as selling_brokers,
        sum(buy_lots) as buy_lots,
        sum(sell_lots) as sell_lots,
        sum(gross_lots) as gross_lots,
        sum(cast(buy_lots as double) * buy_lots) as squared_buys,
        sum(cast(sell_lots as double) * sell_lots) as squared_sells,
        list_sum(max(buy_lots, 3)) as top3_buys,
        list_sum(max(sell_lots, 3)) as top3_sells,
        bool_or(is_censored) as is_censored
    from {{ flow }}
    group by {{ keys | join(', ') }}
),

churning as (
    select
        {{ flow }}.{{ keys | join(', ' ~ flow ~ '.') }},
        count(*) as churn_brokers,
        sum({{ flow }}.gross_lots) as churn_lots
    from {{ flow }}
    inner join totals using ({{ keys | join(', ') }})
    where abs({{ flow }}.buy_lots - {{ flow }}.sell_lots) < {{ idx_churn_net() }} * {{ flow }}.gross_lots
        and {{ flow }}.gross_lots >= {{ idx_churn_share() }} * totals.gross_lots
    group by {{ flow }}.{{ keys | join(', ' ~ flow ~ '.') }}
)
{%- endmacro %}

{# The columns after the key; the query is from `totals` and, left-joined, `churning`. #}
{% macro concentration_columns() -%}
cast(totals.buying_brokers as integer) as buying_brokers,
        cast(totals.selling_brokers as integer) as selling_brokers,
        cast(totals.buy_lots as bigint) as buy_lots,
        cast(totals.sell_lots as bigint) as sell_lots,
        round(totals.squared_buys / nullif(cast(totals.buy_lots as double) ** 2, 0), 6) as buy_hhi,
        round(totals.squared_sells / nullif(cast(totals.sell_lots as double) ** 2, 0), 6) as sell_hhi,
        round(100 * cast(totals.top3_buys as double) / nullif(totals.buy_lots, 0), 4) as top3_buy_pct,
        round(100 * cast(totals.top3_sells as double) / nullif(totals.sell_lots, 0), 4) as top3_sell_pct,
        cast(coalesce(churning.churn_brokers, 0) as integer) as churn_brokers,
        round(100 * cast(coalesce(churning.churn_lots, 0) as double) / nullif(totals.gross_lots, 0), 4) as churn_pct,
        totals.is_censored
{%- endmacro %}
