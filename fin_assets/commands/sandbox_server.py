"""The embedded sites for the time of a command: used if it runs already, started if it does not."""

from __future__ import annotations

import fcntl
import os
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

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
    with _users(port) as users, ExitStack() as serving:
        # One command after the other: of two that begin at once, the second uses the sandbox of the first.
        with users.alone():
            # First: a command that is ending its sandbox holds the lock until that is down.
            users.join()
            served = serving.enter_context(_answering(settings, console))
        yield
        if served:
            users.wait_for_others(console)


@contextmanager
def _answering(settings: Settings, console: Console) -> Iterator[bool]:
    """Give whether this command serves the sandbox that answers."""
    port = settings.sandbox.port
    facts = sandbox_facts(port)
    if facts is not None:
        _require_same_data(settings, facts)
        yield False
        return
    if not is_free(port):
        owner = listener(port)
        msg = f"The port of the sandbox, {port}, is taken by {owner}, which is no sandbox."
        stop = f"stop it (kill {owner.pid})" if owner.pid else "stop it"
        raise Problem(msg, f"{stop}, or set port under [sandbox] in fin.toml, or FIN_SANDBOX__PORT in the environment")
    from fin_assets.sandbox.process import run_in_process

    with run_in_process(sandbox_config(settings)) as url:
        console.print(f"sandbox: nothing answered on port {port}; serving it at {url} while this runs", soft_wrap=True)
        yield True


class _Users:
    """The commands of this machine that use the sandbox on one port.

    Each holds a shared lock on a file: the command that serves the sandbox ends it only once no other needs it.
    """

    def __init__(self, using: BinaryIO, starting: BinaryIO) -> None:
        self._using, self._starting = using, starting

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let one command at a time look for the sandbox, and start it."""
        fcntl.flock(self._starting, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._starting, fcntl.LOCK_UN)

    def join(self) -> None:
        """Use the sandbox."""
        fcntl.flock(self._using, fcntl.LOCK_SH)

    def wait_for_others(self, console: Console) -> None:
        """Return once no other command uses it."""
        try:
            fcntl.flock(self._using, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print("sandbox: another command uses it; it ends with that one", soft_wrap=True)
            fcntl.flock(self._using, fcntl.LOCK_EX)


@contextmanager
def _users(port: int) -> Iterator[_Users]:
    # By port and user: another user's file could not be opened.
    base = Path(tempfile.gettempdir()) / f"fin-sandbox-{os.getuid()}-{port}"
    with open(f"{base}.using", "ab") as using, open(f"{base}.starting", "ab") as starting:  # noqa: PTH123 - a suffix is added
        yield _Users(using, starting)


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
