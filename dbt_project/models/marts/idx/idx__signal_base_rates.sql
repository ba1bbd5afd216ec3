-- A full table: a row a signal; the market is summed by session first.
with signals as (
    {%- for horizon in [5, 20] %}
    select
        session_date,
        signal,
        expects,
        {{ horizon }} as horizon_sessions,
        return_{{ horizon }}_pct as return_pct,
        excess_{{ horizon }}_pct as excess_pct,
        is_hit_{{ horizon }} as is_hit
    from {{ ref('idx__signals') }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

-- Millions of rows: read once for both horizons.
market_by_session as (
    select
        session_date,
        {%- for horizon in [5, 20] %}
        count(return_{{ horizon }}_pct) as known_{{ horizon }},
        count(*) filter (where return_{{ horizon }}_pct > 0) as up_{{ horizon }},
        count(*) filter (where return_{{ horizon }}_pct < 0) as down_{{ horizon }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('int_idx__returns') }}
    group by session_date
),

market as (
    {%- for horizon in [5, 20] %}
    select
        session_date,
        {{ horizon }} as horizon_sessions,
        known_{{ horizon }} as known,
        up_{{ horizon }} as up,
        down_{{ horizon }} as down
    from market_by_session
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

rated as (
    select
        signal,
        horizon_sessions,
        expects,
        count(return_pct) as cases,
        count(*) - count(return_pct) as open_cases,
        count(*) filter (where is_hit) as hits,
        median(excess_pct) as median_excess_pct,
        min(session_date) filter (where return_pct is not null) as first_session,
        max(session_date) filter (where return_pct is not null) as last_session
    from signals
    group by signal, horizon_sessions, expects
),

based as (
    select
        rated.signal,
        rated.horizon_sessions,
        sum(market.known) as base_cases,
        sum(case rated.expects when 'up' then market.up else market.down end) as base_hits
    from rated
    inner join market
        on rated.horizon_sessions = market.horizon_sessions
        and market.session_date between rated.first_session and rated.last_session
    group by rated.signal, rated.horizon_sessions
),

final as (
    select
        signal,
        cast(horizon_sessions as integer) as horizon_sessions,
        rated.expects,
        rated.cases,
        rated.open_cases,
        rated.hits,
        100 * rated.hits / nullif(rated.cases, 0) as hit_rate_pct,
        cast(coalesce(based.base_cases, 0) as bigint) as base_cases,
        100 * cast(based.base_hits as double) / nullif(based.base_cases, 0) as base_rate_pct,
        100 * rated.hits / nullif(rated.cases, 0)
            - 100 * cast(based.base_hits as double) / nullif(based.base_cases, 0) as edge_pp,
        rated.median_excess_pct,
        rated.first_session,
        rated.last_session
    from rated
    left join based using (signal, horizon_sessions)
)

select * from final
order by signal, horizon_sessions
