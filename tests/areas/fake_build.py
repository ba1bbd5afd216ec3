"""A small published build with the marts' columns, over invented holdings.

The arithmetic of the marts is tested elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from fin_assets.warehouse.paths import Layout
from fin_assets.warehouse.publish import Build, publish
from tests.areas.fake_days import DAYS, sessions
from tests.areas.idx import fake_marts

__all__ = ["DAYS", "NAMES", "STOCKS", "publish_build", "sessions", "stocks", "write_build"]

NAMES = [
    ("00700", "TENCENT", "騰訊控股"),
    ("00005", "HSBC HOLDINGS", "滙豐控股"),
    ("00939", "CCB", "建設銀行"),
    ("01398", "ICBC", "工商銀行"),
    ("00941", "CHINA MOBILE", "中國移動"),
    ("03690", "MEITUAN-W", "美團－B"),
    ("09988", "BABA-W", "阿里巴巴－B"),
    ("01810", "XIAOMI-W", "小米集團－B"),
    ("02318", "PING AN", "中國平安"),
    ("00883", "CNOOC", "中國海洋石油"),
    ("00728", "CHINA TELECOM", "中國電信"),
    ("00981", "SMIC", "中芯國際"),
]
TEMPORARY = ("02969", "WORD & LETTERS <NEW>", "臨時櫃檯")
STOCKS = 60
SOURCE = "hkex_southbound"
COMPANY_FROM = 50
"""Since this session the code 01130 means another company."""


def stocks() -> list[tuple[str, str, str]]:
    """Return code, English and Chinese name; one name holds characters that markup must escape."""
    more = [(f"{1100 + n:05d}", f"SAMPLE {n:02d} <B>&CO", f"樣本{n:02d}") for n in range(STOCKS - len(NAMES))]
    return NAMES + more


def holdings(count: int) -> pl.DataFrame:
    """Return daily holdings of all stocks over the first `count` sessions."""
    rng = np.random.default_rng(7)
    rows = []
    for index, (code, english, chinese) in enumerate(stocks()):
        issued = int(rng.integers(1, 90)) * 100_000_000
        level = issued * float(rng.uniform(0.02, 0.45))
        steps = rng.normal(0, 0.004, DAYS)
        for position, day in enumerate(sessions(count)):
            if position not in (30, 31):  # two days without mainland trading: nothing moves
                level = min(issued * 0.9, max(1_000.0, level * (1 + steps[position] * (1 + index % 3))))
            held = int(level) // 500 * 500
            if (code == "01140" and position < 50) or (code == "01141" and position >= 60):
                continue
            pct = None if code == "01142" else round(100 * held / issued, 2)
            rows.append(
                (day, code, english, chinese, held, pct, "southbound_closed" if position in (30, 31) else "open")
            )
    schema = {
        "session_date": pl.Date,
        "stock_code": pl.String,
        "stock_name": pl.String,
        "other_name": pl.String,
        "shareholding_shares": pl.Int64,
        "pct_of_issued": pl.Float64,
        "day_state": pl.String,
    }
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(market=pl.lit("hk"))


_HOLDINGS = """
create table hk__daily_holdings as
select session_date, market, stock_code, stock_name, 'en' as name_language, other_name, null::varchar as a_share_code,
       shareholding_shares::bigint as shareholding_shares, pct_of_issued, true as is_complete, day_state,
       (session_date + interval 13 hour)::timestamp at time zone 'UTC' as observed_at
from holdings;
comment on table hk__daily_holdings is 'What Stock Connect holds of each stock on each list day.';
comment on column hk__daily_holdings.shareholding_shares is 'Shares held in CCASS through Stock Connect. Unit: shares.';
"""

_MOVERS = """
create table hk__movers as
with days as (select session_date, row_number() over (order by session_date) as n
  from (select distinct session_date from holdings)),
     spans(window_sessions) as (values (1), (5), (20))
select h.session_date, h.stock_code, h.stock_name, w.window_sessions::integer as window_sessions,
  r.session_date as ref_date,
       b.session_date as base_date, (case when b.session_date is not null then 0 end)::integer as gap_sessions,
       h.shareholding_shares::bigint as shareholding_shares, b.shareholding_shares::bigint as base_shareholding_shares,
       1.0::double as adjustment_factor, (h.shareholding_shares - b.shareholding_shares)::bigint as change_shares,
       100.0 * (h.shareholding_shares - b.shareholding_shares) / nullif(b.shareholding_shares, 0) as change_pct,
       h.pct_of_issued, b.pct_of_issued as base_pct_of_issued, h.pct_of_issued - b.pct_of_issued as change_pp,
       true as is_complete, h.day_state
from holdings h join days d using (session_date) cross join spans w
left join days r on r.n = d.n - w.window_sessions
left join holdings b on b.stock_code = h.stock_code and b.session_date = r.session_date;
create table hk__unusual_changes as
select session_date, stock_code, stock_name, change_pp, change_shares, 0.01::double as median_pp,
  0.05::double as mad_pp,
       60::integer as observations, 'judged' as state, (change_pp - 0.01) / (1.4826 * 0.05) as robust_z,
       abs((change_pp - 0.01) / (1.4826 * 0.05)) >= 3 as is_unusual, 12::integer as largest_in_sessions
from hk__movers where window_sessions = 1 and change_pp is not null;
"""

_PARTICIPANTS = """
create table hk__participants_daily as
select session_date, stock_code, line_no::integer as line_no, participant_id as participant_key, participant_id,
  participant_name,
       participant_kind, false as is_consenting, (shareholding_shares * weight)::bigint as shareholding_shares,
       round(pct_of_issued * weight, 2) as pct_of_issued, pct_of_issued * weight as holding_pct,
       9000000000::bigint as issued_shares,
       (session_date + interval 13 hour)::timestamp at time zone 'UTC' as observed_at
from holdings cross join (values (1, 'A00003', 'CHINA SECURITIES DEPOSITORY (SH)', 'clearing', 0.55), (2, 'A00004',
  'CHINA SECURITIES DEPOSITORY (SZ)', 'clearing', 0.45),
  (3, 'C00019', 'THE HONGKONG AND SHANGHAI BANKING', 'custodian', 0.9), (4, 'C00010', 'CITIBANK N.A.', 'custodian',
  0.5),
  (5, 'B01130', 'CHINA INTERNATIONAL CAPITAL', 'broker', 0.2), (6, 'B01451', 'GOLDMAN SACHS (ASIA)', 'broker',
  0.1)) p(line_no, participant_id, participant_name, participant_kind, weight)
where stock_code in ('00700', '00005');
create table hk__participant_changes as
select session_date, lag(session_date) over w as base_date, 0::integer as gap_sessions, stock_code, participant_key,
  participant_name,
       participant_kind, case when shareholding_shares >= lag(shareholding_shares)
       over w then 'increase' else 'decrease' end as kind,
       shareholding_shares, lag(shareholding_shares) over w as base_shareholding_shares,
       shareholding_shares - lag(shareholding_shares) over w as change_shares,
       100.0 * (shareholding_shares - lag(shareholding_shares) over w) / lag(shareholding_shares) over w as change_pct,
       holding_pct, lag(holding_pct) over w as base_holding_pct, holding_pct - lag(holding_pct) over w as change_pp,
       abs(holding_pct - lag(holding_pct) over w) > 0.25 as is_big_change, null::date as previous_change_date
from hk__participants_daily window w as (partition by stock_code, participant_key order by session_date)
qualify lag(session_date) over w is not null;
create table hk__concentration as
select session_date, stock_code, count(*)::integer as participants,
  (sum(shareholding_shares) * 1.1)::bigint as ccass_shares,
       sum(shareholding_shares)::bigint as named_shares, (sum(shareholding_shares) * 0.1)::bigint as unnamed_shares,
       any_value(issued_shares) as issued_shares,
       sum(shareholding_shares)::bigint as top5_shares, sum(shareholding_shares)::bigint as top10_shares,
       (81.0 + dayofmonth(session_date) / 10)::double as top5_pct,
       92.0 as top10_pct, 95.0 as top10_with_unnamed_pct, 70.0 as ccass_stake_pct, 1::bigint as southbound_shares,
       11.0 as southbound_pct
from hk__participants_daily group by all;
"""

_CHANGES = """
create table hk__additions_removals (session_date date, previous_date date, gap_sessions integer,
  stock_code varchar, stock_name varchar,
  kind varchar, direction varchar, shareholding_shares bigint, previous_shareholding_shares bigint,
    change_shares bigint, pct_of_issued double,
  last_seen_date date, absent_sessions integer, linked_stock_code varchar, linked_stock_name varchar,
    counter_role varchar,
  counter_ratio double, observed_ratio double, counter_confidence varchar);
"""

_COMPANIES = """
create table hk__identities as
select * from (values ('01130', 1, 'BEFORE <I>', null::date, ?::date, false, null, false),
  ('01130', 2, 'SAMPLE 30', ?::date, null::date, true, 'renamed_with_jump', true))
  r(stock_code, identity_no, stock_name, valid_from, valid_to, is_current, reason, needs_review);
"""

_HEALTH = """
create table ops__partition_health as
select source, table_name, session_date, state, state in ('complete', 'closed', 'provisional') as is_green,
  state <> 'not_due' as is_due, day_state, why,
       failure_kinds, case when state in ('complete',
       'closed') then null else 'fin heal ' || source end as mends, units_expected::integer as units_expected,
       units_done::integer as units_done, rows::bigint as staged_rows, 0::bigint as quarantined_rows,
       58.0::double as reference_rows,
       100.0 * (rows / 58.0 - 1) as rows_vs_reference_pct, attempts::integer as attempts,
       (session_date + interval 13 hour)::timestamp at time zone 'UTC' as first_attempt_at,
       case when state <> 'missing' then (session_date + interval 14 hour)::timestamp at time zone 'UTC' end
         as last_attempt_at,
       null::timestamptz as next_retry_at, case when state = 'complete' then 'staged/x.parquet' end as staged_file
from health;
create table ops__scrape_cost as
select source, table_name, session_date, units_expected as units, attempts,
  (units_expected * 1.2)::bigint as requests, 1.2::double as requests_per_unit,
       (units_expected * 180000)::bigint as body_bytes, 180000.0::double as bytes_per_unit,
       (units_expected * 0.4)::double as elapsed_seconds,
       0.4::double as seconds_per_unit, units_expected as via_request_units, 0::integer as via_in_page_units,
       0::integer as via_navigation_units, last_attempt_at
from ops__partition_health where state not in ('missing', 'not_due');
comment on table ops__partition_health is 'State of every partition that should or does exist.';
"""


def _health(days: list[date]) -> pl.DataFrame:
    rows = fake_marts.health(days)
    for table, units in (("holdings", 1), ("participants", 50)):
        for position, day in enumerate(days):
            state, why, kinds, day_state, done = "complete", None, None, "open", units
            if position in (30, 31):
                day_state = "southbound_closed"
            if position == 40:
                state, why, day_state = "closed", "Typhoon signal 10: no list", "weather"
            if table == "participants" and position == 60:
                state, why, kinds, done = "incomplete", "2 of 50 units: 2 network (00700, 00005)", "network: 2", 48
            if table == "participants" and (position == 61 or position < 5):
                state, why, done = "missing", "never collected", 0
            if table == "holdings" and position == 45:
                state, why, kinds, done = "stale", "the page states another day", "stale_date: 1", 0
            rows.append(
                (SOURCE, table, day, state, day_state, why, kinds, units, done, 58 if state == "complete" else 0, 1)
            )
    texts = dict.fromkeys(("source", "table_name"), pl.String) | {"session_date": pl.Date}
    texts |= dict.fromkeys(("state", "day_state", "why", "failure_kinds"), pl.String)
    numbers = dict.fromkeys(("units_expected", "units_done", "rows", "attempts"), pl.Int64)
    return pl.DataFrame(rows, schema={**texts, **numbers}, orient="row")


def write_build(path: Path, *, count: int = DAYS) -> Path:
    """Write a build file with the first `count` sessions of both markets and return its path."""
    days = sessions(count)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with duckdb.connect(path) as connection:
        connection.register("holdings", holdings(count).to_arrow())
        connection.register("health", _health(days).to_arrow())
        for statement in (_HOLDINGS, _MOVERS, _PARTICIPANTS, _CHANGES, _HEALTH):
            connection.execute(statement)
        fake_marts.write_marts(connection, count)
        if count > COMPANY_FROM:
            connection.execute(_COMPANIES, [days[COMPANY_FROM - 1], days[COMPANY_FROM]])
        if count < 2:
            connection.execute("checkpoint")
            return path
        last, before = days[-1], days[-2]
        changes = [
            (
                last,
                before,
                0,
                "01146",
                "SAMPLE 46 <B>&CO",
                "new",
                "in",
                1_200_000,
                0,
                1_200_000,
                0.31,
                None,
                None,
                None,
                None,
                None,
                None,
                None,
                None,
            ),
            (
                last,
                before,
                0,
                "01147",
                "SAMPLE 47 <B>&CO",
                "removed",
                "out",
                0,
                800_000,
                -800_000,
                0.2,
                before,
                None,
                None,
                None,
                None,
                None,
                None,
                None,
            ),
            (
                last,
                before,
                0,
                "00198",
                "SMI HOLDINGS",
                "counter_change",
                "out",
                0,
                5_000_000,
                -5_000_000,
                1.1,
                before,
                None,
                TEMPORARY[0],
                TEMPORARY[1],
                "old",
                0.2,
                0.2,
                "high",
            ),
            (
                last,
                before,
                0,
                TEMPORARY[0],
                TEMPORARY[1],
                "counter_change",
                "in",
                1_000_000,
                0,
                1_000_000,
                1.1,
                None,
                None,
                "00198",
                "SMI HOLDINGS",
                "new",
                0.2,
                0.2,
                "high",
            ),
        ]
        connection.executemany(f"insert into hk__additions_removals values ({', '.join('?' * 19)})", changes)  # noqa: S608
        connection.execute("checkpoint")
    return path


_CONTROL = """
create schema control;
create table control.partitions as
select source, table_name, session_date, state = 'complete' as is_usable from ops__partition_health;
create table control.tables as
select source, table_name, title, timezone, mode from (select distinct source, table_name from ops__partition_health)
join (values ('hkex_southbound', 'HKEX Stock Connect', 'Asia/Hong_Kong', 'sandbox'),
             ('idx_brokers', 'IDX broker flow', 'Asia/Jakarta', 'sandbox')) s(source, title, timezone, mode) using (source);
"""

MIXED = "update control.tables set mode = 'live' where source = 'idx_brokers'"
"""One source live, the other generated."""
WITHOUT_MODES = "alter table control.tables drop column mode"
"""A build from before sources said which mode they are in."""
WITHOUT_TABLES = "drop table control.tables"
"""A build that does not describe its sources."""


def publish_build(
    data: Path,
    *,
    count: int = DAYS,
    without: str | None = None,
    also: str | Callable[[duckdb.DuckDBPyConnection], object] = "",
) -> Build:
    """Publish a build with the first `count` sessions below a data directory, as the warehouse does.

    `without` hk or idx leaves the marts of that market out; `also` is SQL or a function that changes them before they are
    published.
    """
    layout = Layout(data)
    write_build(layout.build, count=count)
    with duckdb.connect(layout.build) as connection:
        connection.execute(_CONTROL)
        if callable(also):
            also(connection)
        elif also:
            connection.execute(also)
        if without is not None:
            for name, kind in connection.execute(
                "select table_name, case table_type when 'VIEW' then 'view' else 'table' end"
                " from information_schema.tables where table_schema = 'main' and table_name like ?",
                [f"{without}%"],
            ).fetchall():
                connection.execute(f'drop {kind} main."{name}"')
    return publish(layout, keep=3)
