"""The embedded sites for the time of a command: used if it runs already, started if it does not."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fin_assets.commands.errors import Problem
from fin_assets.commands.ports import is_free, listener, sandbox_facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console

    from fin_assets.core.contract.source import Source
    from fin_assets.sandbox import SandboxConfig
    from fin_assets.settings import Settings


def sandbox_config(settings: Settings) -> SandboxConfig:
    """Return the sandbox that `[sandbox]` describes."""
    from fin_assets.sandbox import SandboxConfig

    wanted = settings.sandbox
    given = wanted.dataset is not None
    # A dataset brings its own first day; the default start is that of the generated market.
    start = None if given and "start" not in wanted.model_fields_set else wanted.start
    return SandboxConfig(
        port=wanted.port,
        seed=wanted.seed,
        start=start,
        end=wanted.end,
        dataset=wanted.dataset,
        latency=wanted.latency,
        idx_tickers=wanted.idx_tickers,
        idx_dataset=wanted.idx_dataset,
        idx_more=wanted.idx_more,
    )


def needs_sandbox(settings: Settings, sources: Sequence[Source]) -> bool:
    """Return whether one of the sources asks the sandbox of these settings."""
    return any(site.base_url.startswith(settings.sandbox_url) for source in sources for site in source.sites)


@contextmanager
def sandbox_up(settings: Settings, sources: Sequence[Source], console: Console) -> Iterator[None]:
    """Make sure that the sandbox answers while the block runs, if a source needs it.

    Raises:
        Problem: another program has its port, or a sandbox with other data.
        SandboxError: the sandbox does not start.
    """
    if not needs_sandbox(settings, sources):
        yield
        return
    port = settings.sandbox.port
    facts = sandbox_facts(port)
    if facts is not None:
        _require_same_data(settings, facts)
        yield
        return
    if not is_free(port):
        owner = listener(port)
        msg = f"The port of the sandbox, {port}, is taken by {owner}, which is no sandbox."
        stop = f"stop it (kill {owner.pid})" if owner.pid else "stop it"
        raise Problem(msg, f"{stop}, or set port under [sandbox] in fin.toml, or FIN_SANDBOX__PORT in the environment")
    from fin_assets.sandbox import Sandbox

    with Sandbox(sandbox_config(settings)).run_in_thread() as site:
        console.print(
            f"sandbox: nothing answered on port {port}; serving it at {site.url} while this runs", soft_wrap=True
        )
        yield


def _require_same_data(settings: Settings, facts: Mapping[str, Any]) -> None:
    config = sandbox_config(settings)
    for name, wanted in (("data", config.data), ("idx_data", config.idx_data)):
        served = str(facts.get(name, "none"))
        if served != wanted:
            port = settings.sandbox.port
            msg = f"The sandbox on port {port} serves other data ({served}) than the settings name ({wanted})."
            owner = listener(port)
            stop = f"stop it (kill {owner.pid})" if owner.pid else "stop it"
            raise Problem(msg, f"{stop}, or give this one another port: FIN_SANDBOX__PORT=8602 in the environment")
