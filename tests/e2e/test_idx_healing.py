"""A session in trouble: requests that fail in five ways, a site that begins to refuse. Real ticks, real pool, real pages."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from fin_assets.core.collection.fetch_jobs import Event
from fin_assets.core.contract.manifest import PartitionState, UnitState
from fin_assets.sandbox import Fault, FaultKind, Sandbox, SandboxConfig
from tests.e2e.idx_pipeline import (
    BROKER_PAGE,
    NAME,
    SUMMARY,
    TRADES,
    Automation,
    IdxPipeline,
    asked,
    idx_pipeline,
    page_of,
)

SESSION = date(2026, 6, 9)
# 18:40 in Jakarta: the session's data are there since 18:00.
EVENING = datetime(2026, 6, 9, 11, 40, tzinfo=UTC)
FIVE_WAYS = (
    FaultKind.RESET,
    FaultKind.UNAVAILABLE,
    FaultKind.TRUNCATED_BODY,
    FaultKind.HALF_TABLE,
    FaultKind.WRONG_CONTENT_TYPE,
)
WORKERS = 5


@pytest.fixture
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries wait for nothing; what a site itself asks for is waited."""
    from fin_assets.core.collection.fetch_jobs import _Unit

    stated = _Unit.wait
    monkeypatch.setattr(
        _Unit,
        "wait",
        lambda self: stated(self) if self.failure and self.failure.retry_after is not None else timedelta(0),
    )


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def market(tickers: int) -> SandboxConfig:
    return SandboxConfig(start=date(2026, 6, 1), end=date(2026, 6, 10), sites={NAME: {"tickers": tickers}})


def check_that_a_faulty_session_heals(
    tickers: int, tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One ticker in twenty fails for the whole first run, and one request in twenty at random, each in five ways."""
    monkeypatch.setenv("FIN_CLOCK", EVENING.isoformat())
    with Sandbox(market(tickers)).run_in_thread() as site:
        calm = idx_pipeline(tmp_path / "calm", site, start=SESSION)
        assert calm.collect([SESSION])[0].usable

        everyone = sorted(calm.tickers(SESSION))
        broken = random.Random(5).sample(everyone, k=max(len(FIVE_WAYS), len(everyone) // 20))
        at_random = [Fault(kind=kind, match=BROKER_PAGE, share=0.01) for kind in FIVE_WAYS]
        lasting = [Fault(kind=FIVE_WAYS[i % 5], match=page_of(ticker)) for i, ticker in enumerate(broken)]
        town = Automation(idx_pipeline(tmp_path / "healed", site, start=SESSION), instance, monkeypatch, begun=EVENING)
        assert town.run(SESSION, SUMMARY)
        site.set_faults([*lasting, *at_random])
        assert not town.run(SESSION, TRADES), "the first run ends incomplete"

        manifest = town.pipeline.manifest(SESSION)
        missing = {unit.unit.split("/")[0]: unit for unit in manifest.unfinished()}
        assert set(broken) <= set(missing) < set(everyone)
        assert all(unit.state is UnitState.FAILED and unit.error and unit.remedy for unit in missing.values())
        kinds = {unit.error_kind for unit in missing.values()}
        assert len(kinds) >= 4, kinds
        assert manifest.staged is None

        # The site is still shaky, but no ticker fails for good any more.
        site.set_faults(at_random)
        site.clear_requests()
        ticks = 0
        town.tick()
        while town.pipeline.manifest(SESSION).state is not PartitionState.COMPLETE:
            ticks += 1
            assert ticks <= 2, town.pipeline.manifest(SESSION).why()
            wanted = town.tick()
            assert wanted == {TRADES: {SESSION}}, "exactly what is incomplete"
            town.heal(wanted)
        assert {ticker for ticker, _ in asked(site)} == set(missing), "only what is missing is fetched"
        assert town.tick() == {}
        assert town.pipeline.staged_bytes(SESSION) == calm.staged_bytes(SESSION)


def test_a_session_that_fails_in_five_ways_is_healed_within_two_ticks_byte_for_byte(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, calm: None
) -> None:
    check_that_a_faulty_session_heals(60, tmp_path, instance, monkeypatch)


@pytest.mark.slow
def test_a_session_of_900_tickers_that_fails_in_five_ways_is_healed_as_well(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, calm: None
) -> None:
    check_that_a_faulty_session_heals(920, tmp_path, instance, monkeypatch)


def test_the_daily_schedules_bring_the_whole_session_by_the_next_tick_at_the_latest(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, calm: None
) -> None:
    monkeypatch.setenv("FIN_CLOCK", EVENING.isoformat())
    with Sandbox(market(20)).run_in_thread() as site:
        town = Automation(idx_pipeline(tmp_path, site, start=SESSION), instance, monkeypatch, begun=EVENING)
        town.tick(after=timedelta(0))
        runs = town.evening(EVENING)
        assert runs
        assert all(runs)
        # The broker tables come with the list that names them, or with the automation right after it.
        town.heal(town.tick())
        for table in town.pipeline.source.tables:
            assert town.pipeline.manifest(SESSION, table.name).state is PartitionState.COMPLETE, table.name


class Turn:
    """A site that has enough in the middle of a session: first 429, then, once that was heard, a captcha."""

    def __init__(self, site: Sandbox, *, after: int) -> None:
        self._site, self._after = site, after
        self._done = 0
        self.limited = False
        self.captcha_at: float | None = None

    def __call__(self, event: Event) -> None:
        self._done += event.kind == "done"
        if self._done >= self._after and not self.limited:
            self.limited = True
            limit = Fault(kind=FaultKind.RATE_LIMITED, match=BROKER_PAGE, retry_after=timedelta(seconds=1))
            self._site.set_faults([limit])
        elif event.failure_kind == "rate_limited" and self.captcha_at is None:
            self.captcha_at = time.monotonic()
            self._site.set_faults([Fault(kind=FaultKind.CAPTCHA, match=BROKER_PAGE)])


def test_a_site_that_begins_to_refuse_is_left_alone_within_seconds_and_retried_after_the_wait(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, calm: None
) -> None:
    monkeypatch.setenv("FIN_CLOCK", EVENING.isoformat())
    with Sandbox(market(60)).run_in_thread() as site:
        pipeline: IdxPipeline = idx_pipeline(tmp_path, site, start=SESSION, workers=WORKERS)
        assert pipeline.collect([SESSION], tables=[SUMMARY])[0].usable
        turn = Turn(site, after=12)
        [result] = pipeline.collect([SESSION], tables=[TRADES], on_event=turn)
        assert turn.captcha_at is not None
        assert time.monotonic() - turn.captcha_at < 15, "it stops within seconds"
        captchas = [request for request in site.requests if request.fault == FaultKind.CAPTCHA]
        assert 1 <= len(captchas) <= WORKERS, "only the units in flight meet it"

        # Nothing is lost, and the manifest says why it ended.
        manifest = result.manifest
        kept = {unit.unit for unit in manifest.units if unit.state is UnitState.FETCHED}
        assert len(kept) >= 12
        assert manifest.state is PartitionState.INCOMPLETE
        assert "captcha" in manifest.why()
        assert "not_asked" in manifest.why()
        assert manifest.next_retry_at is not None
        assert manifest.next_retry_at >= EVENING + timedelta(hours=3), "as long as the failure wants to be left alone"
        in_jakarta = manifest.next_retry_at.astimezone(ZoneInfo("Asia/Jakarta"))
        assert f"{in_jakarta:%Y-%m-%d %H:%M WIB}" in result.findings["complete"].summary

        site.set_faults([])
        site.clear_requests()
        town = Automation(pipeline, instance, monkeypatch, begun=EVENING)
        assert town.tick() == {}
        assert town.tick(after=timedelta(minutes=149)) == {}, "179 minutes after it began to refuse"
        wanted = town.tick(after=timedelta(minutes=31))
        assert wanted == {TRADES: {SESSION}}
        town.heal(wanted)
        assert pipeline.manifest(SESSION).state is PartitionState.COMPLETE
        tickers = {unit.split("/")[0] for unit in kept}
        assert not tickers & {ticker for ticker, _ in asked(site)}, "what is stored is not asked for again"
