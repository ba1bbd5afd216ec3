{{ config(
    materialized='incremental',
    incremental_strategy='by_session',
    meta={'reach': {'follows': ['navs.navs'], 'back': 0, 'forward': 0, 'gate': false}},
) }}

-- depends_on: {{ ref('int__scope') }}
select
    session_date,
    fund,
    nav_thb_satang
from {{ source('navs', 'navs') }}
