{{ config(
    meta={'reach': {
        'follows': ['idx_brokers.stock_summary'],
        'back': 0,
        'forward': idx_lookback_sessions(),
        'gate': false,
    }},
) }}

{{ daily_prices(ref('int_idx__prices').include(database=false)) }}
