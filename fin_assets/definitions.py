"""Assembles what Dagster sees: every source found, the marts over them, schedules, sensors. Policy is applied here."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)  # what define_asset_job returns has no public name
from dagster._utils.warnings import BetaWarning, PreviewWarning  # no public name

from fin_assets.core.collection.collector import OnEvent
from fin_assets.core.contract.source import Source
from fin_assets.core.orchestration.assets import table_assets
from fin_assets.core.orchestration.audits import audit_checks, audit_jobs
from fin_assets.core.orchestration.dead_runs import dead_runs_sensor
from fin_assets.core.orchestration.freshness import marts_policy
from fin_assets.core.orchestration.jobs import collect_jobs
from fin_assets.core.orchestration.monitoring import watch_checks
from fin_assets.core.orchestration.schedules import collect_schedules, watch_schedule, weekly_schedules
from fin_assets.core.orchestration.snapshots import snapshot_jobs
from fin_assets.core.storage.store import store_of
from fin_assets.core.storage.upgrade import upgrade
from fin_assets.core.transport.clients import Clients
from fin_assets.discovery import discover
from fin_assets.settings import Settings
from fin_assets.settings import settings as read_settings

if TYPE_CHECKING:
    from fin_assets.warehouse.dbt import OnNode

BUILD_MARTS = "build_marts"
"""The job that builds, tests and publishes the marts."""


def build_definitions(
    *,
    settings: Settings | None = None,
    sources: Sequence[Source] | None = None,
    on_event: OnEvent | None = None,
    on_node: OnNode | None = None,
    clients: Clients | None = None,
    marts: bool = True,
) -> dg.Definitions:
    """Return the definitions for one project home.

    Args:
        settings: instead of `fin.toml` and the environment.
        sources: instead of those that are discovered.
        on_event: called for each unit, for a progress display in this process.
        on_node: called for each model and test of a build.
        clients: pools that are open already, and stay so; without them each run opens its own.
        marts: whether to include the dbt models; they need the parsed dbt project.

    Raises:
        SettingsError: the settings cannot be used.
    """
    settings = settings or read_settings()
    with warnings.catch_warnings():
        # Partitioned checks and automation in user code are used on purpose; the lock pins the version they work with.
        warnings.simplefilter("ignore", PreviewWarning)
        warnings.simplefilter("ignore", BetaWarning)
        return _assemble(settings, sources, on_event=on_event, on_node=on_node, clients=clients, marts=marts)


def _assemble(
    settings: Settings,
    sources: Sequence[Source] | None,
    *,
    on_event: OnEvent | None,
    on_node: OnNode | None,
    clients: Clients | None,
    marts: bool,
) -> dg.Definitions:
    upgrade(settings.data)
    found = list(discover(settings) if sources is None else sources)
    store = store_of(settings)

    def opened() -> AbstractContextManager[Clients]:
        return nullcontext(clients) if clients is not None else Clients(settings.browser, data=settings.data)

    assets: list[dg.AssetsDefinition] = []
    checks: list[dg.AssetChecksDefinition] = []
    schedules: list[dg.ScheduleDefinition] = []
    jobs: list[dg.JobDefinition | UnresolvedAssetJobDefinition] = []
    for source in found:
        for tables in source.groups():
            assets.append(table_assets(source, tables, store=store, clients=opened, on_event=on_event))
            for table in tables:
                checks.extend(watch_checks(source, table, store))
        collecting = collect_jobs(source)
        schedules.extend([*collect_schedules(source, collecting), *weekly_schedules(source, collecting)])
        schedules.append(watch_schedule(source, store))
        checks.extend(audit_checks(source, store, opened))
        for more_jobs, more_schedules in (audit_jobs(source), snapshot_jobs(source, store, opened)):
            jobs.extend(more_jobs)
            schedules.extend(more_schedules)
    if marts:
        from fin_assets.warehouse.assets import mart_assets
        from fin_assets.warehouse.cleaning import cleaning_jobs

        cleaning, daily = cleaning_jobs(settings)
        jobs.append(cleaning)
        schedules.append(daily)

        built = mart_assets(settings, found, store, on_node=on_node, policy=marts_policy(found))
        assets.extend(built)
        jobs.append(
            dg.define_asset_job(
                BUILD_MARTS,
                selection=dg.AssetSelection.assets(*built),
                description="Build the marts from the staged files, test them, and publish them if every test passed.",
            )
        )
    return dg.Definitions(
        assets=assets,
        asset_checks=checks,
        jobs=jobs,
        schedules=schedules,
        sensors=[_automation(), dead_runs_sensor()],
        # One step a run: a process of its own for it would cost seconds and give nothing.
        executor=dg.in_process_executor,
    )


def _automation() -> dg.AutomationConditionSensorDefinition:
    """Heals and rebuilds. In user code, because the retry condition reads the manifests of the data directory."""
    return dg.AutomationConditionSensorDefinition(
        "heal_and_rebuild",
        target=dg.AssetSelection.all(),
        use_user_code_server=True,
        minimum_interval_seconds=30,
        description="Asks again for sessions that are not complete, and builds the marts once new sessions are staged.",
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
