"""Publishing: from the tested private build to the one that readers see, and back. Nothing here builds or reads marts.

A build is copied under a name of its own, made durable, and only then pointed to; the pointer is replaced in one step.
What is published is never changed again. People get a copy of their own, so that no shell can disturb a dashboard.
"""

from __future__ import annotations

import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path

import duckdb
from pydantic import BaseModel, ConfigDict, ValidationError

from fin_assets import clock
from fin_assets.core.storage.store import make_durable, write_atomically
from fin_assets.warehouse import archive
from fin_assets.warehouse.lock import build_connection
from fin_assets.warehouse.paths import Layout, NothingPublished, WarehouseError

_ID = re.compile(r"^\d{8}T\d{6}-(\d{5})$")


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
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    created_at: datetime
    file: str
    marts: dict[str, int]
    sessions: dict[str, SessionSpan]
    archive: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        """The number that orders builds."""
        return _number(self.id)


class _Pointer(BaseModel):
    build_id: str
    created_at: datetime
    file: str


def publish(layout: Layout, *, keep: int) -> Build:
    """Make the private build file what readers see. The caller holds `writer_lock`, and every test has passed.

    Args:
        layout: of the data directory.
        keep: how many builds stay, the new one included.

    Raises:
        WarehouseError: the build file cannot be opened, or was left with a log that is not in it.
        OSError: the disk is full; readers keep the build before.
    """
    layout.builds.mkdir(parents=True, exist_ok=True)
    for leftover in layout.builds.glob(".*.copy"):
        leftover.unlink(missing_ok=True)
    number = max((build.number for build in published(layout)), default=0) + 1
    now = clock.now()
    build_id = f"{now:%Y%m%dT%H%M%S}-{number:05d}"
    with build_connection(layout) as connection:
        build = _sign(connection, build_id, now)
    wal = layout.build.with_name(layout.build.name + ".wal")
    if wal.exists():
        msg = f"{wal} is left although the build was closed: another process has the file open; end it and build again"
        raise WarehouseError(msg)
    people = _beside(layout.people)
    try:
        # All at once: the only part of a build whose time grows with the history.
        with ThreadPoolExecutor(max_workers=3) as at_once:
            copies = [at_once.submit(_copy, layout.build, target) for target in (layout.data / build.file, people)]
            at_once.submit(_prune, layout, keep=keep - 1).result()
            for copy in copies:
                copy.result()
        write_atomically(layout.builds / f"{build_id}.json", build.model_dump_json(indent=1).encode())
        _switch(layout, build, people)
    finally:
        people.unlink(missing_ok=True)
    archive.sweep(layout, {file for kept in published(layout) for file in kept.archive})
    return build


def published(layout: Layout) -> list[Build]:
    """Return the published builds that are still kept, oldest first."""
    found = [
        _read(path)
        for path in layout.builds.glob("*.json")
        if _ID.match(path.stem) and path.with_suffix(".duckdb").exists()
    ]
    return sorted(found, key=lambda build: build.number)


def current(layout: Layout) -> Build:
    """Return the build that readers see.

    Raises:
        NothingPublished: there is none yet.
        WarehouseError: the pointer or the build's description is damaged, or was pruned at this moment.
    """
    return _read(layout.builds / f"{current_id(layout)}.json")


def current_id(layout: Layout) -> str:
    """Return the id of the build that readers see.

    Raises:
        NothingPublished: there is none yet.
        WarehouseError: the pointer is damaged.
    """
    try:
        text = layout.pointer.read_text(encoding="utf-8")
    except FileNotFoundError:
        msg = "no build of the marts has been published yet: fin demo makes one, or fin run SOURCE and then fin build"
        raise NothingPublished(msg) from None
    try:
        return _Pointer.model_validate_json(text).build_id
    except ValidationError as error:
        msg = f"{layout.pointer} is damaged ({text[:80]!r}): make it anew with fin build --full-refresh"
        raise WarehouseError(msg) from error


def rollback(layout: Layout, build_id: str | None = None) -> Build:
    """Point readers to another kept build: the one named, or the one before the current. The caller holds the lock.

    The next build that is published is a new one, from the staged data as it then is.

    Raises:
        WarehouseError: there is no such build; the message names those that are kept.
    """
    now, kept = current(layout), published(layout)
    candidates = [build for build in kept if (build.id == build_id if build_id else build.number < now.number)]
    if not candidates:
        what = f"there is no build {build_id}" if build_id else f"no build before {now.id} is kept"
        msg = f"{what}; kept are {', '.join(build.id for build in kept)}"
        raise WarehouseError(msg)
    people = _beside(layout.people)
    _copy(layout.data / candidates[-1].file, people)
    _switch(layout, candidates[-1], people)
    return candidates[-1]


def shell_file(layout: Layout) -> Path:
    """Return the file for `duckdb -readonly`, without a log that another shell has left beside it.

    DuckDB would replay such a log silently into a file that it was not written for.

    Raises:
        NothingPublished: there is none yet.
    """
    current(layout)
    _people_wal(layout).unlink(missing_ok=True)
    return layout.people


def _sign(connection: duckdb.DuckDBPyConnection, build_id: str, now: datetime) -> Build:
    """Write into the file what it is, so that every reader can tell which build it sees."""
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
    compacted = tuple(file for (file,) in archived if file.startswith("marts/archive/"))
    return Build(
        id=build_id,
        created_at=now,
        file=f"marts/builds/{build_id}.duckdb",
        marts=marts,
        sessions=sessions,
        archive=compacted,
    )


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    row = connection.execute(f'select count(*) from main."{table}"').fetchone()  # noqa: S608 - a name from the catalog
    return 0 if row is None else int(row[0])


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _switch(layout: Layout, build: Build, people: Path) -> None:
    """Point readers to a build, and give people their copy of it."""
    pointer = _Pointer(build_id=build.id, created_at=build.created_at, file=build.file)
    write_atomically(layout.pointer, pointer.model_dump_json(indent=1).encode())
    # Before, so that the new file never lies beside an old log; after, because a shell may have written one meanwhile.
    _people_wal(layout).unlink(missing_ok=True)
    people.replace(layout.people)
    _people_wal(layout).unlink(missing_ok=True)
    make_durable(layout.data)


def _copy(source: Path, target: Path) -> None:
    """Copy a file, read-only and durable, under a name that is complete as soon as it exists."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.copy")
    try:
        shutil.copyfile(source, temporary)
        temporary.chmod(0o444)
        make_durable(temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    make_durable(target.parent)


def _prune(layout: Layout, *, keep: int) -> None:
    """Remove the oldest builds beyond `keep`, never the current one or a newer one, to make room for the next.

    A reader that has one attached keeps it: its file lives on until the reader lets go. One that is about to attach has
    read the pointer some milliseconds before: if it loses the race, it reads again.
    """
    kept = published(layout)
    if len(kept) <= keep:
        return
    pointed = current(layout).number
    for build in kept[:-keep]:
        if build.number < pointed:
            (layout.builds / f"{build.id}.json").unlink(missing_ok=True)
            (layout.data / build.file).unlink(missing_ok=True)


def _read(path: Path) -> Build:
    try:
        return Build.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError) as error:
        msg = f"{path} is missing or damaged: remove it, and make a new build with fin build --full-refresh"
        raise WarehouseError(msg) from error


def _number(build_id: str) -> int:
    found = _ID.match(build_id)
    if found is None:
        msg = f"{build_id!r} is no build id: they look like 20261121T020000-00001"
        raise WarehouseError(msg)
    return int(found.group(1))


def _people_wal(layout: Layout) -> Path:
    return layout.people.with_name(layout.people.name + ".wal")
