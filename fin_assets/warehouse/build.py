"""One build from staged files to published marts: plan, dbt, publish, under the one writer's lock. And the way back.

`run` is the only way to build; the Dagster asset and the tests consume it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from fin_assets.core.contract.source import Source
from fin_assets.core.storage.store import Store
from fin_assets.settings import Settings
from fin_assets.warehouse import dbt, plan, publish
from fin_assets.warehouse.dbt import NodeDone, OnNode
from fin_assets.warehouse.lock import WAIT, build_connection, writer_lock
from fin_assets.warehouse.paths import PROJECT, Layout
from fin_assets.warehouse.plan import Plan
from fin_assets.warehouse.publish import Build


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
        WarehouseError: another build did not end, a manifest, staged file or build file cannot be read, or live and sandbox
            sources would be mixed.
        OSError: the disk is full; readers keep the previous build, and the next build publishes this one.
    """
    layout = Layout(store.data)
    nodes: Counter[str] = Counter()
    with writer_lock(layout, wait=wait):
        started = time.monotonic()
        with build_connection(layout) as connection:
            made = plan.prepare(
                connection,
                layout=layout,
                project=project,
                sources=sources,
                modes=store.modes,
                full_refresh=full_refresh,
                mix_modes=settings.warehouse.mix_modes,
            )
        kept = publish.seen(layout, made.fingerprint) if made.idle else None
        if kept is None:
            if on_plan is not None:
                on_plan(made)
            # The private file of an idle plan is built and tested: a build that died before it was published.
            if not made.idle:
                # Closed before the lock is given back, whatever ends the loop: no dbt may be left at work on the file.
                with closing(
                    dbt.stream(layout, project, full_refresh=made.full_refresh, unchanged=made.unchanged)
                ) as stream:
                    for node in stream:
                        nodes[node.kind] += 1
                        yield node
            with build_connection(layout) as connection:
                plan.finish(connection, made)
            build = publish.publish(
                layout, keep=settings.warehouse.keep_builds, fingerprint=made.fingerprint, modes=made.modes
            )
        else:
            build = kept
        seconds = time.monotonic() - started
    return BuildResult(build=build, published=kept is None, plan=made, seconds=seconds, nodes=dict(nodes))


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
