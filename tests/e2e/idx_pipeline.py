"""The Indonesian pipeline for tests: sandbox, settings, store, collection, and automation whose clock a test moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import dagster as dg
import polars as pl
import pytest
from dagster._core.test_utils import freeze_time

from fin_assets.core.calendars.exchange import get_calendar
from fin_assets.core.collection.collector import Collector, OnEvent
from fin_assets.core.collection.finalize import SessionResult
from fin_assets.core.contract.manifest import Manifest, PartitionKey
from fin_assets.core.contract.source import Source
from fin_assets.core.orchestration.assets import raw_key, staged_key, step_name
from fin_assets.core.storage.store import Store, store_of
from fin_assets.core.transport.clients import Clients
from fin_assets.definitions import build_definitions
from fin_assets.discovery import discover
from fin_assets.sandbox import Sandbox
from fin_assets.settings import SandboxSettings, Settings, load

NAME, SUMMARY, TRADES = "idx_brokers", "stock_summary", "broker_trades"
BROKER_PAGE = "*data-brokersummary*"
"""Every request for a broker table, as faults match it."""

SAMPLE = Path(__file__).resolve().parents[2].parent / "shared/samples/idx/idx_daily_all_tickers_2019-2021.csv.xz"
SATURDAY = date(2021, 5, 22)
"""The exchange's interface served a test session on this day."""

FAST: dict[str, Any] = {"rate_per_second": 500.0, "request_timeout": timedelta(seconds=5)}


def sessions(start: date, end: date) -> list[date]:
    """Return the sessions in Jakarta from .. to, both included."""
    return get_calendar("XIDX").sessions(start, end)


def page_of(ticker: str) -> str:
    """Return the glob of every request for a ticker's broker table."""
    return f"*data-brokersummary*code={ticker}&*"


def day_of(session: date) -> str:
    """Return the glob of every request for a broker table of a session, its slashes encoded or not."""
    return f"*data-brokersummary*start={session:%m}?*{session:%d}?*{session:%Y}*"


def asked(site: Sandbox) -> Counter[tuple[str, str]]:
    """Return how often each broker table was asked for: (ticker, session as MM/DD/YYYY)."""
    found: Counter[tuple[str, str]] = Counter()
    for request in site.requests:
        parts = urlsplit(request.path)
        if "data-brokersummary" in parts.path:
            query = parse_qs(parts.query)
            found[query["code"][0], query["start"][0]] += 1
    return found


@dataclass(frozen=True)
class IdxPipeline:
    """Settings, source and store of one project home, collecting from one sandbox."""

    settings: Settings
    source: Source
    store: Store

    def collect(
        self, days: Sequence[date], *, tables: Sequence[str] = (SUMMARY, TRADES), on_event: OnEvent | None = None
    ) -> list[SessionResult]:
        """Collect tables in their order through the real browser pool; return the results of the last one."""
        results: list[SessionResult] = []
        with Clients(self.settings.browser, data=self.settings.data) as clients:
            for name in tables:
                results = Collector(
                    self.source,
                    self.source.table(name),
                    store=self.store,
                    clients=clients,
                    on_session=lambda _result: None,
                    on_event=on_event,
                ).run(days)
        return results

    def manifest(self, session: date, table: str = TRADES) -> Manifest:
        """Return the manifest of a session."""
        found = self.store.manifest(PartitionKey(NAME, table, session))
        assert found is not None, f"{table} of {session} was never collected"
        return found

    def staged(self, session: date, table: str = TRADES) -> pl.DataFrame:
        """Return the staged rows of a session."""
        frame = self.store.read_staged(self.manifest(session, table))
        assert frame is not None, f"{table} of {session} is not staged"
        return frame

    def staged_bytes(self, session: date, table: str = TRADES) -> bytes:
        """Return the staged file that counts."""
        staged = self.manifest(session, table).staged
        assert staged is not None
        return (self.store.data / staged.file).read_bytes()

    def tickers(self, session: date) -> set[str]:
        """Return the tickers that a session's broker tables must have, by its manifest."""
        return {unit.unit.split("/")[0] for unit in self.manifest(session).units}


def idx_pipeline(home: Path, site: Sandbox, **own: Any) -> IdxPipeline:
    """Return a pipeline in `home`; `own` are keys of the source's section."""
    port = urlsplit(site.url).port
    assert port is not None
    settings = load(home).model_copy(update={"sources": {NAME: {**FAST, **own}}, "sandbox": SandboxSettings(port=port)})
    [source] = [found for found in discover(settings) if found.name == NAME]
    return IdxPipeline(settings, source, store_of(settings))


class Automation:
    """The real definitions of a pipeline on an instance: runs, and automation ticks, at a clock that a test moves.

    Runs see `begun` as their time, so that what they observe is the same whenever they run; ticks see `now`.
    """

    def __init__(
        self, pipeline: IdxPipeline, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, *, begun: datetime
    ) -> None:
        self.pipeline, self.instance = pipeline, instance
        self.begun = self.now = begun
        self.definitions = build_definitions(settings=pipeline.settings, sources=[pipeline.source], marts=False)
        self._cursor: Any = None
        self._monkeypatch = monkeypatch

    @contextmanager
    def _at(self, *, ours: datetime) -> Iterator[None]:
        self._monkeypatch.setenv("FIN_CLOCK", ours.isoformat())
        with freeze_time(self.now.astimezone(UTC)):
            yield

    def run(self, session: date, table: str) -> bool:
        """Run one session of a table, as the daemon does what a tick asks for; return whether it succeeded."""
        source = self.pipeline.source
        job = self.definitions.resolve_job_def(f"collect_{step_name(source, source.table(table))}")
        with self._at(ours=self.begun):
            return job.execute_in_process(
                instance=self.instance,
                raise_on_error=False,
                partition_key=session.isoformat(),
                asset_selection=[raw_key(source, source.table(table)), staged_key(source, source.table(table))],
            ).success

    def evening(self, tick: datetime) -> list[bool]:
        """Run what the daily schedules ask for at a moment; return whether each run succeeded."""
        done = []
        repository = self.definitions.get_repository_def()
        daily = [each for each in repository.schedule_defs if each.name.startswith(f"daily_{NAME}")]
        for schedule in sorted(daily, key=lambda each: each.name):
            context = dg.build_schedule_context(self.instance, scheduled_execution_time=tick, repository_def=repository)
            with self._at(ours=tick):
                asked = schedule.evaluate_tick(context).run_requests
            for request in asked or ():
                job = self.definitions.resolve_job_def(schedule.job_name)
                with self._at(ours=tick):
                    done.append(
                        job.execute_in_process(
                            instance=self.instance, raise_on_error=False, partition_key=request.partition_key
                        ).success
                    )
        return done

    def tick(self, *, after: timedelta = timedelta(minutes=30)) -> dict[str, set[date]]:
        """Advance the clock, evaluate all automation once, and return the sessions that it asks for, by table."""
        self.now += after
        with self._at(ours=self.now):
            result = dg.evaluate_automation_conditions(
                defs=self.definitions, instance=self.instance, cursor=self._cursor, evaluation_time=self.now
            )
        self._cursor = result.cursor
        wanted = {}
        for table in self.pipeline.source.tables:
            raw, staged = raw_key(self.pipeline.source, table), staged_key(self.pipeline.source, table)
            keys = result.get_requested_partitions(raw)
            assert result.get_requested_partitions(staged) == keys, "staged rows come in the same run"
            if keys:
                wanted[table.name] = {date.fromisoformat(str(key)) for key in keys}
        return wanted

    def heal(self, wanted: dict[str, set[date]]) -> None:
        """Run what a tick asked for, as the daemon does."""
        for table in self.pipeline.source.tables:
            for session in sorted(wanted.get(table.name, ())):
                self.run(session, table.name)


def write_history(path: Path, rows: Sequence[tuple[date, str, int]], *, price: int = 1000) -> Path:
    """Write a history that the sandbox serves: day, ticker, volume in shares (0: suspended), all at one price."""
    traded = pl.when(pl.col("Volume") > 0)
    foreign = pl.col("Volume") // 400 * 100
    pl.DataFrame(rows, schema=["Date", "StockCode", "Volume"], orient="row").select(
        "Date",
        "StockCode",
        Previous=pl.lit(price),
        OpenPrice=pl.lit(0),
        High=traded.then(price).otherwise(0),
        Low=traded.then(price).otherwise(0),
        Close=pl.lit(price),
        Volume="Volume",
        Value=pl.col("Volume") * price,
        Frequency=traded.then(10).otherwise(0),
        ForeignSell=foreign,
        ForeignBuy=foreign,
    ).write_csv(path)
    return path
