"""Runs tables and builds through Dagster in this process, so that its UI shows every run."""

from __future__ import annotations

import shlex
import sys
import time
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from fin_assets.commands.dagster_home import prepare_instance
from fin_assets.core.collection.expected_units import wanted
from fin_assets.core.contract.manifest import PartitionKey
from fin_assets.core.orchestration.assets import raw_key, staged_key, step_name
from fin_assets.core.orchestration.audits import audit_config, audit_job_name
from fin_assets.core.orchestration.dead_runs import end_dead_runs
from fin_assets.core.orchestration.partitions import partitions_of
from fin_assets.core.storage.store import store_of
from fin_assets.definitions import BUILD_MARTS, build_definitions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fin_assets.commands.progress import Display
    from fin_assets.core.contract.manifest import Manifest
    from fin_assets.core.contract.source import Source, Table
    from fin_assets.core.transport.clients import Clients
    from fin_assets.settings import Settings
    from fin_assets.warehouse.dbt import OnNode

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
COMMAND = "fin/command"
"""Tag of a run that a command started: the whole command line."""

_QUIET: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(slots=True)
class TableOutcome:
    """What a command did to one table.

    Attributes:
        asked: the sessions that were given to Dagster.
        manifests: their manifests afterwards.
        units: units that were to be fetched when it began.
        seconds: of the runs together.
        runs: ids of the Dagster runs.
        failure: what a run said that failed for another reason than incomplete sessions.
    """

    source: str
    table: str
    asked: list[date]
    manifests: list[Manifest] = field(default_factory=list)
    units: int = 0
    seconds: float = 0.0
    runs: list[str] = field(default_factory=list)
    failure: str | None = None

    @property
    def unusable(self) -> list[Manifest]:
        """Return the manifests of the sessions that are not complete, or that a blocking check holds back."""
        return [manifest for manifest in self.manifests if not manifest.state.is_done or manifest.blocked_by]


def command_tags() -> dict[str, str]:
    """Return the tags of a run that say which command of a person it is of; the UI shows `user` as who launched it."""
    name = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    return {COMMAND: shlex.join(["fin", *sys.argv[1:]]), "user": f"fin {name}"}


def ranges(table_sessions: Sequence[str], wanted: set[str]) -> list[tuple[str, str]]:
    """Return the wanted partition keys as ranges of neighbours, in the order of `table_sessions`."""
    found: list[tuple[str, str]] = []
    previous_wanted = False
    for key in table_sessions:
        if key in wanted:
            found.append((found.pop()[0], key) if previous_wanted else (key, key))
        previous_wanted = key in wanted
    return found


class Runner:
    """Runs tables of sources, one range of sessions after the other."""

    def __init__(self, settings: Settings, display: Display, *, instance: dg.DagsterInstance, clients: Clients) -> None:
        """Take what all runs of a command share: the display, Dagster's instance, and one pool of clients per site."""
        self._settings, self._display, self._instance, self._clients = settings, display, instance, clients
        self._store = store_of(settings)
        self._jobs: dict[str, dg.JobDefinition] = {}

    def close_clients(self) -> None:
        """Close browsers and connections; a run that follows opens new ones."""
        self._clients.close()

    def run(
        self,
        source: Source,
        table: Table,
        sessions: Sequence[date],
        *,
        refetch: bool = False,
        newest_first: bool = False,
        restage: bool = False,
    ) -> TableOutcome:
        """Collect and stage sessions of one table, or, with `restage`, stage them again from the stored answers.

        Raises:
            BrowserMissing, PartitionBusy, RawDamaged: as the collection does.
        """
        outcome = TableOutcome(source.name, table.name, sorted(sessions))
        known = partitions_of(source, table).get_partition_keys()
        parts = ranges(known, {day.isoformat() for day in sessions})
        left = {} if restage else self._units_left(source, table, sessions, refetch=refetch)
        outcome.units = sum(left.values())
        begun = time.monotonic()
        title = f"{source.name}/{table.name}" + (" from raw" if restage else "")
        with self._display.table(title, units=left):
            for first, last in reversed(parts) if newest_first else parts:
                self._one_range(
                    source, table, first, last, outcome, refetch=refetch, newest_first=newest_first, restage=restage
                )
        outcome.seconds = time.monotonic() - begun
        keys = (PartitionKey(source.name, table.name, session) for session in outcome.asked)
        outcome.manifests = [
            manifest for manifest in (self._store.manifest(key) for key in keys) if manifest is not None
        ]
        return outcome

    def audit(self, source: Source, days: Sequence[date]) -> list[tuple[bool, str]]:
        """Ask about days that are no sessions; what the site serves goes to quarantine.

        Returns:
            for each table that is asked: whether the site has no data for these days, and one sentence.
        """
        definitions = build_definitions(
            settings=self._settings,
            sources=[source],
            on_event=self._display.on_event,
            clients=self._clients,
            marts=False,
        )
        result = definitions.resolve_job_def(audit_job_name(source)).execute_in_process(
            instance=self._instance, run_config={**_QUIET, **audit_config(source, days)}, tags=command_tags()
        )
        return [(each.passed, each.description or "") for each in result.get_asset_check_evaluations()]

    def _one_range(
        self,
        source: Source,
        table: Table,
        first: str,
        last: str,
        outcome: TableOutcome,
        *,
        refetch: bool,
        newest_first: bool,
        restage: bool,
    ) -> None:
        config: dict[str, Any] = {"config": {"refetch": refetch, "newest_first": newest_first}}
        selection = [staged_key(source, table)] if restage else [raw_key(source, table), staged_key(source, table)]
        try:
            result = self._job(source, table).execute_in_process(
                instance=self._instance,
                run_config={**_QUIET, "ops": {step_name(source, table): config}},
                tags={RANGE_START: first, RANGE_END: last, **command_tags()},
                asset_selection=selection,
            )
            outcome.runs.append(result.run_id)
        except dg.Failure as failure:
            # Incomplete sessions: the manifests say which and why, and the rest of the work continues.
            outcome.failure = failure.description

    def _job(self, source: Source, table: Table) -> dg.JobDefinition:
        """Return the job that collects a table: its own, or that of the table which names its units."""
        name = f"collect_{step_name(source, table)}"
        if name not in self._jobs:
            definitions = build_definitions(
                settings=self._settings,
                sources=[source],
                on_event=self._display.on_event,
                clients=self._clients,
                marts=False,
            )
            self._jobs[name] = definitions.resolve_job_def(name)
        return self._jobs[name]

    def _units_left(self, source: Source, table: Table, sessions: Sequence[date], *, refetch: bool) -> dict[date, int]:
        """Return how many units are to be asked for, by session; tables that name them have been collected before."""
        left = {}
        for session in sessions:
            manifest = self._store.manifest(PartitionKey(source.name, table.name, session))
            if manifest is None or refetch or not manifest.state.is_done:
                units = set(wanted(source, table, session, store=self._store).units)
                if manifest is not None and not refetch:
                    units -= {unit.unit for unit in manifest.units} - {unit.unit for unit in manifest.unfinished()}
                left[session] = len(units)
        return left


def run_build(settings: Settings, sources: Sequence[Source], *, full_refresh: bool, on_node: OnNode) -> None:
    """Build and publish the marts as a Dagster run.

    Raises:
        WarehouseError: the build failed, or another one did not end.
    """
    prepare_instance(settings)
    definitions = build_definitions(settings=settings, sources=sources, on_node=on_node)
    config = {**_QUIET, "ops": {"marts": {"config": {"full_refresh": full_refresh}}}}
    with dg.DagsterInstance.get() as instance:
        end_dead_runs(instance)
        try:
            job = definitions.resolve_job_def(BUILD_MARTS)
            job.execute_in_process(instance=instance, run_config=config, tags=command_tags())
        except dg.Failure as failure:
            raise failure.__cause__ or failure from None
