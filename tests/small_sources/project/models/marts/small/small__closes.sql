{{ config(
    materialized='incremental',
    incremental_strategy='by_session',
    meta={'reach': {'follows': ['rates.closes'], 'back': 0, 'forward': 0, 'gate': false}},
) }}

-- depends_on: {{ ref('int__scope') }}
-- The time of writing shows which sessions a build has replaced.
select
    session_date,
    symbol,
    close_usd_cents,
    now() as written_at
from {{ source('rates', 'closes') }}
