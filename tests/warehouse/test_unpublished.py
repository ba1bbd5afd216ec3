"""A build that ends between dbt's end and the pointer is published by the next plain build. No dbt: one statement does."""

from __future__ import annotations

import errno
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from fin_assets.warehouse import publish
from fin_assets.warehouse.build import rollback
from fin_assets.warehouse.paths import BUILDS, POINTER, Layout
from fin_assets.warehouse.reader import Reader
from tests.warehouse.home import Home
from tests.warehouse.tiny_build import SESSIONS, build, end_at, stage, tiny_home

STEPS = 12
"""More than there are between dbt's end and the pointer."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home whose first session is published and whose second is staged."""
    monkeypatch.setenv("FIN_CLOCK", "2026-03-01T00:00:00+00:00")
    home = tiny_home(tmp_path)
    stage(home, SESSIONS[0])
    build(home, monkeypatch)
    stage(home, SESSIONS[1])
    return home


def days(home: Home) -> tuple[int, int]:
    """Return how many sessions a dashboard and a shell see."""
    with duckdb.connect(str(Layout(home.data).people), read_only=True) as shell:
        row = shell.execute("select count(*) from days").fetchone()
    assert row is not None
    return Reader(home.data).query("select count(*) from days").item(), row[0]


def no_leftovers(home: Home) -> bool:
    """Whether there is nothing but whole builds."""
    found = sorted(path.name for path in (home.data / BUILDS).iterdir())
    ids = [each.id for each in publish.published(Layout(home.data))]
    return found == sorted(f"{each}.{end}" for each in ids for end in ("duckdb", "json"))


def test_a_build_that_fails_at_any_step_is_published_by_the_next(home: Home) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    failed = 0
    for step in range(1, STEPS):
        stage(home, SESSIONS[1 + step])
        before = days(home)[0]
        with pytest.MonkeyPatch.context() as patch:
            try:
                build(home, patch, end_at(patch, step, full))
            except OSError:
                failed += 1
                assert Reader(home.data).query("select count(*) from days").item() in {before, before + 1}
            else:
                break
        with pytest.MonkeyPatch.context() as patch:
            build(home, patch)
            assert not build(home, patch).published
        assert len(set(days(home))) == 1
        assert days(home)[0] == 2 + step
        assert no_leftovers(home)
    assert 6 <= failed < STEPS - 1


def test_a_build_that_is_killed_at_any_step_is_published_by_the_next(
    home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copies = [tmp_path / "copies" / str(step) for step in range(1, STEPS)]
    for copy in copies:
        shutil.copytree(home.data, copy / "data")
    command = [sys.executable, "-m", "tests.warehouse.tiny_build", *map(str, copies)]
    told = subprocess.run(command, cwd=Path(__file__).parents[2], check=True, capture_output=True, text=True).stdout
    ends = [int(line) for line in told.split()]
    assert len(ends) == len(copies)
    assert set(ends) == {-signal.SIGKILL, 0}
    assert ends.count(-signal.SIGKILL) >= 6
    for end, copy in zip(ends, copies, strict=True):
        again = tiny_home(copy)
        # Readers see one of the two builds meanwhile, whole.
        assert Reader(again.data).query("select count(*) from days").item() in {1, 2}
        assert build(again, monkeypatch).published or days(again) == (2, 2), end
        assert days(again) == (2, 2)
        assert no_leftovers(again)
        assert not build(again, monkeypatch).published


def test_what_was_built_and_tested_is_published_without_dbt(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    pointer = (home.data / POINTER).read_bytes()
    assert build(home, monkeypatch).nodes == {"model": 1}
    (home.data / POINTER).write_bytes(pointer)
    again = build(home, monkeypatch)
    assert (again.published, again.nodes, days(home)) == (True, {}, (2, 2))


def test_after_a_rollback_a_plain_build_goes_forward_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    build(home, monkeypatch)
    rollback(home.store)
    assert days(home) == (1, 1)
    assert build(home, monkeypatch).published
    assert days(home) == (2, 2)


@pytest.mark.parametrize("content", [b"", b"\x00garbage", b'{"build_id": "20200101T000000-00077"}'])
def test_a_plain_build_mends_a_damaged_pointer_although_nothing_has_changed(
    home: Home, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    build(home, monkeypatch)
    (home.data / POINTER).write_bytes(content)
    assert build(home, monkeypatch).published
    assert days(home) == (2, 2)
    (home.data / POINTER).write_bytes(content)
    rollback(home.store)
    assert days(home) == (2, 2)


def test_a_missing_file_for_people_is_given_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    build(home, monkeypatch)
    Layout(home.data).people.unlink()
    assert build(home, monkeypatch).published
    assert days(home) == (2, 2)


@pytest.mark.parametrize("damage", ["short", "overwritten", "a directory"])
def test_a_damaged_file_for_people_is_not_opened_and_given_again(
    home: Home, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    build(home, monkeypatch)
    layout = Layout(home.data)
    whole = layout.people.read_bytes()
    layout.people.unlink()
    if damage == "a directory":
        layout.people.mkdir()
    else:
        layout.people.write_bytes(whole[:5000] if damage == "short" else b"\0" * len(whole))
    assert publish.shell_file(layout) == layout.data / publish.current(layout).file, (
        "people get the build itself meanwhile"
    )
    if damage == "a directory":
        layout.people.rmdir()
    build(home, monkeypatch)
    assert publish.shell_file(layout) == layout.people
    assert days(home) == (2, 2)
