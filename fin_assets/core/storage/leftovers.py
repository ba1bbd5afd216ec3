"""Files that nothing needs any more: what each kind is, which of its files are old enough, and their removal.

Raw answers, manifests and the staged files that count are never among them. The caller names the files that kept
builds read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fin_assets.core.storage.manifest_index import Summary, summaries
from fin_assets.core.storage.store import Store
from fin_assets.settings import RetentionSettings

UNFINISHED = timedelta(days=1)
"""A half-written file of this age has no writer any more."""

WRITTEN = ("raw", "staged", "quarantine", "index", "inbox", "quota")
"""Folders whose files are written beside their name first."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file that can go, and its bytes."""

    path: Path
    bytes: int


@dataclass(frozen=True, slots=True)
class Kind:
    """Files of one kind that can go; `name` says in words what they are."""

    name: str
    files: list[Leftover]

    @property
    def bytes(self) -> int:
        """What they take."""
        return sum(file.bytes for file in self.files)


def leftovers(data: Path, keep: RetentionSettings, *, now: datetime, in_use: Collection[str]) -> list[Kind]:
    """Return the files that can go, by kind.

    Args:
        data: the data directory.
        keep: how long each kind is kept.
        now: the present.
        in_use: staged files that kept builds read, relative to the data directory.
    """
    known = [each for store, source, table in _tables(data) for each in summaries(store, source, table)]
    named = {file for each in known for file in (each.quarantine_file, *each.evidence) if file is not None}
    limits = {
        "evidence of failures": ("evidence", keep.evidence_days),
        "refused rows": ("quarantine", keep.quarantine_days),
        "snapshots of running sessions": ("intraday", keep.intraday_days),
        "logs of servers": ("logs", keep.logs_days),
    }
    kinds = [
        Kind(
            name,
            [
                found
                for found in _older(data / folder, now - timedelta(days=days))
                if found.path.relative_to(data).as_posix() not in named
            ],
        )
        for name, (folder, days) in limits.items()
    ]
    staged = list(_replaced(data, known, before=now - timedelta(days=keep.staged_days), in_use=in_use))
    unfinished = [found for folder in WRITTEN for found in _older(data / folder, now - UNFINISHED, pattern=".*.tmp")]
    return [Kind("replaced staged files", staged), *kinds, Kind("half-written files", unfinished)]


def remove(data: Path, kinds: Iterable[Kind]) -> None:
    """Remove files, and the folders that are empty without them. A file that has gone meanwhile is none."""
    for kind in kinds:
        for file in kind.files:
            file.path.unlink(missing_ok=True)
            _remove_empty(file.path.parent, above=data)


def _tables(data: Path) -> Iterator[tuple[Store, str, str]]:
    """Yield each table that has raw data, of every mode, with a store of that mode."""
    blobs = Store(data).blobs
    for mode in ("sandbox", "live"):
        for source in blobs.folders(f"raw/{mode}"):
            store = Store(data, {source: mode})
            for table in blobs.folders(f"raw/{mode}/{source}"):
                yield store, source, table


def _replaced(data: Path, known: Iterable[Summary], *, before: datetime, in_use: Collection[str]) -> Iterator[Leftover]:
    """Yield the staged files whose session has another one since before an instant.

    A session without a staged file, or with a damaged manifest, keeps all that it has.
    """
    for each in known:
        if each.staged_file is None:
            continue
        now = data / each.staged_file
        if not now.exists() or _changed_at(now) > before:
            continue
        for path in now.parent.glob(f"{each.session}-*.parquet"):
            name = path.relative_to(data).as_posix()
            if path != now and name not in in_use and _changed_at(path) <= before:
                yield Leftover(path, path.stat().st_size)


def _older(folder: Path, before: datetime, *, pattern: str = "*") -> Iterator[Leftover]:
    for path in sorted(folder.rglob(pattern)):
        if path.is_file() and not path.is_symlink() and _changed_at(path) <= before:
            yield Leftover(path, path.stat().st_size)


def _changed_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _remove_empty(folder: Path, *, above: Path) -> None:
    while folder != above and above in folder.parents and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
