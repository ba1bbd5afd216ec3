"""What is kept long enough goes; raw answers, what counts now, and what a kept build reads stay."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from fin_assets.core.contract.manifest import Manifest, PartitionKey, PartitionState, StagedRef, UnitRecord, UnitState
from fin_assets.core.storage.leftovers import leftovers, remove
from fin_assets.core.storage.store import Store
from fin_assets.settings import RetentionSettings

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY, OTHER = date(2026, 3, 2), date(2026, 3, 3)
KEEP = RetentionSettings()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path, {"real": "live"})


def age(path: Path, days: float) -> Path:
    moment = (NOW - timedelta(days=days)).timestamp()
    os.utime(path, (moment, moment))
    return path


def made(data: Path, name: str, days: float) -> str:
    path = data / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 10)
    age(path, days)
    return name


def staged(store: Store, source: str, session: date, rows: int) -> StagedRef:
    frame = pl.DataFrame({"session_date": [session] * rows})
    return store.write_staged(PartitionKey(source, "t", session), frame, frame.head(rows - 1), parser_version="1")


def save(store: Store, source: str, session: date, ref: StagedRef | None, evidence: tuple[str, ...] = ()) -> None:
    units = (UnitRecord(unit="a", state=UnitState.FETCHED if ref else UnitState.FAILED, evidence=evidence),)
    state = PartitionState.COMPLETE if ref else PartitionState.INCOMPLETE
    store.save(Manifest(source=source, table="t", session=session, state=state, units=units, staged=ref))


def gone(store: Store, *, in_use: tuple[str, ...] = ()) -> set[str]:
    """Remove what can go, and return the files that have gone."""
    before = {path for path in store.data.rglob("*") if path.is_file()}
    remove(store.data, leftovers(store.data, KEEP, now=NOW, in_use=in_use))
    return {path.relative_to(store.data).as_posix() for path in before if not path.exists()}


@pytest.mark.parametrize("source", ["generated", "real"])
def test_a_staged_file_goes_only_when_another_has_counted_for_long_enough(store: Store, source: str) -> None:
    first, second = staged(store, source, DAY, 2), staged(store, source, DAY, 3)
    for ref in (first, second):
        age(store.data / ref.file, 200)
    save(store, source, DAY, second)
    assert second.quarantine_file is not None
    assert first.quarantine_file is not None
    age(store.data / second.file, 29)
    assert gone(store) == set(), "replaced 29 days ago"
    age(store.data / second.file, 31)
    age(store.data / second.quarantine_file, 300)
    age(store.data / first.quarantine_file, 91)
    assert gone(store, in_use=(first.file,)) == {first.quarantine_file}, "a kept build reads it"
    assert gone(store) == {first.file}


def test_a_session_without_a_staged_file_keeps_what_it_has(store: Store) -> None:
    ref = staged(store, "generated", DAY, 2)
    age(store.data / ref.file, 400)
    save(store, "generated", DAY, None)
    assert gone(store) == set()


def test_evidence_of_sessions_that_are_incomplete_stays(store: Store) -> None:
    wanted = made(store.data, f"evidence/sandbox/generated/t/{DAY}/a-1.html", 400)
    old = made(store.data, f"evidence/sandbox/generated/t/{OTHER}/a-1.html", 91)
    made(store.data, f"evidence/sandbox/generated/t/{OTHER}/a-2.html", 89)
    save(store, "generated", DAY, None, evidence=(wanted,))
    assert gone(store) == {old}


def test_raw_answers_manifests_and_builds_stay_however_old_they_are(store: Store) -> None:
    for name in (
        f"raw/sandbox/generated/t/{DAY}/raw-1.parquet",
        f"raw/sandbox/generated/t/{DAY}/units.log",
        "marts/builds/20260101T000000-00001.duckdb",
        "dagster/storage.db",
        "warehouse.duckdb",
    ):
        made(store.data, name, 4000)
    save(store, "generated", OTHER, staged(store, "generated", OTHER, 2))
    assert gone(store) == set()


def test_half_written_files_snapshots_and_logs_go_and_empty_folders_with_them(store: Store) -> None:
    old = {
        made(store.data, f"raw/sandbox/generated/t/{DAY}/.manifest.json.77-ab.tmp", 2),
        made(store.data, f"intraday/raw/sandbox/generated/t/{DAY}/raw-9.parquet", 31),
        made(store.data, "logs/dagster.log", 31),
    }
    made(store.data, f"raw/sandbox/generated/t/{OTHER}/.manifest.json.78-ab.tmp", 0.5)
    made(store.data, "logs/dashboards.log", 1)
    assert gone(store) == old
    assert not (store.data / "intraday").exists()
