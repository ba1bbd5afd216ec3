"""The pages' questions give what stands in the marts."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from dashboards.queries import hk, ops, stock
from dashboards.store import Snapshot, Store
from fin_assets.settings import Settings
from tests.dashboards.fake_marts import DAYS, STOCKS, publish_build, sessions

LAST = sessions()[-1]


@pytest.mark.parametrize("window", [1, 5, 20])
def test_the_key_figures_are_those_of_the_marts(snapshot: Snapshot, marts, window):
    figures = hk.overview(snapshot, session=LAST, window=window)
    held = marts.execute("select count(*) from hk__daily_holdings where session_date = ?", [LAST]).fetchone()[0]
    rows = marts.execute(
        "select change_shares, change_pp, stock_code from hk__movers where session_date = ? and window_sessions = ?",
        [LAST, window],
    ).fetchall()
    known = [row for row in rows if row[0] is not None]
    assert figures.held == held == STOCKS - 1
    assert figures.up == sum(row[0] > 0 for row in known)
    assert figures.down == sum(row[0] < 0 for row in known)
    assert figures.up + figures.down + figures.unchanged == figures.compared == len(known)
    largest = max((row for row in known if row[1] is not None), key=lambda row: row[1])
    assert figures.rise is not None
    assert (figures.rise.stock_code, figures.rise.change_pp) == (largest[2], largest[1])


def test_counter_changes_are_neither_additions_nor_removals_and_a_pair_counts_once(snapshot: Snapshot):
    figures = hk.overview(snapshot, session=LAST, window=1)
    assert (figures.added, figures.removed, figures.counter_changes) == (1, 1, 1)


def test_a_ranking_leaves_out_what_has_no_base_and_never_mixes_signs():
    frame = pl.DataFrame({"stock_code": ["00001", "00002", "00003", "00004"], "change_pp": [0.5, None, -0.2, 0.5]})
    assert hk.rank(frame, measure="pp", side="both", count=5)["stock_code"].to_list() == ["00001", "00004", "00003"]
    assert hk.rank(frame, measure="pp", side="bottom", count=5)["stock_code"].to_list() == ["00003"]
    assert hk.rank(frame, measure="pp", side="top", count=1)["stock_code"].to_list() == ["00001"]


def test_a_session_without_any_base_has_no_breadth(snapshot: Snapshot):
    assert hk.breadth(snapshot, session=LAST, last_sessions=DAYS)["session_date"].to_list() == sessions()[1:]


def test_breadth_adds_up_to_the_stocks_with_a_base_and_marks_closed_days(snapshot: Snapshot):
    frame = hk.breadth(snapshot, session=LAST, last_sessions=60)
    assert frame["session_date"].to_list() == sessions()[-60:]
    closed = frame.filter(pl.col("day_state") != "open")
    assert closed.height == 2
    assert closed.select("up", "down").sum_horizontal().sum() == 0


@pytest.mark.parametrize("text", ["700", "00700", " 0700 ", "tencent", "騰訊控股"])
def test_a_stock_is_found_by_code_and_by_name_in_either_language(snapshot: Snapshot, text):
    assert stock.find(snapshot, text) == ("00700", "TENCENT", "騰訊控股")


def test_an_unknown_code_is_not_a_stock_and_near_ones_are_offered(snapshot: Snapshot):
    assert stock.find(snapshot, "99999") is None
    assert stock.find(snapshot, "") is None
    assert "00728" in [found.stock_code for found in stock.similar(snapshot, "72")]
    assert [found.stock_code for found in stock.similar(snapshot, "建設")] == ["00939"]
    assert stock.similar(snapshot, "  ") == []


def test_the_history_of_a_stock_is_its_rows_in_order(snapshot: Snapshot, marts):
    frame = stock.history(snapshot, "00700")
    expected = marts.execute(
        "select session_date, shareholding_shares from hk__daily_holdings where stock_code = '00700' order by 1"
    ).fetchall()
    assert frame.select("session_date", "shareholding_shares").rows() == expected
    assert frame["change_shares"].drop_nulls().len() == DAYS - 1


def test_participants_come_largest_first_with_their_change(snapshot: Snapshot):
    frame = stock.participants(snapshot, "00700")
    assert frame["shareholding_shares"].is_sorted(descending=True)
    assert frame["session_date"].unique().to_list() == [LAST]
    assert frame["change_pp"].null_count() == 0
    assert stock.participants(snapshot, "00939").is_empty()


def test_freshness_counts_due_sessions_after_the_newest_green_one(snapshot: Snapshot):
    rows = {row["table_name"]: row for row in ops.freshness(snapshot).iter_rows(named=True)}
    assert rows["holdings"]["newest_green"] == LAST
    assert rows["holdings"]["behind"] == 0
    assert (rows["holdings"]["not_green"], rows["participants"]["not_green"]) == (1, 2)


def test_what_lies_before_the_first_collected_session_is_history_and_no_gap(snapshot: Snapshot):
    rows = {row["table_name"]: row for row in ops.freshness(snapshot).iter_rows(named=True)}
    assert (rows["holdings"]["history"], rows["participants"]["history"]) == (0, 5)
    assert rows["participants"]["sessions"] == DAYS - 5
    states = ops.partitions(snapshot, last_sessions=DAYS).filter(pl.col("table_name") == "participants")
    assert states["state"].to_list()[:6] == ["history"] * 5 + ["complete"]


def test_problems_are_due_sessions_that_are_not_green_with_their_command(snapshot: Snapshot):
    frame = ops.problems(snapshot)
    assert sorted(frame["state"]) == ["incomplete", "incomplete", "missing", "stale"]
    assert set(frame["mends"]) == {"fin heal hkex_southbound", "fin heal idx_brokers"}


def test_the_quality_of_a_page_is_stale_when_later_sessions_are_due(snapshot: Snapshot):
    days = sessions()
    assert ops.quality(snapshot, source="hkex_southbound", table="holdings", session=LAST).state == "complete"
    before_the_stale_one = ops.quality(snapshot, source="hkex_southbound", table="holdings", session=days[44])
    assert before_the_stale_one.state == "stale"
    assert str(days[45]) in before_the_stale_one.sentence
    assert (
        ops.quality(snapshot, source="hkex_southbound", table="holdings", session=LAST + timedelta(days=1)).state
        == "missing"
    )


def test_the_dictionary_has_every_mart_with_its_rows_and_comments(snapshot: Snapshot, marts):
    frame = ops.marts(snapshot)
    names = [
        name
        for (name,) in marts.execute(
            "select table_name from duckdb_tables() where schema_name = 'main' union all"
            " select view_name from duckdb_views() where schema_name = 'main' and view_name like 'idx%' order by 1"
        ).fetchall()
    ]
    assert frame["mart"].to_list() == names
    rows = dict(frame.select("mart", "rows").iter_rows())
    assert rows["idx__broker_daily_flow"] is None  # a view over files: nobody counts 90 million rows for a page
    assert rows["hk__daily_holdings"] == marts.execute("select count(*) from hk__daily_holdings").fetchone()[0]
    columns = ops.columns(snapshot, mart="hk__daily_holdings")
    assert columns.filter(pl.col("column") == "shareholding_shares")["description"][0].endswith("Unit: shares.")


def test_a_snapshot_stays_on_its_build_while_another_is_published(tmp_path):
    first = publish_build(tmp_path / "data", count=70)
    store = Store(Settings(home=tmp_path))
    before = store.snapshot()
    second = publish_build(tmp_path / "data", count=80)
    after = store.snapshot()
    assert before is not None
    assert after is not None
    assert (before.build_id, after.build_id) == (first.id, second.id)
    assert hk.sessions(before)[0] == sessions()[69]
    assert hk.sessions(after)[0] == sessions()[79]


def test_an_answer_is_remembered_for_its_build_and_its_parameters(snapshot: Snapshot):
    assert hk.movers(snapshot, session=LAST, window=5) is hk.movers(snapshot, session=LAST, window=5)
    assert hk.movers(snapshot, session=LAST, window=5) is not hk.movers(snapshot, session=LAST, window=20)


def test_nothing_published_is_no_snapshot_and_no_error(tmp_path):
    store = Store(Settings(home=tmp_path))
    assert store.snapshot() is None
    assert store.current_id() is None
