"""Looks at everything of the marts, byte by byte, and says what is damaged. Only `mend` changes anything.

Whatever is damaged here can be made again from the staged files: to mend is to put it out of the way of the next build.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fin_assets.core.contract.manifest import Manifest
from fin_assets.core.storage.store import Store
from fin_assets.warehouse import archive, people_file, publish
from fin_assets.warehouse.archive import ArchivedTable, StagedFile
from fin_assets.warehouse.declarations import archived_tables
from fin_assets.warehouse.lock import damage_of_file, remove_build_file, writer_lock
from fin_assets.warehouse.paths import ARCHIVE, PROJECT, Layout, NothingPublished, WarehouseError
from fin_assets.warehouse.publish import Build

Kind = Literal["pointer", "build", "earlier build", "warehouse.duckdb", "private build file", "archive"]


@dataclass(frozen=True, slots=True)
class Damage:
    """A damaged file of the marts.

    Attributes:
        kind: what it is.
        problem: names the file.
        key: of the blob that has to be removed, or None.
        rebuild: whether the next build has to make everything again, so that no reader keeps pages of the damaged file.
    """

    kind: Kind
    problem: str
    key: str | None = None
    rebuild: bool = False


def damages(store: Store, *, project: Path = PROJECT, tell: Callable[[str], None] = lambda _what: None) -> list[Damage]:
    """Return what is damaged of the marts; nothing if none were built. `tell` is called before each look."""
    layout = Layout(store.data)
    return [*_published(layout, tell), *_private(layout, tell), *_months(store, layout, project, tell)]


def mend(layout: Layout, found: list[Damage]) -> bool:
    """Put what is damaged out of the way of the next build; return whether that build has to make everything again.

    Raises:
        WarehouseError: another process is building.
    """
    with writer_lock(layout):
        for damage in found:
            if damage.key is not None and damage.kind == "archive":
                layout.blobs.delete(damage.key)
        log = people_file.log(layout)
        if log is not None:
            log.unlink()
        rebuild = any(damage.rebuild for damage in found)
        if rebuild:
            remove_build_file(layout)
    return rebuild


def forget(layout: Layout, found: list[Damage]) -> None:
    """Remove published builds that are damaged, once readers see another one: nobody can go back to them.

    Not before: the number of a build is never given twice.

    Raises:
        WarehouseError: another process is building.
    """
    with writer_lock(layout):
        now = publish.pointed(layout)
        for damage in found:
            if damage.kind in {"build", "earlier build"} and damage.key is not None and now and now.file != damage.key:
                layout.blobs.delete(str(Path(damage.key).with_suffix(".json")))
                layout.blobs.delete(damage.key)


def _published(layout: Layout, tell: Callable[[str], None]) -> Iterator[Damage]:
    tell("published builds")
    try:
        now: Build | None = publish.current(layout)
    except NothingPublished:
        return
    except WarehouseError as error:
        yield Damage("pointer", str(error))
        now = None
    for build in publish.published(layout):
        damage = publish.damage_of(layout, build)
        if damage is not None and build != now:
            yield Damage("earlier build", damage, key=build.file)
    if now is None:
        return
    whole = publish.damage_of(layout, now)
    if whole is not None:
        yield Damage("build", whole, key=now.file)
    elif (inside := damage_of_file(Path(layout.blobs.uri(now.file)))) is not None:
        # It was damaged before it was published.
        yield Damage("build", inside, key=now.file, rebuild=True)
    people = publish.damage_of_people(layout, now)
    if people is not None:
        yield Damage("warehouse.duckdb", people)
    elif (log := people_file.log(layout)) is not None:
        yield Damage("warehouse.duckdb", f"{log} was left by a shell that wrote, and would change what is read")


def _private(layout: Layout, tell: Callable[[str], None]) -> Iterator[Damage]:
    tell("private build file")
    problem = damage_of_file(layout.build)
    if problem is not None:
        yield Damage("private build file", problem, rebuild=True)


def _months(store: Store, layout: Layout, project: Path, tell: Callable[[str], None]) -> Iterator[Damage]:
    there = {found.key for found in layout.blobs.list(ARCHIVE)}
    used = {key for build in publish.published(layout) for key in build.archive}
    tables = {table.view: table for table in archived_tables(project)}
    for key in sorted(there | used):
        tell(key)
        table = tables.get(key.split("/")[2])
        if table is None:
            continue
        problem = archive.damage_of_month(layout, table, key, _staged(store, table, key))
        if problem is not None:
            yield Damage("archive", problem, key=key, rebuild=True)


def _staged(store: Store, table: ArchivedTable, key: str) -> list[StagedFile]:
    """Return the staged files of a compacted month that count now."""
    month = Path(key).name[:7]
    sessions = [day for day in store.sessions(table.source, table.table) if f"{day:%Y-%m}" == month]
    if not sessions:
        return []
    manifests = store.manifests(table.source, table.table, first=sessions[0], last=sessions[-1])
    return [staged for manifest in manifests if (staged := _usable(manifest)) is not None]


def _usable(manifest: Manifest) -> StagedFile | None:
    if manifest.staged is None or not manifest.state.is_done or manifest.blocked_by:
        return None
    return StagedFile(manifest.session, manifest.staged.file, manifest.staged.sha256)
