"""What automation writes in a year: measured over some days, and multiplied by what is kept of each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import yaml

from fin_assets import clock
from fin_assets.core.calendars.exchange import get_calendar
from fin_assets.core.orchestration.run_retention import old_runs, remove_runs
from fin_assets.definitions import build_definitions
from fin_assets.settings import Settings
from tests.core.fakes import NAME, TABLE, FakeClients, FakeSite, fake_source

NOW = datetime(2026, 3, 24, 4, tzinfo=UTC)
SESSIONS = [
    day for day in get_calendar("XHKG").sessions(NOW.date() - timedelta(days=20), NOW.date()) if day < NOW.date()
]
YEAR_MB = 100
"""Unit: MB of runs and events that one source with one table may take after a year. A year has 250 sessions."""


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setattr("fin_assets.definitions.Clients", FakeClients)
    monkeypatch.setenv("FIN_CLOCK", NOW.isoformat())
    home = tmp_path / "dagster"
    home.mkdir()
    settings = yaml.safe_load((Path(__file__).parents[2] / "dagster.yaml").read_text())
    settings["storage"]["custom"]["config"]["base_dir"] = str(home)
    (home / "dagster.yaml").write_text(
        yaml.safe_dump({"storage": settings["storage"], "telemetry": {"enabled": False}})
    )
    with dg.DagsterInstance.from_config(str(home)) as found:
        yield found


class Automation:
    """The runs of one source as its schedules start them."""

    def __init__(self, home: Path, instance: dg.DagsterInstance) -> None:
        self.definitions = build_definitions(
            settings=Settings(home=home), sources=[fake_source(FakeSite())], marts=False
        )
        self.instance = instance

    def collect(self, session: str) -> None:
        self.run(f"collect_{NAME}__{TABLE}", partition_key=session)

    def watch(self) -> bool:
        """Tick the hourly schedule, and return whether it started a run."""
        schedule = self.definitions.resolve_schedule_def(f"hourly_watch_{NAME}")
        with dg.build_schedule_context(instance=self.instance, scheduled_execution_time=clock.now()) as context:
            asked = bool(schedule.evaluate_tick(context).run_requests)
        if asked:
            self.run(f"watch_{NAME}")
        return asked

    def run(self, job: str, **options: str) -> None:
        assert self.definitions.resolve_job_def(job).execute_in_process(instance=self.instance, **options).success

    def size(self) -> int:
        root = Path(self.instance.root_directory)
        return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())

    def runs(self) -> int:
        return self.instance.get_runs_count()


def test_a_watch_runs_only_when_its_outcome_has_changed(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    automation = Automation(tmp_path, instance)
    for session in SESSIONS[-2:]:
        automation.collect(session.isoformat())
    assert automation.watch(), "no outcome is recorded yet"
    runs, size = automation.runs(), automation.size()
    for hour in range(1, 4):
        monkeypatch.setenv("FIN_CLOCK", (NOW + timedelta(hours=hour)).isoformat())
        assert not automation.watch()
    assert (automation.runs(), automation.size()) == (runs, size), "three idle looks write nothing"
    monkeypatch.setenv("FIN_CLOCK", (NOW + timedelta(days=1, hours=6)).isoformat())
    assert automation.watch(), "a session is late"


def test_a_year_of_schedules_stays_below_its_size(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    automation = Automation(tmp_path, instance)
    warm, days = SESSIONS[:2], SESSIONS[2:8]
    for session in warm:
        automation.collect(session.isoformat())
        automation.run(f"watch_{NAME}")
    before = automation.size()
    for session in days:
        automation.collect(session.isoformat())
        # Freshness changes when a session is late, and again when it is there.
        automation.run(f"watch_{NAME}")
        automation.run(f"watch_{NAME}")
    full = (automation.size() - before) / len(days)
    remove_runs(instance, old_runs(instance, before=datetime.now(UTC) + timedelta(days=1)))
    kept = max(0, automation.size() - before) / len(days)
    young = Settings(home=tmp_path).retention.runs_days
    year = (full * young + kept * 250) / 1e6
    assert kept < full / 3
    assert year < YEAR_MB, f"{full / 1e3:.0f} kB a day, of which {kept / 1e3:.0f} kB stay: {year:.0f} MB a year"
