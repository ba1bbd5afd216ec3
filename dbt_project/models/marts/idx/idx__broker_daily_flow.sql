{# Tested sessions: its grain is a rule of the staged files; 90 million rows need not be grouped in a full refresh. #}
{{ config(
    meta={'reach': {
        'follows': ['idx_brokers.stock_summary'],
        'back': 0,
        'forward': 0,
        'gate': false,
        'tested_sessions': 60,
    }},
) }}

with trades as (
    select * from {{ source('idx_brokers_history', 'broker_trades').include(database=false) }}
),

adjustments as (
    select * from {{ ref('int_idx__adjustments').include(database=false) }}
),

final as (
    select
        trades.session_date,
        trades.ticker_code,
        trades.board,
        trades.investor_type,
        trades.broker_code,
        case when trades.is_complete_list then coalesce(trades.buy_lots, 0) else trades.buy_lots end as buy_lots,
        case when trades.is_complete_list then coalesce(trades.sell_lots, 0) else trades.sell_lots end as sell_lots,
        coalesce(trades.buy_lots, 0) - coalesce(trades.sell_lots, 0) as net_lots,
        case when trades.is_complete_list then coalesce(trades.buy_value_idr, 0) else trades.buy_value_idr end as buy_value_idr,
        case
            when trades.is_complete_list then coalesce(trades.sell_value_idr, 0) else trades.sell_value_idr
        end as sell_value_idr,
        coalesce(trades.buy_value_idr, 0) - coalesce(trades.sell_value_idr, 0) as net_value_idr,
        trades.buy_value_idr / nullif(100 * trades.buy_lots, 0) as buy_average_idr,
        trades.sell_value_idr / nullif(100 * trades.sell_lots, 0) as sell_average_idr,
        greatest(coalesce(trades.buy_lots_step, 1), coalesce(trades.sell_lots_step, 1)) as lots_step,
        greatest(coalesce(trades.buy_value_step_idr, 1), coalesce(trades.sell_value_step_idr, 1)) as value_step_idr,
        not trades.is_complete_list as is_censored,
        trades.broker_type_shown,
        coalesce(adjustments.adj_factor, 1) as adj_factor,
        {{ identity_no() }} as identity_no
    from trades
    left join adjustments
        on trades.ticker_code = adjustments.ticker_code
        and trades.session_date >= adjustments.valid_from
        and trades.session_date < adjustments.effective_date
    {{ identity_join(ref('int_idx__identities').include(database=false), 'trades', 'ticker_code', 'session_date') }}
)

select * from final
