{{ config(materialized='duckdb_macro', returns='value', parameters=['pct']) }}

-- One value, in a subquery because the bounds are a table.
select {{ pressure_label('pct') }} from ({{ detector_bounds() }}) as bounds
