"""Dagster's databases as files: damage is found, and a damaged one is put aside with its logs."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from fin_assets.commands.dagster_files import damaged_databases, put_aside
from fin_assets.commands.errors import explain
from tests.core.test_recovery import cut, flip


def made(path: Path) -> Path:
    """Make a database of some pages."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table runs (run_id text primary key, body text)")
        connection.executemany("insert into runs values (?, ?)", [(str(n), "x" * 500) for n in range(200)])
        connection.commit()
    return path


def garbage(path: Path) -> None:
    """Replace all of a file."""
    path.write_bytes(b"this is no database " * 400)


@pytest.mark.parametrize("damage", [cut, flip, garbage])
def test_a_damaged_database_is_found_and_put_aside(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    whole, path = made(tmp_path / "schedules/schedules.db"), made(tmp_path / "history/runs.db")
    assert list(damaged_databases(tmp_path)) == []
    damage(path)
    path.with_name("runs.db-wal").write_bytes(b"")
    [(found, problem)] = damaged_databases(tmp_path)
    assert found == path
    assert str(path) in problem
    aside = put_aside(tmp_path, path)
    assert aside.exists()
    assert sorted(each.name for each in path.parent.iterdir()) == []
    assert list(damaged_databases(tmp_path)) == []
    assert whole.exists()


def test_a_damaged_database_is_named_with_the_command_that_mends_it() -> None:
    shown = explain(sqlite3.DatabaseError("file is not a database"))
    assert "Dagster's storage is damaged" in shown.what
    assert "fin doctor --data --mend" in shown.remedy
    assert "fin doctor" not in explain(sqlite3.OperationalError("database is locked")).remedy
