"""A table of situations: errors of the surroundings and of the user, each with its message, exit code, and what is kept."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from fin_assets.commands.errors import explain
from fin_assets.core.contract.failures import MissingPanel
from fin_assets.core.contract.manifest import Manifest, PartitionState, UnitRecord, UnitState
from fin_assets.core.storage.store import store_of
from fin_assets.settings import settings
from fin_assets.warehouse.paths import BuildFailed
from tests.cli.conftest import Fin, flat
from tests.core.fakes import NAME, TABLE, FakeSite

KEPT, NEW = date(2026, 3, 19), date(2026, 3, 20)
RUN_NEW = ("run", NAME, "--session", str(NEW), "--no-marts")


def data_is_a_file(home: Path, patch: pytest.MonkeyPatch) -> None:
    (home / "data").rename(home / "elsewhere")
    (home / "data").write_text("")


def data_cannot_be_made(home: Path, patch: pytest.MonkeyPatch) -> None:
    patch.delenv("DAGSTER_HOME")
    patch.setenv("FIN_DATA_DIR", "/proc/no-such/data")


def home_is_missing(home: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("FIN_HOME", str(home / "nope"))


def settings_are_a_directory(home: Path, patch: pytest.MonkeyPatch) -> None:
    (home / "fin.toml").mkdir()


def settings_are_damaged(home: Path, patch: pytest.MonkeyPatch) -> None:
    (home / "fin.toml").write_bytes(b"[servers]\ndagster_port = 30\xff\n")


def settings_have_an_unknown_key(home: Path, patch: pytest.MonkeyPatch) -> None:
    (home / "fin.toml").write_text("[servers]\ndagster_prot = 1")


def clock(value: str) -> Callable[[Path, pytest.MonkeyPatch], None]:
    return lambda _home, patch: patch.setenv("FIN_CLOCK", value)


def storage_fails(number: int) -> Callable[[Path, pytest.MonkeyPatch], None]:
    def situation(home: Path, patch: pytest.MonkeyPatch) -> None:
        def fails(_log: object, _unit: object) -> None:
            raise OSError(number, os.strerror(number), str(home / "data/raw/units.log"))

        patch.setattr("fin_assets.core.storage.unit_log.UnitLog.append", fails)

    return situation


def dagster_fails(message: str) -> Callable[[Path, pytest.MonkeyPatch], None]:
    def situation(home: Path, patch: pytest.MonkeyPatch) -> None:
        from sqlalchemy.exc import OperationalError

        def fails(*_: object) -> None:
            raise OperationalError("INSERT INTO runs", None, sqlite3.OperationalError(message))

        patch.setattr("dagster._core.instance.DagsterInstance.add_run", fails, raising=False)
        patch.setattr("dagster._core.storage.runs.sql_run_storage.SqlRunStorage.add_run", fails)

    return situation


def nothing(home: Path, patch: pytest.MonkeyPatch) -> None:
    pass


FULL = ("No space left on the disk", "What was stored before is kept", "free some space", "data_dir")
CLOCK = ("FIN_CLOCK", "2026-11-21T00:00:00+00:00", "unset it")
SITUATIONS = [
    ("data_dir is a file", data_is_a_file, RUN_NEW, 2, ("data_dir names", "which is a file", "move it")),
    ("data_dir is a file, read", data_is_a_file, ("status",), 2, ("data_dir names", "which is a file")),
    ("data_dir cannot be made", data_cannot_be_made, RUN_NEW, 1, ("/proc/no-such/data cannot be made", "set data_dir")),
    ("the home is missing", home_is_missing, ("status",), 2, ("FIN_HOME names", "there is no such directory")),
    ("fin.toml is a directory", settings_are_a_directory, ("status",), 2, ("fin.toml cannot be read", "directory")),
    ("fin.toml is damaged", settings_are_damaged, ("status",), 2, ("fin.toml is not valid TOML",)),
    ("an unknown key", settings_have_an_unknown_key, RUN_NEW, 2, ("'servers.dagster_prot'", "'dagster_port'")),
    ("the clock is a word", clock("yesterday"), RUN_NEW, 2, ("'yesterday' is no instant", *CLOCK)),
    ("the clock has no offset", clock("2026-03-24T04:00:00"), ("status",), 2, ("has no offset", *CLOCK)),
    ("the clock is at its beginning", clock("1970-01-01T00:00:00Z"), RUN_NEW, 2, ("1970", "cannot be right")),
    ("the clock is far ahead", clock("2199-01-01T00:00:00Z"), ("build",), 2, ("2199", "cannot be right")),
    ("the disk is full", storage_fails(errno.ENOSPC), RUN_NEW, 1, (*FULL, "data/raw/units.log")),
    ("the disk is full for Dagster", dagster_fails("database or disk is full"), RUN_NEW, 1, FULL),
    ("from the future", nothing, ("run", NAME, "--from", "2027-01-04"), 2, ("--from 2027-01-04 lies in the future",)),
    ("heal from the future", nothing, ("heal", "--from", "2027-01-04"), 2, ("--from 2027-01-04 lies in the future",)),
    ("a session to come", nothing, ("run", NAME, "--session", "2027-01-04"), 2, ("lies in the future", "2026-03-24")),
    (
        "from after to",
        nothing,
        ("run", NAME, "--from", "2026-03-20", "--to", "2026-03-18"),
        2,
        ("2026-03-20 --to 2026-03-18 is empty", "--from 2026-03-18 --to 2026-03-20"),
    ),
    (
        "a range without a session",
        nothing,
        ("run", NAME, "--from", "2026-03-21", "--to", "2026-03-22"),
        2,
        ("2026-03-21 to 2026-03-22 has no session", "nothing was collected"),
    ),
    (
        "a status without a session",
        nothing,
        ("status", NAME, "--from", "2026-03-21", "--to", "2026-03-22"),
        2,
        ("2026-03-21 to 2026-03-22 has no session", f"fin status {NAME}"),
    ),
]


def stored() -> None:
    """Store a complete session, without Dagster: it takes seconds a run."""
    unit = UnitRecord(unit="a", state=UnitState.FETCHED, rows=1)
    state = PartitionState.COMPLETE
    store_of(settings()).save(Manifest(source=NAME, table=TABLE, session=KEPT, state=state, units=(unit,)))


@pytest.mark.parametrize(
    ("situation", "arguments", "code", "phrases"),
    [pytest.param(*rest, id=name) for name, *rest in SITUATIONS],
)
def test_each_situation_has_its_message_and_exit_code_and_keeps_what_was_stored(
    fin: Fin,
    site: FakeSite,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    situation: Callable[[Path, pytest.MonkeyPatch], None],
    arguments: tuple[str, ...],
    code: int,
    phrases: tuple[str, ...],
) -> None:
    stored()
    with monkeypatch.context() as patch:
        situation(home, patch)
        done = fin(*arguments)
        assert done.exit_code == code, done.output + done.stderr
        told = flat(done.stderr)
        assert [phrase for phrase in phrases if phrase not in told] == [], told
        assert "What to do: " in told
        assert "Traceback" not in told
        assert "Unexpected" not in told
    for name in ("data", "fin.toml"):
        path = home / name
        if name == "fin.toml" and path.is_dir():
            path.rmdir()
        elif path.is_file():
            path.unlink()
    if (home / "elsewhere").exists():
        (home / "elsewhere").rename(home / "data")
    [row] = json.loads(fin("status", NAME, "--from", str(KEPT), "--to", str(KEPT), "--json").output)
    assert row["state"] == "complete"
    if "the same command again" in told:
        again = fin(*arguments)
        assert again.exit_code == 0, "once the cause is gone, it continues"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "x"),
        RuntimeError("IO Error: Could not write file: No space left on device"),
        BuildFailed("model hk__movers failed: IO Error: Could not write: No space left on device"),
        sqlite3.OperationalError("database or disk is full"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_full_disk_is_the_same_problem_in_every_library(error: Exception) -> None:
    outer = ValueError("the log of the failure could not be written either")
    outer.__context__ = error
    for each in (error, outer):
        found = explain(each)
        assert "No space left on the disk" in found.what
        assert "readers keep the published build" in found.what
        assert "free some space" in found.remedy


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (OSError(errno.EDQUOT, "Disk quota exceeded", "x"), "No space left on the disk at x"),
        (OSError(errno.EFBIG, "File too large", "x"), "No space left on the disk at x"),
        (OSError(errno.EROFS, "Read-only file system", "x"), "The file system is read-only at x"),
        (
            PermissionError(errno.EACCES, "Permission denied", "/x"),
            "This user has no permission at /x (/ belongs to root)",
        ),
        (sqlite3.OperationalError("attempt to write a readonly database"), "The file system is read-only"),
        (sqlite3.OperationalError("unable to open database file"), "A database in the data directory cannot be opened"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "x"), "No directory can be made at x"),
        (OSError(errno.EIO, "Input/output error", "x"), "The disk reports an error"),
        (OSError(errno.EMFILE, "Too many open files"), "This process may open no more files"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_each_error_of_the_disk_is_named(error: Exception, what: str) -> None:
    found = explain(error)
    assert what in found.what
    assert found.remedy


def test_an_error_that_only_followed_a_missing_file_is_not_one_of_the_disk() -> None:
    error = ValueError("a bug")
    error.__context__ = FileNotFoundError(errno.ENOENT, "No such file", "x")
    assert explain(error).what == "Unexpected ValueError: a bug"


def test_a_code_that_the_site_does_not_know_names_the_watchlist(fin: Fin, site, monkeypatch) -> None:
    from dataclasses import replace

    from fin_assets.core.contract.filters import Filter
    from tests.core.fakes import fake_source

    site.units = ("00700", "99999")
    site.broken = {("99999", NEW): MissingPanel("no result")}
    source = fake_source(site)
    watched = Filter(setting="watchlist", names=site.units)
    source = replace(source, tables=(replace(source.tables[0], filters=(watched,)),))
    monkeypatch.setattr("fin_assets.discovery.discover", lambda _settings: [source])
    done = fin(*RUN_NEW)
    assert done.exit_code == 3
    told = flat(done.output)
    assert f"take it out of watchlist under [sources.{NAME}] in fin.toml" in told
    assert f"fin run {NAME} --table {TABLE} --session {NEW}" in told
