"""`data/warehouse.duckdb`, the copy of the current build that people open in a shell of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fin_assets.core.storage.blobs import make_durable
from fin_assets.warehouse.paths import Layout

_MAGIC_AT, _MAGIC = 8, b"DUCK"
"""Where the mark of a DuckDB file lies in it."""


def is_whole(layout: Layout, *, size: int) -> bool:
    """Return whether the file is as long as the build that it is a copy of, and a database by its first bytes.

    No checksum: a shell has to open at once.
    """
    try:
        with layout.people.open("rb") as file:
            begins = file.read(_MAGIC_AT + len(_MAGIC))
        found = layout.people.stat().st_size
    except OSError:
        return False
    return found == size and begins[_MAGIC_AT:] == _MAGIC


@contextmanager
def new(layout: Layout) -> Iterator[Path]:
    """Give a name for the next file, on the same file system; a remaining file is removed."""
    people = layout.scratch / layout.people.name
    try:
        yield people
    finally:
        people.unlink(missing_ok=True)


def give(layout: Layout, people: Path) -> None:
    """Replace the present file by one that was written under the name of `new`."""
    # Before, so that the new file never lies beside an old log; after, because a shell may have written one meanwhile.
    _wal(layout).unlink(missing_ok=True)
    people.replace(layout.people)
    _wal(layout).unlink(missing_ok=True)
    make_durable(layout.data)


def log(layout: Layout) -> Path | None:
    """Return the log that a shell has left beside the file, or None."""
    wal = _wal(layout)
    return wal if wal.exists() else None


def _wal(layout: Layout) -> Path:
    return layout.people.with_name(layout.people.name + ".wal")
