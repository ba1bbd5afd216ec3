"""The Data page's questions give what stands in the marts."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from dashboards.areas.data import queries
from dashboards.ui.build_cache import BuildCache, CachedBuild
from fin_assets.settings import Settings
from tests.areas.fake_build import DAYS, publish_build, sessions
from tests.areas.visiting import opened

LAST = sessions()[-1]


def test_freshness_counts_due_sessions_after_the_newest_green_one(build: CachedBuild):
    rows = {row["table_name"]: row for row in queries.freshness(build).iter_rows(named=True)}
    assert rows["holdings"]["newest_green"] == LAST
    assert rows["holdings"]["behind"] == 0
    assert (rows["holdings"]["not_green"], rows["participants"]["not_green"]) == (1, 2)


def test_what_lies_before_the_first_collected_session_is_history_and_no_gap(build: CachedBuild):
    rows = {row["table_name"]: row for row in queries.freshness(build).iter_rows(named=True)}
    assert (rows["holdings"]["history"], rows["participants"]["history"]) == (0, 5)
    assert rows["participants"]["sessions"] == DAYS - 5
    states = queries.partitions(build, last_sessions=DAYS).filter(pl.col("table_name") == "participants")
    assert states["state"].to_list()[:6] == ["history"] * 5 + ["complete"]


def test_problems_are_due_sessions_that_are_not_green_with_their_command(build: CachedBuild):
    frame = queries.problems(build)
    assert sorted(frame["state"]) == ["incomplete", "incomplete", "missing", "stale"]
    assert set(frame["mends"]) == {"fin heal hkex_southbound", "fin heal idx_brokers"}


def test_the_dictionary_has_every_mart_with_its_rows_and_comments(build: CachedBuild, marts):
    frame = queries.marts(build)
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
    columns = queries.columns(build, mart="hk__daily_holdings")
    assert columns.filter(pl.col("column") == "shareholding_shares")["description"][0].endswith("Unit: shares.")


NEWEST = f"session_date = date '{LAST}'"
LATE = f"""
update ops__partition_health set state = 'missing', is_green = false, is_due = true where {NEWEST};
"""
EARLY = f"""
update ops__partition_health set state = 'incomplete', is_green = false, is_due = true, failure_kinds = '3 deferred'
where {NEWEST} and source = 'hkex_southbound';
update ops__partition_health set state = 'incomplete', is_green = false, is_due = false
where {NEWEST} and source = 'idx_brokers';
"""


def changed(path: Path, also: str) -> CachedBuild:
    publish_build(path / "data", also=also)
    found = BuildCache(Settings(home=path)).build()
    assert found is not None
    return found


def test_a_session_that_several_tables_of_a_source_lack_counts_once(tmp_path: Path, build: CachedBuild):
    assert queries.behind(build) == (0, 0)
    late = changed(tmp_path, LATE)
    tables = queries.freshness(late).filter(pl.col("behind") > 0)
    assert queries.behind(late) == (tables["source"].n_unique(), tables.height)
    assert tables.height > tables["source"].n_unique()
    page = opened(late, "/data")
    assert f"{tables['source'].n_unique()} sessions" in page._kpis.object
    assert f"in {tables.height} tables" in page._kpis.object


def test_a_session_that_the_site_cannot_have_yet_is_not_due_and_nothing_to_mend(tmp_path: Path, build: CachedBuild):
    early = changed(tmp_path, EARLY)
    states = queries.partitions(early, last_sessions=1)
    assert set(states["state"]) == {"not_due"}
    assert LAST not in queries.problems(early)["session_date"].to_list()
    assert queries.behind(early) == (0, 0)
    fresh = queries.freshness(early)
    assert fresh["not_due"].sum() == states.height + queries.freshness(build)["not_due"].sum()
    assert "not due yet" in opened(early, "/data")._kpis.object
