{{ config(
    materialized='incremental',
    incremental_strategy='by_session',
    chunk_sessions=40,
    meta={'reach': {
        'follows': ['idx_brokers.stock_summary'],
        'back': 0,
        'forward': idx_lookback_sessions(),
        'gate': false,
    }},
) }}

with {{ sessions_and_scope('int_idx__detector', 'idx_brokers', 'stock_summary') }},

-- 20 sessions are four times 5: so each row is summed into nine windows and not into 26.
weeks_of_months as (
    select scope.ordinal, scope.ordinal - weeks.back as week_ordinal
    from scope
    cross join (select unnest([0, 5, 10, 15]) as back) as weeks
),

weeks as (
    select weeks.week_ordinal, sessions.session_date as flow_date
    from (select distinct week_ordinal from weeks_of_months) as weeks
    inner join sessions on sessions.ordinal between weeks.week_ordinal - 4 and weeks.week_ordinal
),

-- An equality join on the date lets the scan skip the rest of the history.
looked_at as (
    select distinct flow_date from weeks
),

flow as (
    select
        trades.session_date as flow_date,
        trades.ticker_code,
        {{ identity_no() }} as identity_no,
        trades.board,
        trades.broker_code,
        coalesce(trades.buy_lots, 0) as buy_lots,
        coalesce(trades.sell_lots, 0) as sell_lots,
        coalesce(trades.buy_lots, 0) - coalesce(trades.sell_lots, 0) as net_lots,
        coalesce(trades.buy_value_idr, 0) - coalesce(trades.sell_value_idr, 0) as net_value_idr,
        not trades.is_complete_list as is_censored,
        greatest(coalesce(trades.buy_lots_step, 1), coalesce(trades.sell_lots_step, 1)) > 1 as has_rounded_lots
    from {{ source('idx_brokers', 'broker_trades') }} as trades
    inner join looked_at on trades.session_date = looked_at.flow_date
    {{ identity_join(ref('int_idx__identities'), 'trades', 'ticker_code', 'session_date') }}
    where trades.investor_type = 'all'
),

-- Numbers for the codes: millions of sums by three texts take several times as long. Two companies of one code are two lists.
lists as (
    select *, cast(row_number() over () as integer) as list_id
    from (select distinct ticker_code, identity_no, board from flow) as lists
),

pairs as (
    select pairs.*, lists.list_id, cast(row_number() over () as integer) as pair_id
    from (select distinct ticker_code, identity_no, board, broker_code from flow) as pairs
    inner join lists using (ticker_code, identity_no, board)
),

coded as (
    select flow.flow_date, pairs.pair_id, pairs.list_id, flow.net_lots, flow.net_value_idr
    from flow
    inner join pairs using (ticker_code, identity_no, board, broker_code)
),

-- Sum first (B1).
summed_weeks as (
    select
        weeks.week_ordinal,
        coded.pair_id,
        coded.list_id,
        cast(sum(coded.net_lots) as bigint) as net_lots,
        cast(sum(coded.net_value_idr) as bigint) as net_value_idr
    from weeks
    inner join coded using (flow_date)
    group by weeks.week_ordinal, coded.pair_id, coded.list_id
),

summed as (
    select scope.ordinal, 1 as window_sessions, coded.list_id, coded.net_lots, coded.net_value_idr
    from coded
    inner join scope on coded.flow_date = scope.session_date
    union all
    select scope.ordinal, 5 as window_sessions, weeks.list_id, weeks.net_lots, weeks.net_value_idr
    from summed_weeks as weeks
    inner join scope on weeks.week_ordinal = scope.ordinal
    union all
    select
        months.ordinal,
        20 as window_sessions,
        weeks.list_id,
        cast(sum(weeks.net_lots) as bigint) as net_lots,
        cast(sum(weeks.net_value_idr) as bigint) as net_value_idr
    from weeks_of_months as months
    inner join summed_weeks as weeks using (week_ordinal)
    group by months.ordinal, weeks.list_id, weeks.pair_id
),

ranked as (
    select
        ordinal,
        window_sessions,
        list_id,
        {{ ranked_sums() }}
    from summed
    group by ordinal, window_sessions, list_id
),

-- A_1 to A_15 (B6).
pressed as (
    select
        *,
        {{ pressures() }} as pressures
    from ranked
),

daily_lists as (
    select
        sessions.ordinal as flow_ordinal,
        lists.list_id,
        greatest(sum(flow.buy_lots), sum(flow.sell_lots)) as volume_lots,
        bool_or(flow.is_censored) as is_censored,
        bool_or(flow.has_rounded_lots) as has_rounded_lots
    from flow
    inner join lists using (ticker_code, identity_no, board)
    inner join sessions on flow.flow_date = sessions.session_date
    group by sessions.ordinal, lists.list_id
),

windowed_lists as (
    select
        scope.ordinal,
        lengths.window_sessions,
        daily_lists.list_id,
        count(*) as sessions_used,
        sum(daily_lists.volume_lots) as volume_lots,
        bool_or(daily_lists.is_censored) as is_censored,
        bool_or(daily_lists.has_rounded_lots) as has_rounded_lots
    from scope
    cross join (select unnest([1, 5, 20]) as window_sessions) as lengths
    inner join sessions
        on sessions.ordinal between scope.ordinal - lengths.window_sessions + 1 and scope.ordinal
    inner join daily_lists on sessions.ordinal = daily_lists.flow_ordinal
    group by scope.ordinal, lengths.window_sessions, daily_lists.list_id
),

final as (
    select
        scope.session_date,
        lists.ticker_code,
        lists.board,
        cast(window_sessions as integer) as window_sessions,
        cast(windowed_lists.sessions_used as integer) as sessions_used,
        cast(pressed.buyers as integer) as buyers,
        cast(pressed.sellers as integer) as sellers,
        cast(windowed_lists.volume_lots as bigint) as volume_lots,
        {{ pressure_columns('pressed') }},
        windowed_lists.is_censored,
        windowed_lists.has_rounded_lots
    from pressed
    inner join windowed_lists using (ordinal, window_sessions, list_id)
    inner join lists using (list_id)
    inner join scope using (ordinal)
    -- No row for a session that is not collected itself, nor for the company that had the code before (B22).
    left join {{ ref('int_idx__identities') }} as identities
        on lists.ticker_code = identities.ticker_code
        and scope.session_date >= identities.valid_from
        and scope.session_date < identities.next_from
    where scope.session_date in (select flow_date from flow) and lists.identity_no = {{ identity_no() }}
)

select * from final
order by session_date, window_sessions, ticker_code, board
