{# Sessions of the Indonesian exchange with their place in the sequence. A day that is no session, such as a test Saturday, has none. #}
{% macro idx_sessions() -%}
    select session_date, cast(row_number() over (order by session_date) as integer) as ordinal
    from {{ source('control', 'expected_sessions') }}
    where source = 'idx_brokers' and table_name = 'stock_summary' and day_state <> 'unknown_session'
{%- endmacro %}

{# Two steps that begin a model which looks at other sessions than its own: all sessions, and those that it recomputes. #}
{% macro idx_sessions_and_scope(model_name) -%}
sessions as (
    {{ idx_sessions() }}
),

scope as (
    select sessions.session_date, sessions.ordinal
    from {{ sessions_in_scope(model_name) }} as scope
    inner join sessions using (session_date)
)
{%- endmacro %}

{# The board that stands for a share's whole trading on a session: all where it was collected, else the regular board. #}
{% macro is_main_board() -%}
    (board = 'all' or (board = 'RG' and not bool_or(board = 'all') over (partition by session_date, ticker_code)))
{%- endmacro %}

{# Broker types: what a person has set, else the seed. #}
{% macro broker_types() -%}
    select
        coalesce(overrides.broker_code, codes.broker_code) as broker_code,
        codes.broker_name,
        coalesce(overrides.broker_type, codes.broker_type) as broker_type,
        case when overrides.broker_code is null then codes.type_confidence else 'override' end as type_confidence,
        case when overrides.broker_code is null then codes.type_source else overrides.reason end as type_source
    from {{ ref('broker_codes') }} as codes
    full outer join {{ ref('broker_type_overrides') }} as overrides using (broker_code)
{%- endmacro %}

{# Acc or Dist with its size (B8). `bounds` is in the query: one row of seed detector_bounds, its labels as columns. #}
{% macro pressure_label(pct) -%}
    case
        when abs({{ pct }}) < bounds.small then 'Neutral'
        when {{ pct }} is not null then
            case
                when abs({{ pct }}) >= bounds.big then 'Big'
                when abs({{ pct }}) >= bounds.normal then 'Normal'
                else 'Small'
            end || case when {{ pct }} > 0 then ' Acc' else ' Dist' end
    end
{%- endmacro %}

{# One row of seed detector_bounds, its labels as columns. #}
{% macro detector_bounds() -%}
    select
        max(from_pct) filter (where label = 'Small') as small,
        max(from_pct) filter (where label = 'Normal') as normal,
        max(from_pct) filter (where label = 'Big') as big
    from {{ ref('detector_bounds').include(database=false) }}
{%- endmacro %}

{#
    Daily prices of some rows of int_idx__prices, `prices` being a table expression. Models and the view idx__daily_prices, which
    is all of them, share it: what is laid on the view as a subquery or a join is only applied after its own joins over the
    whole history, so a model chooses its sessions before.
#}
{% macro daily_prices(prices) -%}
    select
        prices.session_date,
        prices.ticker_code,
        prices.company_name,
        case
            when events.is_new_listing then 'new_listing'
            when prices.volume_shares > 0 then 'traded'
            when prices.is_without_orders then 'suspended'
            else 'no_trade'
        end as trading_state,
        prices.open_idr,
        prices.high_idr,
        prices.low_idr,
        prices.close_idr,
        prices.previous_idr,
        prices.change_idr,
        100 * cast(prices.change_idr as double) / nullif(cast(prices.previous_idr as double), 0) as change_pct,
        prices.value_idr / nullif(prices.volume_shares, 0) as vwap_idr,
        prices.volume_shares,
        prices.value_idr,
        prices.trades,
        prices.nonregular_volume_shares,
        prices.nonregular_value_idr,
        prices.nonregular_trades,
        prices.listed_shares,
        cast(prices.close_idr as double) * prices.listed_shares as market_value_idr,
        coalesce(adjustments.adj_factor, 1) as adj_factor,
        splits.factor as split_factor
    from {{ prices }} as prices
    left join {{ ref('int_idx__adjustments').include(database=false) }} as adjustments
        on prices.ticker_code = adjustments.ticker_code
        and prices.session_date >= adjustments.valid_from
        and prices.session_date < adjustments.effective_date
    left join {{ ref('int_idx__adjustments').include(database=false) }} as splits
        on prices.ticker_code = splits.ticker_code and prices.session_date = splits.effective_date
    left join {{ ref('int_idx__events').include(database=false) }} as events
        on prices.ticker_code = events.ticker_code
        and prices.session_date = events.session_date
        and events.is_new_listing
{%- endmacro %}
