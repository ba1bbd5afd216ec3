"""Live and sandbox data are not built together, unless the user insists; then every table says which it is. No dbt."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Literal

import polars as pl
import pytest

from fin_assets.core.contract.source import Source
from fin_assets.core.storage.store import Store
from fin_assets.settings import SourceSettings, WarehouseSettings
from fin_assets.warehouse.paths import BUILDS, WarehouseError
from fin_assets.warehouse.reader import Reader
from tests.warehouse.home import Home
from tests.warehouse.tiny_build import SESSIONS, build, stage, tiny_home


def in_mode(source: Source, mode: Literal["sandbox", "live"]) -> Source:
    """Return a source in another mode."""
    tables = tuple(replace(table, site=replace(table.site, mode=mode)) for table in source.tables)
    return replace(source, settings=SourceSettings(mode=mode), tables=tables)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home of a sandbox source that has rows, and a live one that has none yet."""
    monkeypatch.setenv("FIN_CLOCK", "2026-03-01T00:00:00+00:00")
    home = tiny_home(tmp_path)
    stage(home, SESSIONS[0])
    other = Home(tmp_path, SESSIONS, source="other", every={"days": 1})
    home.sources = [*home.sources, in_mode(other.sources[0], "live")]
    return home


def stage_other(home: Home, session: date, *, mode: Literal["sandbox", "live"] = "live") -> None:
    """Stage one row of the other source."""
    other = Home(home.settings.home, SESSIONS, source="other", every={"days": 1})
    other.store = Store(home.data, {"other": mode})
    other.stage("days", session, pl.DataFrame({"session_date": [session]}))


def test_a_source_that_has_nothing_yet_is_not_mixed_with_another(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert build(home, monkeypatch).build.modes == {"tiny": "sandbox"}


def test_live_and_sandbox_rows_are_refused_with_the_three_remedies(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = build(home, monkeypatch).build
    stage_other(home, SESSIONS[0])
    with pytest.raises(WarehouseError) as refused:
        build(home, monkeypatch)
    told = str(refused.value)
    assert "other is live, tiny is sandbox" in told
    for way in ("[sources.NAME] mode", "[sources.NAME] enabled = false", "[warehouse] mix_modes = true"):
        assert way in told
    assert Reader(home.data).build() == kept


def test_each_remedy_lets_the_build_continue(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    stage_other(home, SESSIONS[0])
    tiny, other = home.sources
    stage_other(home, SESSIONS[1], mode="sandbox")
    home.sources = [tiny, in_mode(other, "sandbox")]
    assert build(home, monkeypatch).build.modes == {"other": "sandbox", "tiny": "sandbox"}
    home.store = Store(home.data, {"other": "live"})
    home.sources = [tiny]
    assert build(home, monkeypatch).build.modes == {"tiny": "sandbox"}
    home.sources = [tiny, other]
    home.settings = home.settings.model_copy(update={"warehouse": WarehouseSettings(mix_modes=True)})
    assert build(home, monkeypatch).build.modes == {"other": "live", "tiny": "sandbox"}


def test_a_source_that_is_switched_off_keeps_its_rows_beside_others_of_its_mode(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage_other(home, SESSIONS[0], mode="sandbox")
    home.sources = home.sources[:1]
    assert build(home, monkeypatch).build.modes == {"other": "sandbox", "tiny": "sandbox"}


def test_a_mixed_build_labels_every_table_and_describes_itself(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    stage_other(home, SESSIONS[0])
    home.settings = home.settings.model_copy(update={"warehouse": WarehouseSettings(mix_modes=True)})
    made = build(home, monkeypatch).build
    rows = Reader(home.data).query("select source, mode from control.tables order by source").rows()
    assert rows == [("other", "live"), ("tiny", "sandbox")]
    described = json.loads((home.data / BUILDS / f"{made.id}.json").read_text())
    assert described["modes"] == {"other": "live", "tiny": "sandbox"}
