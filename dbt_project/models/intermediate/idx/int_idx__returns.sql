{# Back: an outcome counts from the close of the next session, that is 20 sessions and that one. #}
{{ config(
    materialized='incremental',
    incremental_strategy='by_session',
    meta={'reach': {
        'follows': ['idx_brokers.stock_summary'],
        'back': 21,
        'forward': idx_lookback_sessions(),
        'gate': false,
    }},
) }}

with {{ sessions_and_scope('int_idx__returns', 'idx_brokers', 'stock_summary') }},

looked_at as (
    select distinct sessions.session_date, sessions.ordinal
    from scope
    inner join sessions on sessions.ordinal between scope.ordinal and scope.ordinal + 21
),

near as (
    select prices.* from {{ ref('int_idx__prices') }} as prices
    inner join looked_at on prices.session_date = looked_at.session_date
),

prices as (
    select
        looked_at.ordinal,
        prices.session_date,
        prices.ticker_code,
        {{ identity_no() }} as identity_no,
        prices.volume_shares > 0 as is_traded,
        cast(prices.close_idr as double) / prices.adj_factor as close
    from ({{ daily_prices('near') }}) as prices
    inner join looked_at on prices.session_date = looked_at.session_date
    {{ identity_join(ref('int_idx__identities'), 'prices', 'ticker_code', 'session_date') }}
),

-- A session is known after its close: the first price to buy at is the next session's.
returned as (
    select
        prices.session_date,
        prices.ticker_code,
        -- Rounded, so that a split found later, which scales both prices, does not change the last digit.
        round(100 * (in_5.close / nullif(entry.close, 0) - 1), 4) as return_5_pct,
        round(100 * (in_20.close / nullif(entry.close, 0) - 1), 4) as return_20_pct
    from prices
    left join prices as entry
        on prices.ticker_code = entry.ticker_code
        and prices.identity_no = entry.identity_no
        and entry.ordinal = prices.ordinal + 1
    left join prices as in_5
        on prices.ticker_code = in_5.ticker_code
        and prices.identity_no = in_5.identity_no
        and in_5.ordinal = prices.ordinal + 6
    left join prices as in_20
        on prices.ticker_code = in_20.ticker_code
        and prices.identity_no = in_20.identity_no
        and in_20.ordinal = prices.ordinal + 21
    where prices.is_traded and prices.session_date in (select session_date from scope)
),

market as (
    select session_date, median(return_5_pct) as median_5_pct, median(return_20_pct) as median_20_pct
    from returned
    group by session_date
),

final as (
    select
        session_date,
        ticker_code,
        return_5_pct,
        round(return_5_pct - median_5_pct, 4) as excess_5_pct,
        return_20_pct,
        round(return_20_pct - median_20_pct, 4) as excess_20_pct
    from returned
    inner join market using (session_date)
)

select * from final
order by session_date, ticker_code
