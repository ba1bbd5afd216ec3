"""The embedded sites for the time of a command: used if it runs already, started if it does not."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fin_assets.commands.errors import Problem
from fin_assets.commands.ports import is_free, listener, sandbox_facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console

    from fin_assets.core.contract.source import Source
    from fin_assets.sandbox import SandboxConfig
    from fin_assets.sandbox.options import SiteOptions
    from fin_assets.settings import Settings


def site_options(settings: Settings) -> dict[str, SiteOptions]:
    """Return what `[sandbox.sites.<source>]` says, checked against each site's own model; a path is relative to the home.

    Raises:
        SettingsError: there is no such site, or its options are wrong; the message names the key.
    """
    if not settings.sandbox.sites:
        return {}
    from fin_assets.sandbox import SandboxError
    from fin_assets.sandbox.discovery import site_named
    from fin_assets.sandbox.options import read_options
    from fin_assets.settings import SettingsError

    found = {}
    try:
        for name, section in settings.sandbox.sites.items():
            options = read_options(name, site_named(name).options, section)
            paths = {key: settings.home / value for key, value in options if isinstance(value, Path)}
            found[name] = options.model_copy(update=paths)
    except SandboxError as error:
        raise SettingsError(str(error)) from error
    return found


def sandbox_config(settings: Settings) -> SandboxConfig:
    """Return the sandbox that `[sandbox]` describes.

    Raises:
        SettingsError: as `site_options`.
    """
    from fin_assets.sandbox import SandboxConfig

    wanted = settings.sandbox
    return SandboxConfig(
        port=wanted.port,
        seed=wanted.seed,
        # A dataset brings its own first day; the default start is that of generated data.
        start=wanted.start if "start" in wanted.model_fields_set else None,
        generated_from=wanted.start,
        end=wanted.end,
        latency=wanted.latency,
        sites=site_options(settings),
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
    from fin_assets.sandbox.process import run_in_process

    with run_in_process(sandbox_config(settings)) as url:
        console.print(f"sandbox: nothing answered on port {port}; serving it at {url} while this runs", soft_wrap=True)
        yield


def _require_same_data(settings: Settings, facts: Mapping[str, Any]) -> None:
    for name, wanted in sandbox_config(settings).data().items():
        served = str(facts["sites"].get(name, {}).get("data", "nothing"))
        if served != wanted:
            port = settings.sandbox.port
            msg = (
                f"The sandbox on port {port} serves other data for {name} ({served}) than the settings name ({wanted})."
            )
            owner = listener(port)
            stop = f"stop it (kill {owner.pid})" if owner.pid else "stop it"
            raise Problem(msg, f"{stop}, or give this one another port: FIN_SANDBOX__PORT=8602 in the environment")
