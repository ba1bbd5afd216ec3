with prices as (
    select * from {{ ref('int_idx__prices').include(database=false) }}
),

adjustments as (
    select * from {{ ref('int_idx__adjustments').include(database=false) }}
),

events as (
    select * from {{ ref('int_idx__events').include(database=false) }} where is_new_listing
),

final as (
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
    from prices
    left join adjustments
        on prices.ticker_code = adjustments.ticker_code
        and prices.session_date >= adjustments.valid_from
        and prices.session_date < adjustments.effective_date
    left join adjustments as splits
        on prices.ticker_code = splits.ticker_code and prices.session_date = splits.effective_date
    left join events
        on prices.ticker_code = events.ticker_code and prices.session_date = events.session_date
)

select * from final
