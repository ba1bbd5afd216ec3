"""Files under keys, for everything that several processes or machines share: one protocol and its local implementation.

A key is a relative POSIX path such as `marts/builds/x.json`. A reader sees a blob whole or not at all, and what was written
survives a power cut. No name in a key starts with a dot: such files are half written, and no listing shows them.
Nothing here knows what a blob means.
"""

from __future__ import annotations

import builtins
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple, Protocol

from filelock import FileLock

READ_ONLY = 0o444


class BlobStat(NamedTuple):
    """What is known of a blob without reading it.

    Attributes:
        key: of the blob.
        size: in bytes.
        tag: another one whenever the blob is replaced.
    """

    key: str
    size: int
    tag: str


class Blobs(Protocol):
    """A place for blobs. A key that leaves it, or that no listing would show, is refused with ValueError."""

    def get(self, key: str) -> bytes:
        """Return a blob.

        Raises:
            FileNotFoundError: there is none.
        """
        ...

    def put(self, key: str, content: bytes) -> None:
        """Write a blob, or replace it in one step."""
        ...

    def put_if_absent(self, key: str, content: bytes) -> bool:
        """Write a blob if there is none; of several writers exactly one gets True."""
        ...

    def put_if_match(self, key: str, content: bytes, tag: str) -> bool:
        """Replace a blob in one step if it still has this tag; of several writers exactly one gets True.

        Safe against other conditional writers, not against `put` and `delete`: a key has writers of one kind.
        """
        ...

    def list(self, prefix: str = "", *, name: str | None = None) -> Iterator[BlobStat]:
        """Yield the blobs below a folder, at any depth, sorted by key; nothing if there is no such folder.

        Args:
            prefix: the folder, without a slash at its end; everything if empty.
            name: only the blobs whose last name is this one; below a folder that has one, no other is looked for.
        """
        ...

    def folders(self, prefix: str = "") -> builtins.list[str]:
        """Return the names of the folders right below a folder, sorted."""
        ...

    def stat(self, key: str) -> BlobStat | None:
        """Return the size and tag of a blob, or None if there is none."""
        ...

    def delete(self, key: str) -> None:
        """Remove a blob, if it is there."""
        ...

    def upload(self, key: str, path: Path) -> None:
        """Write a blob from a local file of any size; it is never to be changed."""
        ...

    def download(self, key: str, path: Path) -> None:
        """Write a blob to a local file in one step.

        Raises:
            FileNotFoundError: there is none.
        """
        ...

    def uri(self, key: str) -> str:
        """Return the name by which DuckDB and Polars open a blob."""
        ...

    def sweep(self, prefix: str = "") -> None:
        """Remove what killed writers left half written below a folder. Nobody may be writing there."""
        ...


class LocalBlobs:
    """Blobs as files of a directory."""

    def __init__(self, root: Path) -> None:
        """Take the directory; it is made with the first blob."""
        self.root = root
        self._base = str(root.resolve())

    def get(self, key: str) -> bytes:
        """See `Blobs.get`."""
        with _missing_told(key):
            return self._path(key).read_bytes()

    def put(self, key: str, content: bytes) -> None:
        """See `Blobs.put`."""
        write_atomically(self._path(key), content)

    def put_if_absent(self, key: str, content: bytes) -> bool:
        """See `Blobs.put_if_absent`. A hard link is made only where no file is."""
        path = self._path(key)
        with _beside(path) as temporary:
            _write(temporary, content)
            try:
                path.hardlink_to(temporary)
            except FileExistsError:
                return False
        make_durable(path.parent)
        return True

    def put_if_match(self, key: str, content: bytes, tag: str) -> bool:
        """See `Blobs.put_if_match`. The comparison and the replacement hold a lock file beside the blob."""
        path = self._path(key)
        if self.stat(key) is None:
            return False
        with FileLock(path.with_name(f".{path.name}.lock")), _beside(path) as temporary:
            found = self.stat(key)
            if found is None or found.tag != tag:
                return False
            _write(temporary, content)
            # Two replacements within one tick of the clock must not have the same time, or an inode that is used again
            # would bring an old tag back.
            newer = max(temporary.stat().st_mtime_ns, path.stat().st_mtime_ns + 1)
            os.utime(temporary, ns=(newer, newer))
            temporary.replace(path)
            make_durable(path.parent)
        return True

    def list(self, prefix: str = "", *, name: str | None = None) -> Iterator[BlobStat]:
        """See `Blobs.list`."""
        root = self._path(prefix) if prefix else self.root
        return _walk(str(root), f"{prefix}/" if prefix else "", name)

    def folders(self, prefix: str = "") -> builtins.list[str]:
        """See `Blobs.folders`."""
        root = self._path(prefix) if prefix else self.root
        return [key[:-1] for _, key, is_folder in reversed(_entries(str(root), "")) if is_folder]

    def stat(self, key: str) -> BlobStat | None:
        """See `Blobs.stat`."""
        found = _status(str(self._path(key)))
        return _stat(key, found) if found is not None and S_ISREG(found.st_mode) else None

    def delete(self, key: str) -> None:
        """See `Blobs.delete`."""
        self._path(key).unlink(missing_ok=True)

    def upload(self, key: str, path: Path) -> None:
        """See `Blobs.upload`. The file is read-only."""
        copy_atomically(path, self._path(key))

    def download(self, key: str, path: Path) -> None:
        """See `Blobs.download`. The file is read-only."""
        with _missing_told(key):
            copy_atomically(self._path(key), path)

    def uri(self, key: str) -> str:
        """See `Blobs.uri`: the absolute path."""
        _check(key)
        return f"{self._base}/{key}"

    def sweep(self, prefix: str = "") -> None:
        """See `Blobs.sweep`."""
        root = self._path(prefix) if prefix else self.root
        for path in root.rglob(".*"):
            if path.is_file():
                path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        _check(key)
        return self.root / key


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file that is either wholly there or not at all, also after a power cut."""
    with _beside(path) as temporary:
        _write(temporary, content)
        temporary.replace(path)
    make_durable(path.parent)


def copy_atomically(source: Path, target: Path) -> None:
    """Copy a file, read-only and durable, under a name that is complete as soon as it exists."""
    with _beside(target) as temporary:
        shutil.copyfile(source, temporary)
        temporary.chmod(READ_ONLY)
        make_durable(temporary)
        temporary.replace(target)
    make_durable(target.parent)


def make_durable(path: Path) -> None:
    """Return once a file, or the names in a directory, would survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check(key: str) -> None:
    if key.startswith(".") or "/." in f"/{key}" or "//" in f"/{key}/" or "\\" in key or "\0" in key:
        msg = f"{key!r} is no key of a blob: a key is a relative path, and none of its names starts with a dot"
        raise ValueError(msg)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Give a name for a half-written file of one writer, in the directory of the finished one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _missing_told(key: str) -> Iterator[None]:
    """Tell that a blob is missing in one way, also where a folder has its name or a file that of its folder."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        msg = f"there is no blob {key}"
        raise FileNotFoundError(msg) from error


def _walk(folder: str, prefix: str, name: str | None) -> Iterator[BlobStat]:
    """Yield as `Blobs.list` does."""
    # One generator with a stack, and texts in place of paths: ten years of manifests are ten thousand and more.
    left = [(folder, prefix, True)]
    while left:
        path, key, is_folder = left.pop()
        if not is_folder:
            found = _status(path)
            if found is not None:
                yield _stat(key, found)
        elif name is None:
            left.extend(_entries(path, key))
        else:
            # A look at one name costs a quarter of reading a folder.
            found = _status(f"{path}/{name}")
            if found is not None and S_ISREG(found.st_mode):
                yield _stat(key + name, found)
            else:
                left.extend(entry for entry in _entries(path, key) if entry[2])


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116 - see `_walk`
    except (FileNotFoundError, NotADirectoryError):
        return None


def _entries(folder: str, prefix: str) -> list[tuple[str, str, bool]]:
    """Return path, key, and whether it is a folder, of what a folder holds: last key first."""
    try:
        with os.scandir(folder) as entries:
            found = [
                # A folder is sorted with the slash that its keys have after it.
                (entry.path, f"{prefix}{entry.name}/" if entry.is_dir() else prefix + entry.name, entry.is_dir())
                for entry in entries
                if not entry.name.startswith(".")
            ]
    except (FileNotFoundError, NotADirectoryError):
        return []
    found.sort(key=itemgetter(1), reverse=True)
    return found


def _stat(key: str, found: os.stat_result) -> BlobStat:
    return BlobStat(key, found.st_size, f"{found.st_mtime_ns}-{found.st_size}-{found.st_ino}")
