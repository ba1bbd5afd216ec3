"""A session of 900 tickers from the first request to the staged file, and what memory that takes."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from fin_assets.core.collection.collector import Collector
from fin_assets.core.collection.finalize import SessionResult
from fin_assets.core.storage.store import store_of
from fin_assets.core.transport.clients import Clients
from fin_assets.discovery import discover
from fin_assets.settings import SandboxSettings, Settings
from tests.bench._site import WORKERS

EVERY_SECONDS = 1.0
"""Measuring reads a file in /proc for each of about a dozen processes."""


@dataclass(slots=True)
class Memory:
    """The largest sums of proportional sizes (PSS) seen, in MiB: of browser and driver, and of this process."""

    browser_mib: float = 0.0
    own_mib: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What one collected session took.

    Attributes:
        seconds: by table, each from starting the browser to the staged file.
        attempts: at the units of the broker tables; the first of all takes two requests.
        tickers, rows: distinct tickers asked for, and staged rows.
    """

    seconds: dict[str, float]
    attempts: int
    tickers: int
    rows: int
    memory: Memory = field(default_factory=Memory)


def collect(site: str, session: date) -> Session:
    """Collect one session of all tables as `fin run` does.

    Raises:
        RuntimeError: it is not complete, or a unit is lost or there twice.
    """
    with tempfile.TemporaryDirectory() as home, _watched() as memory:
        settings = Settings(
            home=Path(home),
            sandbox=SandboxSettings(port=urlsplit(site).port or 0),
            sources={"idx_brokers": {"workers": WORKERS, "rate_per_second": 1000}},
        )
        [own] = [found for found in discover(settings) if found.name == "idx_brokers"]
        seconds, results = {}, list[SessionResult]()
        for table in own.tables:
            began = time.perf_counter()
            with Clients(settings.browser, data=settings.data) as clients:
                store = store_of(settings)
                collector = Collector(own, table, store=store, clients=clients, on_session=lambda _: None)
                results = collector.run([session])
            seconds[table.name] = time.perf_counter() - began
            print(f"  {table.name}: {seconds[table.name]:.1f} s", flush=True)
        return _whole(results, seconds, memory)


def _whole(results: list[SessionResult], seconds: dict[str, float], memory: Memory) -> Session:
    [result] = results
    manifest = result.manifest
    names = [unit.unit for unit in manifest.units]
    fetched = [unit for unit in manifest.units if unit.rows]
    if not manifest.state.is_done or manifest.staged is None or len(set(names)) != len(names):
        msg = f"{len(names)} units, {len(set(names))} distinct, {manifest.state}: {manifest.why()}"
        raise RuntimeError(msg)
    return Session(
        seconds=seconds,
        attempts=manifest.requests,
        tickers=len({name.partition("/")[0] for name in names}),
        rows=manifest.staged.rows if fetched else 0,
        memory=memory,
    )


@contextmanager
def _watched() -> Iterator[Memory]:
    memory, ended = Memory(), threading.Event()

    def watch() -> None:
        while not ended.wait(EVERY_SECONDS):
            own = psutil.Process()
            memory.own_mib = max(memory.own_mib, _mebibytes([own]))
            memory.browser_mib = max(memory.browser_mib, _mebibytes(own.children(recursive=True)))

    thread = threading.Thread(target=watch, name="memory")
    thread.start()
    try:
        yield memory
    finally:
        ended.set()
        thread.join()


def _mebibytes(processes: list[psutil.Process]) -> float:
    total = 0
    for process in processes:
        try:
            if "fin_assets.sandbox" in process.cmdline():
                continue
            sizes = process.memory_full_info()
        except psutil.Error:
            continue  # it ended meanwhile
        total += getattr(sizes, "pss", 0) or sizes.rss
    return total / 2**20
