"""`fin sandbox`: the embedded exchange sites, with latency and faults, until Ctrl-C."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from fin_assets.commands.args import a_date, console, project
from fin_assets.commands.ports import require_free
from fin_assets.commands.sandbox_server import sandbox_config


def sandbox(
    *,
    port: int | None,
    seed: int | None,
    start: str | None,
    end: str | None,
    dataset: Path | None,
    latency_ms: float | None,
    history_months: int | None,
    behaviour: Path | None,
    faults: list[str],
    idx_tickers: int | None = None,
    idx_dataset: Path | None = None,
    idx_page_cap: int | None = None,
    idx_more: bool | None = None,
) -> None:
    """Serve the sites that `[sandbox]` describes, with what the options change."""
    from fin_assets.sandbox import load_behaviour, run
    from fin_assets.sandbox.__main__ import parse_fault

    config = sandbox_config(project()[0])
    first: date | None = a_date(start, "--start")
    changed: dict[str, Any] = {
        "port": port,
        "seed": seed,
        "dataset": dataset,
        "start": first,
        "end": a_date(end, "--end"),
        "latency": None if latency_ms is None else timedelta(milliseconds=latency_ms),
        "history_months": history_months,
        "idx_tickers": idx_tickers,
        "idx_dataset": idx_dataset,
        "idx_page_cap": idx_page_cap,
        "idx_more": idx_more,
    }
    if dataset is not None and first is None:
        config = replace(config, start=None)
    config = replace(config, **{name: value for name, value in changed.items() if value is not None})
    listed, latencies = load_behaviour(behaviour) if behaviour else ((), ())
    config = replace(config, latencies=latencies, faults=(*listed, *(parse_fault(text) for text in faults)))
    if config.port:
        require_free(config.port, what="the sandbox", setting="port under [sandbox]", variable="FIN_SANDBOX__PORT")
    run(config, announce=lambda line: console.print(line, soft_wrap=True))
