"""`fin build`: build, test and publish the marts; list the published builds and go back to one."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import nullcontext
from typing import TYPE_CHECKING

from rich.table import Table as Grid

from fin_assets.commands.args import console, own_console, project
from fin_assets.commands.errors import EXIT_USAGE, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console
    from rich.status import Status

    from fin_assets.warehouse.dbt import NodeDone
    from fin_assets.warehouse.publish import Build

LINE_EVERY = 5.0
LONGEST_NAME = 48
"""Characters of a name on the line of a build, which fits into 80 columns."""

SHOWN = 5
"""Damaged sessions that a build names; the others are counted."""


def build(*, full_refresh: bool, rollback: bool, to: str | None, list_builds: bool) -> None:
    """Do what the options say; a build if they say nothing."""
    if to and not rollback:
        raise Problem("--to was given without --rollback.", f"fin build --rollback --to {to}", EXIT_USAGE)
    if rollback and (full_refresh or list_builds):
        raise Problem("--rollback goes with --to only.", "give one of --rollback, --list, --full-refresh", EXIT_USAGE)
    if list_builds:
        _list()
    elif rollback:
        _rollback(to)
    else:
        build_and_tell(full_refresh=full_refresh)


def build_and_tell(*, full_refresh: bool) -> Build:
    """Build and publish the marts as a Dagster run, show the progress, and return what readers see now.

    Raises:
        WarehouseError: the build failed, or another one did not end; readers keep the previous build.
    """
    from fin_assets.warehouse import warm_dbt

    # It imports dbt while this process imports Dagster.
    warm_dbt.prepare()
    from fin_assets.commands.dagster_runner import run_build
    from fin_assets.warehouse import publish
    from fin_assets.warehouse.paths import Layout

    settings, sources = project()
    layout = Layout(settings.data)
    before = publish.pointed(layout)
    begun = time.monotonic()
    with own_console() as shown:
        shown.print("marts: building")
        told = _Told(shown)
        with shown.status("marts: reading the models") if shown.is_terminal else nullcontext() as spinner:
            told.spinner = spinner
            run_build(settings, sources, full_refresh=full_refresh, on_node=told)
    now = publish.current(layout)
    _print_damaged(settings.data)
    if before is not None and now.id == before.id:
        console.print(f"marts: nothing has changed since build {now.id}", soft_wrap=True)
    else:
        console.print(f"marts: published build {now.id} in {time.monotonic() - begun:.1f} s ({told})", soft_wrap=True)
    return now


def _print_damaged(data: Path) -> None:
    """Name the sessions whose manifest or staged file is damaged: all others are in the build."""
    from fin_assets.warehouse.reader import Reader

    found = Reader(data).query(
        "select source || '/' || table_name, session_date, why from control.partitions"
        " where failure_kinds = 'damaged' order by all"
    )
    for table, session, why in found.rows()[:SHOWN]:
        console.print(f"damaged: {table} {session}: {why}", soft_wrap=True, markup=False)
    if found.height > SHOWN:
        console.print(f"... and {found.height - SHOWN} more: fin doctor --data", soft_wrap=True)


class _Told:
    """Follows the models and tests of a build, on a spinner or as a plain line every few seconds."""

    def __init__(self, shown: Console) -> None:
        self._console, self._last = shown, time.monotonic()
        self._counts: Counter[str] = Counter()
        self.spinner: Status | None = None

    def __call__(self, node: NodeDone) -> None:
        self._counts[node.kind.replace("_", " ")] += 1
        # The name of a test lists all its arguments.
        name = node.name if len(node.name) <= LONGEST_NAME else f"{node.name[:LONGEST_NAME]} ..."
        line = f"marts: {node.done}/{node.total} {node.kind} {name}"
        if self.spinner is not None:
            self.spinner.update(line)
        elif time.monotonic() - self._last >= LINE_EVERY:
            self._last = time.monotonic()
            self._console.print(line, soft_wrap=True)

    def __str__(self) -> str:
        if not self._counts:
            return "nothing had to be built again"
        return "all passed: " + ", ".join(f"{count} {kind}s" for kind, count in sorted(self._counts.items()))


def marts_table(build: Build) -> Grid:
    """Return the marts of a build; of those that are no views with their rows and the newest session."""
    from fin_assets.warehouse.reader import Reader

    reader = Reader(project()[0].data)
    dated = reader.query(
        "select table_name from duckdb_columns() where schema_name = 'main' and column_name = 'session_date'"
    )
    with_session = set(dated["table_name"].to_list())
    grid = Grid(title=f"Marts of build {build.id}", title_justify="left")
    for name, side in (("mart", "left"), ("rows", "right"), ("newest session", "right"), ("its rows", "right")):
        grid.add_column(name, justify="right" if side == "right" else "left")
    views = reader.query("select view_name from duckdb_views() where schema_name = 'main' and not internal")
    for mart in sorted({*build.marts, *views["view_name"]}):
        # A view is named and not asked: over ten years, one of them takes a minute to count.
        rows = build.marts.get(mart)
        newest, count = "", ""
        if rows and mart in with_session:
            row = reader.query(f'select session_date, count(*) from "{mart}" group by 1 order by 1 desc limit 1').row(0)  # noqa: S608 - a name from the catalogue
            newest, count = str(row[0]), f"{row[1]:,}"
        grid.add_row(mart, "view" if rows is None else f"{rows:,}", newest, count)
    return grid


def _list() -> None:
    from fin_assets.warehouse import publish
    from fin_assets.warehouse.paths import Layout

    layout = Layout(project()[0].data)
    now = publish.pointed(layout)
    kept = publish.published(layout)
    if not kept:
        publish.current(layout)
    grid = Grid(title="Published builds", title_justify="left")
    for name in ("build", "published (UTC)", "rows", "", ""):
        grid.add_column(name)
    for each in reversed(kept):
        sessions = max((span.last for span in each.sessions.values()), default=None)
        grid.add_row(
            each.id,
            f"{each.created_at:%Y-%m-%d %H:%M:%S}",
            f"{sum(each.marts.values()):,}",
            f"to {sessions}",
            "current" if each == now else "",
        )
    console.print(grid)


def _rollback(to: str | None) -> None:
    from fin_assets.core.storage.store import store_of
    from fin_assets.warehouse.build import rollback as go_back

    found = go_back(store_of(project()[0]), to)
    console.print(
        f"readers see build {found.id} of {found.created_at:%Y-%m-%d %H:%M:%S} UTC now; "
        "the next fin build builds again from the staged files",
        soft_wrap=True,
    )
