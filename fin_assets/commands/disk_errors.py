"""Errors of the disk as users see them, whichever library met them first: full, read-only, another's, not a directory."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

KEPT = "What was stored before is kept, and readers keep the published build"
CONTINUE = "then run the same command again: it continues where it stopped"
OTHER_DIRECTORY = "set data_dir in fin.toml to another directory"

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FULL_WORDS = ("no space left on device", "database or disk is full", "disk quota exceeded", "file too large")
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_REFUSED_WORDS = (
    "read-only file system",
    "readonly database",
    "permission denied",
    "operation not permitted",
)
_NO_PLACE = {errno.ENOTDIR, errno.EEXIST, errno.EISDIR}
_NO_DATABASE = "unable to open database file"
_BROKEN = {errno.EIO}
_BROKEN_WORDS = ("disk i/o error",)
_OPEN_FILES = {errno.EMFILE, errno.ENFILE}


class DiskProblem(NamedTuple):
    """What happened, to what, and what is kept; and what mends it."""

    what: str
    remedy: str


def disk_problem(error: BaseException) -> DiskProblem | None:
    """Return the problem of the disk behind an error, or behind what led to it; None if there is none."""
    for each in _chain(error):
        found = _one(each)
        if found is not None:
            return found
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        each = left.pop(0)
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        # What was being handled may be why the handler failed: the log of a failed run needs the same disk.
        left += [each.__cause__, each.__context__, getattr(each, "orig", None)]


def _one(error: BaseException) -> DiskProblem | None:  # noqa: PLR0911 - one return a kind
    number = error.errno if isinstance(error, OSError) else None
    # Libraries that write files and databases by themselves say it in words.
    said = str(error).lower()
    if number in _FULL or _says(said, _FULL_WORDS):
        return DiskProblem(
            f"No space left on the disk{_at(error)}. {KEPT}.",
            f"free some space (fin doctor says how much there is), or {OTHER_DIRECTORY}, {CONTINUE}",
        )
    if number in _REFUSED or _says(said, _REFUSED_WORDS):
        read_only = number == errno.EROFS or "read-only" in said or "readonly" in said
        what = "The file system is read-only" if read_only else "This user has no permission"
        return DiskProblem(
            f"{what}{_at(error)}{_owner(error)}. {KEPT}.",
            f"give this user the permission, or {OTHER_DIRECTORY}, {CONTINUE}",
        )
    if number in _NO_PLACE:
        return DiskProblem(
            f"No directory can be made{_at(error)}: a file is in its place.", f"move that file, or {OTHER_DIRECTORY}"
        )
    if _NO_DATABASE in said:
        return DiskProblem(
            f"A database in the data directory cannot be opened ({error}).", f"make it writable, or {OTHER_DIRECTORY}"
        )
    if number in _BROKEN or _says(said, _BROKEN_WORDS):
        return DiskProblem(
            f"The disk reports an error, or a limit on the size of files{_at(error)}. {KEPT}.",
            f"see that the disk has space and is whole (fin doctor), or {OTHER_DIRECTORY}, {CONTINUE}",
        )
    if number in _OPEN_FILES:
        return DiskProblem(
            "This process may open no more files.", "raise the limit: ulimit -n 4096, then run the command again"
        )
    return None


def _says(said: str, words: tuple[str, ...]) -> bool:
    return any(word in said for word in words)


def _at(error: BaseException) -> str:
    name = getattr(error, "filename", None)
    return f" at {name}" if name else ""


def _owner(error: BaseException) -> str:
    """Return the owner of the nearest existing directory, if that is another user."""
    name = getattr(error, "filename", None)
    if not isinstance(name, str | bytes | os.PathLike):
        return ""
    path = Path(os.fsdecode(name)).absolute()
    for each in (path, *path.parents):
        try:
            return f" ({each} belongs to {each.owner()})"
        except (OSError, KeyError):
            continue  # it is not there yet, or its owner has no name here: the directory above it tells
    return ""
