"""Two sites of one source, each at its own rate, and a daily quota that new runs and processes find as it was left."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from fin_assets.core.contract.manifest import PartitionState, UnitState
from fin_assets.core.orchestration.automation import RetryDue
from tests.small_sources.home import Home
from tests.small_sources.site import JsonSite
from tests.small_sources.sources import PER_DAY, VOLUME_SYMBOLS, rates

SATURDAY = date(2026, 3, 7)
DAY_OVER = datetime(2026, 3, 8, 0, 30, tzinfo=UTC)
# Midnight in New York; on this very Sunday its summer time begins, two hours later.
RENEWED = datetime(2026, 3, 8, 5, tzinfo=UTC)
BEFORE, AFTER = datetime(2026, 3, 8, 4, 59, 59, tzinfo=UTC), datetime(2026, 3, 8, 5, 0, 1, tzinfo=UTC)


def volume(query: dict[str, str]) -> dict[str, Any]:
    """Return the volume of a symbol."""
    return {"name": query["name"], "date": query["day"], "value": 100 * VOLUME_SYMBOLS.index(query["name"])}


def history(query: dict[str, str]) -> dict[str, Any]:
    """Return a history of one day."""
    return {"symbol": query["name"], "points": [[query["day"], 1]]}


@pytest.fixture
def fast() -> Iterator[JsonSite]:
    with JsonSite(history) as site:
        yield site


@pytest.fixture
def metered() -> Iterator[JsonSite]:
    with JsonSite(volume) as site:
        yield site


@pytest.fixture
def home(fast: JsonSite, metered: JsonSite, project: Path, tmp_path: Path) -> Home:
    return Home(tmp_path, [rates(closes_url=fast.url, volumes_url=metered.url)], project=project)


def names(site: JsonSite) -> list[str]:
    """Return the symbols that a site was asked for, in order."""
    return [request.query["name"] for request in site.log]


COLLECT = """
import sys
from datetime import date, datetime
from pathlib import Path
from tests.small_sources.home import Home
from tests.small_sources.sources import rates
root, url, at, day = sys.argv[1:]
home = Home(Path(root), [rates(closes_url=url, volumes_url=url)], project=Path())
home.collect("rates.volumes", [date.fromisoformat(day)], at=datetime.fromisoformat(at))
"""


def in_a_new_process(home: Home, *, url: str, at: datetime) -> None:
    """Collect the session in a process that knows of the others only what lies in the home."""
    root = Path(__file__).resolve().parents[2]
    arguments = [str(home.settings.home), url, at.isoformat(), str(SATURDAY)]
    subprocess.run([sys.executable, "-c", COLLECT, *arguments], cwd=root, check=True)


def test_what_the_quota_leaves_is_deferred_until_its_own_midnight_in_every_process(
    home: Home, metered: JsonSite
) -> None:
    [result] = home.collect("rates.volumes", [SATURDAY], at=DAY_OVER)
    assert names(metered) == list(VOLUME_SYMBOLS[:PER_DAY])
    manifest = result.manifest
    assert (manifest.state, manifest.done, manifest.next_retry_at) == (PartitionState.INCOMPLETE, PER_DAY, RENEWED)
    left = manifest.unfinished()
    assert [unit.unit for unit in left] == list(VOLUME_SYMBOLS[PER_DAY:])
    assert {unit.state for unit in left} == {UnitState.DEFERRED}, "deferred, not failed"
    assert {unit.attempts for unit in left} == {0}
    assert {unit.not_before for unit in left} == {RENEWED}
    assert "volumes_api allows 3 requests a day" in manifest.why()
    assert "2026-03-08 00:00 EST" in manifest.why()

    in_a_new_process(home, url=metered.url, at=BEFORE)
    assert len(metered.log) == PER_DAY, "another process asks nothing before midnight in New York"

    [again] = home.collect("rates.volumes", [SATURDAY], at=BEFORE)
    assert len(metered.log) == PER_DAY, "nor does a new run in this one"
    assert again.manifest.next_retry_at == RENEWED
    assert again.manifest.attempts == 1, "a run that may ask nothing uses up no attempt"
    source, table = home.table("rates.volumes")
    due = RetryDue(source, table, home.store)
    assert [bool(due.due_of({SATURDAY}, now=instant)) for instant in (BEFORE, RENEWED)] == [False, True]

    [done] = home.collect("rates.volumes", [SATURDAY], at=AFTER)
    assert names(metered) == list(VOLUME_SYMBOLS)
    assert (done.manifest.state, done.manifest.requests) == (PartitionState.COMPLETE, len(VOLUME_SYMBOLS))


def test_each_site_is_asked_at_its_own_rate_and_only_one_has_a_quota(
    home: Home, fast: JsonSite, metered: JsonSite
) -> None:
    home.collect("rates.volumes", [SATURDAY], at=DAY_OVER)
    days = [date(2026, 3, day) for day in (5, 6, 7)]
    results = home.collect("rates.closes", days, at=DAY_OVER)
    assert all(result.manifest.state is PartitionState.COMPLETE for result in results)
    slow_seconds = (metered.log[-1].seconds - metered.log[0].seconds) / (len(metered.log) - 1)
    fast_seconds = (fast.log[-1].seconds - fast.log[0].seconds) / (len(fast.log) - 1)
    assert len(fast.log) == 2 * len(days)
    assert slow_seconds > 0.15, "4 requests a second, less jitter and the first connection"
    assert fast_seconds < slow_seconds
    assert [path.name for path in sorted((home.settings.data / "quota").glob("*.json"))] == ["volumes_api-sandbox.json"]
