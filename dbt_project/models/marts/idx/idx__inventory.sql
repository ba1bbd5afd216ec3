with flow as (
    select * from {{ ref('idx__broker_daily_flow').include(database=false) }} where investor_type = 'all'
),

-- Filters on the columns of the partition reach the Parquet files; a filter on the date cannot.
final as (
    select
        session_date,
        ticker_code,
        board,
        broker_code,
        identity_no,
        net_lots,
        net_value_idr,
        net_lots * adj_factor as net_lots_adjusted,
        sum(net_lots * adj_factor) over so_far as inventory_lots,
        cast(sum(net_value_idr) over so_far as bigint) as inventory_value_idr
    from flow
    window so_far as (
        partition by ticker_code, identity_no, board, broker_code order by session_date
        rows between unbounded preceding and current row
    )
)

select * from final
