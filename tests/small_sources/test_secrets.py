"""A source with a key: the site gets it, and nothing that is stored, logged or reported has it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from fin_assets.core.contract.client import Client
from fin_assets.core.contract.manifest import UnitState
from fin_assets.core.contract.source import Fetched, Source, Unit
from tests.small_sources.home import Home
from tests.small_sources.site import JsonSite
from tests.small_sources.sources import BANGKOK, HOURS, navs

KEY = "sk-1234567890abcdef"
DAY = date(2026, 5, 8)
LATER = datetime(2026, 5, 9, 12, tzinfo=BANGKOK)


def echoing(query: dict[str, str]) -> dict[str, Any]:
    """Return a value with the key in it; of the last fund another fund's, with the key in its name."""
    wrong = query["name"] == list(HOURS)[-1]
    name = f"not {query['name']} but {query['key']}" if wrong else query["name"]
    return {"name": name, "date": query["day"], "value": 1000, "next": f"/?key={query['key']}"}


async def ask_with_key(client: Client, unit: Unit, day: date, *, url: str) -> Fetched:
    return await client.get(f"{url}/?name={unit.name}&day={day}&key={KEY}", headers={"Authorization": f"Bearer {KEY}"})


def with_key(source: Source, url: str) -> Source:
    """Return the source with a site that has a secret."""
    [table] = source.tables

    async def fetch(client: Client, unit: Unit, day: date) -> Fetched:
        return await ask_with_key(client, unit, day, url=url)

    return replace(source, tables=(replace(table, fetch=fetch, site=replace(table.site, secrets=(SecretStr(KEY),))),))


@pytest.fixture
def site() -> Iterator[JsonSite]:
    with JsonSite(echoing) as site:
        yield site


def test_a_key_reaches_the_site_and_no_file_log_or_message(
    site: JsonSite, project: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    source = with_key(navs(url=site.url), site.url)
    assert KEY not in repr(source)
    home = Home(tmp_path, [source], project=project)
    [result] = home.collect("navs.navs", [DAY], at=LATER)
    assert {request.query["key"] for request in site.log} == {KEY}
    manifest = home.manifest("navs.navs", DAY)
    states = {unit.state for unit in manifest.units}
    assert states == {UnitState.FETCHED, UnitState.FAILED}, "one answer was refused: its page is evidence"
    units = home.store.units(manifest)
    assert len(units) == len(HOURS) - 1
    assert all("key=***" in unit.url and b'"/?key=***"' in unit.body for unit in units)
    texts = [caplog.text, repr(result), manifest.model_dump_json(), *(repr(unit) for unit in units)]
    assert not [text for text in texts if KEY in text]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.suffix == ".json" and "evidence" in path.parts for path in files), "evidence was written"
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []
