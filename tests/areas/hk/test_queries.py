"""The Hong Kong pages' questions give what stands in the marts."""

from __future__ import annotations

import polars as pl
import pytest

from dashboards.areas.hk.queries import market, stock
from dashboards.ui.build_cache import CachedBuild
from tests.areas.fake_build import DAYS, STOCKS, sessions

LAST = sessions()[-1]


@pytest.mark.parametrize("window", [1, 5, 20])
def test_the_key_figures_are_those_of_the_marts(build: CachedBuild, marts, window):
    figures = market.overview(build, session=LAST, window=window)
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


def test_counter_changes_are_neither_additions_nor_removals_and_a_pair_counts_once(build: CachedBuild):
    figures = market.overview(build, session=LAST, window=1)
    assert (figures.added, figures.removed, figures.counter_changes) == (1, 1, 1)


def test_a_ranking_leaves_out_what_has_no_base_and_never_mixes_signs():
    frame = pl.DataFrame({"stock_code": ["00001", "00002", "00003", "00004"], "change_pp": [0.5, None, -0.2, 0.5]})
    assert market.rank(frame, measure="pp", side="both", count=5)["stock_code"].to_list() == ["00001", "00004", "00003"]
    assert market.rank(frame, measure="pp", side="bottom", count=5)["stock_code"].to_list() == ["00003"]
    assert market.rank(frame, measure="pp", side="top", count=1)["stock_code"].to_list() == ["00001"]


def test_a_session_without_any_base_has_no_breadth(build: CachedBuild):
    assert market.breadth(build, session=LAST, last_sessions=DAYS)["session_date"].to_list() == sessions()[1:]


def test_breadth_adds_up_to_the_stocks_with_a_base_and_marks_closed_days(build: CachedBuild):
    frame = market.breadth(build, session=LAST, last_sessions=60)
    assert frame["session_date"].to_list() == sessions()[-60:]
    closed = frame.filter(pl.col("day_state") != "open")
    assert closed.height == 2
    assert closed.select("up", "down").sum_horizontal().sum() == 0


@pytest.mark.parametrize("text", ["700", "00700", " 0700 ", "tencent", "騰訊控股"])
def test_a_stock_is_found_by_code_and_by_name_in_either_language(build: CachedBuild, text):
    assert stock.find(build, text) == ("00700", "TENCENT", "騰訊控股")


def test_an_unknown_code_is_not_a_stock_and_near_ones_are_offered(build: CachedBuild):
    assert stock.find(build, "99999") is None
    assert stock.find(build, "") is None
    assert "00728" in [found.stock_code for found in stock.similar(build, "72")]
    assert [found.stock_code for found in stock.similar(build, "建設")] == ["00939"]
    assert stock.similar(build, "  ") == []


def test_the_history_of_a_stock_is_its_rows_in_order(build: CachedBuild, marts):
    frame = stock.history(build, "00700")
    expected = marts.execute(
        "select session_date, shareholding_shares from hk__daily_holdings where stock_code = '00700' order by 1"
    ).fetchall()
    assert frame.select("session_date", "shareholding_shares").rows() == expected
    assert frame["change_shares"].drop_nulls().len() == DAYS - 1


def test_participants_come_largest_first_with_their_change(build: CachedBuild):
    frame = stock.participants(build, "00700")
    assert frame["shareholding_shares"].is_sorted(descending=True)
    assert frame["session_date"].unique().to_list() == [LAST]
    assert frame["change_pp"].null_count() == 0
    assert stock.participants(build, "00939").is_empty()
