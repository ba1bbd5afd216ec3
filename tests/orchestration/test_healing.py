"""Healing, by advancing real automation ticks over the real definitions on an ephemeral Dagster instance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.test_utils import freeze_time

from fin_assets.core.contract.failures import CaptchaPage, LoginWall, NotAsked, ServerError
from fin_assets.core.contract.manifest import PartitionKey, PartitionState
from fin_assets.core.orchestration.assets import raw_key, staged_key
from fin_assets.core.storage.store import Store
from fin_assets.definitions import build_definitions
from fin_assets.settings import Settings
from tests.core.fakes import NAME, TABLE, FakeClients, FakeSite, fake_source

HONG_KONG = ZoneInfo("Asia/Hong_Kong")
# Tuesday 2026-03-24 at noon. Sessions before: 23 (Monday), 20, 19, 18, 17, 16, 13, ...
NOW = datetime(2026, 3, 24, 12, 5, tzinfo=HONG_KONG)
GOOD, BAD = date(2026, 3, 18), date(2026, 3, 19)


class Town:
    """A source over a fake site, its definitions, an instance, and a clock that ticks with the automation."""

    def __init__(
        self, home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, **settings: Any
    ) -> None:
        self.site = FakeSite(units=("a", "b", "c"))
        self.source = fake_source(self.site, **settings)
        self.table = self.source.tables[0]
        self.store = Store(home / "data")
        self.instance = instance
        self.definitions = build_definitions(settings=Settings(home=home), sources=[self.source], marts=False)
        self.cursor: Any = None
        self.now = NOW
        self._monkeypatch = monkeypatch

    @contextmanager
    def at(self, moment: datetime) -> Iterator[None]:
        """Stop every clock at a moment."""
        self._monkeypatch.setenv("FIN_CLOCK", moment.isoformat())
        with freeze_time(moment.astimezone(UTC)):
            yield

    def run(self, first: date, last: date | None = None) -> bool:
        """Run a range of sessions as a person or a backfill does; return whether the run succeeded."""
        tags = {
            "dagster/asset_partition_range_start": first.isoformat(),
            "dagster/asset_partition_range_end": (last or first).isoformat(),
        }
        with self.at(self.now):
            job = self.definitions.resolve_job_def(f"collect_{NAME}__{TABLE}")
            return job.execute_in_process(instance=self.instance, raise_on_error=False, tags=tags).success

    def tick(self, *, after: timedelta = timedelta(minutes=30)) -> set[str]:
        """Advance the clock, evaluate all automation once, and return the sessions that it asks for."""
        self.now += after
        with self.at(self.now):
            result = dg.evaluate_automation_conditions(
                defs=self.definitions, instance=self.instance, cursor=self.cursor, evaluation_time=self.now
            )
        self.cursor = result.cursor
        raw, staged = raw_key(self.source, self.table), staged_key(self.source, self.table)
        asked = {str(key) for key in result.get_requested_partitions(raw)}
        assert {str(key) for key in result.get_requested_partitions(staged)} == asked, (
            "staged rows come in the same run"
        )
        return asked

    def heal(self, sessions: set[str]) -> None:
        """Run what a tick asked for, as the daemon does."""
        for session in sorted(sessions):
            self.run(date.fromisoformat(session))

    def state(self, session: date) -> PartitionState:
        """Return what the manifest says."""
        manifest = self.store.manifest(PartitionKey(NAME, TABLE, session))
        assert manifest is not None
        return manifest.state

    def materialized(self) -> set[str]:
        """Return the partitions that Dagster shows as materialized."""
        return {str(key) for key in self.instance.get_materialized_partitions(staged_key(self.source, self.table))}


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a maker of towns; keywords are keys of the source's settings."""
    monkeypatch.setattr("fin_assets.definitions.Clients", FakeClients)
    monkeypatch.setattr("fin_assets.core.collection.fetch_jobs._Unit.wait", lambda _self: timedelta(0))
    with dg.DagsterInstance.ephemeral() as instance:
        yield lambda **settings: Town(tmp_path, instance, monkeypatch, **settings)


def test_a_session_with_one_missing_unit_is_asked_for_again_and_only_that_unit_is_fetched(make) -> None:
    town = make()
    town.site.broken = {("b", BAD): ServerError("busy", status=503)}
    assert not town.run(GOOD, BAD)
    assert town.materialized() == {GOOD.isoformat()}, "an incomplete session is not materialized"
    assert town.state(BAD) is PartitionState.INCOMPLETE
    before = Counter(town.site.asked)

    town.tick()
    town.site.broken.clear()
    asked = town.tick()
    assert asked == {BAD.isoformat()}, "only the incomplete session"
    town.heal(asked)

    assert town.state(BAD) is PartitionState.COMPLETE
    assert town.materialized() == {GOOD.isoformat(), BAD.isoformat()}
    assert town.site.asked - before == {("b", BAD): 1}, "what is stored is not fetched again"
    assert [town.tick() for _ in range(3)] == [set(), set(), set()], "nothing is left to heal"


def test_a_session_is_asked_for_once_a_cron_tick_and_not_before_its_wait_is_over(make) -> None:
    town = make()
    town.site.broken = {("b", BAD): NotAsked("the attempt was cut off")}
    town.run(BAD)
    town.tick()
    assert town.tick(after=timedelta(minutes=30)) == {BAD.isoformat()}
    assert town.tick(after=timedelta(minutes=1)) == set(), "no tick of the schedule has passed"
    town.heal({BAD.isoformat()})
    town.heal({BAD.isoformat()})
    # Three attempts: the next one is due in 40 minutes, so the next tick of the schedule comes too early.
    assert town.tick(after=timedelta(minutes=29)) == set()
    assert town.tick(after=timedelta(minutes=30)) == {BAD.isoformat()}


def test_healing_gives_up_after_the_attempts_that_are_allowed(make) -> None:
    town = make(max_attempts=3)
    town.site.broken = {("b", BAD): CaptchaPage("prove it")}
    town.run(BAD)
    town.tick()
    attempts = 1
    for _ in range(12):
        asked = town.tick(after=timedelta(hours=1))
        attempts += len(asked)
        town.heal(asked)
    assert attempts == 3
    assert town.state(BAD) is PartitionState.INCOMPLETE


def test_healing_leaves_alone_what_no_attempt_can_mend(make) -> None:
    town = make(workers=1)
    town.site.broken = {("c", BAD): LoginWall("sign in")}
    town.run(BAD)
    town.tick()
    assert town.tick(after=timedelta(hours=12)) == set()


def test_healing_stops_at_the_look_back(make) -> None:
    town = make(look_back_days=5)
    old, recent = date(2026, 3, 16), date(2026, 3, 20)
    town.site.broken = {("b", old): CaptchaPage("no"), ("b", recent): CaptchaPage("no")}
    town.run(old)
    town.run(recent)
    town.tick()
    assert town.tick(after=timedelta(hours=4)) == {recent.isoformat()}
    # A week later the second has left the look-back as well.
    assert town.tick(after=timedelta(days=7)) == set()


def test_a_session_that_was_never_asked_for_is_not_healed(make) -> None:
    town = make()
    town.run(GOOD)
    town.tick()
    assert town.tick() == set()


def test_a_half_session_of_days_ago_fails_its_check_and_is_asked_for_again(make) -> None:
    town = make()
    days = [date(2026, 3, 13), date(2026, 3, 16), date(2026, 3, 17), GOOD, BAD, date(2026, 3, 20), date(2026, 3, 23)]
    town.site.rows_of = {(unit, days[0]): [50] for unit in town.site.units}
    for day in days:
        assert town.run(day), "the run of a whole session does not fail for another one"
    key = dg.AssetCheckKey(staged_key(town.source, town.table), "row_count_in_band")
    storage = town.instance.event_log_storage
    latest = storage.get_asset_check_execution_history(key, limit=50)
    verdicts: dict[str, bool] = {}
    for record in latest:
        evaluation = record.event.dagster_event.asset_check_evaluation_data  # type: ignore[union-attr]
        verdicts.setdefault(evaluation.partition, evaluation.passed)
    assert verdicts == {day.isoformat(): day != days[0] for day in days}
    town.site.rows_of.clear()
    town.tick()
    assert town.tick(after=timedelta(hours=1)) == {days[0].isoformat()}
    town.heal({days[0].isoformat()})
    manifest = town.store.manifest(PartitionKey(NAME, TABLE, days[0]))
    assert manifest is not None
    assert not manifest.blocked_by
