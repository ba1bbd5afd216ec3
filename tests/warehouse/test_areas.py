"""Which areas of a dbt project a build leaves out, because nothing that they are made from has changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from fin_assets.warehouse import areas, dbt
from fin_assets.warehouse.declarations import sources_of_areas
from fin_assets.warehouse.paths import PROJECT

YML = "sources: [{name: NAME, schema: staged, tables: []}]\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of two areas with a source each, and a folder without one."""
    for area, source in (("asia", "bangkok"), ("europe", "zurich")):
        folder = tmp_path / "models/sources" / area
        folder.mkdir(parents=True)
        (folder / f"{source}.yml").write_text(YML.replace("NAME", source))
        (tmp_path / "models/marts" / area).mkdir(parents=True)
    (tmp_path / "models/marts/ops").mkdir()
    return tmp_path


@pytest.fixture
def connection(project: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The control tables after a build that has ended well."""
    with duckdb.connect() as found:
        found.execute("create schema control")
        found.execute("create table control.meta (key varchar, value varchar)")
        found.execute("create table control.changed_sessions (source varchar, session_date date)")
        for table, left_out in (("partitions", "stamp"), ("expected_sessions", "ordinal"), ("tables", "timezone")):
            found.execute(f"create table control.{table} (source varchar, state varchar, {left_out} varchar)")
            for source in ("bangkok", "zurich"):
                found.execute(f"insert into control.{table} values (?, 'complete', 'x')", [source])  # noqa: S608 - names from here
        areas.remember(found, areas.inputs(found, project))
        yield found


def left_out(connection: duckdb.DuckDBPyConnection, project: Path) -> tuple[str, ...]:
    return areas.unchanged(connection, project, areas.inputs(connection, project))


def test_without_a_change_every_area_is_left_out(connection, project: Path) -> None:
    assert left_out(connection, project) == ("asia", "europe")


@pytest.mark.parametrize("table", ["partitions", "expected_sessions", "tables"])
@pytest.mark.parametrize(
    "change",
    ["update control.{} set state = 'open' where source = 'zurich'", "delete from control.{} where source = 'zurich'"],
)
def test_an_area_is_built_when_a_manifest_a_calendar_or_a_table_of_its_source_differs(
    connection, project: Path, table: str, change: str
) -> None:
    connection.execute(change.format(table))
    assert left_out(connection, project) == ("asia",)


def test_an_area_is_built_for_a_changed_session_although_its_manifests_are_the_same(connection, project: Path) -> None:
    connection.execute("insert into control.changed_sessions values ('bangkok', date '2026-01-05')")
    assert left_out(connection, project) == ("europe",)


def test_an_area_that_was_never_built_is_built(connection, project: Path) -> None:
    connection.execute("delete from control.meta where key = 'area asia'")
    assert left_out(connection, project) == ("europe",)


def test_dbt_leaves_out_the_models_of_unchanged_areas_and_in_a_full_refresh_none(project: Path) -> None:
    wanted = dbt.arguments(project, full_refresh=False, unchanged=("asia",))
    assert [word for word in wanted if word.startswith("path:")] == ["path:models/marts/asia"]
    assert dbt.arguments(project, full_refresh=True, unchanged=("asia",)) == ["build", "--full-refresh"]


def test_every_area_with_sources_has_models_that_can_be_left_out() -> None:
    for area in sources_of_areas(PROJECT):
        found = [
            word for word in dbt.arguments(PROJECT, full_refresh=False, unchanged=(area,)) if word.startswith("path:")
        ]
        assert found == [f"path:models/intermediate/{area}", f"path:models/marts/{area}"]
