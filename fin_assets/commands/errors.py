"""Errors as users see them: what happened, to what, and what to do. Known exceptions become a `Problem`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.panel import Panel
from rich.text import Text

from fin_assets.core.contract.plain_text import printable

if TYPE_CHECKING:
    from collections.abc import Callable

EXIT_PROBLEM = 1
EXIT_USAGE = 2
EXIT_INCOMPLETE = 3
"""The command did its work, and sessions are left incomplete."""

KEPT = {
    "serve": "Nothing is served any more; all data are kept. Serve again: fin serve.",
    "sandbox": "Nothing is served any more. Serve again: fin sandbox.",
    "build": "Readers keep the previous build. Build again: fin build.",
}
"""What is kept when a command is interrupted, and how to continue, by command."""

KEPT_BY_OTHERS = "All stored units are kept. Run the same command again: it continues where it stopped."


@dataclass
class Problem(Exception):
    """A failure to show as one panel.

    Attributes:
        what: what happened, to what.
        remedy: the command or setting that mends it.
        code: exit code.
    """

    what: str
    remedy: str
    code: int = EXIT_PROBLEM

    def __str__(self) -> str:
        """Return both as one text, for logs and tests."""
        return f"{self.what}\n{self.remedy}"

    def panel(self) -> Panel:
        """Return the red panel."""
        body = Text(printable(self.what))
        if self.remedy:
            body.append("\n\nWhat to do: ", style="bold")
            body.append(printable(self.remedy))
        return Panel(body, title="error", title_align="left", border_style="red", expand=False)


def explain(error: BaseException) -> Problem:
    """Return the problem behind any exception; an unknown one is shown as unexpected, with the way to its traceback."""
    if isinstance(error, Problem):
        return error
    for known in _KNOWN:
        found = known(error)
        if found is not None:
            return found
    cause = error.__cause__
    if cause is not None and type(error).__module__.startswith("dagster"):
        return explain(cause)
    disk = _disk(error)
    if disk is not None:
        return disk
    return Problem(
        f"Unexpected {type(error).__name__}: {error}",
        "see the traceback: repeat the command with --debug before its name (fin --debug ...)",
    )


def was_interrupted(error: BaseException) -> bool:
    """Return whether a signal ended the work."""
    # Dagster is not imported to ask: most commands do without it.
    return isinstance(error, KeyboardInterrupt) or type(error).__name__ == "DagsterExecutionInterruptedError"


def _disk(error: BaseException) -> Problem | None:
    from fin_assets.commands.disk_errors import disk_problem

    found = disk_problem(error)
    return Problem(*found) if found is not None else None


def _settings(error: BaseException) -> Problem | None:
    from fin_assets.settings import SettingsError

    if isinstance(error, SettingsError):
        return Problem(
            str(error),
            "correct fin.toml or the environment; docs/configuration.md and docs/sources list every key",
            EXIT_USAGE,
        )
    return None


def _collecting(error: BaseException) -> Problem | None:
    from fin_assets.core.contract.failures import CollectionFailure
    from fin_assets.core.storage.store import RawDamaged, StagedDamaged
    from fin_assets.core.storage.unit_log import PartitionBusy
    from fin_assets.core.transport.browser.chromium import BrowserMissing

    if isinstance(error, BrowserMissing):
        return Problem(
            str(error),
            "apt-get install chromium, or .venv/bin/playwright install chromium, "
            "or browser.executable in fin.toml; then: fin doctor",
        )
    if isinstance(error, PartitionBusy):
        return Problem(
            str(error), "wait for the other run (the Dagster UI shows it), or stop it; then run the command again"
        )
    if isinstance(error, RawDamaged):
        return Problem(str(error), "fin doctor --data --mend asks the site again for what is damaged alone")
    if isinstance(error, StagedDamaged):
        return Problem(str(error), "fin doctor --data --mend stages it again from raw")
    if isinstance(error, CollectionFailure):
        return Problem(f"{error.kind}: {error}", error.remedy)
    return None


def _sandbox(error: BaseException) -> Problem | None:
    from fin_assets.sandbox import SandboxError

    if isinstance(error, SandboxError):
        return Problem(str(error), "see docs/sandbox.md, or [sandbox] in fin.toml", EXIT_USAGE)
    return None


def _warehouse(error: BaseException) -> Problem | None:
    from fin_assets.warehouse.paths import BuildFailed, NothingPublished, WarehouseError

    if isinstance(error, NothingPublished):
        return Problem(_sentence(error), "fin demo, or fin run SOURCE; with collected sessions alone: fin build")
    if isinstance(error, BuildFailed):
        full = _disk(error)
        if full is not None:
            return full
        return Problem(
            _sentence(error),
            "readers keep the previous build; docs/runbook.md#marts says what each test means; then: fin build",
        )
    return (
        Problem(_sentence(error), "fin build, once the message's cause is gone; fin build --list shows the kept builds")
        if isinstance(error, WarehouseError)
        else None
    )


def _sentence(error: BaseException) -> str:
    text = str(error)
    return text[:1].upper() + text[1:]


def _dagster_storage(error: BaseException) -> Problem | None:
    if type(error).__name__ in {"DatabaseError", "OperationalError"} and any(
        word in str(error) for word in ("malformed", "not a database")
    ):
        return Problem(
            f"Dagster's storage is damaged: {str(error).splitlines()[0]}.",
            "fin doctor --data --mend puts the damaged database aside; runs of the past are lost, collected data are not",
        )
    return None


_KNOWN: list[Callable[[BaseException], Problem | None]] = [
    _settings,
    _collecting,
    _sandbox,
    _warehouse,
    _dagster_storage,
]
