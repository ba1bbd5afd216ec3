-- A full table over few rows a share; of the history only the rows of codes that came back after long are looked up.
with events as (
    select
        *,
        lag(company_name) over (partition by ticker_code order by session_date) as known_name
    from {{ ref('int_idx__events') }}
    where is_first or is_renamed
),

confirmed as (
    select * from {{ ref('idx_share_adjustments') }} where factor <> 1
),

splits as (
    select ticker_code, session_date from {{ ref('int_idx__events') }} where split_factor is not null
),

-- Shares that stayed, or were away for no longer than the events look back.
renamed as (
    select
        ticker_code,
        session_date,
        before_date,
        before_name,
        company_name,
        listed_ratio,
        listed_shares / nullif(listed_ratio, 0) as before_listed_shares,
        listed_shares,
        absent_sessions,
        absent_sessions >= {{ idx_identity_gap_sessions() }} as is_after_gap
    from events
    where is_renamed and {{ names_differ([('company_name', 'before_name')]) }}
),

-- Away for longer: with lists that lack the code (is_new_listing), or over a time of which nothing was collected.
back_again as (
    select *
    from events
    where is_first and known_name is not null and {{ names_differ([('company_name', 'known_name')]) }}
),

last_rows as (
    select
        back_again.ticker_code,
        back_again.session_date,
        max(prices.session_date) as before_date,
        arg_max(prices.listed_shares, prices.session_date) as before_listed_shares
    from back_again
    inner join {{ ref('int_idx__prices') }} as prices
        on back_again.ticker_code = prices.ticker_code and back_again.session_date > prices.session_date
    group by back_again.ticker_code, back_again.session_date
),

returned as (
    select
        ticker_code,
        session_date,
        last_rows.before_date,
        back_again.known_name as before_name,
        back_again.company_name,
        back_again.listed_shares / nullif(last_rows.before_listed_shares, 0) as listed_ratio,
        last_rows.before_listed_shares,
        back_again.listed_shares,
        null as absent_sessions,
        back_again.is_new_listing as is_after_gap
    from back_again
    inner join last_rows using (ticker_code, session_date)
),

candidates as (
    select * from renamed
    union all by name
    select * from returned
),

explained as (
    select candidates.ticker_code, candidates.session_date, product(confirmed.factor) as factor
    from candidates
    inner join confirmed
        on candidates.ticker_code = confirmed.ticker_code
        and candidates.before_date < confirmed.effective_date
        and candidates.session_date >= confirmed.effective_date
    group by candidates.ticker_code, candidates.session_date
),

judged as (
    select
        candidates.*,
        coalesce(
            greatest(
                candidates.listed_ratio / coalesce(explained.factor, 1), coalesce(explained.factor, 1) / candidates.listed_ratio
            ) > {{ idx_identity_jump() }}, false
        ) as has_jumped,
        splits.ticker_code is not null as is_split
    from candidates
    left join explained using (ticker_code, session_date)
    left join splits using (ticker_code, session_date) -- noqa: AL04
),

starts as (
    select
        ticker_code,
        session_date as valid_from,
        before_date as last_seen_date,
        case when has_jumped then 'renamed_with_jump' else 'renamed_after_gap' end as reason,
        before_name as earlier_name,
        company_name as later_name,
        cast(absent_sessions as integer) as absent_sessions,
        before_listed_shares as earlier_listed_shares,
        listed_shares as later_listed_shares
    from judged
    -- A split with a change of name: the reference price fell as the shares grew (B12).
    where not is_split and (has_jumped or is_after_gap)
),

{{ identity_spans(
    'starts', 'ticker_code', 'idx_identity_overrides',
    ['earlier_name', 'later_name', 'absent_sessions', 'earlier_listed_shares', 'later_listed_shares']
) }},

final as (
    select *, reason is not null and reason <> 'confirmed' as needs_review from spans
)

select * from final
