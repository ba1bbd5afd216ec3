{{ config(
    materialized='incremental',
    incremental_strategy='by_session',
    chunk_sessions=120,
    meta={'reach': {
        'follows': ['idx_brokers.stock_summary'],
        'back': 0,
        'forward': idx_lookback_sessions(),
        'gate': false,
    }},
) }}
{%- set lookback = idx_lookback_sessions() %}

with {{ sessions_and_scope('idx__foreign_flow', 'idx_brokers', 'stock_summary') }},

-- An equality join on the date lets the scan skip the rest of the history.
looked_at as (
    select distinct sessions.session_date, sessions.ordinal
    from scope
    inner join sessions on sessions.ordinal between scope.ordinal - {{ [lookback, 20] | max - 1 }} and scope.ordinal
),

prices as (
    select
        prices.session_date,
        looked_at.ordinal,
        prices.ticker_code,
        {{ identity_no() }} as identity_no,
        prices.volume_shares,
        prices.foreign_buy_shares,
        prices.foreign_sell_shares,
        prices.foreign_buy_shares - prices.foreign_sell_shares as net_foreign_shares,
        -- In whole rupiah: a sum then does not depend on the order of its parts, and the column takes a third of the room.
        round(coalesce(
            (prices.foreign_buy_shares - prices.foreign_sell_shares) * (prices.value_idr / nullif(prices.volume_shares, 0)), 0
        )) as net_foreign_value_idr
    from {{ ref('int_idx__prices') }} as prices
    inner join looked_at on prices.session_date = looked_at.session_date
    {{ identity_join(ref('int_idx__identities'), 'prices', 'ticker_code', 'session_date') }}
),

averaged as (
    select
        *,
        {%- for name, length in [('5', 5), ('10', 10), ('20', 20)] %}
        case
            when count(*) over last_{{ name }} = {{ length }} then sum(net_foreign_value_idr) over last_{{ name }}
        end as flow_{{ name }}_idr
        {{- ',' if not loop.last }}
        {%- endfor %}
    from prices
    window
        {%- for name, length in [('5', 5), ('10', 10), ('20', 20)] %}
        last_{{ name }} as (
            partition by ticker_code, identity_no order by ordinal range between {{ length - 1 }} preceding and current row
        )
        {{- ',' if not loop.last }}
        {%- endfor %}
),

-- Sessions without a trade neither end nor lengthen a streak (B17).
turned as (
    select
        session_date,
        ordinal,
        ticker_code,
        identity_no,
        sign(net_foreign_shares) as direction,
        (
            sign(net_foreign_shares) is distinct from lag(sign(net_foreign_shares)) over (
                partition by ticker_code, identity_no order by ordinal
            )
        ) as is_turn
    from prices
    where volume_shares > 0
),

runs as (
    select *, count(*) filter (where is_turn) over (partition by ticker_code, identity_no order by ordinal) as run from turned
),

streaks as (
    select
        session_date,
        ticker_code,
        direction * count(*) over (
            partition by ticker_code, identity_no, run order by ordinal range between {{ lookback - 1 }} preceding and current row
        ) as streak_sessions
    from runs
),

main_board as (
    select
        session_date,
        ticker_code,
        board,
        broker_code,
        broker_type_shown,
        coalesce(buy_lots, 0) - coalesce(sell_lots, 0) as net_lots,
        coalesce(buy_value_idr, 0) - coalesce(sell_value_idr, 0) as net_value_idr,
        foreign_investor_net_value_idr,
        foreign_investor_net_value_step_idr
    from {{ source('idx_brokers', 'broker_trades') }}
    where investor_type = 'all' and board in ('all', 'RG') and session_date in (select session_date from scope)
    qualify {{ is_main_board() }}
),

types as (
    {{ broker_types() }}
),

typed as (
    select main_board.*, coalesce(types.broker_type, main_board.broker_type_shown) = 'foreign' as is_foreign
    from main_board
    left join types using (broker_code)
),

pages as (
    select
        session_date,
        ticker_code,
        max(foreign_investor_net_value_idr) as page_net_foreign_value_idr,
        max(foreign_investor_net_value_step_idr) as page_net_foreign_value_step_idr,
        coalesce(sum(net_lots) filter (where is_foreign), 0) as foreign_broker_net_lots,
        coalesce(sum(net_value_idr) filter (where is_foreign), 0) as foreign_broker_net_value_idr
    from typed
    group by session_date, ticker_code
),

final as (
    select
        averaged.session_date,
        averaged.ticker_code,
        averaged.foreign_buy_shares,
        averaged.foreign_sell_shares,
        averaged.net_foreign_shares,
        round(
            100 * (averaged.foreign_buy_shares + averaged.foreign_sell_shares) / nullif(2 * averaged.volume_shares, 0), 4
        ) as participation_pct,
        averaged.net_foreign_value_idr,
        true as is_estimate,
        pages.page_net_foreign_value_idr,
        pages.page_net_foreign_value_step_idr,
        cast(pages.foreign_broker_net_lots as bigint) as foreign_broker_net_lots,
        cast(pages.foreign_broker_net_value_idr as bigint) as foreign_broker_net_value_idr,
        averaged.flow_5_idr,
        averaged.flow_20_idr,
        round(averaged.flow_10_idr / 10) as ma10_idr,
        round(averaged.flow_20_idr / 20) as ma20_idr,
        cast(streaks.streak_sessions as integer) as streak_sessions
    from averaged
    left join streaks using (session_date, ticker_code)
    left join pages using (session_date, ticker_code)
    where averaged.session_date in (select session_date from scope)
)

select * from final
order by session_date, ticker_code
