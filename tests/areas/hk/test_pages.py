"""The Hong Kong pages without a browser: what stands on them, what they do with choices and missing data."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dashboards.areas.hk import charts
from dashboards.areas.hk.pages.overview import Overview, additions_table, overview_kpis
from dashboards.areas.hk.queries import market, stock
from dashboards.ui import formats
from dashboards.ui.build_cache import BuildCache, CachedBuild
from dashboards.ui.charts import Chart
from dashboards.ui.theme import DARK, LIGHT
from fin_assets.settings import Settings
from tests.areas.fake_build import COMPANY_FROM, STOCKS, publish_build, sessions
from tests.areas.visiting import area, opened, text

LAST = sessions()[-1]


def overview(build: CachedBuild, **query: str) -> Overview:
    return opened(build, "/hk", **query)


def stock_page(build: CachedBuild, code: str) -> Any:
    return opened(build, "/hk/stock/{code}", code=code)


def test_the_tiles_say_what_the_marts_say(build: CachedBuild):
    page = overview(build)
    figures = market.overview(build, session=LAST, window=1)
    tiles = {tile.key: tile for tile in overview_kpis(figures, window=1)}
    assert tiles["held"].value == str(STOCKS - 1)
    assert tiles["breadth"].value == f"{figures.up} / {figures.down}"
    assert tiles["listed"].value == "1 / 1"
    assert tiles["rise"].link == f"/hk/stock/{figures.rise.stock_code}"
    assert tiles["rise"].value in text(page.view)


def test_choices_come_from_the_address_and_go_back_into_it(build: CachedBuild):
    page = overview(build, window="20", measure="shares", count="5")
    assert (page.state.window, page.state.measure, page.state.count) == (20, "shares", 5)
    assert page.state.query() == {"window": "20", "measure": "shares", "count": "5"}


def test_nonsense_in_the_address_leaves_the_defaults(build: CachedBuild):
    page = overview(build, window="7", side="<script>", unknown="1")
    assert page.state.query() == {}


def test_switching_the_window_shows_other_changes_and_their_base(build: CachedBuild):
    page = overview(build)
    before = page._all.frame
    page.state.window = 20
    assert page._all.frame["change_shares"].to_list() != before["change_shares"].to_list()
    assert page._all.frame["base_date"].unique().drop_nulls().to_list() == [sessions()[-21]]
    assert formats.day(sessions()[-21]) in page._mover_note.object


def test_a_stock_without_a_name_in_the_other_language_is_printed_once(tmp_path: Path):
    same = "update hk__daily_holdings set other_name = ' ' || lower(stock_name) where stock_code = '00005'"
    publish_build(tmp_path / "data", also=same)
    found = BuildCache(Settings(home=tmp_path)).build()
    assert found is not None
    name = "HSBC HOLDINGS"
    listed = [label for label in area("hk").search.targets(found) if label.startswith("00005")]
    assert listed == [f"00005 {name}"]
    for table in (opened(found, "/hk/stock")._table, overview(found)._all):
        row = table.frame.filter(pl.col("stock_code") == "00005").row(0, named=True)
        assert row["name"] == name
    heading = stock_page(found, "5").heading()
    assert (heading.title, heading.subtitle) == (f"00005 {name}", "Southbound holding")


def test_bars_are_the_ranked_stocks_largest_rise_on_top(build: CachedBuild):
    page = overview(build, count="5", side="both", measure="pct")
    ranked = market.rank(market.movers(build, session=LAST, window=1), measure="pct", side="both", count=5)
    bars = page._movers.pane.object["series"][0]["data"]
    assert [bar["code"] for bar in bars] == ranked["stock_code"].reverse().to_list()
    assert [bar["value"] for bar in bars] == ranked["change_pct"].reverse().to_list()
    assert len(bars) == 10


def test_a_counter_change_names_the_other_code_and_is_marked_apart(build: CachedBuild):
    frame = additions_table(market.additions_removals(build, session=LAST, last_sessions=1))
    row = frame.filter(pl.col("stock_code") == "00198").row(0, named=True)
    assert row["what"] == "⇄ counter change"
    assert row["counter"] == "02969 WORD & LETTERS <NEW>, 1 → 0.2, high confidence"
    assert frame.filter(pl.col("stock_code") == "01146")["counter"].to_list() == [None]


def test_every_heading_states_date_source_build_and_quality(build: CachedBuild):
    bodies = [
        overview(build),
        opened(build, "/hk/stock"),
        stock_page(build, "700"),
        opened(build, "/data"),
    ]
    for body in bodies:
        chips = " ".join(body.heading().chips)
        assert formats.day(LAST) in chips
        assert build.build_id in chips
        assert "Quality" in chips
        assert "Source" in chips


def test_names_are_escaped_where_markup_is_made(build: CachedBuild):
    page = stock_page(build, "00198")
    assert page._identity is None  # it left before the first list of this build
    events = stock_page(build, "01146")._events.object
    assert "entered the list" in events
    unknown = stock_page(build, "<img src=x>")
    assert "<img" not in text(unknown.view)


def test_a_stock_page_shows_the_stock_with_its_participants(build: CachedBuild):
    page = stock_page(build, "700")
    assert page.heading().title == "00700 TENCENT"
    assert page._participants.frame.height == 6
    assert page._history.frame["session_date"][0] == LAST
    last = stock.history(build, "00700").row(-1, named=True)
    assert formats.integer(last["shareholding_shares"]) in page._kpis.object


def test_a_stock_without_participants_says_how_to_get_them(build: CachedBuild):
    page = stock_page(build, "00939")
    assert "watchlist" in text(page.view)
    assert "00939" in text(page.view)


def test_a_stock_that_left_the_list_keeps_its_page_with_a_note(build: CachedBuild, tmp_path):
    publish_build(tmp_path / "data")
    cache = BuildCache(Settings(home=tmp_path))
    found = cache.build()
    assert found is not None
    page = stock_page(found, "01140")
    assert "left the list" not in " ".join(page.heading().chips)
    page._last = sessions()[10]
    assert "left the list" in " ".join(page.heading().chips)


def test_an_unknown_stock_gets_a_page_that_offers_near_ones(build: CachedBuild):
    page = stock_page(build, "0070")
    assert page.heading().title == "No stock “0070”"
    assert "/hk/stock/00700" in text(page.view)
    other = stock_page(build, "99999")
    assert "fin status hkex_southbound" in text(other.view)


def test_a_source_that_never_ran_says_what_to_run(tmp_path):
    publish_build(tmp_path / "data", count=0)
    found = BuildCache(Settings(home=tmp_path)).build()
    assert found is not None
    for body in (overview(found), opened(found, "/hk/stock")):
        assert "fin run hkex_southbound" in text(body.view)
        assert body.heading().title
    assert "99999" in stock_page(found, "99999").heading().title
    assert "no session" in " ".join(opened(found, "/data").heading().chips)


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_every_chart_can_be_drawn_in_both_modes_and_is_plain_data(build: CachedBuild, colours):
    drawings = [
        charts.movers(
            market.rank(market.movers(build, session=LAST, window=1), measure="pp", side="both", count=5), measure="pp"
        ),
        charts.breadth(market.breadth(build, session=LAST, last_sessions=60)),
        charts.holding(stock.history(build, "00700")),
        charts.concentration(stock.concentration(build, "00700")),
    ]
    for drawing in drawings:
        chart = Chart(height=100, label="test")
        chart.draw(drawing)
        chart.restyle(colours)
        assert colours.surface in json.dumps(chart.pane.object)


def test_a_csv_file_has_all_rows_and_the_build_or_session_in_its_name(build: CachedBuild):
    page = overview(build)
    button = next(button for button in page._downloads("movers", page._all) if button.label == "CSV")
    content = button.callback()
    assert isinstance(content, io.BytesIO)
    assert button.filename == f"hk-movers-{LAST}-1s.csv"
    assert pl.read_csv(content, infer_schema=False).height == STOCKS - 1


def test_a_reused_code_shows_its_present_company_and_links_to_the_one_before(build: CachedBuild):
    days = sessions()
    page = stock_page(build, "01130")
    said = text(page.view)
    assert "The present company" in said
    assert f"from {days[COMPANY_FROM]}" in said
    assert '<a href="/hk/stock/01130?company=1">BEFORE &lt;I&gt;</a>' in said
    assert "a person may confirm or overrule" in said
    assert page._history.frame["session_date"].min() == days[COMPANY_FROM]

    earlier = opened(build, "/hk/stock/{code}", code="01130", company="1")
    assert earlier._history.frame["session_date"].max() == days[COMPANY_FROM - 1]
    assert earlier.heading().title == "01130 BEFORE <I>"
    assert f"until {days[COMPANY_FROM - 1]}" in text(earlier.view)
    assert '<a href="/hk/stock/01130">SAMPLE' in text(earlier.view)
    assert earlier.state.query() == {"company": "1"}
    # A number that the code does not have is the present one; a code with one company says nothing.
    assert opened(build, "/hk/stock/{code}", code="01130", company="9")._last == page._last
    assert "data-identities" not in text(stock_page(build, "00700").view)
