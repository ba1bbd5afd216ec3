{{ config(
    meta={'reach': {
        'follows': ['idx_brokers.stock_summary'],
        'back': 0,
        'forward': idx_lookback_sessions(),
        'gate': false,
    }},
) }}

with {{ detector_measures(ref('int_idx__detector').include(database=false)) }},

final as (
    select
        measured.session_date,
        measured.ticker_code,
        measured.board,
        measured.window_sessions,
        {{ detector_columns() }}
    from measured
    cross join bounds
)

select * from final
