"""Answers of 100 days each, obtained every day of the week: what a revision changes, and what was known before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from fin_assets.core.collection.exclusions import exclude, include
from fin_assets.core.contract.manifest import PartitionState
from fin_assets.core.orchestration.partitions import partitions_of
from fin_assets.core.transport.clients import Clients
from fin_assets.definitions import build_definitions
from fin_assets.warehouse.build import BuildResult
from tests.small_sources.home import Home, clock_at, differing, rewritten
from tests.small_sources.site import JsonSite
from tests.small_sources.sources import SYMBOLS, rates

SATURDAY, SUNDAY, MONDAY = date(2026, 3, 7), date(2026, 3, 8), date(2026, 3, 9)
DAYS_IN_AN_ANSWER = 100
REVISED = [date(2025, 12, 20), date(2026, 1, 31), date(2026, 3, 1)]
"""Two Saturdays and a Sunday, of which Sunday's answer gives other prices of AAA than Saturday's."""

WRONG = [date(2026, 2, 14), date(2026, 2, 15)]
"""Days of which Monday's answer gives wrong prices of BBB."""


def after(day: date) -> datetime:
    """Return the instant at which the partition of a day is collected and built: half past midnight behind it."""
    return datetime.combine(day + timedelta(days=1), time(0, 30), UTC)


def close(symbol: str, day: date, *, asked: date) -> int:
    """Return a price in cents as the site states it on the day that it is asked."""
    cents = 10_000 + 7 * (day - date(2025, 1, 1)).days + (500 if symbol == "BBB" else 0)
    if symbol == "AAA" and day in REVISED and asked >= SUNDAY:
        cents += 1
    if symbol == "BBB" and day in WRONG and asked == MONDAY:
        cents *= 100
    return cents


def history(query: dict[str, str]) -> dict[str, Any]:
    """Return the 100 days up to the day that is asked for."""
    symbol, asked = query["name"], date.fromisoformat(query["day"])
    days = [asked - timedelta(days=n) for n in reversed(range(DAYS_IN_AN_ANSWER))]
    return {"symbol": symbol, "points": [[day.isoformat(), close(symbol, day, asked=asked)] for day in days]}


@dataclass
class Seen:
    """A build, and what readers saw of it."""

    result: BuildResult
    changed: list[date]
    written: dict[date, datetime]
    marts: dict[str, pl.DataFrame] = field(default_factory=dict)


def built(home: Home, day: date) -> Seen:
    """Build on the day after `day`, and look at it."""
    result = home.build(at=after(day))
    marts = {name: home.mart(name) for name in ("small__closes", "small__moves", "history.rates__closes")}
    return Seen(result, home.changed("rates"), home.written("small__closes"), marts)


@dataclass
class Story:
    """The same home, built again and again."""

    home: Home
    first: Seen
    revised: Seen
    wrong: Seen
    excluded: Seen
    included: Seen
    dagster_partitions: set[str]


@pytest.fixture(scope="module")
def site() -> Iterator[JsonSite]:
    """The site of the histories."""
    with JsonSite(history) as site:
        yield site


@pytest.fixture(scope="module")
def story(site: JsonSite, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Collect Saturday and Sunday through Dagster and Monday without it; exclude a wrong answer, and take it back in."""
    source = rates(closes_url=site.url, volumes_url=site.url)
    home = Home(tmp_path_factory.mktemp("histories"), [source], project=project)
    stored: set[str] = set()
    with dg.DagsterInstance.ephemeral() as instance:

        def run(day: date) -> None:
            with clock_at(after(day)), Clients(home.settings.browser, data=home.settings.data) as clients:
                definitions = build_definitions(
                    settings=home.settings, sources=home.sources, clients=clients, marts=False
                )
                job = definitions.resolve_job_def("collect_rates__closes")
                assert job.execute_in_process(instance=instance, partition_key=day.isoformat()).success
            stored.update(instance.get_materialized_partitions(dg.AssetKey(["staged", "rates", "closes"])))

        run(SATURDAY)
        first = built(home, SATURDAY)
        run(SUNDAY)
    revised = built(home, SUNDAY)
    home.collect("rates.closes", [MONDAY], at=after(MONDAY))
    wrong = built(home, MONDAY)
    finalizer, key = home.finalizer("rates.closes", MONDAY), home.key("rates.closes", MONDAY)
    exclude(finalizer, key, "BBB", reason="prices are a hundred times too high")
    excluded = built(home, MONDAY)
    include(finalizer, key, "BBB")
    return Story(home, first, revised, wrong, excluded, built(home, MONDAY), stored)


def test_saturdays_and_sundays_have_partitions_and_are_collected(story: Story) -> None:
    source, table = story.home.table("rates.closes")
    with clock_at(after(MONDAY)):
        keys = set(partitions_of(source, table).get_partition_keys())
    assert {str(SATURDAY), str(SUNDAY), str(MONDAY)} <= keys
    assert story.dagster_partitions == {str(SATURDAY), str(SUNDAY)}
    for day in (SATURDAY, SUNDAY, MONDAY):
        manifest = story.home.manifest("rates.closes", day)
        assert (manifest.state, manifest.done, manifest.rows) == (PartitionState.COMPLETE, 2, 2 * DAYS_IN_AN_ANSWER)
    marts = story.first.marts["small__closes"]
    assert marts.height == 2 * DAYS_IN_AN_ANSWER
    assert set(marts["session_date"].dt.weekday()) == set(range(1, 8))


def test_a_revision_of_three_days_rebuilds_exactly_those_and_the_new_day(story: Story) -> None:
    result = story.revised.result
    assert (result.published, result.plan.full_refresh) == (True, False)
    assert story.revised.changed == [*REVISED, SUNDAY]
    assert rewritten(story.first.written, story.revised.written) == [*REVISED, SUNDAY]
    before, now = story.first.marts["small__closes"], story.revised.marts["small__closes"]
    assert differing(before, now) == [*REVISED, SUNDAY]
    prices = now.filter(pl.col("symbol") == "AAA", pl.col("session_date").is_in(REVISED))["close_usd_cents"]
    assert sorted(prices) == sorted(close("AAA", day, asked=SUNDAY) for day in REVISED)


def test_a_model_that_looks_back_follows_a_revision_to_the_next_day_also_over_a_weekend(story: Story) -> None:
    reached = sorted({*REVISED, *(day + timedelta(days=1) for day in REVISED), SUNDAY})
    assert differing(story.first.marts["small__moves"], story.revised.marts["small__moves"]) == reached


def test_as_of_an_earlier_instant_the_values_from_before_the_revision_are_there(story: Story) -> None:
    asked = "select session_date, symbol, close_usd_cents from rates__closes_as_of(?)"
    earlier = story.home.reader.query(asked, [after(SATURDAY)]).sort(pl.all())
    assert earlier.equals(story.first.marts["small__closes"])
    later = story.home.reader.query(asked, [after(SUNDAY)]).sort(pl.all())
    assert later.equals(story.revised.marts["small__closes"])
    assert story.home.reader.query(asked, [after(SATURDAY) - timedelta(seconds=1)]).is_empty()


def test_excluding_a_wrong_answer_and_taking_it_back_rebuilds_its_days_alone(story: Story) -> None:
    assert story.wrong.changed == [*WRONG, MONDAY]
    assert story.excluded.changed == [*WRONG, MONDAY]
    assert story.included.changed == [*WRONG, MONDAY]
    assert not any(seen.result.plan.full_refresh for seen in (story.wrong, story.excluded, story.included))
    for name, rows in story.wrong.marts.items():
        assert story.included.marts[name].equals(rows), f"{name} after the answer was taken back"
        assert not story.excluded.marts[name].equals(rows), name


@pytest.mark.expensive("two builds with dbt, in another order")
def test_without_the_answer_and_in_another_order_of_arrival_the_marts_are_the_same(
    story: Story, site: JsonSite, project: Path, tmp_path: Path
) -> None:
    source = rates(
        closes_url=site.url,
        volumes_url=site.url,
        symbols=lambda day: ("AAA",) if day == MONDAY else SYMBOLS,
    )
    home = Home(tmp_path, [source], project=project)
    home.collect("rates.closes", [MONDAY], at=after(MONDAY))
    home.collect("rates.closes", [SUNDAY], at=after(SUNDAY))
    home.build(at=after(MONDAY))
    home.collect("rates.closes", [SATURDAY], at=after(SATURDAY))
    last = built(home, MONDAY)
    assert not last.result.plan.full_refresh
    for name, rows in story.excluded.marts.items():
        assert last.marts[name].equals(rows), name
