"""`fin doctor --data`: reads everything that is stored, says what is damaged, and mends it if it is asked to.

What can be made again from what is stored is made without a request. Only lost answers are asked for again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from fin_assets.commands.args import console, project
from fin_assets.commands.dagster_files import damaged_databases, home_of, put_aside
from fin_assets.commands.errors import EXIT_PROBLEM, explain
from fin_assets.core.collection import inspection as stored
from fin_assets.core.collection.finalize import Finalizer, baseline_around
from fin_assets.core.collection.recovery import mend_manifest, set_aside_damaged_raw
from fin_assets.core.storage import unit_log
from fin_assets.core.storage.store import Store, store_of
from fin_assets.core.transport.quota import DailyQuota
from fin_assets.warehouse import inspection as marts
from fin_assets.warehouse.paths import Layout

if TYPE_CHECKING:
    from pathlib import Path

    from rich.status import Status

    from fin_assets.core.contract.manifest import PartitionKey
    from fin_assets.core.contract.source import Source, Table
    from fin_assets.settings import Settings

MEND = "fin doctor --data --mend"
LINE_EVERY = 10.0
"""Seconds between lines of progress where there is no terminal."""


@dataclass(slots=True)
class _Found:
    """What is damaged, and how much was looked at."""

    partitions: int = 0
    stored: list[stored.Damage] = field(default_factory=list)
    marts: list[marts.Damage] = field(default_factory=list)
    databases: list[tuple[Path, str]] = field(default_factory=list)
    quotas: list[DailyQuota] = field(default_factory=list)
    staged: set[str] = field(default_factory=set)

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield what is damaged, and the sentence that names the file."""
        yield from ((f"{damage.kind} of {damage.key}", damage.problem) for damage in self.stored)
        yield from ((damage.kind, damage.problem) for damage in self.marts)
        yield from (("Dagster's storage", problem) for _, problem in self.databases)
        yield from (("quota", quota.damage() or "") for quota in self.quotas)


class _Progress:
    """Says what is being read: on a spinner, or as a line every few seconds."""

    def __init__(self, spinner: Status | None) -> None:
        self._spinner, self._last = spinner, time.monotonic()

    def __call__(self, what: str) -> None:
        if self._spinner is not None:
            self._spinner.update(f"reading {what}")
        elif time.monotonic() - self._last >= LINE_EVERY:
            self._last = time.monotonic()
            console.print(f"reading {what}", soft_wrap=True, markup=False)


def doctor_data(*, mend: bool) -> int:
    """Read everything, print what is damaged, mend it if `mend`, and return 1 if anything is left damaged."""
    settings, sources = project()
    store = store_of(settings)
    found = _look(settings, sources, store)
    count = _tell(found)
    orphans = stored.orphans(store, found.staged)
    if orphans.count:
        told = f"{orphans.count:,} staged files ({orphans.bytes / 2**20:.1f} MiB) are named by no manifest: no damage"
        console.print(told, soft_wrap=True)
    if not count:
        console.print(f"nothing is damaged: {found.partitions:,} partitions, marts and Dagster's storage were read")
        return 0
    if not mend:
        console.print(f"{count} damaged files. What to do: {MEND}", soft_wrap=True)
        return EXIT_PROBLEM
    _mend(settings, sources, store, found)
    left = _tell(_look(settings, sources, store, only={damage.key for damage in found.stored}))
    console.print(f"{count - left} of {count} damaged files are mended" if left else f"all {count} are mended")
    if left:
        console.print("What to do: see the lines above; docs/runbook.md, Damaged files", soft_wrap=True)
    return EXIT_PROBLEM if left else 0


def _look(settings: Settings, sources: list[Source], store: Store, *, only: set[PartitionKey] | None = None) -> _Found:
    found = _Found()
    with console.status("reading") as spinner:
        tell = _Progress(spinner if console.is_terminal else None)
        for key in stored.partitions(store) if only is None else sorted(only):
            tell(str(key))
            found.partitions += 1
            damages, file = stored.damages(store, key)
            found.stored += damages
            if file is not None:
                found.staged.add(file)
        found.marts = marts.damages(store, tell=tell)
        tell("Dagster's storage")
        found.databases = list(damaged_databases(home_of(settings)))
        found.quotas = [quota for quota in _quotas(settings, sources) if quota.damage() is not None]
    return found


def _tell(found: _Found) -> int:
    count = 0
    for what, problem in found.problems():
        count += 1
        console.print(f"damaged: {what}: {problem}", soft_wrap=True, markup=False)
    return count


def _quotas(settings: Settings, sources: list[Source]) -> Iterator[DailyQuota]:
    for source in sources:
        for site in source.sites:
            if site.per_day is not None:
                path = settings.data / "quota" / f"{site.name}-{site.mode}.json"
                yield DailyQuota(path, per_day=site.per_day, timezone=site.quota_timezone, site=site.name)


def _mend(settings: Settings, sources: list[Source], store: Store, found: _Found) -> None:
    """Mend in the order in which things are made: storage of runs, manifests, raw and staged files, marts."""
    home = home_of(settings)
    for path, _ in found.databases:
        aside = put_aside(home, path)
        console.print(f"moved {path} to {aside}: Dagster makes a new one", soft_wrap=True, markup=False)
    for quota in found.quotas:
        # Asking for what is left takes a damaged count for spent.
        quota.left()
    ask: dict[tuple[str, str], list[date]] = {}
    for key in sorted({damage.key for damage in found.stored}):
        kinds = {damage.kind for damage in found.stored if damage.key == key}
        if _done(partial(_mend_partition, sources, store, key, kinds)):
            ask.setdefault((key.source, key.table), []).append(key.session)
    _collect(sources, ask)
    # Also after a collection: what it has changed is to be published.
    if found.marts or found.stored:
        _done(partial(_build, store, found.marts))


def _mend_partition(sources: list[Source], store: Store, key: PartitionKey, kinds: set[stored.Kind]) -> bool:
    """Make again what is stored of a partition; return whether the site has to be asked for the rest."""
    if "unit log" in kinds:
        unit_log.rewrite(store.partition_dir(key) / "units.log")
    manifest = mend_manifest(store, key)
    if manifest is None or not manifest.state.is_done:
        return manifest is not None and "manifest" in kinds
    if "raw" in kinds:
        set_aside_damaged_raw(store, manifest)
        return True
    chosen = _table(sources, key)
    if chosen is not None:
        source, table = chosen
        baseline = baseline_around(table, [key.session], source=source.name, store=store)
        Finalizer(source, table, store, baseline).restage(manifest, force=True)
    return False


def _table(sources: list[Source], key: PartitionKey) -> tuple[Source, Table] | None:
    """Return the table of a partition, or None, with a line that says why, if its source is switched off or has lost it."""
    for source in sources:
        for table in source.tables:
            if (source.name, table.name) == (key.source, key.table):
                return source, table
    console.print(
        f"{key}: its table is not there. What to do: enabled = true under [sources.{key.source}] in fin.toml, then: {MEND}",
        soft_wrap=True,
        markup=False,
    )
    return None


def _collect(sources: list[Source], ask: dict[tuple[str, str], list[date]]) -> None:
    """Ask the sites for the answers that are lost."""
    from fin_assets.commands.run import print_summary, working

    wanted = [(source, table, ask[source.name, table.name]) for source in sources for table in source.tables
              if (source.name, table.name) in ask]  # fmt: skip
    if not wanted:
        return

    def run() -> bool:
        with working([source for source, _, _ in wanted]) as runner:
            print_summary([runner.run(source, table, sessions) for source, table, sessions in wanted])
        return True

    _done(run)


def _build(store: Store, found: list[marts.Damage]) -> bool:
    from fin_assets.commands.build import build_and_tell
    from fin_assets.warehouse import publish

    layout = Layout(store.data)
    rebuild = marts.mend(layout, found)
    if found or publish.pointed(layout) is not None:
        build_and_tell(full_refresh=rebuild)
    marts.forget(layout, found)
    return True


def _done(work: Callable[[], bool]) -> bool:
    """Do one thing; if it fails, say why and continue with the others."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - the second look reports what is left
        problem = explain(error)
        console.print(f"{problem.what} What to do: {problem.remedy}", soft_wrap=True, markup=False)
        return False
