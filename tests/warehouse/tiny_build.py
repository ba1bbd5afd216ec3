"""Builds of a tiny home without dbt, and ends of them at a chosen step after the tests have passed. Run by test_unpublished.

python tiny_build.py HOME...    builds each home, and is killed at another step in each
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from fin_assets.warehouse import dbt, plan
from fin_assets.warehouse.build import BuildResult, drain, run
from fin_assets.warehouse.dbt import NodeDone
from fin_assets.warehouse.paths import Layout
from tests.warehouse.home import Home, weekdays

SESSIONS = weekdays(date(2026, 1, 5), 24)
SOURCES = """
sources:
  - name: tiny
    schema: staged
    tables:
      - name: days
        identifier: tiny__days
        config: {meta: {}}
        columns: [{name: session_date, data_type: date}]
"""


def tiny_home(root: Path) -> Home:
    """Return a home of one table; nothing is staged yet."""
    project = root / "project/models/sources"
    project.mkdir(parents=True, exist_ok=True)
    (project / "tiny.yml").write_text(SOURCES)
    return Home(root, SESSIONS, source="tiny", every={"days": 1})


def stage(home: Home, session: date) -> None:
    """Stage one row of a session."""
    home.stage("days", session, pl.DataFrame({"session_date": [session]}))


def build(home: Home, patch: pytest.MonkeyPatch, at_end: Callable[[], None] = lambda: None) -> BuildResult:
    """Build and publish; the work of dbt is one statement."""

    def stream(layout: Layout, _project: Path, *, full_refresh: bool, unchanged: object) -> Iterator[NodeDone]:
        with duckdb.connect(str(layout.build)) as connection:
            if full_refresh:
                connection.execute("create or replace table main.days (session_date date)")
            connection.execute(
                "delete from days where session_date in (select session_date from control.changed_sessions)"
            )
            connection.execute("insert into days select session_date from staged.tiny__days")
        yield NodeDone("model.tiny.days", "model", "days", "success", 0.0, 0, 1, 1)
        at_end()

    patch.setattr(dbt, "stream", stream)
    return drain(run(home.settings, home.sources, home.store, project=home.settings.home / "project"))


def end_at(patch: pytest.MonkeyPatch, step: int, end: Callable[[], object]) -> Callable[[], None]:
    """Return a function that arms `end`: it is called instead of the step of that number, counted from then on.

    Steps are the copies and the renames, which change what is found after a kill, and the record that the build ended well.
    """
    count = -1

    def counted(original: Callable[..., Any]) -> Callable[..., Any]:
        def instead(*args: Any, **options: Any) -> Any:
            nonlocal count
            count += count >= 0
            if count == step:
                end()
            return original(*args, **options)

        return instead

    def arm() -> None:
        nonlocal count
        count = 0

    for owner, name in ((plan, "finish"), (shutil, "copyfile"), (Path, "replace")):
        patch.setattr(owner, name, counted(getattr(owner, name)))
    return arm


def main(homes: list[str]) -> None:
    """Build each home in a process of its own, killed at step 1 in the first, 2 in the second; print how each ended."""
    for step, home in enumerate(homes, start=1):
        # No thread has been started yet in this process: it has only imported what a build needs.
        if (child := os.fork()) == 0:
            with pytest.MonkeyPatch.context() as patch:
                build(tiny_home(Path(home)), patch, end_at(patch, step, lambda: os.kill(os.getpid(), signal.SIGKILL)))
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
