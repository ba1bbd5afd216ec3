"""What the commands share: the console, the settings of the process, sources and sessions named on the command line."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from fin_assets.commands.errors import EXIT_USAGE, Problem
from fin_assets.commands.fitting import FittingConsole
from fin_assets.core.contract.plain_text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from fin_assets.core.contract.source import Source, Table
    from fin_assets.settings import Settings

WIDE = 140
"""Columns where there is no terminal: a file or a pipe has no width, and a cut table tells nothing."""


def a_console(**options: Any) -> Console:
    """Return a console that is as wide as the terminal, or wide enough for every table."""
    plain: dict[str, Any] = {"highlight": False, "markup": False, "emoji": False, **options}
    found = FittingConsole(**plain)
    return found if found.is_terminal else FittingConsole(width=WIDE, **plain)


console = a_console()
errors = a_console(stderr=True)


def say(text: str, *, first: str = "", style: str = "red") -> None:
    """Print lines that are not wrapped.

    Args:
        text: one or several lines.
        first: their first words, which get the style.
        style: of Rich.
    """
    console.print(Text.assemble((printable(first), style), printable(text)), soft_wrap=True)


@contextmanager
def own_console() -> Iterator[Console]:
    """Give a console on a copy of standard output, which Dagster leaves alone while it captures a step's output."""
    try:
        copy = os.dup(sys.stdout.fileno())
    except (OSError, ValueError):  # standard output is no file: a test runner's buffer
        yield console
        return
    with os.fdopen(copy, "w", encoding=sys.stdout.encoding) as stream:
        yield a_console(file=stream)


@lru_cache(maxsize=1)
def project() -> tuple[Settings, list[Source]]:
    """Return the settings of this process and the sources that are enabled in them.

    Raises:
        SettingsError: they cannot be used.
    """
    from fin_assets.commands.sandbox_server import site_options
    from fin_assets.core.storage.upgrade import upgrade
    from fin_assets.discovery import discover
    from fin_assets.settings import settings

    found = settings()
    site_options(found)
    upgrade(found.data)
    return found, discover(found)


def needs_browser(sources: Sequence[Source]) -> bool:
    """Return whether one of the sources asks a site through a browser."""
    return any(site.transport == "browser" for source in sources for site in source.sites)


def forget_project() -> None:
    """Make the next call of `project` read the settings again, after the environment was changed."""
    from fin_assets.settings import settings

    settings.cache_clear()
    project.cache_clear()


def chosen_sources(name: str | None) -> list[Source]:
    """Return the named source, or all.

    Raises:
        Problem: there is no such source, or it is disabled.
    """
    from fin_assets.discovery import source_names

    _, sources = project()
    if name is None:
        if not sources:
            msg = f"Every source is disabled: {', '.join(source_names())}."
            raise Problem(msg, "set enabled = true under [sources.NAME] in fin.toml", EXIT_USAGE)
        return sources
    for source in sources:
        if source.name == name:
            return [source]
    if name in source_names():
        msg = f"The source {name} is disabled."
        raise Problem(msg, f"set enabled = true under [sources.{name}] in fin.toml", EXIT_USAGE)
    msg = f"There is no source {name!r}; there are: {', '.join(source_names())}."
    raise Problem(msg, "name one of them, or make it: fin new-source NAME", EXIT_USAGE)


def chosen_tables(source: Source, names: list[str] | None) -> list[Table]:
    """Return the named tables of a source, or all, in the source's order.

    Raises:
        Problem: a name is none of its tables.
    """
    known = [table.name for table in source.tables]
    for name in names or []:
        if name in source.left_out:
            msg = f"{source.name} has no table {name!r} by its settings: {source.left_out[name]}."
            raise Problem(msg, f"change that under [sources.{source.name}] in fin.toml", EXIT_USAGE)
        if name not in known:
            msg = f"{source.name} has no table {name!r}; it has: {', '.join(known)}."
            raise Problem(msg, "name one of them with --table, or leave it out for all", EXIT_USAGE)
    return [table for table in source.tables if not names or table.name in names]


def a_date(text: str | None, option: str) -> date | None:
    """Read a date of the command line.

    Raises:
        Problem: it is not YYYY-MM-DD.
    """
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        msg = f"{option} {text!r} is not a date."
        raise Problem(msg, f"write it as YYYY-MM-DD: {option} 2026-03-02", EXIT_USAGE) from error


def not_in_the_future(day: date | None, option: str) -> date | None:
    """Return a day, unless it has not come yet anywhere.

    Raises:
        Problem: it lies in the future.
    """
    # Where a day begins first, it is one day ahead of UTC.
    if day is not None and day > today() + timedelta(days=1):
        msg = f"{option} {day} lies in the future: today is {today()} (UTC)."
        raise Problem(msg, f"give a day that has come, as {option} {today()}", EXIT_USAGE)
    return day


def a_range(session: str | None, start: str | None, end: str | None) -> tuple[date, date] | None:
    """Read `--session`, or `--from` and `--to` (default: today); None if none was given.

    Raises:
        Problem: not dates, both ways at once, or an empty range.
    """
    one, first, last = (
        not_in_the_future(a_date(text, option), option) if option != "--to" else a_date(text, option)
        for text, option in ((session, "--session"), (start, "--from"), (end, "--to"))
    )
    if one is not None:
        if first or last:
            raise Problem(
                "--session was given together with --from or --to.", "give one session, or a range", EXIT_USAGE
            )
        return one, one
    if first is None and last is None:
        return None
    if first is None:
        raise Problem("--to was given without --from.", "say where the range begins: --from YYYY-MM-DD", EXIT_USAGE)
    last = last or max(today(), first)
    if first > last:
        msg = f"The range --from {first} --to {last} is empty: its end lies before its beginning."
        raise Problem(msg, f"exchange the two: --from {last} --to {first}", EXIT_USAGE)
    return first, last


def today() -> date:
    """Return today's date in UTC."""
    from fin_assets import clock

    return clock.now().date()


def days_of(start: date, end: date) -> list[date]:
    """Return every calendar day from `start` to `end`."""
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]


def repository() -> Path:
    """Return the directory of the checkout."""
    return Path(__file__).resolve().parents[2]


def program(name: str) -> str:
    """Return the path of a program that was installed with this environment.

    Raises:
        Problem: it is not there.
    """
    path = Path(sys.executable).with_name(name)
    if path.exists():
        return str(path)
    msg = f"The program {name} is not in the environment of {sys.executable}."
    raise Problem(msg, "install the locked environment again: make clean && make install")
