"""Healing goes by the manifests: what no check was logged for is healed as well, and only candidates' manifests are read."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.test_utils import freeze_time

from fin_assets.core.contract.manifest import Manifest, PartitionKey, PartitionState, UnitRecord, UnitState
from fin_assets.core.orchestration.assets import raw_key
from fin_assets.core.storage.store import Store
from fin_assets.definitions import build_definitions
from fin_assets.settings import Settings
from tests.core.fakes import NAME, TABLE, FakeSite, fake_source

NOW = datetime(2026, 3, 24, 4, 5, tzinfo=UTC)
KILLED, OLD = date(2026, 3, 19), date(2026, 1, 5)


def test_a_session_whose_run_was_killed_before_it_logged_a_check_is_healed_after_its_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = fake_source(FakeSite())
    store = Store(tmp_path / "data")
    unit = UnitRecord(unit="a", state=UnitState.MISSING)
    state = PartitionState.INCOMPLETE
    wait = NOW + timedelta(minutes=50)
    store.save(
        Manifest(source=NAME, table=TABLE, session=KILLED, state=state, units=(unit,), attempts=1, next_retry_at=wait)
    )
    old = PartitionKey(NAME, TABLE, OLD)
    store.partition_dir(old).mkdir(parents=True)
    (store.partition_dir(old) / "manifest.json").write_text("beyond the look-back: not read")
    definitions = build_definitions(settings=Settings(home=tmp_path), sources=[source], marts=False)
    cursor: Any = None
    asked = []
    with dg.DagsterInstance.ephemeral() as instance:
        for tick in range(3):
            moment = NOW + timedelta(minutes=30 * tick)
            monkeypatch.setenv("FIN_CLOCK", moment.isoformat())
            with freeze_time(moment):
                result = dg.evaluate_automation_conditions(
                    defs=definitions, instance=instance, cursor=cursor, evaluation_time=moment
                )
            cursor = result.cursor
            asked.append(result.get_requested_partitions(raw_key(source, source.tables[0])))
    assert asked == [set(), set(), {KILLED.isoformat()}]
