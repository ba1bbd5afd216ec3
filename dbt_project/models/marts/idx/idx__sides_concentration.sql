{{ config(materialized='incremental', incremental_strategy='by_session', chunk_sessions=120) }}

with flow as (
    select
        session_date,
        ticker_code,
        board,
        coalesce(buy_lots, 0) as buy_lots,
        coalesce(sell_lots, 0) as sell_lots,
        coalesce(buy_lots, 0) + coalesce(sell_lots, 0) as gross_lots,
        not is_complete_list as is_censored
    from {{ source('idx_brokers', 'broker_trades') }}
    where investor_type = 'all' and session_date in {{ sessions_in_scope('idx__sides_concentration') }}
),

totals as (
    select
        session_date,
        ticker_code,
        board,
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
    from flow
    group by session_date, ticker_code, board
),

churning as (
    select
        flow.session_date,
        flow.ticker_code,
        flow.board,
        count(*) as churn_brokers,
        sum(flow.gross_lots) as churn_lots
    from flow
    inner join totals using (session_date, ticker_code, board)
    where abs(flow.buy_lots - flow.sell_lots) < {{ var('churn_net') }} * flow.gross_lots
        and flow.gross_lots >= {{ var('churn_share') }} * totals.gross_lots
    group by flow.session_date, flow.ticker_code, flow.board
),

-- Ratios are rounded where millions of rows are stored: they take a third of the room.
final as (
    select
        totals.session_date,
        totals.ticker_code,
        totals.board,
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
    from totals
    left join churning using (session_date, ticker_code, board)
)

select * from final
order by session_date, ticker_code, board
