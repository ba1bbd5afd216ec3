"""The Indonesian marts over a generated market, against its frames computed again without SQL."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path
from statistics import median

import polars as pl
import pytest

from fin_assets.warehouse.paths import ARCHIVE
from fin_assets.warehouse.reader import Reader
from tests.warehouse.home import Home
from tests.warehouse.idx_home import SESSIONS, TICKERS, market_days
from tests.warehouse.idx_market import OTHER_FROM, OTHER_GONE, Day, ticker_codes

CODES = ticker_codes(TICKERS)
OTHER, CUT, RENAMED, SUSPENDED, SPLIT, LISTED, DELISTED = CODES[-7:]
LAST = SESSIONS[-2]


@pytest.fixture(scope="module")
def days() -> dict[date, Day]:
    """The frames that were staged."""
    return {session: day for session, day in market_days().items() if session <= LAST}


@pytest.fixture(scope="module")
def flow(days: dict[date, Day]) -> pl.DataFrame:
    """All broker rows with their net lots and value."""
    rows = pl.concat(day.trades for day in days.values())
    return rows.with_columns(
        pl.col("buy_lots").fill_null(0) - pl.col("sell_lots").fill_null(0),
        (pl.col("buy_value_idr").fill_null(0) - pl.col("sell_value_idr").fill_null(0)).alias("net_value_idr"),
    ).rename({"buy_lots": "net_lots"})


def test_every_mart_and_column_has_a_comment_and_views_too(idx_reader: Reader) -> None:
    silent = idx_reader.query(
        "select table_name, column_name from duckdb_columns() where database_name = 'warehouse'"
        " and schema_name = 'main' and coalesce(comment, '') = ''"
    )
    assert silent.rows() == []
    views = idx_reader.query(
        "select view_name, comment from duckdb_views() where database_name = 'warehouse' and schema_name = 'main'"
    )
    assert set(views["view_name"]) == {
        "idx__daily_prices",
        "idx__broker_daily_flow",
        "idx__inventory",
        "idx__detector",
    }
    assert all(views["comment"])


def test_the_finest_grain_has_every_staged_row_and_is_no_copy(
    idx_reader: Reader, idx_built: Home, flow: pl.DataFrame
) -> None:
    assert idx_reader.query("select count(*) from idx__broker_daily_flow").item() == flow.height
    sums = idx_reader.query("select sum(net_lots), sum(net_value_idr) from idx__broker_daily_flow").row(0)
    assert sums == (flow["net_lots"].sum(), flow["net_value_idr"].sum())
    months = sorted(path.name[:7] for path in (idx_built.data / ARCHIVE).rglob("*.parquet"))
    assert months == ["2026-01", "2026-02", "2026-03"]


def test_views_over_parquet_work_in_a_shell_started_anywhere(idx_built: Home) -> None:
    duckdb = str(Path(sys.executable).with_name("duckdb"))
    shell = [duckdb, "-readonly", "-csv", str(idx_built.data / "warehouse.duckdb")]
    question = "select count(*) from idx__inventory where ticker_code = 'AAAA'"
    done = subprocess.run([*shell, "-c", question], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[1]) > 1000


@pytest.mark.parametrize("window", [1, 5, 20])
def test_the_detector_equals_sums_over_the_window_ranked_by_hand(
    idx_reader: Reader, flow: pl.DataFrame, window: int
) -> None:
    mine = flow.filter(pl.col("ticker_code") == CODES[0], pl.col("session_date").is_in(SESSIONS[:-1][-window:]))
    # Net value decides the side and the rank; the lots are added with their signs.
    nets = mine.group_by("broker_code").agg(pl.col("net_value_idr", "net_lots").sum()).drop("broker_code").rows()
    buys = [lots for value, lots in sorted(nets, reverse=True) if (value, lots) > (0, 0)]
    sells = [lots for value, lots in sorted(nets) if (value, lots) < (0, 0)]
    pressures = [sum(buys[:n]) + sum(sells[:n]) for n in range(1, 16)]
    values = [value for value, _ in nets]
    row = idx_reader.query(
        "select * from idx__detector where ticker_code = ? and session_date = ? and window_sessions = ?",
        [CODES[0], LAST, window],
    ).row(0, named=True)
    assert (row["buyers"], row["sellers"], row["net_lots"]) == (len(buys), len(sells), sum(buys))
    assert [row[f"top{n}_lots"] for n in (1, 3, 5, 10, 15)] == [pressures[n - 1] for n in (1, 3, 5, 10, 15)]
    assert row["avg5_lots"] == pytest.approx(sum(pressures[:5]) / 5)
    assert row["average_idr"] == pytest.approx(sum(value for value in values if value > 0) / (100 * sum(buys)))
    assert row["top5_pct"] == pytest.approx(100 * pressures[4] / sum(buys))
    assert row["top5_amount_idr"] == pytest.approx(100 * pressures[4] * row["average_idr"])
    assert row["sessions_used"] <= window


def test_inventory_is_the_running_sum_in_shares_of_today(idx_reader: Reader, flow: pl.DataFrame) -> None:
    broker = "YU"
    rows = idx_reader.query(
        "select session_date, inventory_lots, inventory_value_idr from idx__inventory"
        " where ticker_code = ? and broker_code = ? order by 1",
        [SPLIT, broker],
    )
    mine = flow.filter(ticker_code=SPLIT, broker_code=broker).sort("session_date")
    factor = pl.when(pl.col("session_date") < SESSIONS[30]).then(5).otherwise(1)
    expected = mine.select("session_date", (pl.col("net_lots") * factor).cum_sum().cast(pl.Float64))
    assert rows["inventory_lots"].to_list() == expected["net_lots"].to_list()
    assert rows["inventory_value_idr"].to_list() == mine["net_value_idr"].cum_sum().to_list()


def test_a_split_is_found_and_prices_before_it_can_be_compared(idx_reader: Reader) -> None:
    rows = idx_reader.query(
        "select session_date, close_idr / adj_factor as adjusted, adj_factor, split_factor from idx__daily_prices"
        " where ticker_code = ? and session_date between ? and ? order by 1",
        [SPLIT, SESSIONS[29], SESSIONS[30]],
    )
    assert rows["adj_factor"].to_list() == [5.0, 1.0]
    assert rows["split_factor"].to_list() == [None, 5.0]
    before, after = rows["adjusted"].to_list()
    assert abs(float(after) / float(before) - 1) < 0.15


def test_suspended_listed_and_delisted_shares_are_different_states(idx_reader: Reader) -> None:
    states = dict(
        idx_reader.query(
            "select session_date, trading_state from idx__daily_prices where ticker_code = ?", [SUSPENDED]
        ).rows()
    )
    assert {states[day] for day in SESSIONS[20:30]} == {"suspended"}
    assert states[SESSIONS[30]] in {"traded", "no_trade"}
    new = idx_reader.query(
        "select session_date, ticker_code from idx__daily_prices where trading_state = 'new_listing'"
    )
    assert new.rows() == [(SESSIONS[15], LISTED)]
    tickers = {row["ticker_code"]: row for row in idx_reader.query("from idx__tickers where is_current").to_dicts()}
    assert tickers[DELISTED]["is_delisted"]
    assert tickers[DELISTED]["last_seen"] == SESSIONS[39]
    assert tickers[LISTED]["listed_from"] == SESSIONS[15]
    assert tickers[CODES[0]]["listed_from"] is None
    assert sum(row["is_delisted"] for row in tickers.values()) == 1


def test_a_new_name_is_a_new_span_of_the_same_share(idx_reader: Reader) -> None:
    rows = idx_reader.query(
        "select company_name, valid_from, valid_to, is_current from idx__tickers where ticker_code = ? order by 2",
        [RENAMED],
    )
    assert rows.rows() == [
        (f"PT {RENAMED}", SESSIONS[0], SESSIONS[24], False),
        ("PT NEW NAME", SESSIONS[25], None, True),
    ]


def test_whole_lists_reconcile_and_a_cut_one_says_how_much_it_shows(idx_reader: Reader) -> None:
    states = idx_reader.query(
        "select ticker_code = ? as is_cut, state, count(*), min(coverage_pct), max(coverage_pct)"
        " from idx__reconciliation group by all order by all",
        [CUT],
    ).rows()
    assert [(row[0], row[1]) for row in states] == [(False, "reconciled"), (True, "cut_list")]
    assert states[0][3:] == (100.0, 100.0)
    assert 50 < states[1][3] < states[1][4] < 100
    totals = idx_reader.query(
        "select sum(unreconciled_tickers), sum(reconciled_tickers), sum(broker_tickers), min(broker_coverage_pct)"
        " from idx__market_totals"
    ).row(0)
    assert totals[:3] == (0, states[0][2], states[0][2] + states[1][2])
    assert 95 < totals[3] < 100


def test_the_league_adds_up_to_the_exchanges_own_totals(idx_reader: Reader, days: dict[date, Day]) -> None:
    rows = idx_reader.query("from idx__broker_league where session_date = ? order by place", [LAST])
    assert rows["place"].to_list()[:3] == [1, 2, 3]
    assert rows["share_pct"].sum() == pytest.approx(100)
    assert rows["market_share_pct"].sum() == pytest.approx(100)
    assert rows["market_value_idr"].sum() == days[LAST].market["value_idr"].sum()
    # The cut list hides a part, and values of the pages are rounded.
    assert rows["gross_value_idr"].sum() == pytest.approx(rows["market_value_idr"].sum(), rel=0.02)


def test_brokers_have_a_type_with_its_confidence_and_unlisted_ones_the_colour_of_the_page(idx_reader: Reader) -> None:
    brokers = {row["broker_code"]: row for row in idx_reader.query("from idx__brokers").to_dicts()}
    assert (brokers["BK"]["broker_type"], brokers["BK"]["type_confidence"]) == ("foreign", "high")
    assert (brokers["CC"]["broker_type"], brokers["XL"]["broker_type"]) == ("bumn", "local")
    assert (brokers["QA"]["broker_type"], brokers["QA"]["type_confidence"]) == ("local", "low")
    assert all(row["is_member"] and row["licenses"] for row in brokers.values())


def test_unusual_flows_are_those_that_a_calculation_by_hand_finds(idx_reader: Reader, flow: pl.DataFrame) -> None:
    found = {
        row[:2]: row[2]
        for row in idx_reader.query(
            "select ticker_code, broker_code, robust_z from idx__unusual_flow where session_date = ?", [LAST]
        ).rows()
    }
    window = flow.filter(pl.col("session_date").is_in(SESSIONS[:-1][-61:-1]))
    before = {key: frame["net_value_idr"].to_list() for key, frame in window.group_by("ticker_code", "broker_code")}
    expected = {}
    for ticker, broker, net in (
        flow.filter(session_date=LAST).select("ticker_code", "broker_code", "net_value_idr").rows()
    ):
        seen = before.get((ticker, broker), [])
        if abs(net) >= 10**9 and len(seen) >= 20:
            middle = median(seen)
            deviation = max(median(abs(value - middle) for value in seen), 5e7)
            z = (net - middle) / (1.4826 * deviation)
            if abs(z) >= 3:
                expected[ticker, broker] = z
    assert found == pytest.approx(expected, abs=1e-4)
    assert found


def test_outcomes_begin_after_the_next_close_and_are_null_until_known(idx_reader: Reader) -> None:
    known = idx_reader.query(
        "select max(session_date) filter (where return_5_pct is not null),"
        " max(session_date) filter (where return_20_pct is not null) from intermediate.int_idx__returns"
    ).row(0)
    assert known == (SESSIONS[:-1][-7], SESSIONS[:-1][-22])
    one = idx_reader.query(
        "select r.return_5_pct, 100 * (b.close_idr / a.close_idr - 1) from intermediate.int_idx__returns r"
        " join idx__daily_prices a on a.ticker_code = r.ticker_code and a.session_date = ?"
        " join idx__daily_prices b on b.ticker_code = r.ticker_code and b.session_date = ?"
        " where r.ticker_code = ? and r.session_date = ?",
        [SESSIONS[51], SESSIONS[56], CODES[0], SESSIONS[50]],
    ).row(0)
    assert one[0] == pytest.approx(float(one[1]), abs=1e-3)
    open_cases = idx_reader.query("select sum(open_cases), sum(cases) from idx__signal_base_rates").row(0)
    assert min(open_cases) > 0


def test_a_signal_has_every_session_of_its_window_behind_it(idx_reader: Reader) -> None:
    first = dict(idx_reader.query("select signal, min(session_date) from idx__signals group by 1").rows())
    assert first["big_accumulation"] >= SESSIONS[5]
    assert first["stealth_accumulation"] >= SESSIONS[20]
    assert first["foreign_streak"] >= SESSIONS[4]


def test_the_market_of_a_session_is_the_sum_of_its_shares(idx_reader: Reader, days: dict[date, Day]) -> None:
    row = idx_reader.query("from idx__market_totals where session_date = ?", [LAST]).row(0, named=True)
    summary = days[LAST].summary
    traded = summary.filter(pl.col("volume_shares") > 0)
    assert (row["tickers"], row["traded"]) == (summary.height, traded.height)
    assert row["value_idr"] == summary["value_idr"].sum()
    assert (
        row["breadth"]
        == traded.filter(pl.col("change_idr") > 0).height - traded.filter(pl.col("change_idr") < 0).height
    )
    estimate = sum(
        (buy - sell) * value / volume
        for buy, sell, value, volume in traded.select(
            "foreign_buy_shares", "foreign_sell_shares", "value_idr", "volume_shares"
        ).rows()
    )
    assert row["net_foreign_value_idr"] == pytest.approx(estimate, rel=1e-9)


def test_hong_kong_marts_are_there_and_empty_without_its_data(idx_reader: Reader) -> None:
    assert idx_reader.query("select count(*) from hk__movers").item() == 0
    assert idx_reader.snapshot().build.marts["idx__reconciliation"] > 0


def test_a_code_that_another_company_has_now_has_no_sum_window_or_change_across_it(
    idx_reader: Reader, flow: pl.DataFrame
) -> None:
    start, before = SESSIONS[OTHER_FROM], SESSIONS[OTHER_GONE - 1]
    rows = idx_reader.query(
        "select * exclude (earlier_listed_shares, later_listed_shares) from idx__identities order by all"
    )
    assert rows.rows() == [
        (OTHER, 1, f"PT {OTHER}", None, before, False, None, None, False),
        (OTHER, 2, "PT OTHER COMPANY", start, None, True, "renamed_with_jump", OTHER_FROM - OTHER_GONE, True),
    ]
    names = idx_reader.query(
        "select company_name, identity_no, first_seen, last_seen from idx__tickers where ticker_code = ? order by valid_from",
        [OTHER],
    )
    assert names.rows() == [
        (f"PT {OTHER}", 1, SESSIONS[0], before),
        ("PT OTHER COMPANY", 2, start, SESSIONS[-2]),
    ]
    used = idx_reader.query(
        "select max(sessions_used) from idx__detector where ticker_code = ? and session_date = ?",
        [OTHER, SESSIONS[OTHER_FROM + 3]],
    )
    assert used.item() <= 4
    changed = idx_reader.query(
        "select min(session_date) from idx__foreign_flow where ticker_code = ? and session_date >= ? and flow_5_idr is not null",
        [OTHER, start],
    )
    assert changed.item() == SESSIONS[OTHER_FROM + 4]
    outcomes = idx_reader.query(
        "select count(*) filter (where return_20_pct is not null) from intermediate.int_idx__returns"
        " where ticker_code = ? and session_date between ? and ?",
        [OTHER, SESSIONS[OTHER_FROM - 21], before],
    )
    assert outcomes.item() == 0
    later = flow.filter(pl.col("session_date") >= start, ticker_code=OTHER)
    inventory = idx_reader.query(
        "select broker_code, arg_max(inventory_value_idr, session_date) from idx__inventory"
        " where ticker_code = ? and identity_no = 2 group by 1 order by 1",
        [OTHER],
    )
    sums = later.group_by("broker_code").agg(pl.col("net_value_idr").sum()).sort("broker_code")
    assert inventory.rows() == sums.rows()
    # A range over both asks of the later one.
    asked = idx_reader.query(
        "select broker_code, net_value_idr from idx_broker_flow(?, ?, ?)", [OTHER, SESSIONS[0], SESSIONS[-1]]
    )
    assert asked.rows() == sums.rows()


def test_no_mart_has_a_session_that_is_not_collected(idx_reader: Reader) -> None:
    marts = idx_reader.query(
        "select table_name from duckdb_columns() where database_name = 'warehouse' and schema_name = 'main'"
        " and column_name = 'session_date' and table_name like 'idx__%'"
    )["table_name"]
    assert len(marts) > 5
    for mart in marts:
        assert idx_reader.query(f"select max(session_date) from {mart}").item() <= LAST, mart  # noqa: S608 - from the catalog
