"""One build from staged files to what readers see: plan, dbt, publish, under the one writer's lock.

The command line calls `build_and_publish`; Dagster runs the same steps around its own dbt stream (`begin`, `complete`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from fin_assets.core.contract.source import Source
from fin_assets.core.storage.store import Store
from fin_assets.settings import Settings
from fin_assets.warehouse import dbt, plan, publish
from fin_assets.warehouse.lock import WAIT, build_connection, writer_lock
from fin_assets.warehouse.paths import PROJECT, Layout, NothingPublished, WarehouseError
from fin_assets.warehouse.plan import Plan
from fin_assets.warehouse.publish import Build


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What became of a build.

    Attributes:
        build: what readers see now.
        published: False if nothing differed, so that the build before stays.
        plan: what had to be done.
        nodes: models and tests that ran, by kind.
        seconds: that it took.
    """

    build: Build
    published: bool
    plan: Plan
    seconds: float
    nodes: dict[str, int] = field(default_factory=dict)


def build_and_publish(
    settings: Settings,
    sources: Sequence[Source],
    store: Store,
    *,
    full_refresh: bool = False,
    on_event: dbt.OnNode | None = None,
    project: Path = PROJECT,
    wait: timedelta = WAIT,
) -> BuildResult:
    """Build the marts from what is staged, test them, and publish them if every test passed.

    Args:
        settings: of this home.
        sources: those that were discovered.
        store: of this home.
        full_refresh: rebuild every session although nothing differs.
        on_event: hears of each model and test.
        project: the dbt project.
        wait: for another build to end.

    Raises:
        BuildFailed: a model or test failed; readers keep the build before.
        WarehouseError: another build did not end, or a manifest, staged file or build file cannot be read.
    """
    layout = Layout(store.data)
    started = time.monotonic()
    with writer_lock(layout, wait=wait):
        plan = begin(layout, sources, full_refresh=full_refresh, project=project)
        kept = nothing_to_do(layout, plan)
        if kept is not None:
            return BuildResult(build=kept, published=False, plan=plan, seconds=time.monotonic() - started)
        nodes: Counter[str] = Counter()
        # Closed before the lock is given back, whatever ends the loop: no dbt may be left at work on the file.
        with closing(dbt.stream(layout, project, full_refresh=plan.full_refresh)) as stream:
            for node in stream:
                nodes[node.kind] += 1
                if on_event is not None:
                    on_event(node)
        build = complete(layout, keep=settings.warehouse.keep_builds, project=project)
    return BuildResult(build=build, published=True, plan=plan, seconds=time.monotonic() - started, nodes=dict(nodes))


def begin(layout: Layout, sources: Sequence[Source], *, full_refresh: bool = False, project: Path = PROJECT) -> Plan:
    """Prepare the private build file for dbt. The caller holds `writer_lock`.

    Raises:
        WarehouseError: as `build_and_publish`.
    """
    with build_connection(layout) as connection:
        return plan.prepare(connection, data=layout.data, project=project, sources=sources, full_refresh=full_refresh)


def nothing_to_do(layout: Layout, plan: Plan) -> Build | None:
    """Return the newest build if it already is what a build would give, else None. After a rollback there is work."""
    if not plan.idle:
        return None
    try:
        now = publish.current(layout)
    except (NothingPublished, WarehouseError):
        return None
    newest = max(build.number for build in publish.published(layout))
    return now if now.number == newest else None


def complete(layout: Layout, *, keep: int, project: Path = PROJECT) -> Build:
    """Record the success of a build and publish it. The caller holds `writer_lock`; every test has passed.

    Raises:
        WarehouseError, OSError: as `publish.publish`.
    """
    with build_connection(layout) as connection:
        plan.finish(connection, data=layout.data, project=project)
    return publish.publish(layout, keep=keep)


def rollback(store: Store, build_id: str | None = None, *, wait: timedelta = WAIT) -> Build:
    """Point readers to an earlier build; see `publish.rollback`.

    Raises:
        WarehouseError: there is no such build, or another build did not end.
    """
    layout = Layout(store.data)
    with writer_lock(layout, wait=wait):
        return publish.rollback(layout, build_id)
