"""Addresses: choices, the order and page of tables, and the names of what means nothing."""

from __future__ import annotations

import pytest

from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.shell import Shell
from tests.areas.visiting import SITE, area, opened


def held(build: CachedBuild, path: str, code: str = "", **query: str):
    page = opened(build, path, code=code, **query)
    page.state.hold(page.tables, query)
    return page


@pytest.mark.parametrize(
    ("path", "code", "query", "said"),
    [
        ("/hk", "", {"window": "7"}, "it can be 1, 5, 20"),
        ("/hk", "", {"from": "2026-11-20"}, "this page knows "),
        ("/hk/stock", "", {"asof": "2026-11-20"}, "this page knows where, columns, sort, page"),
        ("/data", "", {"x": "<img>"}, "this page knows sort, page, fresh.sort"),
        ("/idx", "", {"asof": "2026-13-40"}, "a day is written as 2026-11-20"),
        ("/idx/stock/{code}", "BBCA", {"since": "yesterday"}, "a day is written as 2026-11-20"),
        ("/idx/stock/{code}", "BBCA", {"board": "NG"}, "no list of that board is collected"),
        ("/idx/broker", "", {"sort": "-nothing"}, "it can be place, broker_code"),
        ("/idx/broker", "", {"page": "900"}, "the table has "),
        ("/idx/broker", "", {"page": "-1"}, "the table has "),
        ("/idx/screener", "", {"rates.page": "two"}, "the table has "),
        ("/idx/screener", "", {"preset": "none"}, "it can be all, big_accumulation"),
    ],
)
def test_what_means_nothing_in_an_address_is_named(
    build: CachedBuild, path: str, code: str, query: dict[str, str], said: str
):
    page = held(build, path, code, **query)
    [(name, why)] = page.state.rejected.items()
    assert name in query
    assert why.startswith(said)
    assert page.state.query() == {}


def test_the_page_shows_what_was_left_out_as_text(build: CachedBuild, cache):
    query = {"window": "<img src=x>", "asof": "2026-11-20"}
    shell = Shell(cache, site=SITE, area=area("hk"), make=lambda found: opened(found, "/hk", **query), query=query)
    assert shell._remarks.visible
    assert "window=&lt;img src=x&gt;" in shell._remarks.object
    assert "asof=2026-11-20" in shell._remarks.object
    calm = Shell(cache, site=SITE, area=area("hk"), make=lambda found: opened(found, "/hk"))
    assert not calm._remarks.visible


def test_order_and_page_of_a_table_stand_in_the_address_and_come_back(build: CachedBuild):
    page = held(build, "/idx/screener", **{"sort": "-value_idr", "page": "2", "rates.sort": "cases"})
    assert page.state.rejected == {}
    assert page._found.pane.sorters == [{"field": "value_idr", "dir": "desc"}]
    assert page._found.pane.page == 2
    assert page.state.query() == {"sort": "-value_idr", "page": "2", "rates.sort": "cases"}
    page.state.load({})
    assert page.state.query() == {}
    assert page._found.pane.page == 1


def test_a_listing_keeps_filter_and_columns_in_the_address(build: CachedBuild):
    page = held(build, "/idx/screener", where="Value > 1B, BBCA", columns="ticker_code,signals,ma10_idr")
    assert page.state.rejected == {}
    assert page._found.frame["ticker_code"].to_list() == ["BBCA"]
    shown = {column.field for column in page._found.columns} - set(page._found.pane.hidden_columns)
    assert shown == {"ticker_code", "signals", "ma10_idr"}
    assert "1 of " in page.note.object
    page._listing.columns.value = ["ticker_code", "name"]
    assert page.state.query()["columns"] == "ticker_code,name"
    page.state.where = "Worth > 5"
    assert "no column “Worth”" in page._listing.problem.object
    assert page._listing.problem.visible
    assert page._found.frame.height > 1, "a filter that cannot be read keeps every row"
    page.state.where = ""
    assert not page._listing.problem.visible


def test_signals_are_shown_and_the_averages_only_on_request(build: CachedBuild):
    page = held(build, "/idx/screener")
    assert "signals" not in page._found.pane.hidden_columns
    assert set(page._found.pane.hidden_columns) == {"flow_20_idr", "ma10_idr", "ma20_idr"}
    widths = sum(column.width for column in page._found.columns if column.field not in page._found.pane.hidden_columns)
    assert widths <= 1366 - 2 * 16 - 2 * 17, "all of it fits a window of 1366 pixels"


def test_an_unknown_code_is_a_missing_page(build: CachedBuild):
    for path in ("/hk/stock/{code}", "/idx/stock/{code}", "/idx/broker/{code}"):
        assert opened(build, path, code="99zz9").heading().status == 404
    assert opened(build, "/hk").heading().status == 200
