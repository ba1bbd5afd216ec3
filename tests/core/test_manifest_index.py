"""The index of manifests: as right as the manifests themselves, whatever happens to it, and without reading them again."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from fin_assets.core.contract.manifest import Manifest, PartitionKey, PartitionState, UnitRecord, UnitState
from fin_assets.core.storage import manifest_index
from fin_assets.core.storage.manifest_index import Summary, summaries
from fin_assets.core.storage.store import Store

SOURCE, TABLE = "fake", "things"
DAYS = [date(2026, 1, 5) + timedelta(days=n) for n in range(30)]
INDEX = Path("index/sandbox/fake/things.json")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store(tmp_path)
    for day in DAYS:
        found.save(manifest(day))
    return found


def manifest(session: date, **changes: Any) -> Manifest:
    values: dict[str, Any] = {
        "source": SOURCE,
        "table": TABLE,
        "session": session,
        "state": PartitionState.INCOMPLETE,
        "units": (
            UnitRecord(unit="a", state=UnitState.FETCHED),
            UnitRecord(unit="b", state=UnitState.FAILED, error_kind="network", evidence=("evidence/b.html",)),
        ),
        "attempts": 2,
    }
    return Manifest(**(values | changes))


def reads(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[date]:
    """Record the sessions whose manifests are read."""
    seen: list[date] = []
    real = store.manifest

    def read(key: PartitionKey) -> Manifest | None:
        seen.append(key.session)
        return real(key)

    monkeypatch.setattr(store, "manifest", read)
    return seen


def truth(store: Store) -> list[Summary]:
    return [Summary.of(each) for each in store.manifests(SOURCE, TABLE)]


def test_only_manifests_that_have_changed_are_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert summaries(store, SOURCE, TABLE) == truth(store)
    seen = reads(store, monkeypatch)
    assert len(summaries(store, SOURCE, TABLE)) == len(DAYS)
    assert seen == []
    store.save(manifest(DAYS[3], attempts=3))
    found = {each.session: each for each in summaries(store, SOURCE, TABLE)}
    assert seen == [DAYS[3]]
    assert (found[DAYS[3]].attempts, found[DAYS[3]].units, found[DAYS[3]].done) == (3, 2, 1)
    assert "1 network (b)" in found[DAYS[3]].why
    assert found[DAYS[3]].evidence == ("evidence/b.html",)


def test_a_range_reads_no_manifest_outside_of_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = reads(store, monkeypatch)
    found = summaries(store, SOURCE, TABLE, first=DAYS[10], last=DAYS[12])
    assert [each.session for each in found] == seen == DAYS[10:13]


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "a folder", "of another version", "removed"])
def test_a_damaged_index_is_made_again_and_never_believed(store: Store, damage: str) -> None:
    expected = summaries(store, SOURCE, TABLE)
    path = store.data / INDEX
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[:200])
    elif damage == "changed":
        path.write_bytes(content.replace(b'"attempts":2', b'"attempts":9'))
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "a folder":
        path.unlink()
        path.mkdir()
    elif damage == "of another version":
        path.write_bytes(content.replace(b'"version":1', b'"version":0'))
    else:
        shutil.rmtree(path.parent)
    assert summaries(store, SOURCE, TABLE) == expected


def test_an_index_that_cannot_be_written_gives_the_same_answer(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(key: str, content: bytes) -> None:
        raise OSError(28, "No space left on device", key)

    monkeypatch.setattr(store.blobs, "put", full)
    assert summaries(store, SOURCE, TABLE) == truth(store)
    assert not (store.data / INDEX).exists()


def test_a_removed_manifest_leaves_the_index(store: Store) -> None:
    summaries(store, SOURCE, TABLE)
    shutil.rmtree(store.partition_dir(PartitionKey(SOURCE, TABLE, DAYS[0])))
    assert [each.session for each in summaries(store, SOURCE, TABLE)] == DAYS[1:]
    assert DAYS[0].isoformat() not in (store.data / INDEX).read_text()


def test_an_index_of_years_that_is_being_made_can_be_interrupted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest_index, "SAVE_EVERY", 10)
    real = store.manifest

    def killed(key: PartitionKey) -> Manifest | None:
        if key.session == DAYS[25]:
            raise KeyboardInterrupt
        return real(key)

    with monkeypatch.context() as patched:
        patched.setattr(store, "manifest", killed)
        with pytest.raises(KeyboardInterrupt):
            summaries(store, SOURCE, TABLE)
    seen = reads(store, monkeypatch)
    assert len(summaries(store, SOURCE, TABLE)) == len(DAYS)
    assert seen == DAYS[20:]


def test_a_stray_folder_is_no_session(store: Store) -> None:
    stray = store.data / "raw/sandbox/fake/things/copy of monday"
    stray.mkdir()
    (stray / "manifest.json").write_text("{}")
    assert len(summaries(store, SOURCE, TABLE)) == len(DAYS)
