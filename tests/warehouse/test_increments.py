"""An increment gives the same marts as a full refresh, also after a kill, a failed test, a revision and a removal."""

from __future__ import annotations

import duckdb
import polars as pl
import pytest

from fin_assets.core.contract.manifest import PartitionKey
from fin_assets.warehouse.dbt import NodeDone
from fin_assets.warehouse.paths import BuildFailed, Layout
from fin_assets.warehouse.reader import Reader
from tests.warehouse.conftest import INCOMPLETE, LAST, SESSIONS, small_market, stage_session
from tests.warehouse.home import SOURCE, Home, holdings_frame

# The revision says that the code 00042 meant the other company on its last session before its absence.
REVISED, REMOVED = SESSIONS[5], SESSIONS[22]

pytestmark = pytest.mark.usefixtures("clock_stopped")


class Killed(Exception):
    """Stands for the end of the process in the middle of a build."""


def all_marts(home: Home) -> dict[str, pl.DataFrame]:
    """Return every table of the private build file but the scope, sorted."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{Layout(home.data).build}' as build (read_only)")
        names = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where database_name = 'build'"
            " and schema_name in ('main', 'intermediate') and table_name <> 'int__scope'"
        ).fetchall()
        return {name: connection.execute(f"select * from build.{name} order by all").pl() for (name,) in names}  # noqa: S608 - names from the catalog


@pytest.mark.expensive("builds again and again, at last from nothing: there is no other way to compare")
def test_increments_equal_a_full_refresh_whatever_happened_between(home: Home) -> None:
    published = Reader(home.data).build_id()

    # A new last session is an increment that opens its own files only.
    stage_session(home, LAST)
    _kill_in_the_middle(home)
    assert Reader(home.data).build_id() == published
    second = home.build()
    assert not second.plan.full_refresh
    assert (second.plan.changed, second.plan.files) == (1, 2)

    # A gap is filled, an old session is revised, another turns out to be worth nothing.
    stage_session(home, INCOMPLETE)
    stage_session(home, REVISED, revised=True)
    home.fail("holdings", REMOVED)
    third = home.build()
    assert not third.plan.full_refresh
    assert third.plan.changed == 3

    grown = all_marts(home)
    assert grown["main.hk__daily_holdings"].filter(session_date=REMOVED).is_empty()
    assert grown["main.hk__identities"]["valid_from"].to_list() == [None, REVISED]
    whole = home.build(full_refresh=True)
    assert whole.plan.reason == "asked for"
    rebuilt = all_marts(home)
    assert grown.keys() == rebuilt.keys()
    for name, frame in rebuilt.items():
        assert grown[name].equals(frame), name


def test_a_failed_test_publishes_nothing_and_the_next_build_is_right(home: Home) -> None:
    reader = Reader(home.data)
    published = reader.build_id()
    rows = small_market(LAST)
    home.stage("holdings", LAST, holdings_frame(LAST, [*rows, rows[0]]))
    with pytest.raises(BuildFailed, match=r"grain_hk__daily_holdings.*1 rows break it") as failure:
        home.build()
    assert "readers keep the previous build" in str(failure.value)
    assert reader.build_id() == published
    assert reader.query("select max(session_date) from hk__daily_holdings").item() == SESSIONS[-2]

    # The session goes back to what it was before: no trace of the failed build may be left.
    (home.store.partition_dir(PartitionKey(SOURCE, "holdings", LAST)) / "manifest.json").unlink()
    again = home.build()
    assert again.published
    assert reader.query("select max(session_date) from hk__daily_holdings").item() == SESSIONS[-2]
    assert not home.build().published


def _kill_in_the_middle(home: Home) -> None:
    """End a build after some models have been written."""

    def stop(node: NodeDone) -> None:
        if node.name == "hk__daily_holdings":
            raise Killed

    with pytest.raises(Killed):
        home.build(on_node=stop)
