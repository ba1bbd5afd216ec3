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

{#
    Broker lists that the parameters of a DuckDB macro name: ticker, first_session, last_session, on_board; of a range in which
    the code meant two companies, those of the later one (B22). The conditions are
    values where the macro is called with values: only then are the files of other months skipped.
#}
{% macro flow_in_range() -%}
    select flow.*
    from {{ ref('idx__broker_daily_flow').include(database=false) }} as flow
    where flow.ticker_code = ticker
        and flow.session_date between first_session and last_session
        and flow.board = on_board
        and flow.investor_type = 'all'
        and flow.session_date >= coalesce(
            (
                select max(identities.valid_from)
                from {{ ref('int_idx__identities').include(database=false) }} as identities
                where identities.ticker_code = ticker and identities.valid_from <= last_session
            ),
            first_session
        )
{%- endmacro %}
