"""From requests to a page in a process of its own: JSON over HTTP and files need no browser, not even its library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from fin_assets.warehouse import warm_dbt
from tests.small_sources.site import JsonSite

FRIDAY, SATURDAY, SUNDAY = (date(2026, 3, day) for day in (6, 7, 8))
# Monday, when everything is due; all files arrive on it.
NOW = "2026-03-09T05:00:00+00:00"
TODAY = date(2026, 3, 9)


def history(query: dict[str, str]) -> dict[str, Any]:
    """Return two days of a symbol; the price in cents is the day of the month."""
    asked = date.fromisoformat(query["day"])
    points = [[day.isoformat(), day.day] for day in (asked - timedelta(days=1), asked)]
    return {"symbol": query["name"], "points": points}


def value(query: dict[str, str]) -> dict[str, Any]:
    """Return one value of a day."""
    return {"name": query["name"], "date": query["day"], "value": 1000 + len(query["name"])}


@pytest.fixture(scope="module")
def seen(project: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the process printed."""
    root = tmp_path_factory.mktemp("everything")
    inbox = root / "in"
    inbox.mkdir()
    (inbox / "trades.csv").write_text(f"date,id,account,shares\n{TODAY},T1,main,100\n2026-03-01,T2,main,7\n")
    warm_dbt.prepare()
    with JsonSite(history) as closes, JsonSite(value) as volumes, JsonSite(value) as navs:
        arguments = [root / "home", project, inbox, closes.url, volumes.url, navs.url, FRIDAY, SATURDAY, SUNDAY, TODAY]
        done = subprocess.run(
            [sys.executable, "-m", "tests.small_sources.everything", *map(str, arguments)],
            cwd=Path(__file__).resolve().parents[2],
            env={**os.environ, "FIN_CLOCK": NOW},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_everything_is_collected_but_what_waits_for_its_hour_or_for_the_quota(seen: dict[str, Any]) -> None:
    days = [str(day) for day in (FRIDAY, SATURDAY, SUNDAY, TODAY)]
    assert seen["states"]["rates.closes"] == dict.fromkeys(days, "complete")
    assert seen["states"]["trades.trades"] == {**dict.fromkeys(days, "closed"), str(TODAY): "complete"}
    assert seen["states"]["navs.navs"] == {**dict.fromkeys(days, "complete"), str(TODAY): "incomplete"}
    assert seen["states"]["rates.volumes"] == dict.fromkeys(days, "incomplete"), "three requests a day"
    assert seen["rows"] == {"small__closes": 10, "small__moves": 8, "small__positions": 2, "small__navs": 9}


def test_the_page_shows_the_rows_of_the_mart(seen: dict[str, Any]) -> None:
    assert "Latest of the small sources" in seen["page"]
    for shown in ("2026-03-09 AAA 9", "2026-03-09 BBB 9", "2026-03-09 main 100"):
        assert f"<p>{shown}</p>" in seen["page"]
    assert "2026-03-08 AAA" not in seen["page"]


def test_no_browser_library_is_imported_on_the_way(seen: dict[str, Any]) -> None:
    assert seen["browser"] == []
