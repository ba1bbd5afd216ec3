"""Seconds per partition of a backfill of 60 sessions in one run: collected, judged, sealed, staged."""

from __future__ import annotations

import tempfile
import time
from datetime import timedelta
from pathlib import Path

from fin_assets.core.collection.collector import Collector
from fin_assets.core.storage.store import store_of
from fin_assets.core.transport.clients import Clients
from fin_assets.settings import Settings
from fin_assets.sources.hkex_southbound.source import source
from tests.bench._site import LATENCY, WORKERS, list_days, sandbox
from tests.bench.report import Section, machine, table

MINUTES = 1
NEEDS = ("chromium",)
SESSIONS = 60


def measure() -> Section:
    """Backfill once with the benchmark's latency and once without."""
    where = machine()
    rows = []
    for latency in (LATENCY, timedelta(0)):
        with sandbox(latency=latency) as base_url:
            seconds = _backfill(base_url)
        rows.append(
            [
                f"{latency.total_seconds() * 1000:.0f} ms",
                f"{seconds:.1f}",
                f"{seconds / SESSIONS:.2f}",
                f"{SESSIONS * 2 / seconds:.1f}",
            ]
        )
    text = (
        f"{SESSIONS} sessions of southbound holdings, each the English and the Chinese list (two units, 1.5 MB), "
        f"{WORKERS} workers, in one run from starting the browser to the last staged file. {where}.\n\n"
        + table(["latency of the site", "seconds", "seconds a partition", "units a second"], rows)
    )
    return Section("Backfill of 60 sessions", text)


def _backfill(base_url: str) -> float:
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(
            home=Path(home),
            sources={
                "hkex_southbound": {
                    "base_url": base_url,
                    "workers": WORKERS,
                    "rate_per_second": 1000,
                    "northbound": False,
                }
            },
        )
        own = source(settings)
        began = time.perf_counter()
        with Clients(settings.browser, data=settings.data) as clients:
            collector = Collector(
                own,
                own.table("holdings"),
                store=store_of(settings),
                clients=clients,
                on_session=lambda _: None,
            )
            results = collector.run(list_days(SESSIONS))
        seconds = time.perf_counter() - began
        incomplete = [result for result in results if not result.manifest.state.is_done]
        if incomplete or len(results) != SESSIONS:
            why = incomplete[0].manifest.why() if incomplete else ""
            msg = f"{len(results)} results, {len(incomplete)} incomplete: {why}"
            raise RuntimeError(msg)
        print(f"  {SESSIONS} sessions in {seconds:.1f} s", flush=True)
        return seconds
