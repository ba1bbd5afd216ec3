"""Pages without a browser: what stands on them, what they do with choices, new builds and missing data."""

from __future__ import annotations

import io
import json
import socket
import zipfile
from types import SimpleNamespace

import panel as pn
import polars as pl
import pytest

from dashboards import charts, formats, heatmap
from dashboards.app import PortTaken, make_server, origin
from dashboards.areas import HONG_KONG
from dashboards.components import Chart
from dashboards.pages.data import Data, freshness_state, partition_link
from dashboards.pages.hk_overview import Overview, additions_table, overview_kpis
from dashboards.pages.hk_stock import Stock
from dashboards.pages.hk_stocks import Stocks
from dashboards.queries import hk, ops, stock
from dashboards.shell import Shell
from dashboards.store import Snapshot, Store
from dashboards.tables import excel
from dashboards.theme import DARK, LIGHT
from fin_assets.settings import SandboxSettings, Settings
from tests.dashboards.fake_marts import STOCKS, publish_build, sessions

LAST = sessions()[-1]
DAGSTER = "http://127.0.0.1:3000"


def overview(snapshot: Snapshot, **query: str) -> Overview:
    return Overview(snapshot, query=query, origin="tests")


def text(view) -> str:
    """All markup below a view."""
    return " ".join(str(pane.object) for pane in view.select(pn.pane.HTML))


def test_the_tiles_say_what_the_marts_say(snapshot: Snapshot):
    page = overview(snapshot)
    figures = hk.overview(snapshot, session=LAST, window=1)
    tiles = {tile.key: tile for tile in overview_kpis(figures, window=1)}
    assert tiles["held"].value == str(STOCKS - 1)
    assert tiles["breadth"].value == f"{figures.up} / {figures.down}"
    assert tiles["listed"].value == "1 / 1"
    assert tiles["rise"].link == f"/hk/stock/{figures.rise.stock_code}"
    assert tiles["rise"].value in text(page.view)


def test_choices_come_from_the_address_and_go_back_into_it(snapshot: Snapshot):
    page = overview(snapshot, window="20", measure="shares", count="5")
    assert (page.state.window, page.state.measure, page.state.count) == (20, "shares", 5)
    assert page.state.query() == {"window": "20", "measure": "shares", "count": "5"}


def test_nonsense_in_the_address_leaves_the_defaults(snapshot: Snapshot):
    page = overview(snapshot, window="7", side="<script>", unknown="1")
    assert page.state.query() == {}


def test_switching_the_window_shows_other_changes_and_their_base(snapshot: Snapshot):
    page = overview(snapshot)
    before = page._all.frame
    page.state.window = 20
    assert page._all.frame["change_shares"].to_list() != before["change_shares"].to_list()
    assert page._all.frame["base_date"].unique().drop_nulls().to_list() == [sessions()[-21]]
    assert formats.day(sessions()[-21]) in page._mover_note.object


def test_bars_are_the_ranked_stocks_largest_rise_on_top(snapshot: Snapshot):
    page = overview(snapshot, count="5", side="both", measure="pct")
    ranked = hk.rank(hk.movers(snapshot, session=LAST, window=1), measure="pct", side="both", count=5)
    bars = page._movers.pane.object["series"][0]["data"]
    assert [bar["code"] for bar in bars] == ranked["stock_code"].reverse().to_list()
    assert [bar["value"] for bar in bars] == ranked["change_pct"].reverse().to_list()
    assert len(bars) == 10


def test_a_counter_change_names_the_other_code_and_is_marked_apart(snapshot: Snapshot):
    frame = additions_table(hk.additions_removals(snapshot, session=LAST, last_sessions=1))
    row = frame.filter(pl.col("stock_code") == "00198").row(0, named=True)
    assert row["what"] == "⇄ counter change"
    assert row["counter"] == "02969 WORD & LETTERS <NEW>, 1 → 0.2, high confidence"
    assert frame.filter(pl.col("stock_code") == "01146")["counter"].to_list() == [None]


def test_every_heading_states_date_source_build_and_quality(snapshot: Snapshot):
    bodies = [
        overview(snapshot),
        Stocks(snapshot, origin="tests"),
        Stock(snapshot, text="700", origin="tests"),
        Data(snapshot, dagster=DAGSTER),
    ]
    for body in bodies:
        chips = " ".join(body.heading().chips)
        assert formats.day(LAST) in chips
        assert snapshot.build_id in chips
        assert "Quality" in chips
        assert "Source" in chips


def test_names_are_escaped_where_markup_is_made(snapshot: Snapshot):
    page = Stock(snapshot, text="00198", origin="tests")
    assert page._identity is None  # it left before the first list of this build
    events = Stock(snapshot, text="01146", origin="tests")._events.object
    assert "entered the list" in events
    unknown = Stock(snapshot, text="<img src=x>", origin="tests")
    assert "<img" not in text(unknown.view)


def test_a_stock_page_shows_the_stock_with_its_participants(snapshot: Snapshot):
    page = Stock(snapshot, text="700", origin="tests")
    assert page.heading().title == "00700 TENCENT"
    assert page._participants.frame.height == 6
    assert page._history.frame["session_date"][0] == LAST
    last = stock.history(snapshot, "00700").row(-1, named=True)
    assert formats.integer(last["shareholding_shares"]) in page._kpis.object


def test_a_stock_without_participants_says_how_to_get_them(snapshot: Snapshot):
    page = Stock(snapshot, text="00939", origin="tests")
    assert "watchlist" in text(page.view)
    assert "00939" in text(page.view)


def test_a_stock_that_left_the_list_keeps_its_page_and_says_so(snapshot: Snapshot, tmp_path):
    publish_build(tmp_path / "data")
    store = Store(Settings(home=tmp_path))
    found = store.snapshot()
    assert found is not None
    page = Stock(found, text="01140", origin="tests")
    assert "left the list" not in " ".join(page.heading().chips)
    page._last = sessions()[10]
    assert "left the list" in " ".join(page.heading().chips)


def test_an_unknown_stock_says_so_and_offers_near_ones(snapshot: Snapshot):
    page = Stock(snapshot, text="0070", origin="tests")
    assert page.heading().title == "No stock “0070”"
    assert "/hk/stock/00700" in text(page.view)
    other = Stock(snapshot, text="99999", origin="tests")
    assert "fin status hkex_southbound" in text(other.view)


def test_without_any_build_every_page_says_what_to_run(tmp_path):
    shell = Shell(Store(Settings(home=tmp_path)), area=HONG_KONG, active="overview", make=overview)
    shown = text(shell._content)
    assert "Nothing has been published yet" in shown
    assert "make demo" in shown


def test_a_first_build_fills_a_page_that_was_open_before_it(tmp_path):
    shell = Shell(Store(Settings(home=tmp_path)), area=HONG_KONG, active="overview", make=overview)
    publish_build(tmp_path / "data", count=30)
    shell.poll()
    assert shell._notice.visible
    assert formats.day(sessions()[29]) in shell._heading.object


def test_a_source_that_never_ran_says_what_to_run(tmp_path):
    publish_build(tmp_path / "data", count=0)
    found = Store(Settings(home=tmp_path)).snapshot()
    assert found is not None
    for body in (overview(found), Stocks(found, origin="tests")):
        assert "fin run hkex_southbound" in text(body.view)
        assert body.heading().title
    assert "99999" in Stock(found, text="99999", origin="tests").heading().title
    assert "no session" in " ".join(Data(found, dagster=DAGSTER).heading().chips)


def test_a_new_build_shows_a_notice_and_new_content_and_keeps_the_choices(tmp_path):
    publish_build(tmp_path / "data", count=79)
    bodies = []

    def make(snapshot: Snapshot) -> Overview:
        bodies.append(overview(snapshot, window="5"))
        return bodies[-1]

    shell = Shell(Store(Settings(home=tmp_path)), area=HONG_KONG, active="overview", make=make)
    assert not shell._notice.visible
    assert formats.day(sessions()[78]) in shell._heading.object
    shell.poll()
    assert not shell._notice.visible
    build = publish_build(tmp_path / "data", count=80)
    shell.poll()
    assert shell._notice.visible
    assert build.id in text(shell._notice)
    assert formats.day(sessions()[79]) in shell._heading.object
    assert len(bodies) == 1
    assert bodies[0].state.window == 5


def test_a_session_says_why_it_is_in_its_state_and_where_its_runs_are(snapshot: Snapshot):
    page = Data(snapshot, dagster=DAGSTER)
    session = str(sessions()[60])
    detail = page.detail("hkex_southbound", "participants", session)
    assert "48 of 50" in detail
    assert "2 network (00700, 00005)" in detail
    assert "fin heal hkex_southbound" in detail
    assert f"{DAGSTER}/assets/raw/hkex_southbound/participants?view=partitions&amp;partition={session}" in detail


def test_the_heat_map_has_a_cell_for_every_session_and_table_in_its_state(snapshot: Snapshot):
    frame = ops.partitions(snapshot, last_sessions=60)
    option = heatmap.option(frame)(LIGHT)
    days, tables = heatmap.axes(frame)
    cells = {(days[cell["value"][0]], tables[cell["value"][1]]): cell for cell in option["series"][0]["data"]}
    assert len(cells) == 60 * 6
    assert cells[str(sessions()[61]), "hkex_southbound/participants"]["state"] == "missing"
    assert cells[str(sessions()[40]), "hkex_southbound/holdings"]["why"] == "Typhoon signal 10: no list"


def test_a_click_on_a_cell_shows_that_session(snapshot: Snapshot):
    page = Data(snapshot, dagster=DAGSTER)
    days, tables = heatmap.axes(page._cells)
    position = [days.index(str(sessions()[45])), tables.index("hkex_southbound/holdings"), 3]

    page._choose(SimpleNamespace(data={"data": {"value": position}, "value": position}))
    assert "the page states another day" in page._detail.object


def test_a_partition_link_is_quoted():
    link = partition_link(DAGSTER, source="a b", table="t", session="2026-01-02")
    assert link == f"{DAGSTER}/assets/raw/a%20b/t?view=partitions&partition=2026-01-02"


def test_a_table_with_newer_due_sessions_is_stale():
    frame = pl.DataFrame({"behind": [2, 0, 0], "not_green": [2, 1, 0]})
    assert frame.select(freshness_state()).to_series().to_list() == ["stale", "incomplete", "complete"]


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_every_chart_can_be_drawn_in_both_modes_and_is_plain_data(snapshot: Snapshot, colours):
    drawings = [
        charts.movers(
            hk.rank(hk.movers(snapshot, session=LAST, window=1), measure="pp", side="both", count=5), measure="pp"
        ),
        charts.breadth(hk.breadth(snapshot, session=LAST, last_sessions=60)),
        charts.holding(stock.history(snapshot, "00700")),
        charts.concentration(stock.concentration(snapshot, "00700")),
        heatmap.option(ops.partitions(snapshot, last_sessions=60)),
    ]
    for drawing in drawings:
        chart = Chart(height=100, label="test")
        chart.draw(drawing)
        chart.restyle(colours)
        assert colours.surface in json.dumps(chart.pane.object)


def test_an_excel_file_states_where_its_rows_come_from(snapshot: Snapshot):
    frame = hk.movers(snapshot, session=LAST, window=1)
    with zipfile.ZipFile(excel(frame, {"build": snapshot.build_id, "as of": str(LAST)})) as book:
        assert {"xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml"} <= set(book.namelist())
        assert snapshot.build_id in book.read("xl/sharedStrings.xml").decode()


def test_a_csv_file_has_all_rows_and_the_build_or_session_in_its_name(snapshot: Snapshot):
    page = overview(snapshot)
    button = next(button for button in page._downloads("movers", page._all) if button.label == "CSV")
    content = button.callback()
    assert isinstance(content, io.BytesIO)
    assert button.filename == f"hk-movers-{LAST}-1s.csv"
    assert pl.read_csv(content, infer_schema=False).height == STOCKS - 1


def test_a_taken_port_is_named_with_the_setting_that_changes_it(settings: Settings):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"127\.0\.0\.1:{port}.*servers\.dashboards_port"):
            make_server(settings, port=port)


def test_generated_data_are_called_so(tmp_path):
    assert "sandbox" in origin(Settings(home=tmp_path))
    given = SandboxSettings(sites={"hkex_southbound": {"dataset": str(tmp_path / "lists.csv")}})
    assert "lists.csv" in origin(Settings(home=tmp_path, sandbox=given))
    assert "live" in origin(Settings(home=tmp_path, sources={"hkex_southbound": {"mode": "live"}}))


def test_long_names_are_cut_by_their_width():
    assert formats.shortened("TENCENT", 18) == "TENCENT"
    assert formats.shortened("PHOENIX EAGLE DAIRY ENTERPRISES", 18) == "PHOENIX EAGLE DAI…"
    assert formats.shortened("中國海洋石油有限公司", 18) == "中國海洋石油有限…"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1.00 k"),
        (999_950, "1.00 m"),
        (1_234_567, "1.23 m"),
        (-12_345_678_900, "\u221212.3 bn"),
        (None, "–"),
    ],
)
def test_large_numbers_keep_three_figures(value, expected):
    assert formats.compact(value) == expected


def test_signs_are_always_written_out():
    assert formats.points(0.5) == "+0.50 pp"
    assert formats.points(-0.001) == "0.00 pp"
    assert formats.points(-0.5) == "\u22120.50 pp"
    assert formats.signed_compact(-1_500_000) == "\u22121.50 m"
    assert formats.signed_integer(0) == "0"
    assert formats.percent(None) == "–"
