{{ config(
    materialized='incremental',
    incremental_strategy='by_session',
    meta={'reach': {
        'follows': ['idx_brokers.stock_summary'],
        'back': 0,
        'forward': idx_lookback_sessions(),
        'gate': false,
    }},
) }}

with prices_in_scope as (
    select * from {{ ref('int_idx__prices') }}
    where session_date in {{ sessions_in_scope('idx__market_totals') }}
),

prices as (
    {{ daily_prices('prices_in_scope') }}
),

foreign_flow as (
    select * from {{ ref('idx__foreign_flow') }}
    where session_date in {{ sessions_in_scope('idx__market_totals') }}
),

reconciliation as (
    select * from {{ ref('idx__reconciliation') }}
    where session_date in {{ sessions_in_scope('idx__market_totals') }}
    qualify {{ is_main_board() }}
),

summed as (
    select
        session_date,
        count(*) as tickers,
        count(*) filter (where volume_shares > 0) as traded,
        count(*) filter (where volume_shares = 0 and trading_state <> 'suspended') as no_trade,
        count(*) filter (where trading_state = 'suspended') as suspended,
        count(*) filter (where trading_state = 'new_listing') as new_listings,
        count(*) filter (where volume_shares > 0 and change_idr > 0) as advancers,
        count(*) filter (where volume_shares > 0 and change_idr < 0) as decliners,
        count(*) filter (where volume_shares > 0 and change_idr = 0) as unchanged,
        sum(volume_shares) as volume_shares,
        sum(value_idr) as value_idr,
        sum(trades) as trades,
        sum(nonregular_volume_shares) as nonregular_volume_shares,
        sum(nonregular_value_idr) as nonregular_value_idr
    from prices
    group by session_date
),

-- In whole rupiah, so that a sum does not depend on the order of its parts.
foreigners as (
    select
        foreign_flow.session_date,
        sum(round(foreign_flow.foreign_buy_shares * prices.vwap_idr)) as foreign_buy_value_idr,
        sum(round(foreign_flow.foreign_sell_shares * prices.vwap_idr)) as foreign_sell_value_idr,
        sum(round(foreign_flow.net_foreign_value_idr)) as net_foreign_value_idr
    from foreign_flow
    inner join prices using (session_date, ticker_code)
    group by foreign_flow.session_date
),

covered as (
    select
        session_date,
        count(*) filter (where state <> 'no_broker_table') as broker_tickers,
        -- In whole shares, for the same reason.
        sum(round(coverage_pct * exchange_lots)) as covered_shares,
        sum(round(100 * exchange_lots)) as exchange_shares,
        count(*) filter (where is_reconciled) as reconciled_tickers,
        count(*) filter (where state in ('mismatch', 'no_broker_table', 'no_exchange_row')) as unreconciled_tickers
    from reconciliation
    group by session_date
),

final as (
    select
        summed.session_date,
        {%- for count in ['tickers', 'traded', 'no_trade', 'suspended', 'new_listings', 'advancers', 'decliners', 'unchanged'] %}
        cast(summed.{{ count }} as integer) as {{ count }},
        {%- endfor %}
        cast(summed.advancers - summed.decliners as integer) as breadth,
        {%- for amount in ['volume_shares', 'value_idr', 'trades', 'nonregular_volume_shares', 'nonregular_value_idr'] %}
        cast(summed.{{ amount }} as bigint) as {{ amount }},
        {%- endfor %}
        foreigners.foreign_buy_value_idr,
        foreigners.foreign_sell_value_idr,
        foreigners.net_foreign_value_idr,
        100 * (foreigners.foreign_buy_value_idr + foreigners.foreign_sell_value_idr)
            / nullif(2 * cast(summed.value_idr as double), 0) as foreign_participation_pct,
        cast(covered.broker_tickers as integer) as broker_tickers,
        100 * covered.covered_shares / nullif(covered.exchange_shares, 0) as broker_coverage_pct,
        cast(covered.reconciled_tickers as integer) as reconciled_tickers,
        cast(covered.unreconciled_tickers as integer) as unreconciled_tickers
    from summed
    left join foreigners using (session_date)
    left join covered using (session_date)
)

select * from final
order by session_date
