"""Publishing: from the tested private build to the one that readers see, and back. Nothing here builds or reads marts.

A build is copied under a name of its own, made durable, and only then pointed to; the pointer is replaced in one step.
What is published is never changed again. People get a copy of their own, so that no shell can block a dashboard.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path

import duckdb
from pydantic import BaseModel, ConfigDict, ValidationError

from fin_assets import clock
from fin_assets.core.storage.blobs import copy_atomically
from fin_assets.warehouse import archive, people_file
from fin_assets.warehouse.checksums import difference, sha256
from fin_assets.warehouse.lock import build_connection
from fin_assets.warehouse.paths import ARCHIVE, BUILDS, POINTER, Layout, NothingPublished, WarehouseError

_ID = re.compile(r"^\d{8}T\d{6}-(\d{5})$")
REMEDY = "fin build publishes it again, fin build --rollback goes back to the newest build that is kept"


class SessionSpan(BaseModel):
    """Complete sessions of one table in a build."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first: date
    last: date
    count: int


class Build(BaseModel):
    """A published build.

    Attributes:
        id: `YYYYMMDDTHHMMSS-NNNNN`, the instant in UTC and a number that grows with every build of this home.
        created_at: when it was published, UTC.
        file: relative to the data directory.
        marts: rows by mart; views, which hold none of their own, are left out.
        sessions: complete sessions by `source/table`.
        archive: compacted months that its views read, relative to the data directory.
        fingerprint: hash of everything that it was made from.
        modes: sandbox or live, by source.
        bytes, sha256: size and checksum of the file; 0 and empty in a build of before they were recorded.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    created_at: datetime
    file: str
    marts: dict[str, int]
    sessions: dict[str, SessionSpan]
    archive: tuple[str, ...] = ()
    fingerprint: str = ""
    modes: dict[str, str] = {}
    bytes: int = 0
    sha256: str = ""

    @property
    def number(self) -> int:
        """The number that orders builds."""
        return _number(self.id)


class _Pointer(BaseModel):
    build_id: str
    created_at: datetime
    file: str


def publish(layout: Layout, *, keep: int, fingerprint: str = "", modes: Mapping[str, str] | None = None) -> Build:
    """Make the private build file what readers see. The caller holds `writer_lock`, and every test has passed.

    Args:
        layout: of the data directory.
        keep: how many builds stay, the new one included.
        fingerprint: hash of everything that the build was made from; an empty one equals no other.
        modes: sandbox or live, by source.

    Raises:
        WarehouseError: the build file cannot be opened, or was left with a log that is not in it.
        OSError: the disk is full; readers keep the previous build.
    """
    # Before the sweep: caches are by build id, so that no number may come twice, not even that of a damaged build.
    number = max((_number(build_id) for _, build_id in _named(layout)), default=0) + 1
    _sweep(layout)
    now = clock.now()
    build_id = f"{now:%Y%m%dT%H%M%S}-{number:05d}"
    with build_connection(layout) as connection:
        signed = _sign(connection, build_id, now)
    build = signed.model_copy(update={"fingerprint": fingerprint, "modes": dict(modes or {})})
    wal = layout.build.with_name(layout.build.name + ".wal")
    if wal.exists():
        msg = f"{wal} is left although the build was closed: another process has the file open; end it and build again"
        raise WarehouseError(msg)
    try:
        build = _copy_out(layout, build, keep=keep)
    except BaseException:
        # Not pointed to yet. A build that is killed here leaves them, and the next publish sweeps them.
        layout.blobs.delete(_description(build.id))
        layout.blobs.delete(build.file)
        raise
    _point(layout, build)
    archive.sweep(layout, {file for kept in published(layout) for file in kept.archive})
    return build


def published(layout: Layout) -> list[Build]:
    """Return the published builds that are still kept, oldest first. One whose description is damaged is none."""
    named = _named(layout)
    keys = {key for key, _ in named}
    whole = [_whole(layout, build_id) for build_id in {build_id for _, build_id in named} if _file(build_id) in keys]
    return sorted((build for build in whole if build is not None), key=lambda build: build.number)


def current(layout: Layout) -> Build:
    """Return the build that readers see.

    Raises:
        NothingPublished: there is none yet.
        WarehouseError: the pointer or the build's description is damaged, or was pruned at this moment.
    """
    build_id = current_id(layout)
    build = _whole(layout, build_id)
    if build is None:
        msg = f"build {build_id} is current, and its description is missing or damaged: {REMEDY}"
        raise WarehouseError(msg)
    return build


def current_id(layout: Layout) -> str:
    """Return the id of the build that readers see.

    Raises:
        NothingPublished: there is none yet.
        WarehouseError: the pointer is damaged.
    """
    try:
        text = layout.blobs.get(POINTER)
    except FileNotFoundError:
        if published(layout):
            msg = f"{layout.blobs.uri(POINTER)} is missing, though builds are there: {REMEDY}"
            raise WarehouseError(msg) from None
        msg = "no build of the marts has been published yet: fin demo makes one, or fin run SOURCE and then fin build"
        raise NothingPublished(msg) from None
    try:
        return _Pointer.model_validate_json(text).build_id
    except ValidationError as error:
        msg = f"{layout.blobs.uri(POINTER)} is damaged ({text[:80]!r}): {REMEDY}"
        raise WarehouseError(msg) from error


def pointed(layout: Layout) -> Build | None:
    """Return the build that readers see, or None if they see none: nothing is published, or the pointer is damaged."""
    try:
        build = current(layout)
    except WarehouseError:
        return None
    return build if layout.blobs.stat(build.file) is not None else None


def seen(layout: Layout, fingerprint: str) -> Build | None:
    """Return the newest build if it was made from these inputs and every reader sees it whole, else None.

    After a rollback, after a publish that was cut short, and if one of its files is damaged, there is none.
    """
    build = pointed(layout)
    if build is None or not fingerprint or build.fingerprint != fingerprint:
        return None
    if damage_of(layout, build) is not None or damage_of_people(layout, build) is not None:
        return None
    return build if build.number == max(each.number for each in published(layout)) else None


def damage_of(layout: Layout, build: Build) -> str | None:
    """Return what is wrong with the file of a build by its recorded size and checksum, or None."""
    return difference(Path(layout.blobs.uri(build.file)), size=build.bytes, checksum=build.sha256)


def damage_of_people(layout: Layout, build: Build) -> str | None:
    """Return what is wrong with the file for people, which is a copy of the current build, or None."""
    return difference(layout.people, size=build.bytes, checksum=build.sha256)


def rollback(layout: Layout, build_id: str | None = None) -> Build:
    """Point readers to another kept build. The caller holds the lock.

    It is the one named, or the one before the current, or the newest that is kept if the pointer is damaged; a build whose
    file is damaged is none of them. The next build
    that is published is a new one, from the staged data as it then is.

    Raises:
        NothingPublished: there is none yet.
        WarehouseError: there is no such build; the message names those that are kept.
    """
    kept = published(layout)
    now = pointed(layout)
    if now is None and not kept:
        current(layout)
    candidates = [
        build
        for build in kept
        if (build.id == build_id if build_id else now is None or build.number < now.number)
        and damage_of(layout, build) is None
    ]
    if not candidates:
        told = f"there is no build {build_id}" if build_id or now is None else f"no build before {now.id} is kept"
        msg = f"{told}; kept are {', '.join(build.id for build in kept) or 'none'}"
        raise WarehouseError(msg)
    with people_file.new(layout) as people:
        layout.blobs.download(candidates[-1].file, people)
        # The pointer first: if this ends before the second step, the current build is not the newest, and the next build
        # publishes both again.
        _point(layout, candidates[-1])
        people_file.give(layout, people)
    return candidates[-1]


def shell_file(layout: Layout) -> Path:
    """Return the file for `duckdb -readonly`, without a log that another shell has left beside it.

    DuckDB would replay such a log silently into a file that it was not written for. Where it cannot be removed, because the
    data directory is read-only, and where that file is missing or damaged, this is the published build itself; the next build
    writes the file again.

    Raises:
        NothingPublished: there is none yet.
        WarehouseError: the pointer, or the build, is damaged.
    """
    build = current(layout)
    there = layout.blobs.stat(build.file)
    if there is None or not people_file.is_whole(layout, size=there.size):
        return Path(layout.blobs.uri(build.file))
    # Not removed without looking: a read-only file system refuses that even where there is nothing.
    if (wal := people_file.log(layout)) is not None:
        try:
            wal.unlink(missing_ok=True)
        except OSError:
            return Path(layout.blobs.uri(build.file))
    return layout.people


def _copy_out(layout: Layout, build: Build, *, keep: int) -> Build:
    """Copy the private build file to where readers attach it and to where people open it; describe it, with its checksum."""
    with people_file.new(layout) as people:
        # All at once: the only part of a build whose time grows with the history.
        with ThreadPoolExecutor(max_workers=4) as at_once:
            digest = at_once.submit(sha256, layout.build)
            upload = at_once.submit(layout.blobs.upload, build.file, layout.build)
            copy = at_once.submit(copy_atomically, layout.build, people)
            at_once.submit(_prune, layout, keep=keep - 1).result()
            upload.result()
            copy.result()
        build = build.model_copy(update={"bytes": layout.build.stat().st_size, "sha256": digest.result()})
        layout.blobs.put(_description(build.id), build.model_dump_json(indent=1).encode())
        # Before the pointer, which is what says that a build is published: if this ends between the two, the next build
        # publishes again.
        people_file.give(layout, people)
    return build


def _point(layout: Layout, build: Build) -> None:
    pointer = _Pointer(build_id=build.id, created_at=build.created_at, file=build.file)
    layout.blobs.put(POINTER, pointer.model_dump_json(indent=1).encode())


def _sign(connection: duckdb.DuckDBPyConnection, build_id: str, now: datetime) -> Build:
    """Write the build's id into the file, so that every reader can see it."""
    connection.execute("create or replace table control.build (build_id varchar, created_at timestamp with time zone)")
    connection.execute("comment on table control.build is 'Which build of the marts this file is. One row.'")
    connection.execute("insert into control.build values (?, ?)", [build_id, now])
    tables = [
        name
        for (name,) in connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'main' and not internal order by 1"
        ).fetchall()
    ]
    marts = {name: _count(connection, name) for name in tables}
    spans = connection.execute(
        "select source || '/' || table_name, min(session_date), max(session_date), count(*)"
        " from control.partitions where is_usable group by all order by 1"
    ).fetchall()
    connection.execute("create table if not exists control.archive_files (view_name varchar, file varchar)")
    archived = connection.execute("select file from control.archive_files order by 1").fetchall()
    connection.execute("checkpoint")
    sessions = {name: SessionSpan(first=first, last=last, count=count) for name, first, last, count in spans}
    compacted = tuple(file for (file,) in archived if file.startswith(f"{ARCHIVE}/"))
    return Build(
        id=build_id,
        created_at=now,
        file=_file(build_id),
        marts=marts,
        sessions=sessions,
        archive=compacted,
    )


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    row = connection.execute(f'select count(*) from main."{table}"').fetchone()  # noqa: S608 - a name from the catalog
    return 0 if row is None else int(row[0])


def _sweep(layout: Layout) -> None:
    """Remove what killed publishes left: half-written files, and builds without a whole description."""
    layout.blobs.sweep(BUILDS)
    whole = {build.id for build in published(layout)}
    for key, build_id in _named(layout):
        if build_id not in whole:
            layout.blobs.delete(key)
    # The second pattern is that of version 0.1.
    for leftover in (*layout.scratch.rglob("*"), *layout.data.glob(f".{layout.people.name}.*.tmp")):
        if leftover.is_file():
            leftover.unlink(missing_ok=True)


def _prune(layout: Layout, *, keep: int) -> None:
    """Remove the oldest builds beyond `keep`, never the current one or a newer one, to make room for the next.

    A reader that has one attached keeps it: its file lives on until the reader lets go. One that is about to attach has
    read the pointer some milliseconds before: if it loses the race, it reads again.
    """
    kept = published(layout)
    now = pointed(layout)
    for build in kept[:-keep]:
        if now is None or build.number < now.number:
            layout.blobs.delete(_description(build.id))
            layout.blobs.delete(build.file)


def _named(layout: Layout) -> list[tuple[str, str]]:
    """Return every blob that is named after a build, with the build's id."""
    keys = [found.key for found in layout.blobs.list(BUILDS)]
    named = [(key, key.removeprefix(f"{BUILDS}/").rsplit(".", 1)[0]) for key in keys]
    return [(key, build_id) for key, build_id in named if _ID.match(build_id)]


def _file(build_id: str) -> str:
    return f"{BUILDS}/{build_id}.duckdb"


def _description(build_id: str) -> str:
    return f"{BUILDS}/{build_id}.json"


def _whole(layout: Layout, build_id: str) -> Build | None:
    """Return the description of a build, or None if it is missing or damaged."""
    try:
        return Build.model_validate_json(layout.blobs.get(_description(build_id)))
    except (FileNotFoundError, ValueError):
        return None


def _number(build_id: str) -> int:
    found = _ID.match(build_id)
    if found is None:
        msg = f"{build_id!r} is no build id: they look like 20261121T020000-00001"
        raise WarehouseError(msg)
    return int(found.group(1))
