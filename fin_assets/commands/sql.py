"""`fin sql`: DuckDB's own shell on the published marts, read-only, or one query."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from fin_assets.commands.common import program, project
from fin_assets.commands.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = ("duckbox", "box", "csv", "json", "jsonlines", "line", "list", "markdown", "table")


def published() -> Path:
    """Return the file that people open.

    Raises:
        Problem: nothing has been published.
    """
    from fin_assets.warehouse.layout import Layout

    path = Layout(project()[0].data).people
    if not path.exists():
        msg = f"No marts have been published: {path} does not exist."
        raise Problem(msg, "fin demo (or fin run SOURCE, then fin build)")
    return path


def sql(query: str | None, *, output: str) -> int:
    """Run one query, or hand the terminal over to the shell; return its exit code."""
    if output not in FORMATS:
        msg = f"There is no output format {output!r}."
        raise Problem(msg, f"one of: {', '.join(FORMATS)}")
    arguments = [program("duckdb"), "-readonly", f"-{output}", str(published())]
    if query is None:
        os.execv(arguments[0], arguments)  # noqa: S606 - the shell takes over the terminal, signals included
    return subprocess.run([*arguments, "-c", query], check=False).returncode
