"""What the Indonesian pages ask gives what stands in the marts, and asks for nothing that the marts do not have."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
import yaml

from dashboards.areas.idx import measures
from dashboards.areas.idx.queries import broker, market, quality, screener, stock
from dashboards.ui.build_cache import CachedBuild
from tests.areas.fake_days import DAYS, sessions
from tests.areas.idx.fake_market import BROKEN, CUT, LEAVER, MISSING_LOTS, NEWCOMER
from tests.areas.idx.fake_marts import COLUMNS_READ

LAST = sessions()[-1]
MODELS = Path(__file__).resolve().parents[3] / "dbt_project" / "models" / "marts" / "idx"


def documented(mart: str) -> dict[str, str]:
    """Return the columns of a mart with their types, as its contract states them."""
    [model] = yaml.safe_load((MODELS / f"{mart}.yml").read_text(encoding="utf-8"))["models"]
    return {column["name"]: column["data_type"] for column in model["columns"]}


@pytest.mark.parametrize("mart", COLUMNS_READ)
def test_the_invented_marts_have_columns_and_types_of_the_real_ones(marts: duckdb.DuckDBPyConnection, mart: str):
    real = documented(mart)
    invented = dict(
        marts.execute(
            "select column_name, lower(data_type) from duckdb_columns()"
            " where database_name = 'marts' and schema_name = 'main' and table_name = ?",
            [mart],
        ).fetchall()
    )
    assert set(invented) <= set(real)
    numbers = {"decimal(18,2)", "double"}  # literals of the invented rates are decimals
    differing = {
        name: (kind, real[name])
        for name, kind in invented.items()
        if kind != real[name] and not (kind.startswith(("decimal", "integer")) and real[name] in {*numbers, "bigint"})
    }
    assert differing == {}


def test_bounds_come_from_the_seed(build: CachedBuild):
    assert market.bounds(build) == measures.Bounds(neutral=6, small=12.5, normal=20)


def test_market_totals_are_those_of_the_marts(build: CachedBuild, marts: duckdb.DuckDBPyConnection):
    frame = market.totals(build, start=sessions()[-5], end=LAST)
    expected = marts.execute(
        "select sum(value_idr), sum(net_foreign_value_idr) from idx__market_totals where session_date >= ?",
        [sessions()[-5]],
    ).fetchone()
    assert frame.height == 5
    assert (frame["value_idr"].sum(), frame["net_foreign_value_idr"].sum()) == pytest.approx(expected)


@pytest.mark.parametrize("window", [1, 5, 20])
def test_stocks_of_a_range_sum_their_days_and_carry_the_detector_of_the_window(
    build: CachedBuild, marts: duckdb.DuckDBPyConnection, window: int
):
    days = sessions()[-window:]
    frame = market.stocks(build, start=days[0], end=LAST, window=window)
    row = next(row for row in frame.iter_rows(named=True) if row["ticker_code"] == "BBCA")
    value, base, close = marts.execute(
        "select sum(value_idr), arg_min(previous_idr, session_date), arg_max(close_idr, session_date)"
        " from idx__daily_prices where ticker_code = 'BBCA' and session_date between ? and ?",
        [days[0], LAST],
    ).fetchone()
    pressure = marts.execute(
        "select top5_pct, top5_label from idx__detector where ticker_code = 'BBCA' and session_date = ?"
        " and window_sessions = ?",
        [LAST, window],
    ).fetchone()
    assert row["value_idr"] == value
    assert row["change_pct"] == pytest.approx(100 * (float(close) / float(base) - 1))
    assert (row["pressure_pct"], row["label"]) == pressure


@pytest.mark.parametrize("window", [1, 5, 20])
def test_the_detector_of_a_range_equals_the_mart_for_the_marts_windows(
    build: CachedBuild, marts: duckdb.DuckDBPyConnection, window: int
):
    days = sessions()[-window:]
    for code in ("BBCA", "GOTO", "SP09"):
        found = stock.detector(build, code, start=days[0], end=LAST)
        lots, percent, amount, label, buyers = marts.execute(
            "select top5_lots, top5_pct, top5_amount_idr, top5_label, buyers from idx__detector"
            " where ticker_code = ? and session_date = ? and window_sessions = ?",
            [code, LAST, window],
        ).fetchone()
        top = found.top(5)
        assert (top.pressure_lots, top.label, found.buyers) == (lots, label, buyers)
        assert (top.percent, top.amount_idr) == pytest.approx((percent, amount))


def test_averages_of_a_range_are_sums_divided_once(build: CachedBuild):
    frame = stock.brokers(build, "BBCA", start=sessions()[-20], end=LAST)
    row = frame.filter(frame["broker_code"] == "AK").row(0, named=True)
    assert row["buy_average_idr"] == pytest.approx(row["buy_value_idr"] / row["buy_lots"] / 100)
    assert row["net_lots"] == row["buy_lots"] - row["sell_lots"]
    assert frame["net_lots"].sum() == 0


def test_a_matrix_has_net_values_of_the_asked_brokers_and_stocks_only(
    build: CachedBuild, marts: duckdb.DuckDBPyConnection
):
    frame = market.matrix(build, start=sessions()[-5], end=LAST, brokers=["YP", "AK"], tickers=["BBCA", "TLKM"])
    assert set(frame["broker_code"]) == {"YP", "AK"}
    assert set(frame["ticker_code"]) == {"BBCA", "TLKM"}
    expected = marts.execute(
        "select sum(net_value_idr) from idx__broker_daily_flow where broker_code = 'YP' and ticker_code = 'BBCA'"
        " and session_date >= ?",
        [sessions()[-5]],
    ).fetchone()[0]
    cell = frame.filter((frame["broker_code"] == "YP") & (frame["ticker_code"] == "BBCA"))
    assert cell["net_value_idr"].to_list() == [expected]
    assert market.matrix(build, start=LAST, end=LAST, brokers=[], tickers=["BBCA"]).height == 0


@pytest.mark.parametrize("text", ["BBCA", "bbca", " Bbca ", "bank central asia tbk."])
def test_a_stock_is_found_by_code_in_any_case_and_by_name(build: CachedBuild, text: str):
    found = stock.find(build, text)
    assert found is not None
    assert found.ticker_code == "BBCA"
    assert stock.find(build, "ZZZZ") is None


def test_a_newcomer_and_a_leaver_have_their_own_sessions_and_events(build: CachedBuild):
    assert len(stock.sessions(build, NEWCOMER)) == DAYS - 50
    assert len(stock.sessions(build, LEAVER)) == 60
    assert stock.events(build, NEWCOMER)["what"].to_list() == ["new listing"]
    assert stock.events(build, LEAVER)["what"].to_list() == ["left the exchange's list"]
    assert stock.sessions(build, "ZZZZ") == []


def test_the_league_is_ranked_and_its_shares_add_up(build: CachedBuild):
    frame = broker.league(build, start=sessions()[-5], end=LAST)
    gross = frame["buy_value_idr"] + frame["sell_value_idr"]
    assert frame["place"].to_list() == list(range(1, frame.height + 1))
    assert gross.to_list() == sorted(gross, reverse=True)
    assert frame["share_pct"].sum() == pytest.approx(100)


def test_a_brokers_stocks_sum_to_its_net_value_of_the_league(build: CachedBuild):
    stocks = broker.stocks(build, "AK", start=sessions()[-5], end=LAST)
    league = broker.league_days(build, "AK", start=sessions()[-5], end=LAST)
    assert stocks["net_value_idr"].sum() == league["net_value_idr"].sum()
    assert broker.find(build, "ak") == broker.find(build, "UBS Sekuritas Indonesia")
    assert broker.find(build, "Q9") is None


def test_the_screener_keeps_what_its_preset_finds(build: CachedBuild):
    everything = screener.stocks(build, session=LAST, preset=screener.ALL)
    streak = screener.stocks(build, session=LAST, preset="foreign_streak")
    assert everything.height == len({*everything["ticker_code"]})
    assert 0 < streak.height < everything.height
    assert streak["streak"].min() >= 5
    assert streak.height == screener.found(build, session=LAST)["foreign_streak"]
    assert all("Streak" in words for words in streak["signals"])
    unusual = screener.stocks(build, session=LAST, preset="unusual_flow")
    assert unusual["ticker_code"].to_list() == ["GOTO"]
    assert "Unusual YP z +4.2" in unusual["signals"][0]


def test_every_signal_of_the_marts_is_a_preset():
    [model] = yaml.safe_load((MODELS / "idx__signals.yml").read_text(encoding="utf-8"))["models"]
    [names] = [
        test["one_of"]["arguments"]["values"]
        for test in model["data_tests"]
        if test.get("one_of", {}).get("arguments", {}).get("column") == "signal"
    ]
    assert set(names) == set(screener.PRESETS)


def test_coverage_names_the_worst_stock_and_the_missing_lots(build: CachedBuild):
    row = quality.by_session(build, last_sessions=3).row(0, named=True)
    assert (row["session_date"], row["unreconciled"], row["cut"]) == (LAST, 1, 1)
    assert row["least_ticker"] == BROKEN
    differing = quality.differing(build, session=LAST)
    assert differing["ticker_code"].to_list() == [BROKEN, CUT]
    assert differing["state"].to_list() == ["mismatch", "cut_list"]
    assert differing["buy_difference_lots"][1] == MISSING_LOTS
    assert row["missing_lots"] == pytest.approx(
        sum(max(a, b) for a, b in differing.select("buy_difference_lots", "sell_difference_lots").iter_rows())
    )
    assert quality.differing(build, session=sessions()[-2]).height == 0
