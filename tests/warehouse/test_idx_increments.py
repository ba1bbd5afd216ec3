"""An increment of the Indonesian marts equals a full refresh; what they read in Parquet stays as long as a build does."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from fin_assets.core.contract.expecting import present_only
from fin_assets.discovery import discover
from fin_assets.settings import Settings
from fin_assets.warehouse import manifests
from fin_assets.warehouse.declarations import archived_tables, staged_tables
from fin_assets.warehouse.paths import ARCHIVE, PROJECT, Layout, WarehouseError
from fin_assets.warehouse.reader import Reader
from tests.warehouse.home import Home
from tests.warehouse.idx_home import CLOCK, SESSIONS, SOURCE, idx_home, market_days, stage_day
from tests.warehouse.idx_market import MARKET, MEMBERS, OTHER_FROM, SUMMARY, TRADES
from tests.warehouse.test_increments import all_marts

# The second is the first session of another company of a code.
REVISED, REMOVED = SESSIONS[10], SESSIONS[OTHER_FROM]


@pytest.fixture(autouse=True)
def clock_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Freeze the clock after the last session."""
    monkeypatch.setenv("FIN_CLOCK", CLOCK)


@pytest.fixture
def home(idx_built: Home, tmp_path: Path) -> Home:
    """A copy of the built home, to be changed."""
    shutil.copytree(idx_built.data, tmp_path / "data")
    return idx_home(tmp_path)


@pytest.mark.expensive("builds again and again, at last from nothing: there is no other way to compare")
def test_increments_equal_a_full_refresh_whatever_happened_between(home: Home) -> None:
    days = market_days()
    stage_day(home, SESSIONS[-1], days[SESSIONS[-1]])
    first = home.build()
    assert (first.plan.full_refresh, first.plan.changed, first.plan.files) == (False, 1, 4)

    # An old session is revised: lists are cut, and one broker's purchases double; another turns out to be worth nothing.
    trades = days[REVISED].trades.with_columns(
        pl.when(pl.col("broker_code") == "YU").then(pl.col("buy_lots") * 2).otherwise("buy_lots").alias("buy_lots"),
        pl.lit(value=False).alias("is_complete_list"),
    )
    home.stage("broker_trades", REVISED, trades, units=("all",))
    for table in ("broker_trades", "stock_summary", "broker_summary_market"):
        home.fail(table, REMOVED)
    second = home.build()
    assert (second.plan.full_refresh, second.plan.changed) == (False, 2)
    # Of the revised month there is one file more as long as a build is kept that reads the old one.
    months = [Path(found.key).name[:7] for found in Layout(home.data).blobs.list(ARCHIVE)]
    assert sorted(months) == ["2026-01", "2026-01", "2026-02", "2026-03", "2026-03", "2026-04"]

    grown = all_marts(home)
    assert grown["main.idx__reconciliation"].filter(session_date=REVISED, state="mismatch").height > 0
    assert grown["main.idx__reconciliation"].filter(session_date=REMOVED).is_empty()
    assert grown["main.idx__identities"]["valid_from"].to_list() == [None, SESSIONS[OTHER_FROM + 1]]
    home.build(full_refresh=True)
    rebuilt = all_marts(home)
    assert grown.keys() == rebuilt.keys()
    for name, frame in rebuilt.items():
        assert grown[name].equals(frame), name


def test_a_moved_data_directory_is_named_and_the_next_build_fixes_it(home: Home, tmp_path: Path) -> None:
    home.build()
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (home.data).rename(moved / "data")
    reader = Reader(moved / "data")
    assert reader.query("select count(*) from idx__signals").item() > 0
    with pytest.raises(WarehouseError, match="if that has moved, publish again with fin build"):
        reader.query("select count(*) from idx__broker_daily_flow")
    result = idx_home(moved).build()
    assert (result.published, result.plan.full_refresh, result.plan.changed) == (True, False, 0)
    assert reader.query("select count(*) from idx__broker_daily_flow").item() > 0
    assert not idx_home(moved).build().published


def test_of_a_list_that_shows_only_the_present_no_past_session_is_missing(tmp_path: Path) -> None:
    home = idx_home(tmp_path, SESSIONS[:5])
    (source,) = home.sources
    tables = tuple(
        replace(table, expected=present_only(table.name, table.expected, calendar=table.calendar, due=table.due))
        if table.name == "members"
        else table
        for table in source.tables
    )
    rows = manifests.expected([replace(source, tables=tables)], {(source.name, "members", SESSIONS[1])})
    found = {name: frame.select("session_date", "ordinal").rows() for (name,), frame in rows.group_by("table_name")}
    assert found["members"] == [(SESSIONS[1], 2), (SESSIONS[4], 5)]
    assert len(found["stock_summary"]) == 5


def test_the_marts_read_no_column_that_the_source_does_not_stage() -> None:
    sources = {source.name: source for source in discover(Settings(home=Path("no-such-home")))}
    declared = {(one["source"], one["table"]): one["columns"] for one in staged_tables(PROJECT).values()}
    declared |= {(one.source, one.table): one.columns for one in archived_tables(PROJECT)}
    for (source, table), columns in declared.items():
        assert set(columns) <= set(sources[source].table(table).schema.column_names()), f"{source}/{table}"
    generated = {"stock_summary": SUMMARY, "broker_summary_market": MARKET, "members": MEMBERS, "broker_trades": TRADES}
    for table, schema in generated.items():
        assert list(schema) == sources[SOURCE].table(table).schema.column_names(), table
