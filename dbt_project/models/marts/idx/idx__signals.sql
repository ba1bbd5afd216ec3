{# Back: an outcome counts from the close of the next session, that is 20 sessions and that one. #}
{{ config(
    materialized='incremental',
    incremental_strategy='by_session',
    meta={'reach': {
        'follows': ['idx_brokers.stock_summary'],
        'back': 21,
        'forward': 20 + idx_lookback_sessions(),
        'gate': false,
    }},
) }}

with {{ sessions_and_scope('idx__signals', 'idx_brokers', 'stock_summary') }},

looked_at as (
    select distinct sessions.session_date, sessions.ordinal
    from scope
    inner join sessions on sessions.ordinal between scope.ordinal - 20 and scope.ordinal
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
        prices.close_idr,
        prices.value_idr,
        cast(prices.close_idr as double) / prices.adj_factor as close
    from ({{ daily_prices('near') }}) as prices
    inner join looked_at on prices.session_date = looked_at.session_date
    {{ identity_join(ref('int_idx__identities'), 'prices', 'ticker_code', 'session_date') }}
),

changed as (
    select
        prices.session_date,
        prices.ticker_code,
        prices.close_idr,
        prices.value_idr,
        -- Rounded, so that a split found later, which scales both prices, does not change the last digit.
        round(100 * (prices.close / nullif(before_5.close, 0) - 1), 4) as change_5_pct,
        round(100 * (prices.close / nullif(before_20.close, 0) - 1), 4) as change_20_pct
    from prices
    left join prices as before_5
        on prices.ticker_code = before_5.ticker_code
        and prices.identity_no = before_5.identity_no
        and before_5.ordinal = prices.ordinal - 5
    left join prices as before_20
        on prices.ticker_code = before_20.ticker_code
        and prices.identity_no = before_20.identity_no
        and before_20.ordinal = prices.ordinal - 20
    where prices.session_date in (select session_date from scope)
),

bounds as (
    {{ detector_bounds() }}
),

pressures as (
    select session_date, ticker_code, board, window_sessions, top5_pct
    from {{ ref('idx__detector') }}
    where window_sessions in (5, 20) and board in ('all', 'RG') and session_date in (select session_date from scope)
        and sessions_used >= {{ idx_signal_sessions() }} * window_sessions
    qualify {{ is_main_board() }}
),

pressed as (
    select pressures.*, changed.* exclude (session_date, ticker_code), bounds.*
    from pressures
    inner join changed using (session_date, ticker_code)
    cross join bounds
),

streaks as (
    select foreign_flow.session_date, foreign_flow.ticker_code, foreign_flow.streak_sessions, changed.change_20_pct
    from {{ ref('idx__foreign_flow') }} as foreign_flow
    inner join changed using (session_date, ticker_code)
    where foreign_flow.streak_sessions >= {{ idx_signal_streak() }}
),

unusual as (
    select session_date, ticker_code, board, max(robust_z) as robust_z
    from (
        select * from {{ ref('idx__unusual_flow') }}
        where robust_z > 0 and board in ('all', 'RG') and session_date in (select session_date from scope)
        qualify {{ is_main_board() }}
    ) as main_board
    group by session_date, ticker_code, board
),

fired as (
    select session_date, ticker_code, 'big_accumulation' as signal, 'up' as expects, board,
        top5_pct as strength, change_5_pct as price_change_pct
    from pressed
    where window_sessions = 5 and top5_pct >= big and change_5_pct is not null
    union all
    select session_date, ticker_code, 'stealth_accumulation' as signal, 'up' as expects, board,
        top5_pct as strength, change_20_pct as price_change_pct
    from pressed
    where window_sessions = 20 and top5_pct >= normal and change_20_pct <= 0
    union all
    select session_date, ticker_code, 'distribution_into_strength' as signal, 'down' as expects, board,
        top5_pct as strength, change_20_pct as price_change_pct
    from pressed
    where window_sessions = 20 and top5_pct <= -normal and change_20_pct >= {{ idx_signal_strength_pct() }}
    union all
    select session_date, ticker_code, 'foreign_streak' as signal, 'up' as expects, null as board,
        streak_sessions as strength, change_20_pct as price_change_pct
    from streaks
    union all
    select unusual.session_date, unusual.ticker_code, 'unusual_flow' as signal, 'up' as expects, unusual.board,
        unusual.robust_z as strength, changed.change_5_pct as price_change_pct
    from unusual
    inner join changed using (session_date, ticker_code)
),

final as (
    select
        session_date,
        ticker_code,
        fired.signal,
        fired.expects,
        fired.board,
        round(cast(fired.strength as double), 4) as strength,
        fired.price_change_pct,
        changed.close_idr,
        changed.value_idr,
        returns.return_5_pct,
        returns.excess_5_pct,
        case fired.expects when 'up' then returns.return_5_pct > 0 else returns.return_5_pct < 0 end as is_hit_5,
        returns.return_20_pct,
        returns.excess_20_pct,
        case fired.expects when 'up' then returns.return_20_pct > 0 else returns.return_20_pct < 0 end as is_hit_20
    from fired
    inner join changed using (session_date, ticker_code)
    left join {{ ref('int_idx__returns') }} as returns using (session_date, ticker_code)
)

select * from final
order by session_date, signal, ticker_code
