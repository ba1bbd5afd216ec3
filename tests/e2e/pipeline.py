"""A pipeline for tests: the sandbox, settings that point at it, a store, and a way to collect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from fin_assets.core.collection.collector import Collector
from fin_assets.core.collection.finalize import SessionResult
from fin_assets.core.contract.manifest import PartitionKey
from fin_assets.core.contract.source import Source
from fin_assets.core.storage.store import Store, store_of
from fin_assets.core.transport.clients import Clients
from fin_assets.discovery import discover
from fin_assets.sandbox import Sandbox, SandboxConfig
from fin_assets.sandbox.sites.hkex_southbound.options import HKEX
from fin_assets.settings import Settings, load
from fin_assets.sources.hkex_southbound.calendar import southbound_calendar

NAME = "hkex_southbound"
START, END = date(2026, 3, 2), date(2026, 9, 30)
SANDBOX = SandboxConfig(start=START, end=END)
LIST_DAYS = southbound_calendar().list_days(START, date(2026, 9, 28))


@dataclass(frozen=True)
class Pipeline:
    """Settings, source and store of one project home, collecting from one sandbox."""

    settings: Settings
    source: Source
    store: Store

    def collect(self, sessions: Sequence[date], *, table: str = "holdings") -> list[SessionResult]:
        """Collect sessions through the real browser pool."""
        seen: list[SessionResult] = []
        with Clients(self.settings.browser, data=self.settings.data) as clients:
            collector = Collector(
                self.source, self.source.table(table), store=self.store, clients=clients, on_session=seen.append
            )
            return collector.run(sessions)

    def staged(self, session: date, *, table: str = "holdings") -> pl.DataFrame:
        """Return the staged rows of a session."""
        manifest = self.store.manifest(PartitionKey(NAME, table, session))
        frame = self.store.read_staged(manifest) if manifest else None
        if frame is None:
            msg = f"{table} of {session} is not staged"
            raise AssertionError(msg)
        return frame


def pipeline(home: Path, site: Sandbox, **own: Any) -> Pipeline:
    """Return a pipeline in `home`; `own` are keys of the source's section."""
    values = {"base_url": site.url + HKEX, "start": START, "languages": ["en"], "rate_per_second": 500.0, **own}
    settings = load(home).model_copy(update={"sources": {NAME: values}})
    [source] = [found for found in discover(settings) if found.name == NAME]
    return Pipeline(settings, source, store_of(settings))


def staged_bytes(store: Store) -> dict[str, bytes]:
    """Return the staged files that count, by name."""
    files = [manifest.staged.file for manifest in store.manifests() if manifest.staged]
    return {name: (store.data / name).read_bytes() for name in files}
