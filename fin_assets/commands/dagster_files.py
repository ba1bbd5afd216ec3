"""Dagster's SQLite databases as files: whether they are whole, and how a damaged one is put aside."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from fin_assets import clock

if TYPE_CHECKING:
    from fin_assets.settings import Settings

ASIDE = "damaged"
"""Folder below Dagster's home for databases that were put aside."""


def home_of(settings: Settings) -> Path:
    """Return the home of Dagster, which may not exist yet."""
    return Path(os.environ.get("DAGSTER_HOME") or settings.data / "dagster")


def damaged_databases(home: Path) -> Iterator[tuple[Path, str]]:
    """Yield each database that is damaged, with the reason."""
    for path in sorted(home.rglob("*.db")):
        if ASIDE in path.relative_to(home).parts:
            continue
        problem = _problem(path)
        if problem is not None:
            yield path, f"{path} is damaged ({problem})"


def put_aside(home: Path, path: Path) -> Path:
    """Move a database and its logs away, so that Dagster makes a new one; return where it is now.

    What Dagster knew of past runs goes with it. What was collected is in the manifests.
    """
    folder = home / ASIDE / f"{clock.now():%Y%m%dT%H%M%S}"
    folder.mkdir(parents=True, exist_ok=True)
    for each in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        if each.exists():
            each.replace(folder / each.name)
    return folder / path.name


def _problem(path: Path) -> str | None:
    try:
        # An empty file is a database that has just been made.
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            [[said], *_] = connection.execute("pragma quick_check(1)").fetchall()
    except sqlite3.OperationalError:
        # Locked, or on a disk that cannot be read: no fault of its content.
        return None
    except sqlite3.DatabaseError as error:
        return str(error)
    return None if said == "ok" else str(said)
