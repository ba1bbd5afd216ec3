{{ config(materialized='duckdb_macro', returns='value', parameters=['pressure_lots', 'net_lots']) }}

-- An expression and no statement.
{{ pressure_pct('pressure_lots', 'net_lots') }} -- noqa: PRS
