"""Publishing under readers, rollback, pruning, and shells that leave harm behind. No dbt: any tables do."""

from __future__ import annotations

import errno
import hashlib
import json
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from fin_assets.warehouse import publish
from fin_assets.warehouse.lock import build_connection, writer_lock
from fin_assets.warehouse.paths import BUILDS, POINTER, Layout, NothingPublished, WarehouseError
from fin_assets.warehouse.publish import Build
from fin_assets.warehouse.reader import Reader
from tests.core.test_recovery import cut, empty, flip, gone

ROOT = Path(__file__).parents[2]
PUBLISHES = 5


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "data")


def _publish(layout: Layout, *, keep: int = 3) -> Build:
    """Publish a build in which every table has as many rows as the build's number says."""
    with writer_lock(layout, wait=timedelta(0)):
        number = max((build.number for build in publish.published(layout)), default=0) + 1
        with build_connection(layout) as connection:
            connection.execute("create schema if not exists control")
            connection.execute(
                "create table if not exists control.partitions"
                " (source varchar, table_name varchar, session_date date, is_usable boolean)"
            )
            for table in ("hk__movers", "hk__daily_holdings"):
                rows = f"select {number} as generation, repeat('x', 2000) as filler from range({number})"  # noqa: S608 - a number
                connection.execute(f"create or replace table {table} as {rows}")
        return publish.publish(layout, keep=keep)


def test_three_kinds_of_readers_see_whole_builds_while_five_are_published(layout: Layout, tmp_path: Path) -> None:
    _publish(layout)
    stop = tmp_path / "stop"
    readers = {
        kind: subprocess.Popen(
            [sys.executable, "-m", "tests.warehouse.reading_loop", kind, str(layout.data), str(stop)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for kind in ("reader", "python", "shell")
    }
    longest = 0.0
    try:
        for _ in range(PUBLISHES):
            _let_readers_read(layout)
            started = time.monotonic()
            _publish(layout, keep=2)
            longest = max(longest, time.monotonic() - started)
        _let_readers_read(layout)
    finally:
        stop.touch()
        answers = {kind: json.loads(process.communicate(timeout=60)[0]) for kind, process in readers.items()}
    for kind, answer in answers.items():
        assert answer["bad"] == [], kind
        assert str(PUBLISHES + 1) in answer["seen"], kind
    assert longest < 5, "a writer waited"


def _let_readers_read(layout: Layout) -> None:
    """Give the readers the time of some queries, by making as many here."""
    reader = Reader(layout.data)
    until = time.monotonic() + 1
    while time.monotonic() < until:
        reader.query("select count(*) from hk__movers")


def test_a_snapshot_stays_what_it_is_and_the_next_question_sees_the_new_build(layout: Layout) -> None:
    first = _publish(layout)
    reader = Reader(layout.data)
    kept = reader.snapshot()
    for _ in range(4):
        last = _publish(layout, keep=2)
    assert not (layout.data / first.file).exists()
    assert kept.query("select count(*) from hk__movers").item() == 1
    assert reader.query("select count(*) from hk__movers").item() == 5
    assert reader.build_id() == last.id


def test_only_the_newest_builds_are_kept(layout: Layout) -> None:
    for _ in range(5):
        _publish(layout, keep=3)
    assert [build.number for build in publish.published(layout)] == [3, 4, 5]
    assert sorted(Path(found.key).suffix for found in layout.blobs.list(BUILDS)) == [".duckdb"] * 3 + [".json"] * 3


def test_rolling_back_shows_the_build_before_until_the_next_is_published(layout: Layout) -> None:
    builds = [_publish(layout) for _ in range(3)]
    reader = Reader(layout.data)
    assert publish.rollback(layout).id == builds[1].id
    assert reader.query("select count(*) from hk__movers").item() == 2
    with duckdb.connect(str(layout.people), read_only=True) as connection:
        assert connection.execute("select count(*) from hk__movers").fetchone() == (2,)
    assert publish.rollback(layout, builds[0].id).id == builds[0].id
    with pytest.raises(WarehouseError, match=f"no build before {builds[0].id} is kept"):
        publish.rollback(layout)
    with pytest.raises(WarehouseError, match="there is no build nonsense; kept are"):
        publish.rollback(layout, "nonsense")
    assert _publish(layout).number == 4
    assert reader.query("select count(*) from hk__movers").item() == 4


def test_the_file_for_people_is_theirs_alone_and_cannot_be_written(layout: Layout) -> None:
    build = _publish(layout)
    own, others = layout.people, layout.data / build.file
    assert own.stat().st_ino != others.stat().st_ino
    assert stat.S_IMODE(own.stat().st_mode) == stat.S_IMODE(others.stat().st_mode) == 0o444


def test_what_a_killed_shell_left_beside_the_file_is_not_replayed_into_the_next(layout: Layout) -> None:
    _publish(layout)
    wal = layout.people.with_name("warehouse.duckdb.wal")
    wal.write_bytes(b"left by a shell")
    _publish(layout)
    assert not wal.exists()
    wal.write_bytes(b"left by a shell that wrote after the publish")
    assert publish.shell_file(layout) == layout.people
    assert not wal.exists()


def test_a_log_that_cannot_be_removed_is_kept_away_from_by_opening_the_build(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = _publish(layout)
    wal = layout.people.with_name("warehouse.duckdb.wal")
    wal.write_bytes(b"left by a shell")

    def read_only(self: Path, *, missing_ok: bool = False) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", read_only)
    assert publish.shell_file(layout) == layout.data / build.file
    wal.rename(wal.with_suffix(".away"))
    assert publish.shell_file(layout) == layout.people, "reading removes nothing that is not there"


DAMAGES: dict[str, bytes | None] = {
    "gone": None,
    "garbage": b"\x00garbage",
    "empty": b"",
    "a missing build": b'{"build_id": "20200101T000000-00077", "created_at": "2020-01-01T00:00:00Z", "file": "x"}',
    "no build id": b'{"build_id": "../../x", "created_at": "2020-01-01T00:00:00Z", "file": "x"}',
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_pointer_is_named_and_both_advised_commands_fix_it(layout: Layout, damage: str) -> None:
    builds = [_publish(layout) for _ in range(2)]
    pointer = layout.data / POINTER
    for mend, rows in ((publish.rollback, 2), (_publish, 3)):
        content = DAMAGES[damage]
        pointer.unlink() if content is None else pointer.write_bytes(content)
        with pytest.raises(WarehouseError, match="fin build publishes it again, fin build --rollback goes back"):
            publish.current(layout)
        # Readers continue with the newest build that is whole.
        reader = Reader(layout.data)
        assert reader.query("select count(*) from hk__movers").item() == 2
        assert reader.build_id() == builds[-1].id
        mend(layout)
        assert Reader(layout.data).query("select count(*) from hk__movers").item() == rows
        assert _rows_for_people(layout) == rows
    assert publish.current(layout).number == len(builds) + 1


@pytest.mark.parametrize("damage", [b"", b"{}", None])
def test_a_damaged_description_of_the_current_build_is_mended_too(layout: Layout, damage: bytes | None) -> None:
    _publish(layout)
    last = _publish(layout)
    description = layout.data / f"{BUILDS}/{last.id}.json"
    description.unlink() if damage is None else description.write_bytes(damage)
    with pytest.raises(WarehouseError, match=f"build {last.id} is current, and its description is missing or damaged"):
        publish.current(layout)
    assert Reader(layout.data).query("select count(*) from hk__movers").item() == 1
    assert publish.rollback(layout).number == 1
    # Caches are by build id: the number of the damaged one does not come twice.
    assert _publish(layout).number == 3
    assert {build.number for build in publish.published(layout)} == {1, 3}


@pytest.mark.parametrize("damage", [cut, flip, empty, gone])
def test_readers_continue_with_the_build_before_while_the_file_of_the_current_one_is_damaged(
    layout: Layout, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    before, last = _publish(layout), _publish(layout)
    damage(layout.data / last.file)
    reader = Reader(layout.data)
    assert reader.query("select count(*) from hk__movers").item() == 1
    assert reader.build_id() == before.id
    assert str(layout.data / last.file) in caplog.text
    assert "fin build publishes it again" in caplog.text
    # Going back does not go back to it.
    assert publish.rollback(layout).id == before.id
    with pytest.raises(WarehouseError, match=f"there is no build {last.id}"):
        publish.rollback(layout, last.id)
    mended = _publish(layout)
    assert mended.number == 3
    assert reader.build_id() == mended.id


def test_without_a_whole_build_the_message_names_the_file_and_the_command(layout: Layout) -> None:
    only = _publish(layout)
    flip(layout.data / only.file)
    with pytest.raises(WarehouseError, match=rf"{only.file} is damaged \(checksum differs\): fin build publishes it"):
        Reader(layout.data).query("select 1")


def test_an_attached_build_answers_while_the_pointer_is_damaged(layout: Layout) -> None:
    _publish(layout)
    reader = Reader(layout.data)
    held = reader.snapshot()
    (layout.data / POINTER).write_bytes(b"{")
    assert reader.snapshot() is held
    assert reader.build_id() == held.build.id
    assert reader.build() == held.build


def test_a_published_build_has_its_size_and_checksum(layout: Layout) -> None:
    build = _publish(layout)
    content = (layout.data / build.file).read_bytes()
    assert (build.bytes, build.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert publish.damage_of(layout, build) is None
    assert publish.damage_of_people(layout, build) is None
    assert publish.published(layout) == [build]


def test_a_shell_that_wrote_into_a_published_build_is_noticed(layout: Layout) -> None:
    before, last = _publish(layout), _publish(layout)
    file = layout.data / last.file
    file.chmod(0o644)
    with duckdb.connect(str(file)) as shell:
        shell.execute("update hk__movers set generation = 77")
    reader = Reader(layout.data)
    assert reader.query("select max(generation) from hk__movers").item() == before.number


def test_the_next_publish_sweeps_what_killed_ones_left(layout: Layout) -> None:
    _publish(layout)
    builds = layout.data / BUILDS
    left = [
        builds / ".20260101T000000-00009.duckdb.1234.copy",
        builds / ".20260101T000000-00009.duckdb.1234-00ff.tmp",
        builds / "20260101T000000-00009.duckdb",
        layout.data / ".warehouse.duckdb.1234.tmp",
        layout.scratch / "warehouse.duckdb",
    ]
    for path in left:
        path.write_bytes(b"half")
    _publish(layout)
    assert [path for path in left if path.exists()] == []
    assert len(publish.published(layout)) == 2


def _rows_for_people(layout: Layout) -> int:
    with duckdb.connect(str(layout.people), read_only=True) as connection:
        row = connection.execute("select count(*) from hk__movers").fetchone()
    assert row is not None
    return int(row[0])


def test_an_open_shell_blocks_no_publish_and_keeps_its_build(layout: Layout) -> None:
    _publish(layout)
    with duckdb.connect(str(layout.people), read_only=True) as shell:
        _publish(layout)
        assert shell.execute("select count(*) from hk__movers").fetchone() == (1,)


def test_reading_before_anything_is_published_says_what_to_do(layout: Layout) -> None:
    reader = Reader(layout.data)
    assert reader.build() is None
    assert reader.build_id() is None
    with pytest.raises(NothingPublished, match="fin demo"):
        reader.query("select 1")


def test_a_second_writer_gets_the_pid_of_the_first(layout: Layout) -> None:
    holder = "import pathlib, sys; from fin_assets.warehouse.lock import writer_lock\n"
    holder += "from fin_assets.warehouse.paths import Layout\n"
    holder += "with writer_lock(Layout(pathlib.Path(sys.argv[1]))): print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(layout.data)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(WarehouseError, match=f"pid {other.pid}"), writer_lock(layout, wait=timedelta(0)):
            pass
        other.kill()
    # A killed writer gives its lock back.
    with writer_lock(layout, wait=timedelta(0)):
        pass


def test_a_damaged_build_file_is_named_with_the_remedy(layout: Layout) -> None:
    layout.marts.mkdir(parents=True)
    layout.build.write_bytes(b"not a database" * 1000)
    with (
        pytest.raises(WarehouseError, match="fin build makes it again from the staged files"),
        build_connection(layout),
    ):
        pass


def test_a_private_file_in_use_is_named(layout: Layout) -> None:
    layout.marts.mkdir(parents=True)
    holder = "import duckdb, sys\nwith duckdb.connect(sys.argv[1]): print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(layout.build)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with (
            pytest.raises(WarehouseError, match="another process has it open"),
            build_connection(layout, wait=timedelta(0)),
        ):
            pass
        other.kill()
