"""`fin sql`: DuckDB's own shell on the published marts, read-only, or one query."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from fin_assets.commands.args import program
from fin_assets.commands.errors import EXIT_USAGE, Problem

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
    file = str(published())
    arguments = [program("duckdb"), "-readonly", *shape, *(SAFE if safe else ()), file]
    if query is not None:
        arguments += ["-c", query]
    if safe:
        return _through_a_pipe(arguments)
    if query is None:
        os.execv(arguments[0], arguments)  # noqa: S606 - the shell takes over the terminal, signals included
    code = subprocess.run(arguments, check=False).returncode
    if code:
        from fin_assets.warehouse.lock import damage_of_file

        damage = damage_of_file(Path(file))
        if damage is not None:
            raise Problem(f"{damage}.", "fin build publishes it again")
    return code


def _through_a_pipe(arguments: list[str]) -> int:
    """Run the shell and copy what it writes. On a terminal of its own it would start any program that `.pager` names."""
    reading, writing = os.pipe()
    with subprocess.Popen(arguments, stdout=writing) as shell:
        os.close(writing)
        # Ctrl-C is for the shell: it stops the running statement.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            while written := os.read(reading, 65_536):
                sys.stdout.buffer.write(written)
                sys.stdout.flush()
        finally:
            signal.signal(signal.SIGINT, before)
            os.close(reading)
    return shell.returncode
