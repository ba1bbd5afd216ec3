"""`fin sql`: DuckDB's own shell on the published marts, read-only, or one query."""

from __future__ import annotations

import os
import subprocess
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


def sql(query: str | None, *, output: str) -> int:
    """Run one query, or hand the terminal over to the shell; return its exit code."""
    if output not in FORMATS:
        msg = f"There is no output format {output!r}."
        raise Problem(msg, f"one of: {', '.join(FORMATS)}", EXIT_USAGE)
    # The shell's own default has no option of its name.
    shape = [] if output == FORMATS[0] else [f"-{output}"]
    arguments = [program("duckdb"), "-readonly", *shape, str(published())]
    if query is None:
        os.execv(arguments[0], arguments)  # noqa: S606 - the shell takes over the terminal, signals included
    code = subprocess.run([*arguments, "-c", query], check=False).returncode
    if code:
        from fin_assets.warehouse.lock import damage_of_file

        damage = damage_of_file(Path(arguments[-1]))
        if damage is not None:
            raise Problem(f"{damage}.", "fin build publishes it again")
    return code
