{{ config(
    materialized='incremental',
    incremental_strategy='by_session',
    chunk_sessions=120,
    meta={'reach': {
        'follows': ['idx_brokers.stock_summary'],
        'back': 0,
        'forward': 0,
        'gate': false,
    }},
) }}

with prices as (
    select * from {{ ref('int_idx__prices') }}
    where session_date in {{ sessions_in_scope('idx__reconciliation') }}
),

lists as (
    select
        session_date,
        ticker_code,
        board,
        not bool_and(is_complete_list) as is_censored,
        count(*) as brokers,
        sum(coalesce(buy_lots, 0)) as buy_lots,
        sum(coalesce(sell_lots, 0)) as sell_lots,
        sum(coalesce(buy_value_idr, 0)) as buy_value_idr,
        sum(coalesce(sell_value_idr, 0)) as sell_value_idr,
        -- Where odd lots trade, each row may lose less than one lot.
        greatest(
            sum(case when coalesce(buy_lots_step, 1) > 1 then buy_lots_step else 0 end),
            sum(case when coalesce(sell_lots_step, 1) > 1 then sell_lots_step else 0 end)
        ) + case when board = 'RG' then 0 else count(*) end as tolerance_lots,
        greatest(sum(coalesce(buy_value_step_idr, 0)), sum(coalesce(sell_value_step_idr, 0))) as tolerance_idr
    from {{ source('idx_brokers', 'broker_trades') }}
    where investor_type = 'all' and session_date in {{ sessions_in_scope('idx__reconciliation') }}
    group by session_date, ticker_code, board
),

boards as (
    select session_date, case when bool_or(board = 'all') then 'all' else 'RG' end as main_board
    from lists
    group by session_date
),

-- A session of which a part of the market only was asked for, such as a watchlist, says nothing about the rest.
whole_sessions as (
    select session_date
    from (select session_date, count(distinct ticker_code) as listed from lists group by session_date) as listed
    inner join (
        select session_date, count(*) filter (where volume_shares > 0) as traded from prices group by session_date
    ) as traded using (session_date)
    where 2 * listed >= traded
),

without_list as (
    select prices.session_date, prices.ticker_code, boards.main_board as board
    from prices
    inner join whole_sessions using (session_date)
    inner join boards using (session_date)
    where prices.volume_shares + case when boards.main_board = 'all' then prices.nonregular_volume_shares else 0 end >= 100
    except
    select session_date, ticker_code, board from lists
),

compared as (
    select
        coalesce(lists.session_date, without_list.session_date) as session_date,
        coalesce(lists.ticker_code, without_list.ticker_code) as ticker_code,
        coalesce(lists.board, without_list.board) as board,
        lists.* exclude (session_date, ticker_code, board)
    from lists
    full outer join without_list using (session_date, ticker_code, board)
),

stated as (
    select
        compared.*,
        prices.ticker_code is null as is_unknown,
        compared.board in ('TN', 'NG') as is_bound,
        case
            when compared.board = 'RG' then prices.volume_shares
            when compared.board = 'all' then prices.volume_shares + prices.nonregular_volume_shares
            else prices.nonregular_volume_shares
        end / 100 as exchange_lots,
        case
            when compared.board = 'RG' then prices.value_idr
            when compared.board = 'all' then prices.value_idr + prices.nonregular_value_idr
            else prices.nonregular_value_idr
        end as exchange_value_idr
    from compared
    left join prices using (session_date, ticker_code)
),

allowed as (
    select
        * replace (
            tolerance_idr + coalesce(floor({{ idx_value_tolerance() }} * exchange_value_idr), 0) as tolerance_idr
        )
    from stated
),

measured as (
    select
        *,
        least(buy_lots, sell_lots) as smaller_lots,
        greatest(buy_lots, sell_lots) <= exchange_lots + tolerance_lots as is_within_lots,
        least(buy_lots, sell_lots) >= exchange_lots - tolerance_lots as is_whole_lots,
        greatest(buy_value_idr, sell_value_idr) <= exchange_value_idr + tolerance_idr as is_within_value,
        least(buy_value_idr, sell_value_idr) >= exchange_value_idr - tolerance_idr as is_whole_value
    from allowed
),

judged as (
    select
        *,
        case
            when brokers is null then 'no_broker_table'
            when is_unknown then 'no_exchange_row'
            when not is_within_lots or not is_within_value then 'mismatch'
            when is_bound then 'bounded'
            when is_censored and not is_whole_lots then 'cut_list'
            when is_whole_lots and is_whole_value then 'reconciled'
            else 'mismatch'
        end as state
    from measured
),

final as (
    select
        session_date,
        ticker_code,
        board,
        state,
        state in ('reconciled', 'bounded') as is_reconciled,
        is_censored,
        cast(brokers as integer) as brokers,
        cast(exchange_lots as double) as exchange_lots,
        cast(exchange_value_idr as bigint) as exchange_value_idr,
        cast(buy_lots as bigint) as visible_buy_lots,
        cast(sell_lots as bigint) as visible_sell_lots,
        cast(buy_value_idr as bigint) as visible_buy_value_idr,
        cast(sell_value_idr as bigint) as visible_sell_value_idr,
        cast(exchange_lots - buy_lots as double) as buy_difference_lots,
        cast(exchange_lots - sell_lots as double) as sell_difference_lots,
        cast(exchange_value_idr - buy_value_idr as bigint) as buy_difference_idr,
        cast(exchange_value_idr - sell_value_idr as bigint) as sell_difference_idr,
        cast(tolerance_lots as double) as tolerance_lots,
        cast(tolerance_idr as bigint) as tolerance_idr,
        case
            when brokers is null then 0
            -- What rounding hides is not missing.
            when state = 'reconciled' and not is_censored then 100
            when exchange_lots > 0 then least(round(100 * cast(smaller_lots as double) / exchange_lots, 4), 100)
        end as coverage_pct
    from judged
)

select * from final
order by session_date, ticker_code, board
