"""`fin sql`: DuckDB's own shell on the published marts, read-only, or one query."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from fin_assets.commands.args import program
from fin_assets.commands.errors import EXIT_USAGE, Problem

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = ("duckbox", "box", "csv", "json", "jsonlines", "line", "list", "markdown", "table")


def published() -> Path:
    """Return the file that people open.

    Raises:
        NothingPublished: there is no build yet.
    """
    from fin_assets.settings import settings
    from fin_assets.warehouse import publish
    from fin_assets.warehouse.paths import Layout

    # Not `project()`: the sources, and what they import, have no part in it.
    return publish.shell_file(Layout(settings().data))


SAFE = ("-no-init", "-cmd", ".safe_mode")
"""DuckDB's own safe mode: no files, extensions, programs or variables, and a locked configuration. `-safe` is the same, but
locks the configuration before the shell of this version has set its own."""


def sql(query: str | None, *, output: str, safe: bool = False) -> int:
    """Run one query, or hand the terminal over to the shell; return its exit code. `safe` keeps it to the marts."""
    if output not in FORMATS:
        msg = f"There is no output format {output!r}."
        raise Problem(msg, f"one of: {', '.join(FORMATS)}", EXIT_USAGE)
    # The shell's own default has no option of its name.
    shape = [] if output == FORMATS[0] else [f"-{output}"]
    arguments = [program("duckdb"), "-readonly", *shape, *(SAFE if safe else ()), str(published())]
    if safe:
        # Programs that the shell may start by itself; an editor or a pager can start others.
        os.environ.update(PAGER="", DUCKDB_PAGER="", EDITOR="false", VISUAL="false", LESSSECURE="1")
    if query is None:
        os.execv(arguments[0], arguments)  # noqa: S606 - the shell takes over the terminal, signals included
    return subprocess.run([*arguments, "-c", query], check=False).returncode
