"""The Indonesian pages without a browser: what stands on them, and what they do with choices and missing data."""

from __future__ import annotations

import itertools
import json
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dashboards.areas.idx import charts, measures, stock_chart
from dashboards.areas.idx.money import rupiah
from dashboards.areas.idx.pages.market import MATRIX_SIZE, Market, tiles
from dashboards.areas.idx.pages.screener import verdict
from dashboards.areas.idx.quality import ListQuality
from dashboards.areas.idx.queries import broker, market, screener, stock
from dashboards.areas.idx.stock_parts import price_change_pct, side
from dashboards.ui import formats
from dashboards.ui.area import Visit
from dashboards.ui.build_cache import BuildCache, CachedBuild
from dashboards.ui.charts import Chart
from dashboards.ui.session_range import Range
from dashboards.ui.tables import Table
from dashboards.ui.theme import DARK, LIGHT
from fin_assets.settings import Settings
from tests.areas.fake_build import publish_build
from tests.areas.fake_days import sessions
from tests.areas.idx.fake_market import BROKEN, CUT, IDLE, LEAVER, MISSING_LOTS, NEWCOMER, SUSPENDED
from tests.areas.idx.fake_marts import NEGOTIATED, REUSED, REUSED_FROM
from tests.areas.visiting import SITE, area, opened, text

LAST = sessions()[-1]


def market_page(build: CachedBuild, **query: str) -> Market:
    return opened(build, "/idx", **query)


def stock_page(build: CachedBuild, code: str, **query: str) -> Any:
    return opened(build, "/idx/stock/{code}", code=code, **query)


def section(build: CachedBuild) -> ListQuality:
    return ListQuality(build, Visit(area=area("idx"), site=SITE))


def test_every_heading_states_date_source_build_and_quality(build: CachedBuild):
    bodies = [
        market_page(build),
        stock_page(build, "bbca"),
        opened(build, "/idx/broker/{code}", code="yp"),
        opened(build, "/idx/broker"),
        opened(build, "/idx/screener"),
    ]
    for body in bodies:
        chips = " ".join(body.heading().chips)
        assert formats.day(LAST) in chips
        assert build.build_id in chips
        assert "Quality" in chips
        assert "IDX broker flow, embedded sandbox" in chips
        assert "WIB" in chips


def test_a_source_that_never_ran_says_what_to_run(tmp_path):
    publish_build(tmp_path / "data", count=0)
    found = BuildCache(Settings(home=tmp_path)).build()
    assert found is not None
    for body in (
        market_page(found),
        opened(found, "/idx/broker"),
        opened(found, "/idx/screener"),
    ):
        assert "fin run idx_brokers" in text(body.view)
        assert body.heading().title
    assert "No stock" in stock_page(found, "BBCA").heading().title
    assert "No broker" in opened(found, "/idx/broker/{code}", code="YP").heading().title
    part = section(found)
    assert not part.view.visible


@pytest.mark.parametrize("without", ["idx", "hk"])
def test_a_build_without_one_market_leaves_the_others_pages_whole(tmp_path, without: str):
    publish_build(tmp_path / "data", without=without)
    found = BuildCache(Settings(home=tmp_path)).build()
    assert found is not None
    bodies = [
        market_page(found),
        stock_page(found, "BBCA"),
        opened(found, "/idx/broker/{code}", code="YP"),
        opened(found, "/idx/screener"),
        opened(found, "/idx/broker"),
        opened(found, "/hk"),
        opened(found, "/hk/stock/{code}", code="700"),
        opened(found, "/hk/stock"),
    ]
    titles = [body.heading().title for body in bodies]
    assert ("No stock “BBCA”" in titles, "No stock “700”" in titles) == (without == "idx", without == "hk")
    assert opened(found, "/data").heading().title == "Data"
    assert all(bool(one.search.targets(found)) == (one.key != without) for one in SITE.areas if one.search)


def test_the_market_over_a_window_sums_its_sessions(build: CachedBuild):
    page = market_page(build, window="5")
    totals = market.totals(build, start=sessions()[-5], end=LAST)
    assert rupiah(totals["value_idr"].sum()) in page._kpis.object
    assert page.state.query() == {"window": "5"}
    assert "5 sessions" in page.note.object


def test_another_day_can_be_chosen_and_a_day_without_a_session_shows_the_one_before(build: CachedBuild):
    page = market_page(build, asof=str(sessions()[40]))
    assert page.range is not None
    assert page.range.end == sessions()[40]
    assert page.asof.pane.value == sessions()[40]
    weekend = market_page(build, asof="2026-10-04")
    assert weekend.range is not None
    assert weekend.range.end == date(2026, 10, 2)
    assert "has no session" in weekend.note.object
    page.asof.pane.value = LAST
    assert page.state.asof is None
    assert page.range.end == LAST


def test_nonsense_in_the_address_leaves_the_defaults(build: CachedBuild):
    page = stock_page(build, "BBCA", window="7", asof="yesterday", since="<script>", sides="both")
    assert page.state.query() == {}


def test_the_treemap_sums_all_values_and_its_rest_is_no_stock(build: CachedBuild):
    stocks = market.stocks(build, start=LAST, end=LAST, window=1)
    frame = tiles(stocks, count=10)
    assert frame.height == 11
    assert frame["value_idr"].sum() == stocks["value_idr"].sum()
    assert frame["ticker_code"][-1] is None
    assert frame["name"][-1] == f"{stocks.filter(pl.col('value_idr') > 0).height - 10} others"
    drawn = charts.treemap(frame)(LIGHT)["series"][0]["data"]
    assert [tile["code"] for tile in drawn][-1] is None
    assert drawn[0]["label"]["show"]


def test_the_matrix_has_the_largest_brokers_on_top_and_cells_open_stocks(build: CachedBuild):
    page = market_page(build)
    option = page._matrix.pane.object
    brokers = market.largest_brokers(build, start=LAST, end=LAST, count=MATRIX_SIZE)
    assert option["yAxis"]["data"] == list(reversed(brokers))
    assert len(option["xAxis"]["data"]) == MATRIX_SIZE
    cell = option["series"][0]["data"][0]
    assert option["xAxis"]["data"][cell["value"][0]] == cell["code"]


def test_rankings_never_mix_sides_and_are_by_amount(build: CachedBuild):
    stocks = market.stocks(build, start=LAST, end=LAST, window=1)
    for sign in (1, -1):
        amounts = [sign * value for value in market.ranked(stocks, sign=sign, count=10)["amount_idr"]]
        assert min(amounts) > 0
        assert amounts == sorted(amounts, reverse=True)


def test_the_board_of_the_lists_can_be_chosen_where_there_are_several(build: CachedBuild, tmp_path: Path):
    plain = stock_page(build, "BBCA", board="NG")
    assert not plain._boards.visible
    assert plain.state.query() == {}, "a board that nobody collected is no choice"

    publish_build(tmp_path / "data", also=NEGOTIATED)
    found = BuildCache(Settings(home=tmp_path)).build()
    assert found is not None
    page = stock_page(found, "BBCA", window="1")
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

    other = stock_page(found, "BBRI", window="1", board="NG")
    assert "none in this range" in text(other.view)
    assert "dot missing" not in other._badges.object, "most shares are not negotiated on most days"

    page.state.board = "NG"
    page.refresh(build)
    assert page.state.board == "main", "the new build has no lists of that board"
    assert not page._boards.visible


def test_a_stock_in_net_and_gross_shows_what_the_lists_say(build: CachedBuild):
    page = stock_page(build, "BBCA", window="5")
    brokers = stock.brokers(build, "BBCA", start=sessions()[-5], end=LAST)
    assert page._buyers.frame["lots"].sum() == page._sellers.frame["lots"].sum()
    assert set(page._buyers.frame["broker_code"]) & set(page._sellers.frame["broker_code"]) == set()
    page.state.sides = "gross"
    assert page._buyers.frame["lots"].sum() == brokers["buy_lots"].sum()
    assert page._sellers.frame["value_idr"].sum() == brokers["sell_value_idr"].sum()
    assert page._buyers.frame["share_pct"].sum() == pytest.approx(100)


@pytest.mark.parametrize(
    ("paid", "received", "where", "shown"),
    [
        (1_000_000, 480_000, "buy", (6, 520_000, 1_000)),
        # It bought more lots than it sold and received more than it paid: a seller, as the detector counts it (B4).
        (400_000, 480_000, "sell", (-6, 80_000, 1_200)),
        # Where the values are equal the lots decide.
        (480_000, 480_000, "buy", (6, 0, 480)),
    ],
)
def test_net_value_puts_a_broker_on_one_side_with_the_average_of_all_it_traded_there(
    paid: int, received: int, where: str, shown: tuple[int, int, int]
):
    brokers = pl.DataFrame(
        {
            "broker_code": ["YP"],
            "broker_name": ["Mirae"],
            "broker_type": ["local"],
            "buy_lots": [10],
            "sell_lots": [4],
            "net_lots": [6],
            "buy_value_idr": [paid],
            "sell_value_idr": [received],
            "net_value_idr": [paid - received],
            "buy_average_idr": [paid / 1_000],
            "sell_average_idr": [received / 400],
        }
    )
    row = side(brokers, which=where, sides="net").row(0, named=True)
    assert (row["lots"], row["value_idr"], row["average_idr"]) == shown
    assert side(brokers, which="sell" if where == "buy" else "buy", sides="net").height == 0


def test_a_custom_range_begins_where_the_reader_says_and_a_window_ends_it(build: CachedBuild):
    page = stock_page(build, "BBCA")
    page.state.since = sessions()[10]
    assert page.state.window == 0
    assert page.range is not None
    assert page.range.start == sessions()[10]
    assert page.state.query() == {"window": "0", "since": str(sessions()[10])}
    page.state.window = 5
    assert page.state.since is None
    assert len(page.range.sessions) == 5


def test_lines_start_at_zero_before_the_range_and_end_at_the_net_lots(build: CachedBuild):
    page = stock_page(build, "BBCA", window="5")
    series = {line["name"]: line for line in page._chart.pane.object["series"]}
    brokers = page._brokers.sort("net_lots", descending=True)
    first, last = brokers.row(0, named=True), brokers.row(-1, named=True)
    assert series[first["broker_code"]]["data"][-1] == first["net_lots"]
    assert series[last["broker_code"]]["data"][-1] == last["net_lots"]
    assert series[first["broker_code"]]["data"][-6] == 0
    before = stock.adjusted(build, "BBCA", start=sessions()[-6], end=sessions()[-6])
    last_before = dict(before.select("broker_code", "net_lots").iter_rows())
    assert series[first["broker_code"]]["data"][-7] == -last_before.get(first["broker_code"], 0)
    assert series[first["broker_code"]]["lineStyle"]["type"] == "solid"
    assert series[last["broker_code"]]["lineStyle"]["type"] == "dashed"


def test_no_label_at_the_end_of_a_line_covers_another(build: CachedBuild):
    held = {code: [0, lots] for code, lots in zip("ABCDEFGHIJ", (900, 30, 29, 28, 5, 0, -1, -2, -3, -880), strict=True)}
    ends = stock_chart._ends(held)
    height = stock_chart._LINES[1]
    places = [
        height * (ends.high - points[-1]) / (ends.high - ends.low) + ends.shifts[code] for code, points in held.items()
    ]
    gaps = [below - above for above, below in itertools.pairwise(places)]
    assert min(gaps) >= stock_chart.LABEL_PIXELS - 1e-9
    assert places[0] >= 0
    assert places[-1] <= height
    drawn = stock_page(build, "BBCA", window="5")._chart.pane.object["series"]
    assert all("offset" in series["endLabel"] for series in drawn if str(series.get("id")).startswith("broker-"))


@pytest.mark.parametrize("path", ["/idx", "/idx/screener", "/idx/broker", "/idx/broker/{code}", "/idx/stock/{code}"])
def test_lots_and_rupiah_of_a_page_are_written_with_the_same_letters(build: CachedBuild, path: str):
    page = opened(build, path, code="BBCA" if "stock" in path else "YP")
    tables = [value for value in vars(page).values() if isinstance(value, Table)]
    shown = [json.dumps(chart.pane.object, ensure_ascii=False) for chart in page.charts]
    shown += [json.dumps(table.pane._configuration, ensure_ascii=False) for table in tables]
    assert any("T" in one for one in shown)
    foreign = [scale for scale in formats.PLAIN if any(json.dumps(scale)[1:-1] + '\\"' in one for one in shown)]
    assert foreign == []


def test_the_reading_says_the_quadrant_and_that_a_broker_is_no_owner(build: CachedBuild):
    page = stock_page(build, NEWCOMER, window="60")
    found = page.range
    top = stock.detector(build, NEWCOMER, start=found.start, end=found.end).top(5)
    prices = stock.prices(build, NEWCOMER, start=sessions()[50], end=LAST)
    quadrant, _ = measures.reading(top, price_change_pct=price_change_pct(prices, page.range))
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


def test_cut_and_differing_lists_are_named_as_such_with_their_numbers(build: CachedBuild):
    cut = stock_page(build, CUT, window="1")
    assert "Lists that may be cut" in cut._badges.object
    assert "ten largest of each side" in cut._badges.object
    broken = stock_page(build, BROKEN, window="5")
    assert "Not reconciled" in broken._badges.object
    assert "4 of 5 sessions" in broken._badges.object
    row = stock.lists(build, CUT, start=LAST, end=LAST).row(0, named=True)
    assert row["exchange_lots"] - row["visible_buy_lots"] == MISSING_LOTS
    whole = stock_page(build, "BBCA", window="5")
    assert "5 of 5 sessions" in whole._badges.object
    assert "cut" not in whole._badges.object


def test_suspended_idle_new_and_departed_stocks_are_five_different_states(build: CachedBuild):
    suspended = stock_page(build, SUSPENDED, window="5")
    assert "Suspended" in suspended._badges.object
    assert "none in this range" in suspended._badges.object
    assert "no reading" in suspended._reading.object.casefold()
    assert "Listed, not traded" in stock_page(build, IDLE)._badges.object
    assert "new listing" in stock_page(build, NEWCOMER)._events.object
    left = stock_page(build, LEAVER)
    assert "left the exchange" in left._events.object
    assert formats.day(sessions()[59]) in " ".join(left.heading().chips)


def test_an_unknown_stock_or_broker_gets_a_page_that_offers_near_ones(build: CachedBuild):
    page = stock_page(build, "<img src=x>")
    assert "<img" not in text(page.view)
    near = stock_page(build, "BBXX")
    assert near.heading().title == "No stock “BBXX”"
    assert "/idx/stock/BBCA" in text(near.view)
    broker = opened(build, "/idx/broker/{code}", code="YX")
    assert broker.heading().title == "No broker “YX”"
    assert "/idx/broker/YP" in text(broker.view)


def test_names_from_data_are_escaped_in_markup(build: CachedBuild):
    page = stock_page(build, "SP09")
    assert "<B>" not in text(page.view)


def test_a_broker_page_has_its_stocks_and_what_it_gathered(build: CachedBuild):
    page = opened(build, "/idx/broker/{code}", code="AK", window="5")
    gathered = page._positions.frame
    stocks = page._stocks.frame
    assert gathered["inventory_lots"].min() > 0
    assert stocks.filter(pl.col("net_lots") > 0).height == gathered.height
    row = gathered.row(0, named=True)
    assert row["unrealised_idr"] == pytest.approx(row["inventory_lots"] * 100 * row["close_idr"] - row["cost_idr"])
    assert "unknown" in page._kpis.object
    assert "Foreign broker (high confidence)" in page.heading().subtitle


def test_the_screener_shows_rates_beside_the_signal_and_calls_few_cases_few(build: CachedBuild):
    page = opened(build, "/idx/screener", preset="foreign_streak")
    assert "42.9 %" in page._verdict.object
    assert "base rate" in page._verdict.object
    assert "803 cases" in page._verdict.object
    rates = screener.rates(build)
    assert "too few" in verdict("distribution_into_strength", rates)
    assert "not known" in verdict("unusual_flow", rates)
    titles = page._rates.frame.filter(pl.col("signal") == "foreign_streak")
    assert titles["now"][0] == page._found.frame.height


def test_the_data_page_part_shows_coverage_and_the_differing_lists_of_a_chosen_session(build: CachedBuild):
    part = section(build)
    assert part.view.visible
    assert part._by_session.frame["session_date"][0] == LAST
    assert part._tickers.frame["ticker_code"].to_list() == [BROKEN, CUT]
    part.choices.session = sessions()[-2]
    assert part._tickers.frame.height == 0


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_every_chart_can_be_drawn_in_both_modes_and_is_plain_data(build: CachedBuild, colours):
    start = sessions()[-20]
    stocks = market.stocks(build, start=start, end=LAST, window=20)
    daily = stock.adjusted(build, "BBCA", start=start, end=LAST)
    drawings = [
        charts.treemap(tiles(stocks, count=30)),
        charts.matrix(
            market.matrix(build, start=start, end=LAST, brokers=["YP"], tickers=["BBCA"]),
            brokers=["YP"],
            tickers=["BBCA"],
        ),
        charts.matrix(pl.DataFrame(schema=market.EMPTY_CELLS), brokers=[], tickers=[]),
        charts.ranking(market.ranked(stocks, sign=1, count=5)),
        charts.ranking(stocks.head(0)),
        charts.market(market.totals(build, start=start, end=LAST)),
        stock_chart.panes(
            stock.prices(build, "BBCA", start=start, end=LAST),
            measures.inventory(daily, sessions()[-20:]),
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


def test_a_reused_code_shows_its_present_company_and_links_to_the_one_before(build: CachedBuild):
    days = sessions()
    start, before = days[REUSED_FROM - 1], days[REUSED_FROM - 2]
    page = opened(build, "/idx/stock/{code}", code=REUSED, window="250")
    assert f'<a href="/idx/stock/{REUSED}?company=1">Before Tbk.</a> (until {before})' in text(page.view)
    assert page.range.start == start
    assert page._days.frame["session_date"].min() == start

    earlier = opened(build, "/idx/stock/{code}", code=REUSED, company="1")
    assert earlier.range.end == before
    assert earlier.heading().subtitle == "Before Tbk., earlier company of this code"
    assert earlier._days.frame["session_date"].max() == before
    assert "data-identities" not in text(opened(build, "/idx/stock/{code}", code="BBCA").view)


def test_a_brokers_stocks_are_those_of_the_companies_that_have_the_codes_at_the_end(build: CachedBuild, marts):
    days = sessions()
    start = days[REUSED_FROM - 1]
    (code,) = marts.execute(
        "select broker_code from idx__broker_daily_flow where ticker_code = ? and session_date < ?"
        " group by 1 order by sum(buy_lots) desc limit 1",
        [REUSED, start],
    ).fetchone()
    rows = broker.adjusted(build, code, start=days[0], end=LAST).filter(ticker_code=REUSED)
    assert rows["session_date"].min() >= start
    bought = broker.stocks(build, code, start=days[0], end=LAST).filter(ticker_code=REUSED)["buy_value_idr"]
    wanted = marts.execute(
        "select sum(buy_value_idr)::bigint from idx__broker_daily_flow where broker_code = ?"
        " and ticker_code = ? and session_date >= ?"
        " and board = 'all' and investor_type = 'all'",
        [code, REUSED, start],
    ).fetchone()
    assert bought.to_list() == list(wanted)
