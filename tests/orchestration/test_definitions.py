"""The assembled definitions: they load, they describe themselves, and schedules ask on sessions only."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.test_utils import freeze_time

from fin_assets.definitions import BUILD_MARTS, build_definitions
from fin_assets.discovery import discover
from fin_assets.settings import Settings
from fin_assets.warehouse.paths import PROJECT

HONG_KONG = ZoneInfo("Asia/Hong_Kong")
SOURCE = "hkex_southbound"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def definitions(settings: Settings) -> dg.Definitions:
    return build_definitions(settings=settings, marts=False)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    """The definitions with the marts: the dbt project is parsed for them."""
    return build_definitions(settings=Settings(home=tmp_path_factory.mktemp("whole")))


def test_nothing_in_dagster_is_without_a_description(whole: dg.Definitions) -> None:
    repository = whole.get_repository_def()
    jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    named = [*repository.schedule_defs, *repository.sensor_defs, *jobs]
    assert len(named) > 15
    assert [each.name for each in named if not each.description] == []
    graph = whole.resolve_asset_graph()
    assert [key for key in graph.asset_check_keys if not graph.get_check_spec(key).description] == []
    assert [spec.key for spec in whole.resolve_all_asset_specs() if not spec.description] == []


def test_every_model_and_seed_has_its_columns_with_types_and_descriptions(whole: dg.Definitions) -> None:
    macros = {path.stem for path in (PROJECT / "models").rglob("*.sql") if "duckdb_macro" in path.read_text()}
    specs = [spec for spec in whole.resolve_all_asset_specs() if "dbt" in spec.kinds]
    assert macros
    for spec in specs:
        if spec.key.path[-1] in macros:
            continue
        columns = spec.metadata["dagster/column_schema"].columns
        assert [column.name for column in columns if not column.description or column.type == "?"] == [], spec.key
        assert columns, spec.key


def test_every_asset_has_a_freshness_policy(whole: dg.Definitions) -> None:
    assert [spec.key for spec in whole.resolve_all_asset_specs() if spec.freshness_policy is None] == []


def test_the_definitions_load_with_the_marts_and_every_asset_of_every_source(
    settings: Settings, whole: dg.Definitions
) -> None:
    definitions = whole
    dg.Definitions.validate_loadable(definitions)
    keys = {key.to_user_string() for key in definitions.resolve_asset_graph().get_all_asset_keys()}
    for source in discover(settings):
        for table in source.tables:
            assert {f"raw/{source.name}/{table.name}", f"staged/{source.name}/{table.name}"} <= keys
    assert "marts/hk__movers" in keys
    assert definitions.resolve_job_def(BUILD_MARTS).name == BUILD_MARTS


def test_every_asset_says_whose_it_is_what_it_is_and_which_columns_it_has(definitions: dg.Definitions) -> None:
    for spec in definitions.resolve_all_asset_specs():
        assert spec.description, spec.key
        assert spec.owners, spec.key
        assert spec.kinds, spec.key
        assert spec.group_name, spec.key
        assert spec.automation_condition, spec.key
        if spec.key.path[0] == "staged":
            columns = spec.metadata["dagster/column_schema"].columns
            assert all(column.description for column in columns), [
                column.name for column in columns if not column.description
            ]


def test_every_check_points_to_its_heading_in_the_runbook_or_in_the_page_of_its_source(
    definitions: dg.Definitions, settings: Settings
) -> None:
    graph = definitions.resolve_asset_graph()
    own = {(source.name, name) for source in discover(settings) for table in source.tables for name in table.checks}
    pages = {"docs/runbook.md"}
    for key in graph.asset_check_keys:
        name = key.asset_key.path[1]
        page = f"docs/sources/{name}.md" if (name, key.name) in own else "docs/runbook.md"
        assert f"Runbook: {page}#{key.name}" in (graph.get_check_spec(key).description or ""), key
        pages.add(page)
    assert pages == {"docs/runbook.md", *(f"docs/sources/{name}.md" for name, _ in own)}


def asked(definitions: dg.Definitions, schedule: str, moment: datetime) -> list[str]:
    """Return the sessions that a schedule's tick asks for."""
    with freeze_time(moment.astimezone(UTC)), dg.DagsterInstance.ephemeral() as instance:
        repository = definitions.get_repository_def()
        context = dg.build_schedule_context(
            instance=instance, scheduled_execution_time=moment, repository_def=repository
        )
        data = repository.get_schedule_def(schedule).evaluate_tick(context)
    if data.run_requests:
        return [request.partition_key or "" for request in data.run_requests]
    assert data.skip_message, "a tick without a session says why"
    return []


@pytest.mark.parametrize(
    ("tick", "session"),
    [
        # A Tuesday morning asks for Monday, a Monday or a Sunday for nothing: Saturday has no list, nor has Sunday.
        (date(2026, 3, 24), ["2026-03-23"]),
        (date(2026, 3, 23), []),
        (date(2026, 3, 22), []),
        (date(2026, 3, 21), ["2026-03-20"]),
        # Lunar New Year 2026: Hong Kong closed from Tuesday 17 to Thursday 19 February.
        (date(2026, 2, 18), []),
        (date(2026, 2, 19), []),
        (date(2026, 2, 20), []),
        (date(2026, 2, 21), ["2026-02-20"]),
        # Super Typhoon Yagi, 2024-09-06: a list may be published, so it is asked for; the page decides.
        (date(2024, 9, 7), ["2024-09-06"]),
        # Hong Kong open, the mainland closed (National Day week, 2026-10-02): the list is published and unchanged.
        (date(2026, 10, 3), ["2026-10-02"]),
    ],
)
def test_the_daily_schedule_asks_for_sessions_only(definitions: dg.Definitions, tick: date, session: list[str]) -> None:
    moment = datetime(tick.year, tick.month, tick.day, 6, 30, tzinfo=HONG_KONG)
    assert asked(definitions, f"daily_{SOURCE}__holdings", moment) == session


def test_the_quarterly_list_is_asked_for_once_a_quarter_when_it_is_published(definitions: dg.Definitions) -> None:
    # The last list day of the first quarter of 2026 is 31 March; its list is due twenty days after the day's end.
    ticks = [datetime(2026, 4, day, 6, 30, tzinfo=HONG_KONG) for day in range(1, 31)]
    found = {tick.day: asked(definitions, f"daily_{SOURCE}__northbound", tick) for tick in ticks}
    assert {day: sessions for day, sessions in found.items() if sessions} == {21: ["2026-03-31"]}


def test_schedules_tick_in_the_exchanges_own_time_zone(definitions: dg.Definitions) -> None:
    zones = {"hkex_southbound": "Asia/Hong_Kong", "idx_brokers": "Asia/Jakarta"}
    for schedule in definitions.get_repository_def().schedule_defs:
        [zone] = [zone for name, zone in zones.items() if name in schedule.name]
        assert schedule.execution_timezone == zone, schedule.name


def test_importing_the_definitions_reads_no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FIN_CONFIG", str(tmp_path / "missing.toml"))
    import importlib

    import fin_assets.definitions

    importlib.reload(fin_assets.definitions)
