{{ config(
    materialized='incremental',
    incremental_strategy='by_session',
    meta={'reach': {'follows': ['trades.trades'], 'back': 0, 'forward': 0, 'gate': false}},
) }}

-- depends_on: {{ ref('int__scope') }}
select
    session_date,
    account,
    cast(sum(shares) as bigint) as shares,
    now() as written_at
from {{ source('trades', 'trades') }}
group by session_date, account
