"""Units that come at different hours: none is asked for before its own, and the partition completes in waves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.test_utils import freeze_time
from typer.testing import CliRunner

from fin_assets.cli import app
from fin_assets.commands.args import forget_project
from fin_assets.core.collection.finalize import SessionResult
from fin_assets.core.contract.manifest import PartitionState, UnitState
from fin_assets.core.orchestration.automation import RetryDue
from fin_assets.definitions import build_definitions
from tests.small_sources.home import Home, clock_at
from tests.small_sources.site import JsonSite
from tests.small_sources.sources import BANGKOK, HOURS, hour_of, navs

DAY = date(2026, 5, 8)
NEXT = DAY + timedelta(days=1)
"""A Friday, and the Saturday on which its last value comes."""

SECOND = timedelta(seconds=1)


def nav(query: dict[str, str]) -> dict[str, Any]:
    """Return the value of a fund, which the site would give at any hour."""
    return {"name": query["name"], "date": query["day"], "value": 1000 + len(query["name"])}


@pytest.fixture
def site() -> Iterator[JsonSite]:
    with JsonSite(nav) as site:
        yield site


@pytest.fixture
def home(site: JsonSite, project: Path, tmp_path: Path) -> Home:
    return Home(tmp_path, [navs(url=site.url)], project=project)


def at(hour: int, minute: int = 0, *, day: date = DAY) -> datetime:
    """Return an hour in Bangkok."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=BANGKOK)


INSTANTS = (
    at(17, 1),
    at(17, 59),
    at(18),
    at(19),
    at(20, 59),
    at(21),
    at(0, 30, day=NEXT),
    at(8, 59, day=NEXT),
    at(9, day=NEXT),
)
"""When the session is collected: before each hour, at it, and between."""


def collected(home: Home, instant: datetime) -> SessionResult:
    """Collect the session at an instant."""
    [result] = home.collect("navs.navs", [DAY], at=instant)
    return result


def test_over_two_days_nothing_is_asked_before_its_hour_and_the_partition_completes_in_waves(
    home: Home, site: JsonSite
) -> None:
    waves: dict[str, list[str]] = {}
    attempts = []
    for instant in INSTANTS:
        before = len(site.log)
        manifest = collected(home, instant).manifest
        waves[f"{instant:%d %H:%M}"] = [request.query["name"] for request in site.log[before:]]
        attempts.append(manifest.attempts)
        waiting = [unit for unit in manifest.unfinished() if unit.state is UnitState.DEFERRED]
        assert {unit.unit for unit in waiting} == {fund for fund in HOURS if hour_of(fund, DAY) > instant}
        assert manifest.done == len(HOURS) - len(waiting)
    assert {when: funds for when, funds in waves.items() if funds} == {
        "08 18:00": ["early"],
        "08 21:00": ["late"],
        "09 09:00": ["morning"],
    }
    assert attempts == [0, 0, 1, 1, 1, 2, 2, 2, 3], "waiting uses up no attempt"
    assert manifest.state is PartitionState.COMPLETE
    assert manifest.requests == len(HOURS)
    for request in site.log:
        assert request.at >= hour_of(request.query["name"], DAY), "the server was not asked before the hour"


def test_the_partition_says_which_unit_it_waits_for_and_until_when(home: Home) -> None:
    waiting = collected(home, at(17, 1))
    manifest = waiting.manifest
    assert (manifest.state, manifest.units[0].state) == (PartitionState.INCOMPLETE, UnitState.DEFERRED)
    assert manifest.why() == (
        "3 of 3 units: 3 not_due (early, late, morning); next: early is expected from 2026-05-08 18:00 +07 on"
    )
    assert manifest.next_retry_at == hour_of("early", DAY)
    assert "healing tries again by itself after 2026-05-08 18:00 +07" in waiting.findings["complete"].summary
    manifest = collected(home, at(22)).manifest
    assert manifest.why() == (
        "1 of 3 units: 1 not_due (morning); next: morning is expected from 2026-05-09 09:00 +07 on"
    )
    assert manifest.next_retry_at == hour_of("morning", DAY)


def test_status_says_which_unit_is_waited_for_and_until_when(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    collected(home, at(18))
    monkeypatch.setattr("fin_assets.discovery.discover", lambda _settings: home.sources)
    monkeypatch.setattr("fin_assets.discovery.source_names", lambda: ["navs"])
    monkeypatch.setenv("FIN_HOME", str(home.settings.home))
    monkeypatch.setenv("FIN_CLOCK", at(19).isoformat())
    forget_project()
    try:
        told = " ".join(CliRunner().invoke(app, ["status", "navs"]).output.split())
        one = " ".join(CliRunner().invoke(app, ["status", "navs", "--session", str(DAY)]).output.split())
    finally:
        forget_project()
    assert "2 of 3 units: 2 not_due (late, morning); next: late is expected from 2026-05-08 21:00 +07 on" in told
    assert "healing tries again by itself after 2026-05-08 21:00 +07" in told
    assert "not_due late: late is expected from 2026-05-08 21:00 +07 on" in one
    assert "not_due morning: morning is expected from 2026-05-09 09:00 +07 on" in one


@dataclass
class Automation:
    """Ticks of the real automation over the definitions of a home."""

    home: Home
    instance: dg.DagsterInstance
    cursor: Any = None
    asked: dict[str, set[str]] = field(default_factory=dict)

    def tick(self, instant: datetime) -> set[str]:
        """Evaluate all conditions at an instant; return the partitions that are asked for."""
        with clock_at(instant), freeze_time(instant.astimezone(UTC)):
            definitions = build_definitions(settings=self.home.settings, sources=self.home.sources, marts=False)
            result = dg.evaluate_automation_conditions(
                defs=definitions, instance=self.instance, cursor=self.cursor, evaluation_time=instant
            )
        self.cursor = result.cursor
        return {str(key) for key in result.get_requested_partitions(dg.AssetKey(["raw", "navs", "navs"]))}


def test_automation_asks_for_the_partition_from_the_first_hour_on_and_not_before(home: Home) -> None:
    collected(home, at(17, 1))
    source, table = home.table("navs.navs")
    due = RetryDue(source, table, home.store)
    assert not due.due_of({DAY}, now=hour_of("early", DAY) - SECOND)
    assert due.due_of({DAY}, now=hour_of("early", DAY))
    with dg.DagsterInstance.ephemeral() as instance:
        automation = Automation(home, instance)
        asked = {f"{instant:%H:%M}": automation.tick(instant) for instant in (at(17, 1), at(17, 31), at(18, 1))}
        assert asked == {"17:01": set(), "17:31": set(), "18:01": {str(DAY)}}
        collected(home, at(18, 1))
        asked = {f"{instant:%H:%M}": automation.tick(instant) for instant in (at(18, 31), at(20, 31), at(21, 1))}
        assert asked == {"18:31": set(), "20:31": set(), "21:01": {str(DAY)}}
