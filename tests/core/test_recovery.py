"""Damaged files of a collection: each costs its own partition alone, and is made again with nothing lost that is kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from fin_assets.core.collection.collector import Collector
from fin_assets.core.collection.exclusions import exclude
from fin_assets.core.collection.finalize import Finalizer, SessionResult, baseline_around
from fin_assets.core.collection.recovery import mend_manifest, set_aside_damaged_raw
from fin_assets.core.contract.failures import NetworkFailure
from fin_assets.core.contract.manifest import Manifest, PartitionKey, PartitionState
from fin_assets.core.storage import unit_log
from fin_assets.core.storage.store import RawDamaged, StagedDamaged, Store
from tests.core.fakes import NAME, TABLE, FakeClients, FakeSite, fake_source
from tests.core.test_unit_log import raw_unit

FIRST, SECOND, THIRD = date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7)
KEY = PartitionKey(NAME, TABLE, SECOND)


def cut(path: Path) -> None:
    """Keep the first half."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def flip(path: Path) -> None:
    """Change bytes in the middle; the size stays."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    for place in range(middle, middle + 8):
        content[place] ^= 0xFF
    path.write_bytes(bytes(content))


def empty(path: Path) -> None:
    """Leave a file without content."""
    path.write_bytes(b"")


def gone(path: Path) -> None:
    """Remove the file."""
    path.unlink()


DAMAGES = [cut, flip, empty, gone]


@pytest.fixture(autouse=True)
def at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIN_CLOCK", "2026-04-01T00:00:00+00:00")


@pytest.fixture
def site() -> FakeSite:
    return FakeSite()


@pytest.fixture
def store(tmp_path: Path, site: FakeSite) -> Store:
    """Three complete sessions."""
    found = Store(tmp_path)
    run(found, site, FIRST, SECOND, THIRD)
    site.asked.clear()
    return found


def run(store: Store, site: FakeSite, *sessions: date, refetch: bool = False) -> list[SessionResult]:
    source = fake_source(site)
    with FakeClients() as clients:
        return Collector(
            source, source.tables[0], store=store, clients=clients, on_session=lambda _result: None, refetch=refetch
        ).run(sessions)


def manifest_of(store: Store) -> Manifest:
    found = store.manifest(KEY)
    assert found is not None
    return found


def file_of(store: Store, kind: str) -> Path:
    manifest = manifest_of(store)
    assert manifest.raw_file is not None
    assert manifest.staged is not None
    files = {"manifest": store.manifest_file(KEY), "raw": manifest.raw_file, "staged": manifest.staged.file}
    return store.data / files[kind]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", ["manifest", "staged"])
def test_a_damaged_manifest_or_staged_file_is_made_again_without_a_request(
    store: Store, site: FakeSite, kind: str, damage: Callable[[Path], None]
) -> None:
    before, staged = manifest_of(store), file_of(store, "staged").read_bytes()
    damage(file_of(store, kind))
    [result] = run(store, site, SECOND)
    after = manifest_of(store)
    assert result.usable
    assert not site.asked
    assert (after.state, after.generation, after.raw_file) == (PartitionState.COMPLETE, 1, before.raw_file)
    assert (after.units, after.staged, after.damage) == (before.units, before.staged, None)
    assert file_of(store, "staged").read_bytes() == staged


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_manifest_is_a_state_of_its_partition_alone_and_names_file_and_command(
    store: Store, damage: Callable[[Path], None]
) -> None:
    path = file_of(store, "manifest")
    damage(path)
    assert store.sessions(NAME, TABLE) == [FIRST, SECOND, THIRD]
    found = {manifest.session: manifest for manifest in store.manifests()}
    assert [found[day].state.is_done for day in (FIRST, SECOND, THIRD)] == [True, False, True]
    assert found[SECOND].generation == 1
    assert str(path) in found[SECOND].why()
    assert f"fin run {NAME} --session {SECOND}" in found[SECOND].why()


def test_a_manifest_of_another_partition_is_damaged(store: Store) -> None:
    shutil.copyfile(store.data / store.manifest_file(PartitionKey(NAME, TABLE, FIRST)), file_of(store, "manifest"))
    assert f"is the manifest of {NAME}/{TABLE}/{FIRST}" in (manifest_of(store).damage or "")


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_refetch_after_a_damaged_manifest_never_overwrites_a_sealed_file(
    store: Store, site: FakeSite, damage: Callable[[Path], None]
) -> None:
    sealed = file_of(store, "raw").read_bytes()
    damage(file_of(store, "manifest"))
    site.rows_of[("a", SECOND)] = [101]
    [result] = run(store, site, SECOND, refetch=True)
    assert result.usable
    assert manifest_of(store).generation == 2
    assert (store.data / store.generations(KEY)[1]).read_bytes() == sealed


def test_a_seal_takes_the_next_free_generation_and_the_same_bytes_take_none(store: Store) -> None:
    units = store.units(manifest_of(store))
    assert store.seal(KEY, units, generation=1).generation == 1
    assert store.seal(KEY, [raw_unit("other")], generation=1).generation == 2
    assert sorted(store.generations(KEY)) == [1, 2]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_manifest_of_an_incomplete_session_keeps_the_units_of_its_log(
    store: Store, site: FakeSite, damage: Callable[[Path], None]
) -> None:
    key = PartitionKey(NAME, TABLE, date(2026, 1, 8))
    site.broken["b", key.session] = NetworkFailure("reset")
    run(store, site, key.session)
    site.broken.clear()
    site.asked.clear()
    damage(store.data / store.manifest_file(key))
    [result] = run(store, site, key.session)
    assert result.usable
    assert site.asked == {("b", key.session): 1}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_raw_file_is_refused_with_both_commands_and_kept_apart(
    store: Store, site: FakeSite, damage: Callable[[Path], None]
) -> None:
    raw, staged = file_of(store, "raw"), file_of(store, "staged").read_bytes()
    damage(raw)
    with pytest.raises(RawDamaged, match=r"fin doctor --data --mend.*--refetch") as refused:
        store.units(manifest_of(store))
    assert str(raw) in str(refused.value)
    # Its rows are staged, and stay so while the site is asked again.
    lost = set_aside_damaged_raw(store, manifest_of(store))
    assert lost == ["a", "b"]
    assert manifest_of(store).state is PartitionState.COMPLETE
    site.broken["b", SECOND] = NetworkFailure("reset")
    [failed] = run(store, site, SECOND)
    assert "previous complete version is kept" in (failed.problem or "")
    assert file_of(store, "staged").read_bytes() == staged
    site.broken.clear()
    site.asked.clear()
    [result] = run(store, site, SECOND)
    assert result.usable
    assert site.asked == {("b", SECOND): 1}, "the unit that had come is not asked for again"
    assert len(store.units(manifest_of(store))) == 2
    assert manifest_of(store).generation == 2


def test_only_the_unit_whose_bytes_are_damaged_is_asked_for_again(store: Store, site: FakeSite) -> None:
    before = manifest_of(store)
    units = store.units(before)
    object.__setattr__(units[0], "body", units[0].body + b" ")
    file_of(store, "raw").unlink()
    store.seal(KEY, units, generation=1)
    assert set_aside_damaged_raw(store, before) == [units[0].unit]
    [result] = run(store, site, SECOND)
    assert result.usable
    assert site.asked == {(units[0].unit, SECOND): 1}


def test_a_refetch_mends_a_damaged_raw_file_as_its_message_says(store: Store, site: FakeSite) -> None:
    flip(file_of(store, "raw"))
    run(store, site, SECOND, refetch=True)
    assert len(store.units(manifest_of(store))) == 2
    assert manifest_of(store).generation == 2


def test_manifest_and_newest_raw_file_damaged_fall_back_to_the_generation_before(store: Store, site: FakeSite) -> None:
    site.rows_of[("a", SECOND)] = [101]
    run(store, site, SECOND, refetch=True)
    site.asked.clear()
    flip(store.data / store.generations(KEY)[2])
    cut(store.data / store.manifest_file(KEY))
    made = mend_manifest(store, KEY)
    assert made is not None
    assert (made.state, made.generation, made.raw_file) == (PartitionState.COMPLETE, 2, store.generations(KEY)[1])
    assert "later answers are damaged" in made.why()
    [result] = run(store, site, SECOND)
    assert result.usable
    assert not site.asked


def test_exclusions_outlive_a_damaged_manifest(store: Store, site: FakeSite) -> None:
    source = fake_source(site)
    [table] = source.tables
    finalizer = Finalizer(source, table, store, baseline_around(table, [SECOND], source=NAME, store=store))
    excluded = exclude(finalizer, KEY, "a", reason="price of {another} share").manifest
    path = file_of(store, "manifest")
    path.write_text(path.read_text().replace('"session"', '"sess\\u00'))
    assert manifest_of(store).damage
    [result] = run(store, site, SECOND)
    assert result.manifest.excluded == {"a": "price of {another} share"}
    assert result.manifest.staged == excluded.staged


@pytest.mark.parametrize("name", ["notes", "2026-02-30", "20260105", "2026-01-08.bak", "2026-01-09"])
def test_a_stray_file_or_folder_in_raw_is_no_session(store: Store, site: FakeSite, name: str) -> None:
    folder = store.data / "raw/sandbox" / NAME / TABLE
    (folder / name).mkdir()
    (folder / name / "readme.txt").write_text("not ours")
    (folder / "notes.txt").write_text("not ours")
    (folder.parent / "stray").mkdir()
    (store.data / "raw/stray.txt").write_text("not ours")
    assert store.sessions(NAME, TABLE) == [FIRST, SECOND, THIRD]
    assert len(list(store.manifests())) == 3
    assert store.manifest(PartitionKey(NAME, TABLE, date(2026, 1, 9))) is None
    run(store, site, FIRST)
    assert not site.asked


def test_a_staged_file_with_other_bytes_is_refused_by_its_checksum(store: Store) -> None:
    flip(file_of(store, "staged"))
    with pytest.raises(StagedDamaged, match=rf"fin reparse {NAME} --table {TABLE} --from {SECOND} --to {SECOND}"):
        store.read_staged(manifest_of(store))


def test_a_damaged_record_of_a_unit_log_costs_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "2026-01-05" / "units.log"
    ends = [0]
    with unit_log.opened(path) as opened:
        for number in range(4):
            opened.append(raw_unit(f"u{number}", json.dumps([number] * 90).encode()))
            ends.append(path.stat().st_size)
    whole = path.read_bytes()
    for damaged in range(4):
        for place in (ends[damaged], ends[damaged] + 6, ends[damaged] + 30, ends[damaged + 1] - 1):
            content = bytearray(whole)
            content[place] ^= 0xFF
            path.write_bytes(bytes(content))
            left = [f"u{number}" for number in range(4) if number != damaged]
            assert list(unit_log.read(path)) == left
            # A damaged last record looks like one that was being written.
            assert unit_log.damaged_records(path) == (damaged != 3)
            with unit_log.opened(path) as opened:
                opened.append(raw_unit("new"))
            unit_log.rewrite(path)
            assert unit_log.damaged_records(path) == 0
            assert list(unit_log.read(path)) == [*left, "new"]
            path.write_bytes(whole)
