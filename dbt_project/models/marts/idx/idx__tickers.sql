-- A full table over few rows a share; of the history only codes, dates and volumes are read.
with events as (
    select * from {{ ref('int_idx__events') }} where is_first or is_renamed
),

seen as (
    select
        ticker_code,
        min(session_date) as first_seen,
        max(session_date) as last_seen,
        max(session_date) filter (where volume_shares > 0) as last_traded,
        max(delisting_date) as delisting_date
    from {{ ref('int_idx__prices') }}
    group by ticker_code
),

-- A share that comes back under its old name continues its history.
named as (
    select * from events
    qualify company_name is distinct from lag(company_name) over (partition by ticker_code order by session_date)
),

listed as (
    select ticker_code, arg_min(is_new_listing, session_date) as is_new_listing from events group by ticker_code
),

spans as (
    select
        ticker_code,
        company_name,
        session_date as valid_from,
        lead(before_date) over by_ticker as next_before_date,
        lead(session_date) over by_ticker as next_from
    from named
    window by_ticker as (partition by ticker_code order by session_date)
),

final as (
    select
        spans.ticker_code,
        spans.company_name,
        spans.valid_from,
        case when spans.next_from is not null then coalesce(spans.next_before_date, spans.next_from - 1) end as valid_to,
        spans.next_from is null as is_current,
        seen.first_seen,
        case when listed.is_new_listing then seen.first_seen end as listed_from,
        seen.last_seen,
        seen.last_traded,
        seen.last_seen < max(seen.last_seen) over () as is_delisted,
        seen.delisting_date
    from spans
    inner join seen using (ticker_code)
    inner join listed using (ticker_code)
)

select * from final
order by ticker_code, valid_from
