{{ daily_prices(ref('int_idx__prices').include(database=false)) }}
