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

with {{ sessions_and_scope('int_idx__events', 'idx_brokers', 'stock_summary') }},

-- An equality join on the date lets the scan skip the rest of the history.
looked_at as (
    select distinct sessions.session_date, sessions.ordinal
    from scope
    inner join sessions
        on sessions.ordinal between scope.ordinal - {{ idx_lookback_sessions() }} and scope.ordinal
),

prices as (
    select prices.*, looked_at.ordinal
    from {{ ref('int_idx__prices') }} as prices
    inner join looked_at on prices.session_date = looked_at.session_date
),

collected as (
    select session_date, ordinal, row_number() over (order by ordinal) as place
    from (select distinct session_date, ordinal from prices) as sessions_with_prices
),

-- Whether there is anything to compare with.
begun as (
    select distinct scope.session_date
    from scope
    inner join collected
        on collected.ordinal between scope.ordinal - {{ idx_lookback_sessions() }} and scope.ordinal - 1
),

before as (
    select
        session_date,
        ordinal,
        ticker_code,
        company_name,
        previous_idr,
        listed_shares,
        lag(ordinal) over by_ticker as before_ordinal,
        lag(session_date) over by_ticker as before_date,
        lag(company_name) over by_ticker as before_name,
        lag(close_idr) over by_ticker as before_close_idr,
        lag(listed_shares) over by_ticker as before_listed_shares
    from prices
    window by_ticker as (partition by ticker_code order by ordinal)
),

compared as (
    select
        before.* exclude (before_date, before_name, before_close_idr, before_listed_shares),
        is_known,
        case when is_known then before_date end as before_date,
        case when is_known then before_name end as before_name,
        case when is_known then collected.place - before_collected.place - 1 end as absent_sessions,
        case when is_known then listed_shares / nullif(before_listed_shares, 0) end as listed_ratio,
        case when is_known then cast(before_close_idr as double) / nullif(cast(previous_idr as double), 0) end as price_ratio
    from (
        select *, coalesce(before_ordinal >= ordinal - {{ idx_lookback_sessions() }}, false) as is_known from before
    ) as before
    left join collected using (ordinal)
    left join collected as before_collected on before.before_ordinal = before_collected.ordinal
    where before.session_date in (select session_date from scope)
),

-- New shares for one old share, where the reference price fell as the number of shares grew; to the whole number if near one.
measured as (
    select
        *,
        case
            when abs(listed_ratio - 1) < {{ idx_split_min() }} then null
            when abs(price_ratio / listed_ratio - 1) > {{ idx_split_tolerance() }} then null
            when abs(listed_ratio / round(listed_ratio) - 1) < 0.01 then round(listed_ratio)
            when abs(1 / listed_ratio / round(1 / listed_ratio) - 1) < 0.01 then 1 / round(1 / listed_ratio)
            else listed_ratio
        end as split_factor
    from compared
),

final as (
    select
        session_date,
        ticker_code,
        company_name,
        before_date,
        before_name,
        not is_known as is_first,
        not is_known and session_date in (select session_date from begun) as is_new_listing,
        is_known and (company_name is distinct from before_name) as is_renamed,
        cast(absent_sessions as integer) as absent_sessions,
        listed_shares,
        listed_ratio,
        price_ratio,
        split_factor
    from measured
    where not is_known or company_name is distinct from before_name or split_factor is not null
)

select * from final
order by session_date, ticker_code
