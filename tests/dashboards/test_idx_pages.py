"""The Indonesian pages without a browser: what stands on them, and what they do with choices and missing data."""

from __future__ import annotations

import json
from datetime import date
from html import unescape
from pathlib import Path

import panel as pn
import polars as pl
import pytest

from dashboards import flow, formats, idx_charts, idx_stock_chart
from dashboards.areas import AREAS, DATA, HONG_KONG, INDONESIA
from dashboards.components import Chart
from dashboards.pages.data import Data
from dashboards.pages.hk_overview import Overview
from dashboards.pages.hk_stock import Stock as HkStock
from dashboards.pages.hk_stocks import Stocks
from dashboards.pages.idx_broker import Broker
from dashboards.pages.idx_brokers import Brokers
from dashboards.pages.idx_market import MATRIX_SIZE, Market, tiles
from dashboards.pages.idx_quality import IdxQuality
from dashboards.pages.idx_screener import Screener, verdict
from dashboards.pages.idx_stock import Stock
from dashboards.pages.idx_stock_parts import price_change_pct, side
from dashboards.queries import idx, idx_screener, idx_stock
from dashboards.ranges import Range
from dashboards.store import Snapshot, Store
from dashboards.theme import DARK, LIGHT
from fin_assets.settings import Settings
from tests.dashboards.fake_days import sessions
from tests.dashboards.fake_idx import BROKEN, CUT, IDLE, LEAVER, MISSING_LOTS, NEWCOMER, SUSPENDED
from tests.dashboards.fake_idx_marts import NEGOTIATED
from tests.dashboards.fake_marts import publish_build

LAST = sessions()[-1]


def market(snapshot: Snapshot, **query: str) -> Market:
    return Market(snapshot, query=query, origin="tests")


def stock(snapshot: Snapshot, text: str, **query: str) -> Stock:
    return Stock(snapshot, text=text, query=query, origin="tests")


def text(view: pn.viewable.Viewable) -> str:
    """All markup below a view."""
    return " ".join(str(pane.object) for pane in view.select(pn.pane.HTML))


def test_every_heading_states_date_source_build_and_quality(snapshot: Snapshot):
    bodies = [
        market(snapshot),
        stock(snapshot, "bbca"),
        Broker(snapshot, text="yp", query={}, origin="tests"),
        Brokers(snapshot, query={}, origin="tests"),
        Screener(snapshot, query={}, origin="tests"),
    ]
    for body in bodies:
        chips = " ".join(body.heading().chips)
        assert formats.day(LAST) in chips
        assert snapshot.build_id in chips
        assert "Quality" in chips
        assert "tests" in chips
        assert "WIB" in chips


def test_a_source_that_never_ran_says_what_to_run(tmp_path):
    publish_build(tmp_path / "data", count=0)
    found = Store(Settings(home=tmp_path)).snapshot()
    assert found is not None
    for body in (
        market(found),
        Brokers(found, query={}, origin="tests"),
        Screener(found, query={}, origin="tests"),
    ):
        assert "fin run idx_brokers" in text(body.view)
        assert body.heading().title
    assert "No stock" in stock(found, "BBCA").heading().title
    assert "No broker" in Broker(found, text="YP", query={}, origin="tests").heading().title
    part = IdxQuality()
    part.refresh(found)
    assert not part.view.visible


@pytest.mark.parametrize("without", ["idx", "hk"])
def test_a_build_without_one_market_leaves_the_others_pages_whole(tmp_path, without: str):
    publish_build(tmp_path / "data", without=without)
    found = Store(Settings(home=tmp_path)).snapshot()
    assert found is not None
    bodies = [
        market(found),
        stock(found, "BBCA"),
        Broker(found, text="YP", query={}, origin="tests"),
        Screener(found, query={}, origin="tests"),
        Brokers(found, query={}, origin="tests"),
        Overview(found, query={}, origin="tests"),
        HkStock(found, text="700", origin="tests"),
        Stocks(found, origin="tests"),
    ]
    titles = [body.heading().title for body in bodies]
    assert ("No stock “BBCA”" in titles, "No stock “700”" in titles) == (without == "idx", without == "hk")
    assert Data(found, dagster="http://127.0.0.1:3000").heading().title == "Data"
    assert all(bool(area.targets(found)) == (area.key != without) for area in AREAS)


def test_the_market_over_a_window_sums_its_sessions(snapshot: Snapshot):
    page = market(snapshot, window="5")
    totals = idx.totals(snapshot, start=sessions()[-5], end=LAST)
    assert formats.rupiah(totals["value_idr"].sum()) in page._kpis.object
    assert page.state.query() == {"window": "5"}
    assert "5 sessions" in page._note.object


def test_another_day_can_be_chosen_and_a_day_without_a_session_shows_the_one_before(snapshot: Snapshot):
    page = market(snapshot, asof=str(sessions()[40]))
    assert page._range is not None
    assert page._range.end == sessions()[40]
    assert page._asof.pane.value == sessions()[40]
    weekend = market(snapshot, asof="2026-10-04")
    assert weekend._range is not None
    assert weekend._range.end == date(2026, 10, 2)
    assert "has no session" in weekend._note.object
    page._asof.pane.value = LAST
    assert page.state.asof is None
    assert page._range.end == LAST


def test_nonsense_in_the_address_leaves_the_defaults(snapshot: Snapshot):
    page = stock(snapshot, "BBCA", window="7", asof="yesterday", since="<script>", sides="both")
    assert page.state.query() == {}


def test_the_treemap_sums_all_values_and_its_rest_is_no_stock(snapshot: Snapshot):
    stocks = idx.stocks(snapshot, start=LAST, end=LAST, window=1)
    frame = tiles(stocks, count=10)
    assert frame.height == 11
    assert frame["value_idr"].sum() == stocks["value_idr"].sum()
    assert frame["ticker_code"][-1] is None
    assert frame["name"][-1] == f"{stocks.filter(pl.col('value_idr') > 0).height - 10} others"
    drawn = idx_charts.treemap(frame)(LIGHT)["series"][0]["data"]
    assert [tile["code"] for tile in drawn][-1] is None
    assert drawn[0]["label"]["show"]


def test_the_matrix_has_the_largest_brokers_on_top_and_cells_open_stocks(snapshot: Snapshot):
    page = market(snapshot)
    option = page._matrix.pane.object
    brokers = idx.largest_brokers(snapshot, start=LAST, end=LAST, count=MATRIX_SIZE)
    assert option["yAxis"]["data"] == list(reversed(brokers))
    assert len(option["xAxis"]["data"]) == MATRIX_SIZE
    cell = option["series"][0]["data"][0]
    assert option["xAxis"]["data"][cell["value"][0]] == cell["code"]


def test_rankings_never_mix_sides_and_are_by_amount(snapshot: Snapshot):
    stocks = idx.stocks(snapshot, start=LAST, end=LAST, window=1)
    for sign in (1, -1):
        amounts = [sign * value for value in idx.ranked(stocks, sign=sign, count=10)["amount_idr"]]
        assert min(amounts) > 0
        assert amounts == sorted(amounts, reverse=True)


def test_the_board_of_the_lists_can_be_chosen_where_there_are_several(snapshot: Snapshot, tmp_path: Path):
    plain = stock(snapshot, "BBCA", board="NG")
    assert not plain._boards.visible
    assert plain.state.query() == {}, "a board that nobody collected is no choice"

    publish_build(tmp_path / "data", also=NEGOTIATED)
    found = Store(Settings(home=tmp_path)).snapshot()
    assert found is not None
    page = stock(found, "BBCA", window="1")
    assert page._boards.objects[0].options == {"All": "main", "Negotiated": "NG"}
    whole = page._buyers.frame
    assert page.state.query() == {"window": "1"}

    page.state.board = "NG"
    assert page._buyers.frame.select("broker_code", "lots").rows() == [("KZ", 5000)]
    assert page._sellers.frame.select("broker_code", "lots").rows() == [("CC", 5000)]
    assert "Negotiated" in page._badges.object
    assert "Within the exchange's volume" in unescape(page._badges.object)
    assert "62.5" not in page._kpis.object, "of one of two boards that the exchange adds up no coverage is known"
    assert page._days.frame["coverage_pct"].to_list() == [None]
    assert sorted(page._fit.frame.select("broker_code", "net_lots").rows()) == [("CC", -5000), ("KZ", 5000)]
    drawn = {series.get("name") for series in page._chart.pane.object["series"]}
    assert {"CC", "KZ"} <= drawn
    assert not drawn & set(whole["broker_code"]) - {"CC", "KZ"}, "inventory is of the chosen board"
    page.state.board = "main"
    assert page._buyers.frame.equals(whole)

    other = stock(found, "BBRI", window="1", board="NG")
    assert "none in this range" in text(other.view)
    assert "dot missing" not in other._badges.object, "most shares are not negotiated on most days"

    page.state.board = "NG"
    page.refresh(snapshot)
    assert page.state.board == "main", "the new build has no lists of that board"
    assert not page._boards.visible


def test_a_stock_in_net_and_gross_shows_what_the_lists_say(snapshot: Snapshot):
    page = stock(snapshot, "BBCA", window="5")
    brokers = idx_stock.brokers(snapshot, "BBCA", start=sessions()[-5], end=LAST)
    assert page._buyers.frame["lots"].sum() == page._sellers.frame["lots"].sum()
    assert set(page._buyers.frame["broker_code"]) & set(page._sellers.frame["broker_code"]) == set()
    page.state.sides = "gross"
    assert page._buyers.frame["lots"].sum() == brokers["buy_lots"].sum()
    assert page._sellers.frame["value_idr"].sum() == brokers["sell_value_idr"].sum()
    assert page._buyers.frame["share_pct"].sum() == pytest.approx(100)


def test_the_average_of_a_net_buyer_is_of_all_it_bought():
    brokers = pl.DataFrame(
        {
            "broker_code": ["YP"],
            "broker_name": ["Mirae"],
            "broker_type": ["local"],
            "buy_lots": [10],
            "sell_lots": [4],
            "net_lots": [6],
            "buy_value_idr": [1_000_000],
            "sell_value_idr": [480_000],
            "net_value_idr": [520_000],
            "buy_average_idr": [1_000.0],
            "sell_average_idr": [1_200.0],
        }
    )
    row = side(brokers, which="buy", sides="net").row(0, named=True)
    assert (row["lots"], row["value_idr"], row["average_idr"]) == (6, 520_000, 1_000)
    assert side(brokers, which="sell", sides="net").height == 0


def test_a_custom_range_begins_where_the_reader_says_and_a_window_ends_it(snapshot: Snapshot):
    page = stock(snapshot, "BBCA")
    page.state.since = sessions()[10]
    assert page.state.window == 0
    assert page._range is not None
    assert page._range.start == sessions()[10]
    assert page.state.query() == {"window": "0", "since": str(sessions()[10])}
    page.state.window = 5
    assert page.state.since is None
    assert len(page._range.sessions) == 5


def test_lines_start_at_zero_before_the_range_and_end_at_the_net_lots(snapshot: Snapshot):
    page = stock(snapshot, "BBCA", window="5")
    series = {line["name"]: line for line in page._chart.pane.object["series"]}
    brokers = page._brokers.sort("net_lots", descending=True)
    first, last = brokers.row(0, named=True), brokers.row(-1, named=True)
    assert series[first["broker_code"]]["data"][-1] == first["net_lots"]
    assert series[last["broker_code"]]["data"][-1] == last["net_lots"]
    assert series[first["broker_code"]]["data"][-6] == 0
    assert series[first["broker_code"]]["data"][-7] is None
    assert series[first["broker_code"]]["lineStyle"]["type"] == "solid"
    assert series[last["broker_code"]]["lineStyle"]["type"] == "dashed"


def test_the_reading_says_the_quadrant_and_that_a_broker_is_no_owner(snapshot: Snapshot):
    page = stock(snapshot, NEWCOMER, window="60")
    top = flow.detector(page._brokers, bounds=idx.bounds(snapshot)).top(5)
    prices = idx_stock.prices(snapshot, NEWCOMER, start=sessions()[50], end=LAST)
    assert page._range is not None
    quadrant, _ = flow.reading(top, price_change_pct=price_change_pct(prices, page._range))
    assert f'data-reading="{quadrant}"' in page._reading.object
    assert "not the owner" in page._reading.object
    assert top.label in page._reading.object


def test_the_change_of_a_range_is_from_the_close_before_it():
    prices = pl.DataFrame(
        {
            "session_date": sessions()[:3],
            "close_idr": [100.0, 110.0, 121.0],
            "previous_idr": [90.0, 100.0, 110.0],
        }
    )
    assert price_change_pct(prices, Range(sessions=tuple(sessions()[1:3]))) == pytest.approx(21)
    assert price_change_pct(prices, Range(sessions=tuple(sessions()[:3]))) == pytest.approx(100 * (121 / 90 - 1))


def test_cut_and_differing_lists_are_named_as_such_with_their_numbers(snapshot: Snapshot):
    cut = stock(snapshot, CUT, window="1")
    assert "Lists that may be cut" in cut._badges.object
    assert "ten largest of each side" in cut._badges.object
    broken = stock(snapshot, BROKEN, window="5")
    assert "Not reconciled" in broken._badges.object
    assert "4 of 5 sessions" in broken._badges.object
    row = idx_stock.lists(snapshot, CUT, start=LAST, end=LAST).row(0, named=True)
    assert row["exchange_lots"] - row["visible_buy_lots"] == MISSING_LOTS
    whole = stock(snapshot, "BBCA", window="5")
    assert "5 of 5 sessions" in whole._badges.object
    assert "cut" not in whole._badges.object


def test_suspended_idle_new_and_departed_stocks_are_five_different_states(snapshot: Snapshot):
    suspended = stock(snapshot, SUSPENDED, window="5")
    assert "Suspended" in suspended._badges.object
    assert "none in this range" in suspended._badges.object
    assert "no reading" in suspended._reading.object.casefold()
    assert "Listed, not traded" in stock(snapshot, IDLE)._badges.object
    assert "new listing" in stock(snapshot, NEWCOMER)._events.object
    left = stock(snapshot, LEAVER)
    assert "left the exchange" in left._events.object
    assert formats.day(sessions()[59]) in " ".join(left.heading().chips)


def test_an_unknown_stock_or_broker_says_so_and_offers_near_ones(snapshot: Snapshot):
    page = stock(snapshot, "<img src=x>")
    assert "<img" not in text(page.view)
    near = stock(snapshot, "BBXX")
    assert near.heading().title == "No stock “BBXX”"
    assert "/idx/stock/BBCA" in text(near.view)
    broker = Broker(snapshot, text="YX", query={}, origin="tests")
    assert broker.heading().title == "No broker “YX”"
    assert "/idx/broker/YP" in text(broker.view)


def test_names_from_data_are_escaped_in_markup(snapshot: Snapshot):
    page = stock(snapshot, "SP09")
    assert "<B>" not in text(page.view)


def test_a_broker_page_has_its_stocks_and_what_it_gathered(snapshot: Snapshot):
    page = Broker(snapshot, text="AK", query={"window": "5"}, origin="tests")
    gathered = page._positions.frame
    stocks = page._stocks.frame
    assert gathered["inventory_lots"].min() > 0
    assert stocks.filter(pl.col("net_lots") > 0).height == gathered.height
    row = gathered.row(0, named=True)
    assert row["unrealised_idr"] == pytest.approx(row["inventory_lots"] * 100 * row["close_idr"] - row["cost_idr"])
    assert "unknown" in page._kpis.object
    assert "Foreign broker (high confidence)" in page.heading().subtitle


def test_the_screener_shows_rates_beside_the_signal_and_calls_few_cases_few(snapshot: Snapshot):
    page = Screener(snapshot, query={"preset": "foreign_streak"}, origin="tests")
    assert "42.9 %" in page._verdict.object
    assert "base rate" in page._verdict.object
    assert "803 cases" in page._verdict.object
    rates = idx_screener.rates(snapshot)
    assert "too few" in verdict("distribution_into_strength", rates)
    assert "not known" in verdict("unusual_flow", rates)
    titles = page._rates.frame.filter(pl.col("signal") == "foreign_streak")
    assert titles["now"][0] == page._found.frame.height


def test_the_data_page_part_shows_coverage_and_the_differing_lists_of_a_chosen_session(snapshot: Snapshot):
    part = IdxQuality()
    part.refresh(snapshot)
    assert part.view.visible
    assert part._by_session.frame["session_date"][0] == LAST
    assert part._tickers.frame["ticker_code"].to_list() == [BROKEN, CUT]
    part.state.session = sessions()[-2]
    assert part._tickers.frame.height == 0


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_every_chart_can_be_drawn_in_both_modes_and_is_plain_data(snapshot: Snapshot, colours):
    start = sessions()[-20]
    stocks = idx.stocks(snapshot, start=start, end=LAST, window=20)
    daily = idx_stock.adjusted(snapshot, "BBCA", start=start, end=LAST)
    drawings = [
        idx_charts.treemap(tiles(stocks, count=30)),
        idx_charts.matrix(
            idx.matrix(snapshot, start=start, end=LAST, brokers=["YP"], tickers=["BBCA"]),
            brokers=["YP"],
            tickers=["BBCA"],
        ),
        idx_charts.matrix(pl.DataFrame(schema=idx.EMPTY_CELLS), brokers=[], tickers=[]),
        idx_charts.ranking(idx.ranked(stocks, sign=1, count=5)),
        idx_charts.ranking(stocks.head(0)),
        idx_charts.market(idx.totals(snapshot, start=start, end=LAST)),
        idx_stock_chart.panes(
            idx_stock.prices(snapshot, "BBCA", start=start, end=LAST),
            flow.inventory(daily, sessions()[-20:]),
            accumulators=["YP"],
            distributors=["AK"],
            start=start,
        ),
    ]
    for drawing in drawings:
        chart = Chart(height=100, label="test")
        chart.draw(drawing)
        chart.restyle(colours)
        assert colours.surface in json.dumps(chart.pane.object)


def test_every_address_of_an_area_is_its_own_and_everything_searched_leads_into_it(snapshot: Snapshot):
    for area in (HONG_KONG, INDONESIA):
        assert all(href == area.home or href.startswith(f"{area.home}/") for _, _, href in area.pages)
        assert all(path.startswith(f"{area.home}/") for path in area.targets(snapshot).values())
    assert INDONESIA.targets(snapshot)["YP Mirae Asset Sekuritas Indonesia · broker"] == "/idx/broker/YP"
    assert INDONESIA.other("bbca") == "/idx/stock/bbca"
    assert INDONESIA.other("yp") == "/idx/broker/yp"
    assert DATA.other("700") == "/hk/stock/700"
    assert DATA.other("TLKM") == "/idx/stock/TLKM"
    assert len({area.key for area in AREAS}) == len(AREAS)
