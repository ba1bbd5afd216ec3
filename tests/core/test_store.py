"""The data directory: sealed raw files, staged files under content names, manifests replaced atomically."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from fin_assets.core.contract.manifest import Manifest, PartitionKey, PartitionState, UnitRecord, UnitState
from fin_assets.core.storage.store import RawDamaged, Store
from tests.core.test_unit_log import raw_unit

KEY = PartitionKey("some_source", "things", date(2026, 1, 5))


def manifest(**changes: object) -> Manifest:
    values: dict[str, object] = {
        "source": KEY.source,
        "table": KEY.table,
        "session": KEY.session,
        "state": PartitionState.COMPLETE,
        "units": (UnitRecord(unit="a", state=UnitState.FETCHED, rows=3),),
    }
    return Manifest.model_validate(values | changes)


def test_a_sealed_partition_gives_back_the_exact_bytes_and_is_readable_as_parquet(tmp_path: Path) -> None:
    store = Store(tmp_path)
    units = [raw_unit("b", b"\x00\xff page"), raw_unit("a", "頁".encode())]
    raw_file, size, _ = store.seal(KEY, units, generation=1)
    sealed = manifest(raw_file=raw_file)
    assert {unit.unit: unit for unit in store.units(sealed)} == {unit.unit: unit for unit in units}
    assert (tmp_path / raw_file).stat().st_size == size
    assert pq.read_table(tmp_path / raw_file, partitioning=None).column("unit").to_pylist() == ["a", "b"]


def test_damaged_raw_bytes_are_refused_with_the_command_that_mends_them(tmp_path: Path) -> None:
    store = Store(tmp_path)
    wrong = raw_unit("a")
    object.__setattr__(wrong, "sha256", "0" * 64)
    raw_file, *_ = store.seal(KEY, [wrong], generation=1)
    with pytest.raises(RawDamaged, match=r"body of a is damaged.*fin run some_source --session 2026-01-05 --refetch"):
        store.units(manifest(raw_file=raw_file))


def test_an_unsealed_partition_is_read_from_its_unit_log(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.open_unit_log(KEY) as unit_log:
        unit_log.append(raw_unit("a"))
    assert [unit.unit for unit in store.units(manifest(state=PartitionState.INCOMPLETE))] == ["a"]


def test_the_same_rows_give_the_same_file_and_other_rows_never_overwrite_it(tmp_path: Path) -> None:
    store = Store(tmp_path)
    nothing = pl.DataFrame({"rule": []}, schema={"rule": pl.String})
    rows = pl.DataFrame({"code": ["00001", "00700"], "shares": [5, 7]})
    first = store.write_staged(KEY, rows, nothing, parser_version="1")
    assert store.write_staged(KEY, rows.clone(), nothing, parser_version="1") == first
    other = store.write_staged(KEY, rows.reverse(), nothing, parser_version="1")
    assert other.file != first.file
    assert pl.read_parquet(tmp_path / first.file).equals(rows)
    assert first.quarantine_file is None


def test_refused_rows_are_kept_in_quarantine(tmp_path: Path) -> None:
    store = Store(tmp_path)
    refused = pl.DataFrame({"code": ["00002"], "rule": ["holding_not_negative"]})
    ref = store.write_staged(KEY, pl.DataFrame({"code": ["00001"]}), refused, parser_version="1")
    assert ref.quarantined == 1
    assert ref.quarantine_file is not None
    assert pl.read_parquet(tmp_path / ref.quarantine_file).equals(refused)


def test_a_manifest_survives_a_round_trip_and_is_listed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.manifest(KEY) is None
    failed = UnitRecord(
        unit="b",
        state=UnitState.REFUSED,
        attempts=3,
        error_kind="rate_limited",
        error="429",
        evidence=("evidence/x.html",),
    )
    saved = manifest(
        state=PartitionState.INCOMPLETE, units=(failed,), next_retry_at=datetime(2026, 1, 5, 13, tzinfo=UTC)
    )
    store.save(saved)
    assert store.manifest(KEY) == saved
    assert list(store.manifests()) == [saved]
    assert store.sessions("some_source", "things") == [KEY.session]
    assert not list(tmp_path.rglob("*.tmp"))


def test_the_reason_names_units_by_kind() -> None:
    units = tuple(UnitRecord(unit=f"u{n}", state=UnitState.FAILED, error_kind="network") for n in range(7))
    assert manifest(units=units).why() == "7 of 7 units: 7 network (u0, u1, u2, u3, u4, ...)"
