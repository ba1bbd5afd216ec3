{#
    Daily prices of some rows of int_idx__prices, `prices` being a table expression. Models and the view idx__daily_prices, which
    is all of them, share it: what is laid on the view as a subquery or a join is only applied after its own joins over the
    whole history, so a model chooses its sessions before.
#}
{% macro daily_prices(prices) -%}
    select
        prices.session_date,
        prices.ticker_code,
        prices.company_name,
        case
            when events.is_new_listing then 'new_listing'
            when prices.volume_shares > 0 then 'traded'
            when prices.is_without_orders then 'suspended'
            else 'no_trade'
        end as trading_state,
        prices.open_idr,
        prices.high_idr,
        prices.low_idr,
        prices.close_idr,
        prices.previous_idr,
        prices.change_idr,
        100 * cast(prices.change_idr as double) / nullif(cast(prices.previous_idr as double), 0) as change_pct,
        prices.value_idr / nullif(prices.volume_shares, 0) as vwap_idr,
        prices.volume_shares,
        prices.value_idr,
        prices.trades,
        prices.nonregular_volume_shares,
        prices.nonregular_value_idr,
        prices.nonregular_trades,
        prices.listed_shares,
        cast(prices.close_idr as double) * prices.listed_shares as market_value_idr,
        coalesce(adjustments.adj_factor, 1) as adj_factor,
        splits.factor as split_factor
    from {{ prices }} as prices
    left join {{ ref('int_idx__adjustments').include(database=false) }} as adjustments
        on prices.ticker_code = adjustments.ticker_code
        and prices.session_date >= adjustments.valid_from
        and prices.session_date < adjustments.effective_date
    left join {{ ref('int_idx__adjustments').include(database=false) }} as splits
        on prices.ticker_code = splits.ticker_code and prices.session_date = splits.effective_date
    left join {{ ref('int_idx__events').include(database=false) }} as events
        on prices.ticker_code = events.ticker_code
        and prices.session_date = events.session_date
        and events.is_new_listing
{%- endmacro %}
