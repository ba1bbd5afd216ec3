"""The Data page without a browser."""

from __future__ import annotations

from types import SimpleNamespace

import polars as pl

from dashboards.areas.data import charts as data_charts
from dashboards.areas.data import queries
from dashboards.areas.data.pages.data import freshness_state, partition_link
from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.theme import LIGHT
from tests.areas.fake_build import sessions
from tests.areas.visiting import DAGSTER, opened


def test_a_session_says_why_it_is_in_its_state_and_where_its_runs_are(build: CachedBuild):
    page = opened(build, "/data")
    session = str(sessions()[60])
    detail = page.detail("hkex_southbound", "participants", session)
    assert "48 of 50" in detail
    assert "2 network (00700, 00005)" in detail
    assert "fin heal hkex_southbound" in detail
    assert f"{DAGSTER}/assets/raw/hkex_southbound/participants?view=partitions&amp;partition={session}" in detail


def test_the_heat_map_has_a_cell_for_every_session_and_table_in_its_state(build: CachedBuild):
    frame = queries.partitions(build, last_sessions=60)
    option = data_charts.option(frame)(LIGHT)
    days, tables = data_charts.axes(frame)
    cells = {(days[cell["value"][0]], tables[cell["value"][1]]): cell for cell in option["series"][0]["data"]}
    assert len(cells) == 60 * 6
    assert cells[str(sessions()[61]), "hkex_southbound/participants"]["state"] == "missing"
    assert cells[str(sessions()[40]), "hkex_southbound/holdings"]["why"] == "Typhoon signal 10: no list"


def test_a_click_on_a_cell_shows_that_session(build: CachedBuild):
    page = opened(build, "/data")
    days, tables = data_charts.axes(page._cells)
    position = [days.index(str(sessions()[45])), tables.index("hkex_southbound/holdings"), 3]

    page._choose(SimpleNamespace(data={"data": {"value": position}, "value": position}))
    assert "the page states another day" in page._detail.object


def test_a_partition_link_is_quoted():
    link = partition_link(DAGSTER, source="a b", table="t", session="2026-01-02")
    assert link == f"{DAGSTER}/assets/raw/a%20b/t?view=partitions&partition=2026-01-02"


def test_a_table_with_newer_due_sessions_is_stale():
    frame = pl.DataFrame({"behind": [2, 0, 0, 0], "not_green": [2, 1, 0, 0], "sessions": [5, 5, 5, 0]})
    assert frame.select(freshness_state()).to_series().to_list() == ["stale", "incomplete", "complete", "not_due"]
