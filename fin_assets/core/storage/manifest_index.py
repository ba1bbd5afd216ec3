"""A small index of manifests: state and attempts of each session of a table, without the record of each unit.

    index/<mode>/<source>/<table>.json     a checksum, then the summary of each manifest with the tag of its file

A manifest of 900 units takes 18 ms to read, and ten years have 2,500 of each table. A summary counts only while the file of its
manifest has the same tag (size, time and inode), so that the index is never wrong, and at any time it can be removed: what is
missing, stale or damaged in it is read from the manifests again.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from datetime import date, datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from fin_assets.core.contract.manifest import Manifest, PartitionKey, PartitionState, Record
from fin_assets.core.storage.store import MANIFEST, Store

log = logging.getLogger(__name__)

FOLDER = "index"
"""Folder of the indexes, below the data directory."""

VERSION = 1
"""Of what `Summary.of` computes: another one makes all indexes again."""

SAVE_EVERY = 200
"""Manifests that are read before what is known is written: an index of years that is being made can be interrupted."""


_LOST = "lost"
"""Tag of a manifest that is missing beside a sealed raw file."""


class Summary(Record):
    """What a manifest says of its session as a whole.

    Attributes:
        units, done: units that the session must have, and that are fetched or proven empty.
        rows: staged rows.
        to_heal, exhausted, is_provisional, half: as in Manifest.
        is_damaged: the manifest cannot be read.
        why: as `Manifest.why()`.
        evidence, staged_file, quarantine_file: as in the manifest, relative to the data directory; evidence of missing units.
    """

    source: str
    table: str
    session: date
    state: PartitionState
    units: int
    done: int
    rows: int
    attempts: int
    next_retry_at: datetime | None
    to_heal: bool
    exhausted: bool
    is_provisional: bool
    is_damaged: bool
    blocked_by: tuple[str, ...]
    half: tuple[str, ...]
    why: str
    evidence: tuple[str, ...]
    staged_file: str | None
    quarantine_file: str | None

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        """Return the summary of a manifest."""
        return cls(
            source=manifest.source,
            table=manifest.table,
            session=manifest.session,
            state=manifest.state,
            units=len(manifest.units),
            done=manifest.done,
            rows=manifest.staged.rows if manifest.staged else 0,
            attempts=manifest.attempts,
            next_retry_at=manifest.next_retry_at,
            to_heal=manifest.to_heal,
            exhausted=manifest.exhausted,
            is_provisional=manifest.is_provisional,
            is_damaged=manifest.damage is not None,
            blocked_by=manifest.blocked_by,
            half=manifest.half,
            why=manifest.why(),
            evidence=tuple(path for unit in manifest.unfinished() for path in unit.evidence),
            staged_file=manifest.staged.file if manifest.staged else None,
            quarantine_file=manifest.staged.quarantine_file if manifest.staged else None,
        )


class _Entry(Record):
    tag: str
    summary: Summary


class _Index(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: int = VERSION
    entries: dict[date, _Entry] = {}


def summaries(store: Store, source: str, table: str, *, first: date = date.min, last: date = date.max) -> list[Summary]:
    """Return the summary of each manifest of a table from `first` to `last`, by session. Only changed manifests are read."""
    tags = _tags(store, source, table)
    name = f"{FOLDER}/{store.place(source)}/{table}.json"
    entries = _read(store, name)
    gone = entries.keys() - tags.keys()
    changed = 0
    for day, tag in tags.items():
        known = entries.get(day)
        if not first <= day <= last or (known is not None and known.tag == tag):
            continue
        manifest = store.manifest(PartitionKey(source, table, day))
        if manifest is None:
            gone |= {day}
            continue
        entries[day] = _Entry(tag=tag, summary=Summary.of(manifest))
        changed += 1
        if changed % SAVE_EVERY == 0:
            _write(store, name, entries, gone)
    if changed % SAVE_EVERY or gone & entries.keys():
        _write(store, name, entries, gone)
    return [entries[day].summary for day in sorted(tags.keys() - gone) if first <= day <= last]


def _tags(store: Store, source: str, table: str) -> dict[date, str]:
    found: dict[date, str] = {}
    for stat in store.blobs.list(f"raw/{store.place(source)}/{table}", name=MANIFEST):
        try:
            found[date.fromisoformat(stat.key.split("/")[-2])] = stat.tag
        except ValueError:
            log.debug("%s is the manifest of no session", stat.key)
    # A session that has lost its manifest has a sealed raw file.
    return found | {day: _LOST for day in store.sessions(source, table) if day not in found}


def _read(store: Store, name: str) -> dict[date, _Entry]:
    """Return what the index knows; nothing if there is none, or if it is damaged or of another version."""
    try:
        checksum, _, content = store.blobs.get(name).partition(b"\n")
    except OSError:
        return {}
    if hashlib.sha256(content).hexdigest().encode() != checksum:
        return {}
    try:
        index = _Index.model_validate_json(content)
    except ValidationError:
        return {}
    return index.entries if index.version == VERSION else {}


def _write(store: Store, name: str, entries: dict[date, _Entry], gone: Iterable[date]) -> None:
    for day in gone:
        entries.pop(day, None)
    content = _Index(entries=entries).model_dump_json().encode()
    try:
        store.blobs.put(name, hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
    except OSError as error:
        # The answer is right without it: on a full disk, or by a user who may only read.
        log.debug("the index %s is not written: %s", name, error)
