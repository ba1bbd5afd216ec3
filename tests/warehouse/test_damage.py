"""Builds of a home with damaged files: each is made again, or costs its own session alone. No dbt: one statement does."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from fin_assets.core.contract.manifest import PartitionKey
from fin_assets.core.contract.source import Accepted, Fetched, Parsed, Staged, Unit
from fin_assets.warehouse import publish
from fin_assets.warehouse.lock import damage_of_file
from fin_assets.warehouse.paths import Layout
from fin_assets.warehouse.reader import Reader
from tests.core.test_recovery import cut, empty, flip, gone
from tests.core.test_unit_log import raw_unit
from tests.warehouse.home import Home
from tests.warehouse.tiny_build import SESSIONS, build, tiny_home

DAMAGES = [cut, flip, empty, gone]
KEY = PartitionKey("tiny", "days", SESSIONS[1])


def parse(fetched: Fetched, _unit: Unit) -> Parsed:
    """Read a page of one row."""
    return Parsed(rows=json.loads(fetched.body))


def stage_units(units: Sequence[Accepted], session: date) -> Staged:
    """Make one row a page."""
    frame = pl.DataFrame({"session_date": [session] * len(units)}, schema={"session_date": pl.Date})
    return Staged(frame, frame.clear())


def collect(home: Home, session: date) -> None:
    """Seal and stage a session, as a collection does."""
    key = PartitionKey("tiny", "days", session)
    unit = raw_unit("hk/en", b"1")
    sealed = home.store.seal(key, [unit], generation=1)
    answer = Accepted(unit="hk/en", parsed=Parsed(rows=1), fetched_at=unit.fetched_at)
    frame = stage_units([answer], session).frame
    home.record(key, home.store.write_staged(key, frame, frame.clear(), parser_version="1"), units=["hk/en"])
    manifest = home.store.manifest(key)
    assert manifest is not None
    home.store.save(manifest.model_copy(update={"raw_file": sealed.file, "generation": 1}))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home with two published sessions whose rows can be staged again from raw."""
    monkeypatch.setenv("FIN_CLOCK", "2026-03-01T00:00:00+00:00")
    home = tiny_home(tmp_path)
    [source] = home.sources
    [table] = source.tables
    home.sources = [replace(source, tables=(replace(table, parse=parse, stage=stage_units, accept=()),))]
    for session in SESSIONS[:2]:
        collect(home, session)
    build(home, monkeypatch)
    return home


def days(home: Home) -> list[date]:
    """Return the sessions that readers see."""
    return Reader(home.data).query("select distinct session_date from days order by 1")["session_date"].to_list()


def health(home: Home, session: date) -> tuple[str, str | None, str | None]:
    """Return the state of a session, why, and what mends it, as the last build saw it."""
    row = Reader(home.data).query("select state, why, mends from control.partitions where session_date = ?", [session])
    return row.row(0)


def staged_file(home: Home, key: PartitionKey) -> Path:
    manifest = home.store.manifest(key)
    assert manifest is not None
    assert manifest.staged is not None
    return home.data / manifest.staged.file


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_manifest_keeps_its_session_in_the_marts_and_names_the_command(
    home: Home, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], None]
) -> None:
    path = home.data / home.store.manifest_file(KEY)
    content = path.read_bytes()
    damage(path)
    collect(home, SESSIONS[2])
    build(home, monkeypatch)
    assert days(home) == SESSIONS[:3]
    state, why, mends = health(home, KEY.session)
    assert state == "incomplete"
    assert str(path) in (why or "")
    assert mends == f"fin run tiny --session {KEY.session}"
    assert not build(home, monkeypatch).published
    path.write_bytes(content)
    build(home, monkeypatch)
    assert health(home, KEY.session)[0] == "complete"


def test_a_damaged_manifest_that_no_build_has_seen_leaves_its_session_out(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect(home, SESSIONS[2])
    cut(home.data / home.store.manifest_file(PartitionKey("tiny", "days", SESSIONS[2])))
    build(home, monkeypatch)
    assert days(home) == SESSIONS[:2]
    assert health(home, SESSIONS[2])[0] == "incomplete"


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_build_stages_again_from_raw_what_is_damaged_and_has_to_be_read(
    home: Home, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], None]
) -> None:
    collect(home, SESSIONS[2])
    path = staged_file(home, PartitionKey("tiny", "days", SESSIONS[2]))
    content = path.read_bytes()
    damage(path)
    build(home, monkeypatch)
    assert days(home) == SESSIONS[:3]
    assert path.read_bytes() == content


def test_a_session_whose_staged_and_raw_files_are_damaged_is_left_out_alone(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = PartitionKey("tiny", "days", SESSIONS[2])
    collect(home, SESSIONS[2])
    raw = home.data / home.store.generations(key)[1]
    content = raw.read_bytes()
    flip(staged_file(home, key))
    cut(raw)
    build(home, monkeypatch)
    assert days(home) == SESSIONS[:2]
    state, why, mends = health(home, SESSIONS[2])
    assert (state, mends) == ("incomplete", "fin doctor --data --mend")
    assert str(raw) in (why or "")
    assert not build(home, monkeypatch).published, "the same damage is no news"
    raw.write_bytes(content)
    build(home, monkeypatch)
    assert days(home) == SESSIONS[:3]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_private_build_file_is_made_again(
    home: Home, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], None]
) -> None:
    collect(home, SESSIONS[2])
    damage(Layout(home.data).build)
    assert build(home, monkeypatch).published
    assert days(home) == SESSIONS[:3]
    assert damage_of_file(Layout(home.data).build) is None


def test_a_log_beside_the_private_build_file_that_cannot_be_replayed_is_removed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(home.data)
    layout.build.with_name("build.duckdb.wal").write_bytes(b"\x00garbage" * 100)
    collect(home, SESSIONS[2])
    build(home, monkeypatch)
    assert days(home) == SESSIONS[:3]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("which", ["build", "people", "pointer", "description"])
def test_a_plain_build_publishes_again_what_is_damaged_of_the_current_build(
    home: Home, monkeypatch: pytest.MonkeyPatch, which: str, damage: Callable[[Path], None]
) -> None:
    layout = Layout(home.data)
    current = publish.current(layout)
    files = {
        "build": home.data / current.file,
        "people": layout.people,
        "pointer": layout.marts / "current.json",
        "description": (home.data / current.file).with_suffix(".json"),
    }
    for file in files.values():
        file.chmod(0o644)
    damage(files[which])
    assert build(home, monkeypatch).published
    assert days(home) == SESSIONS[:2]
    with duckdb.connect(str(layout.people), read_only=True) as shell:
        assert shell.execute("select count(*) from days").fetchone() == (2,)
    assert not build(home, monkeypatch).published


def test_stray_files_and_folders_in_raw_change_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home.data / "raw/sandbox/tiny/days"
    for name in ("notes", "2026-02-30", "2026-01-08"):
        (folder / name).mkdir()
        (folder / name / "readme.txt").write_text("not ours")
    (folder / "2026-02-30" / "manifest.json").write_text("{")
    assert not build(home, monkeypatch).published
