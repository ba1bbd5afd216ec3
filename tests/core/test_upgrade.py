"""Homes of version 0.1: their data are found again, nothing is lost, and a killed upgrade continues."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from fin_assets.core.contract.manifest import PartitionKey, PartitionState, UnitState
from fin_assets.core.storage import upgrade as module
from fin_assets.core.storage.store import Store
from fin_assets.core.storage.upgrade import upgrade
from tests.core.test_unit_log import raw_unit

SOURCE, TABLE, DAY = "some_source", "things", date(2026, 3, 2)
KEY = PartitionKey(SOURCE, TABLE, DAY)


def old_home(data: Path, *, mode: str, live: bool = False) -> None:
    """Write a complete session and a begun one as version 0.1 did."""
    base = data / "live" if live else data
    new = Store(base, {SOURCE: mode})
    units = [raw_unit("a"), raw_unit("b", b"two")]
    raw_file, raw_bytes, _ = new.seal(KEY, units, generation=1)
    staged = new.write_staged(KEY, pl.DataFrame({"session_date": [DAY]}), pl.DataFrame(), parser_version="1")
    with new.open_unit_log(PartitionKey(SOURCE, TABLE, date(2026, 3, 3))) as log:
        log.append(raw_unit("a"))
    manifest = {
        "source": SOURCE, "table": TABLE, "session": DAY.isoformat(), "state": "complete",
        "units": [{"unit": unit.unit, "state": "fetched", "via": "request", "mends": None, "heals": True,
                   "sha256": unit.sha256} for unit in units],
        "raw_file": raw_file.replace(f"{mode}/", ""), "raw_bytes": raw_bytes,
        "staged": {**json.loads(staged.model_dump_json()), "file": staged.file.replace(f"{mode}/", "")},
    }  # fmt: skip
    del manifest["staged"]["first_date"], manifest["staged"]["last_date"]
    for layer in ("raw", "staged"):
        (base / layer / mode / SOURCE).rename(base / layer / SOURCE)
        (base / layer / mode).rmdir()
    folder = base / "raw" / SOURCE / TABLE
    (folder / DAY.isoformat() / "manifest.json").write_text(json.dumps(manifest))
    (folder / "2026-03-03" / "units.log").rename(folder / "2026-03-03" / "journal.bin")
    (base / "raw" / SOURCE / "mode").write_text(mode)


@pytest.mark.parametrize(("mode", "live"), [("sandbox", False), ("live", True), ("sandbox", True)])
def test_the_data_of_an_old_home_are_found_again(tmp_path: Path, mode: str, *, live: bool) -> None:
    old_home(tmp_path, mode=mode, live=live)
    assert upgrade(tmp_path) == [SOURCE]
    store = Store(tmp_path, {SOURCE: mode})
    manifest = store.manifest(KEY)
    assert manifest is not None
    assert manifest.state is PartitionState.COMPLETE
    assert {unit.state for unit in manifest.units} == {UnitState.FETCHED}
    assert [unit.body for unit in store.units(manifest)] == [raw_unit("a").body, b"two"]
    assert store.read_staged(manifest).height == 1
    with store.open_unit_log(PartitionKey(SOURCE, TABLE, date(2026, 3, 3))) as log:
        assert set(log.units) == {"a"}
    assert upgrade(tmp_path) == [], "the second time there is nothing to do"


def test_a_killed_upgrade_continues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old_home(tmp_path, mode="sandbox")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "_rename", killed)
        with pytest.raises(KeyboardInterrupt):
            upgrade(tmp_path)
    assert upgrade(tmp_path) == [SOURCE]
    store = Store(tmp_path)
    manifest = store.manifest(KEY)
    assert manifest is not None
    assert len(store.units(manifest)) == 2


def test_a_present_home_is_left_alone(tmp_path: Path) -> None:
    Store(tmp_path).seal(KEY, [raw_unit("a")], generation=1)
    assert upgrade(tmp_path) == []
