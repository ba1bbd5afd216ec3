"""One build from staged files to published marts: plan, dbt, publish, under the one writer's lock. And the way back.

`run` is the only way to build; the Dagster asset and the tests consume it.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import duckdb

from fin_assets.core.collection.finalize import Finalizer, baseline_around
from fin_assets.core.contract.manifest import PartitionKey
from fin_assets.core.contract.source import Source
from fin_assets.core.storage.store import Store
from fin_assets.settings import Settings
from fin_assets.warehouse import dbt, plan, publish
from fin_assets.warehouse.collected import StagedLost
from fin_assets.warehouse.dbt import NodeDone, OnNode
from fin_assets.warehouse.lock import WAIT, build_connection, damage_of_file, remove_build_file, writer_lock
from fin_assets.warehouse.manifests import ManifestKey
from fin_assets.warehouse.paths import PROJECT, Layout, WarehouseError
from fin_assets.warehouse.plan import Plan
from fin_assets.warehouse.publish import Build

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BuildResult:
    """The outcome of a build.

    Attributes:
        build: the build that readers see now.
        published: False if nothing differed, so that the previous build stays.
        plan: what had to be done.
        seconds: duration, without the wait for another build.
        nodes: models and tests that ran, by kind.
    """

    build: Build
    published: bool
    plan: Plan
    seconds: float
    nodes: dict[str, int] = field(default_factory=dict)


def run(
    settings: Settings,
    sources: Sequence[Source],
    store: Store,
    *,
    full_refresh: bool = False,
    on_plan: Callable[[Plan], None] | None = None,
    project: Path = PROJECT,
    wait: timedelta = WAIT,
) -> Generator[NodeDone, None, BuildResult]:
    """Build the marts from the staged files, test them, and publish them if every test passed.

    Close the generator if you leave it early (`drain` does): it holds the lock, and dbt works until it is closed.

    Args:
        settings: of this home.
        sources: the sources of this home.
        store: of this home.
        full_refresh: rebuild every session although nothing differs.
        on_plan: called with the plan before dbt starts.
        project: the dbt project.
        wait: how long to wait for another build to end.

    Yields:
        each model, seed and test when it has finished.

    Returns:
        the outcome.

    Raises:
        BuildFailed: a model or test failed; readers keep the previous build.
        WarehouseError: another build did not end, a staged file does not fit, or live and sandbox sources would be mixed.
            Damaged files are no reason: see `collected`; a damaged private build file is made again.
        OSError: the disk is full; readers keep the previous build, and the next build publishes this one.
    """
    layout = Layout(store.data)
    work = _Work(settings, sources, store, layout, project, on_plan or (lambda _plan: None))
    with writer_lock(layout, wait=wait):
        try:
            return (yield from work.build(full_refresh=full_refresh))
        except (duckdb.Error, WarehouseError):
            damage = damage_of_file(layout.build)
            if damage is None:
                raise
        # It holds nothing that is not in the staged files.
        log.warning("%s: it is made again from the staged files", damage)
        remove_build_file(layout)
        return (yield from work.build(full_refresh=True))


@dataclass(frozen=True, slots=True)
class _Work:
    """One build under the lock; the arguments of `run`."""

    settings: Settings
    sources: Sequence[Source]
    store: Store
    layout: Layout
    project: Path
    on_plan: Callable[[Plan], None]

    def build(self, *, full_refresh: bool) -> Generator[NodeDone, None, BuildResult]:
        nodes: Counter[str] = Counter()
        started = time.monotonic()
        made = self._prepare(full_refresh=full_refresh)
        kept = publish.seen(self.layout, made.fingerprint) if made.idle else None
        if kept is None:
            self.on_plan(made)
            # The private file of an idle plan is built and tested: a build that died before it was published.
            if not made.idle:
                # Closed before the lock is given back, whatever ends the loop: no dbt may be left at work on the file.
                with closing(
                    dbt.stream(self.layout, self.project, full_refresh=made.full_refresh, unchanged=made.unchanged)
                ) as stream:
                    for node in stream:
                        nodes[node.kind] += 1
                        yield node
            with build_connection(self.layout) as connection:
                plan.finish(connection, made)
            build = publish.publish(
                self.layout, keep=self.settings.warehouse.keep_builds, fingerprint=made.fingerprint, modes=made.modes
            )
        else:
            build = kept
        seconds = time.monotonic() - started
        return BuildResult(build=build, published=kept is None, plan=made, seconds=seconds, nodes=dict(nodes))

    def _prepare(self, *, full_refresh: bool) -> Plan:
        """Plan the build; staged files that it has to read and that are damaged are made again from raw first."""
        tried: set[ManifestKey] = set()
        left_out: dict[ManifestKey, str] = {}
        while True:
            try:
                with build_connection(self.layout) as connection:
                    return plan.prepare(
                        connection,
                        layout=self.layout,
                        project=self.project,
                        sources=self.sources,
                        modes=self.store.modes,
                        full_refresh=full_refresh,
                        mix_modes=self.settings.warehouse.mix_modes,
                        left_out=left_out,
                    )
            except StagedLost as lost:
                for key, problem in lost.problems.items():
                    log.warning("%s", problem)
                    again = problem if key in tried else self._restage(key, problem)
                    if again is not None:
                        left_out[key] = again
                    tried.add(key)

    def _restage(self, key: ManifestKey, problem: str) -> str | None:
        """Make the staged file of a partition again from raw, and return why that did not work, or None."""
        source = next((source for source in self.sources if source.name == key[0]), None)
        table = next((table for table in source.tables if table.name == key[1]), None) if source else None
        manifest = self.store.manifest(PartitionKey(*key))
        if source is None or table is None or manifest is None or manifest.raw_file is None:
            return problem
        baseline = baseline_around(table, [key[2]], source=source.name, store=self.store)
        return Finalizer(source, table, self.store, baseline).restage(manifest, force=True).problem


def drain(build: Generator[NodeDone, None, BuildResult], on_node: OnNode | None = None) -> BuildResult:
    """Take a build to its end and return its outcome; `on_node` is called for each model and test.

    Raises:
        as `run`, and whatever `on_node` raises; the build is then ended.
    """
    with closing(build):
        while True:
            try:
                node = next(build)
            except StopIteration as end:
                result: BuildResult = end.value
                return result
            if on_node is not None:
                on_node(node)


def rollback(store: Store, build_id: str | None = None, *, wait: timedelta = WAIT) -> Build:
    """Point readers to an earlier build; see `publish.rollback`.

    Raises:
        WarehouseError: there is no such build, or another build did not end.
    """
    layout = Layout(store.data)
    with writer_lock(layout, wait=wait):
        return publish.rollback(layout, build_id)
