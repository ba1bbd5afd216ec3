"""The marts in Dagster: lineage, names, checks, and that green means published."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import dagster as dg
import duckdb
import pytest
import yaml

from fin_assets.warehouse.assets import mart_assets
from fin_assets.warehouse.build import BuildResult, rollback
from fin_assets.warehouse.paths import PROJECT, Layout
from fin_assets.warehouse.reader import Reader
from tests.warehouse.conftest import LAST, small_market, stage_session
from tests.warehouse.home import SOURCE, Home, holdings_frame

pytestmark = pytest.mark.usefixtures("clock_stopped")


def test_lineage_runs_from_staged_tables_to_marts_and_from_manifests_to_ops(built: tuple[Home, BuildResult]) -> None:
    home, _ = built
    (marts,) = mart_assets(home.settings, home.sources, home.store)
    deps = {spec.key.to_user_string(): {dep.asset_key.to_user_string() for dep in spec.deps} for spec in marts.specs}
    assert {f"staged/{SOURCE}/holdings", f"staged/{SOURCE}/northbound"} < deps["marts/hk__daily_holdings"]
    assert f"staged/{SOURCE}/participants" in deps["marts/hk__concentration"]
    assert "marts/hk__daily_holdings" in deps["marts/hk__movers"]
    assert "staged/idx_brokers/broker_trades" in deps["marts/idx__broker_daily_flow"]
    assert f"raw/{SOURCE}/holdings" in deps["marts/ops__scrape_cost"]
    assert not any(dep.startswith("control") for found in deps.values() for dep in found)
    groups = {
        spec.key.path[-1]: (spec.group_name, list(spec.owners)) for spec in marts.specs if spec.key.path[0] == "marts"
    }
    assert set(map(str, groups.values())) == {
        "('hk', ['team:hk'])",
        "('idx', ['team:idx'])",
        "('ops', ['team:ops'])",
    }


def test_tests_are_blocking_checks_with_short_names(built: tuple[Home, BuildResult]) -> None:
    home, _ = built
    (marts,) = mart_assets(home.settings, home.sources, home.store)
    names = {spec.key.to_user_string() for spec in marts.check_specs}
    assert {
        "marts/hk__movers:grain",
        "marts/hk__movers:identity_H3",
        "marts/hk__daily_holdings:within_pct_of_issued",
    } < names
    assert all(spec.blocking and spec.description for spec in marts.check_specs)


def test_a_run_publishes_and_a_failed_test_materializes_nothing(home: Home) -> None:
    assets = mart_assets(home.settings, home.sources, home.store)
    before = Reader(home.data).build_id()
    stage_session(home, LAST)
    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize(assets, instance=instance)
        assert Reader(home.data).build_id() != before
        events = {
            event.asset_key.to_user_string(): event
            for event in done.get_asset_materialization_events()
            if event.asset_key
        }
        rows = events["marts/hk__movers"].materialization.metadata["dagster/row_count"].value
        assert rows == Reader(home.data).query("select count(*) from hk__movers").item()
        assert done.get_asset_check_evaluations()
        assert all(check.passed for check in done.get_asset_check_evaluations())

        market = small_market(LAST)
        home.stage("holdings", LAST, holdings_frame(LAST, [*market, market[0]]))
        published = Reader(home.data).build_id()
        failed = dg.materialize(assets, instance=instance, raise_on_error=False)
        assert not failed.success
        assert failed.get_asset_materialization_events() == []
        broken = [check for check in failed.get_asset_check_evaluations() if not check.passed]
        assert [str(check.asset_check_key.name) for check in broken] == ["grain"]
        assert Reader(home.data).build_id() == published


def test_the_columns_that_dagster_shows_of_intermediate_models_are_those_that_are_built(
    built: tuple[Home, BuildResult],
) -> None:
    documented: dict[str, list[tuple[str, str]]] = {}
    for path in sorted((PROJECT / "models" / "intermediate").rglob("*.yml")):
        for model in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]:
            documented[model["name"]] = [(column["name"], column["data_type"]) for column in model["columns"]]
    with duckdb.connect(str(Layout(built[0].data).build), read_only=True) as connection:
        rows = connection.execute(
            "select table_name, column_name, lower(data_type) from duckdb_columns() where schema_name = 'intermediate'"
            " order by table_name, column_index"
        ).fetchall()
    found: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in rows:
        found.setdefault(table, []).append((column, kind))
    assert found.keys() == documented.keys()
    assert {name: sorted(columns) for name, columns in found.items()} == {
        name: sorted(columns) for name, columns in documented.items()
    }


def test_an_hourly_look_starts_a_run_only_when_a_build_could_find_something(home: Home) -> None:
    (marts,) = mart_assets(home.settings, home.sources, home.store)
    definitions = dg.Definitions(assets=[marts])
    hour = datetime(2026, 3, 24, 8, 16, tzinfo=UTC)
    cursor = None
    with dg.DagsterInstance.ephemeral() as instance:

        def look(hours: int) -> int:
            nonlocal cursor
            found = dg.evaluate_automation_conditions(
                defs=definitions,
                instance=instance,
                cursor=cursor,
                evaluation_time=hour + timedelta(hours=hours),
                asset_selection=dg.AssetSelection.assets(["marts", "ops__partition_health"]),
            )
            cursor = found.cursor
            return found.total_requested

        look(0)
        assert look(1) == 1, "nobody knows yet what the marts were made from"
        assert dg.materialize([marts], instance=instance).success
        events = len(instance.event_log_storage.get_logs_for_all_runs_by_log_id())
        began = time.process_time()
        assert look(2) == 0
        assert time.process_time() - began < 0.5
        assert len(instance.event_log_storage.get_logs_for_all_runs_by_log_id()) == events
        stage_session(home, LAST)
        assert look(3) == 1
        rollback(home.store)
        assert look(4) == 1, "readers see another build than the newest"
