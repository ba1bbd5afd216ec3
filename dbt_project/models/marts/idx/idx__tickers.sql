-- A full table over few rows a share; of the history only codes, dates and volumes are read.
with identities as (
    select * from {{ ref('int_idx__identities') }}
),

-- The start of another company that a person has set, and that no change of name shows.
starts as (
    select
        prices.ticker_code,
        prices.session_date,
        prices.company_name,
        cast(null as date) as before_date,
        false as is_new_listing
    from identities
    inner join {{ ref('int_idx__prices') }} as prices
        on identities.ticker_code = prices.ticker_code and identities.valid_from = prices.session_date
),

changes as (
    select ticker_code, session_date, company_name, before_date, is_new_listing
    from {{ ref('int_idx__events') }}
    where is_first or is_renamed
    union all by name
    select * from starts
    where (ticker_code, session_date) not in (
        select (ticker_code, session_date) from {{ ref('int_idx__events') }} where is_first or is_renamed
    )
),

events as (
    select changes.*, {{ identity_no() }} as identity_no
    from changes
    {{ identity_join('identities', 'changes', 'ticker_code', 'session_date') }}
),

seen as (
    select
        prices.ticker_code,
        {{ identity_no() }} as identity_no,
        min(prices.session_date) as first_seen,
        max(prices.session_date) as last_seen,
        max(prices.session_date) filter (where prices.volume_shares > 0) as last_traded,
        max(prices.delisting_date) as delisting_date
    from {{ ref('int_idx__prices') }} as prices
    {{ identity_join('identities', 'prices', 'ticker_code', 'session_date') }}
    group by all
),

-- A share that comes back under its old name continues its history; another company begins its own (B22).
named as (
    select * from events
    qualify company_name is distinct from lag(company_name) over (partition by ticker_code, identity_no order by session_date)
),

listed as (
    select
        ticker_code,
        identity_no,
        -- The start of another company is its listing, whether or not the code was there in the sessions before.
        arg_min(is_new_listing or identity_no > 1, session_date) as is_new_listing
    from events
    group by ticker_code, identity_no
),

spans as (
    select
        ticker_code,
        identity_no,
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
        spans.identity_no,
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
    inner join seen using (ticker_code, identity_no)
    inner join listed using (ticker_code, identity_no)
)

select * from final
order by ticker_code, valid_from
