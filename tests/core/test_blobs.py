"""The contract of Blobs, over every implementation; and how the local one is safe between processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fin_assets.core.storage.blobs import Blobs, LocalBlobs, copy_atomically, write_atomically

IMPLEMENTATIONS: dict[str, Callable[[Path], Blobs]] = {"local": LocalBlobs}
"""A new implementation is run through the contract by being named here; it is given an empty directory."""


@pytest.fixture(params=IMPLEMENTATIONS)
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    """An empty place for blobs."""
    return IMPLEMENTATIONS[request.param](tmp_path / "root")


def keys(blobs: Blobs, prefix: str = "", *, name: str | None = None) -> list[str]:
    """Return the keys of a listing."""
    return [found.key for found in blobs.list(prefix, name=name)]


def tag(blobs: Blobs, key: str) -> str:
    """Return the tag of a blob that is there."""
    found = blobs.stat(key)
    assert found is not None
    return found.tag


def test_what_was_put_is_got_and_replaced_whole(blobs: Blobs) -> None:
    blobs.put("a/b.json", b"first, and longer")
    blobs.put("a/b.json", b"second")
    assert blobs.get("a/b.json") == b"second"
    found = blobs.stat("a/b.json")
    assert found is not None
    assert (found.key, found.size) == ("a/b.json", 6)


def test_a_missing_blob_is_an_error_that_names_it(blobs: Blobs, tmp_path: Path) -> None:
    blobs.put("a/b", b"x")
    for key in ("none", "a", "a/b/c"):
        assert blobs.stat(key) is None
        with pytest.raises(FileNotFoundError, match=f"no blob {key}$"):
            blobs.get(key)
        with pytest.raises(FileNotFoundError, match=f"no blob {key}$"):
            blobs.download(key, tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_only_the_first_writer_of_an_absent_blob_wins(blobs: Blobs) -> None:
    assert blobs.put_if_absent("x/lock", b"one")
    assert not blobs.put_if_absent("x/lock", b"two")
    assert blobs.get("x/lock") == b"one"
    blobs.delete("x/lock")
    assert blobs.put_if_absent("x/lock", b"three")


def test_a_blob_is_replaced_only_by_a_writer_who_knows_its_tag(blobs: Blobs) -> None:
    assert not blobs.put_if_match("pointer", b"none yet", "1")
    blobs.put("pointer", b"one")
    first = tag(blobs, "pointer")
    assert blobs.put_if_match("pointer", b"two", first)
    assert not blobs.put_if_match("pointer", b"three", first)
    assert blobs.get("pointer") == b"two"


def test_each_replacement_has_a_tag_of_its_own(blobs: Blobs) -> None:
    blobs.put("pointer", b"0")
    tags = [tag(blobs, "pointer")]
    for number in range(1, 30):
        assert blobs.put_if_match("pointer", b"%d" % (number % 10), tags[-1])
        tags.append(tag(blobs, "pointer"))
    assert len(set(tags)) == len(tags)


def test_a_listing_is_sorted_by_key_and_goes_to_any_depth(blobs: Blobs) -> None:
    wanted = ["a-b/x", "a/b/c/1", "a/b/c-d", "a/b0", "a.json", "z"]
    for key in wanted:
        blobs.put(key, key.encode())
    assert keys(blobs) == sorted(wanted)
    assert keys(blobs, "a") == ["a/b/c-d", "a/b/c/1", "a/b0"]
    assert keys(blobs, "a/b/c") == ["a/b/c/1"]
    assert keys(blobs, "nowhere") == keys(blobs, "z") == []
    assert {found.key: found.size for found in blobs.list()} == {key: len(key) for key in wanted}
    assert all(found == blobs.stat(found.key) for found in blobs.list())


def test_a_listing_can_be_of_one_name(blobs: Blobs) -> None:
    for key in ("r/1/m.json", "r/1/raw.parquet", "r/2/m.json", "r/2/deeper/m.json", "m.json", "r/m.json/x"):
        blobs.put(key, b"")
    assert keys(blobs, "r", name="m.json") == ["r/1/m.json", "r/2/m.json"]
    assert [found.tag for found in blobs.list("r", name="m.json")] == [
        tag(blobs, "r/1/m.json"),
        tag(blobs, "r/2/m.json"),
    ]


def test_folders_are_named_once_each(blobs: Blobs) -> None:
    for key in ("raw/b/x/1", "raw/b/y", "raw/a/x", "raw/file"):
        blobs.put(key, b"")
    assert blobs.folders("raw") == ["a", "b"]
    assert blobs.folders() == ["raw"]
    assert blobs.folders("none") == []


def test_a_removed_blob_is_gone_and_removing_it_again_is_no_failure(blobs: Blobs) -> None:
    blobs.put("a/b", b"x")
    blobs.delete("a/b")
    blobs.delete("a/b")
    assert keys(blobs) == []


def test_a_file_is_uploaded_and_downloaded(blobs: Blobs, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(bytes(range(256)) * 5000)
    blobs.upload("builds/1.duckdb", source)
    source.write_bytes(b"changed afterwards")
    blobs.download("builds/1.duckdb", target)
    assert target.read_bytes() == blobs.get("builds/1.duckdb") == bytes(range(256)) * 5000


def test_polars_and_duckdb_open_a_blob_by_its_uri(blobs: Blobs, tmp_path: Path) -> None:
    import duckdb
    import polars as pl

    frame = pl.DataFrame({"a": [1, 2]})
    frame.write_parquet(tmp_path / "frame")
    blobs.upload("it's/frame.parquet", tmp_path / "frame")
    uri = blobs.uri("it's/frame.parquet")
    assert pl.read_parquet(uri).equals(frame)
    assert duckdb.execute("select * from read_parquet(?)", [uri]).pl().equals(frame)


@pytest.mark.parametrize(
    "key", ["..", "../x", "a/../b", "/etc/passwd", "", "a//b", "a/", ".hidden", "a/.b", "a\\b", "a\0"]
)
def test_a_key_that_leaves_the_place_or_hides_is_refused(blobs: Blobs, tmp_path: Path, key: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    calls: list[Callable[[], object]] = [
        lambda: blobs.get(key),
        lambda: blobs.put(key, b""),
        lambda: blobs.put_if_absent(key, b""),
        lambda: blobs.put_if_match(key, b"", "1"),
        lambda: blobs.stat(key),
        lambda: blobs.delete(key),
        lambda: blobs.upload(key, file),
        lambda: blobs.download(key, tmp_path / "target"),
        lambda: blobs.uri(key),
    ]
    if key:
        calls += [lambda: list(blobs.list(key)), lambda: blobs.folders(key), lambda: blobs.sweep(key)]
    for call in calls:
        with pytest.raises(ValueError, match="no key of a blob"):
            call()


# What only files of a directory can get wrong.


def test_half_written_files_are_not_listed_and_are_swept(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    blobs.put("builds/1.json", b"{}")
    for name in (".1.duckdb.99-ab.tmp", ".1.json.lock"):
        (tmp_path / "builds" / name).write_bytes(b"half")
    assert keys(blobs) == ["builds/1.json"]
    blobs.sweep("builds")
    assert [path.name for path in (tmp_path / "builds").iterdir()] == ["1.json"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    with pytest.raises(OSError, match="No space left"):
        copy_atomically(path, tmp_path / "copy")
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("file", b"old")]


WRITER = """
import pathlib, sys
from fin_assets.core.storage.blobs import LocalBlobs
blobs, wins = LocalBlobs(pathlib.Path(sys.argv[1])), 0
for number in range(20):
    wins += blobs.put_if_absent(f"claims/{number}", sys.argv[2].encode())
    while True:
        tag = blobs.stat("count").tag
        if blobs.put_if_match("count", str(int(blobs.get("count")) + 1).encode(), tag):
            break
print(wins)
"""


def test_writers_of_several_processes_lose_no_update(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    blobs.put("count", b"0")
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(number)],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    wins = [int(writer.communicate(timeout=120)[0]) for writer in writers]
    assert blobs.get("count") == b"60"
    assert sum(wins) == len(keys(blobs, "claims")) == 20
