"""`fin sandbox`: the embedded sites, with latency and faults, until Ctrl-C."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from fin_assets.commands.args import a_date, console, project
from fin_assets.commands.ports import require_free
from fin_assets.commands.sandbox_server import sandbox_config
from fin_assets.commands.site_flags import SiteValues, merged

if TYPE_CHECKING:
    from pathlib import Path


def sandbox(
    *,
    port: int | None,
    seed: int | None,
    start: str | None,
    end: str | None,
    latency_ms: float | None,
    behaviour: Path | None,
    faults: list[str],
    site_options: list[str],
    site_values: SiteValues,
) -> None:
    """Serve the sites that `[sandbox]` describes, with what the options change."""
    from fin_assets.sandbox import load_behaviour, run
    from fin_assets.sandbox.__main__ import parse_fault
    from fin_assets.sandbox.discovery import parse_site_option

    config = sandbox_config(project()[0])
    first: date | None = a_date(start, "--start")
    changed: dict[str, Any] = {
        "port": port,
        "seed": seed,
        "start": first,
        "end": a_date(end, "--end"),
        "latency": None if latency_ms is None else timedelta(milliseconds=latency_ms),
    }
    given = merged(
        site_values, *({site: {key: value}} for site, key, value in (parse_site_option(text) for text in site_options))
    )
    if first is None and any("dataset" in options for options in given.values()):
        # A dataset brings its own first day; that of the settings is of generated data.
        config = replace(config, start=None, generated_from=config.start or config.generated_from)
    present = {site: dict(options) for site, options in config.sites.items()}
    config = replace(
        config,
        sites=merged(present, given),
        **{name: value for name, value in changed.items() if value is not None},
    )
    listed, latencies = load_behaviour(behaviour) if behaviour else ((), ())
    config = replace(config, latencies=latencies, faults=(*listed, *(parse_fault(text) for text in faults)))
    if config.port:
        require_free(config.port, what="the sandbox", setting="port under [sandbox]", variable="FIN_SANDBOX__PORT")
    run(config, announce=lambda line: console.print(line, soft_wrap=True))
