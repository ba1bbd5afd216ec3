"""`fin demo` and `fin serve`: everything in one command, and the servers that show it."""

from __future__ import annotations

import os
import shutil
import sys
import time
from contextlib import ExitStack
from datetime import date, timedelta
from typing import TYPE_CHECKING

import typer

from fin_assets.commands.args import console, needs_browser, project, repository, say
from fin_assets.commands.errors import EXIT_INCOMPLETE, Problem
from fin_assets.commands.ports import HOST, require_free
from fin_assets.commands.run import print_summary, working

if TYPE_CHECKING:
    from pathlib import Path

    from fin_assets.commands.dagster_runner import TableOutcome
    from fin_assets.commands.site_flags import SiteValues
    from fin_assets.core.contract.source import Source, Table

UNITS_A_TABLE = 320
"""Unit: units a table. A table with many units a session gets fewer sessions: 320 units take half a minute on two cores."""

UNITS_THAT_ARE_NAMED = 1500
"""Unit: units a table whose units another table names. Its pages are light, and 60 companies over 25 sessions fill the
windows of 20 sessions that its marts have. 1,500 take about a minute."""

LACKING = "some sessions are not complete"
LEAST_SESSIONS = 5
LEAST_DISK = 300 << 20


def demo(*, site_values: SiteValues, site_datasets: list[str], serve: bool, sessions: int) -> None:
    """Collect, build, summarise, and serve until Ctrl-C."""
    begun = time.monotonic()
    given, whole = bool(site_values or site_datasets), set[str]()
    if given:
        from fin_assets.commands.dataset import given_datasets, use_datasets

        whole = use_datasets(given_datasets(site_values, site_datasets))
    settings, sources = project()
    _require_possible(serve=serve)
    with ExitStack() as stack:
        runner = stack.enter_context(working(sources))
        plan, outcomes = [], []
        for source, table in ((each, table) for each in sources for table in each.tables):
            # Table by table: the units of one may be named by another, which has to be there first.
            days = _sessions(source, table, None if source.name in whole else sessions)
            plan.append((source, table, days))
            left = _left(source, table, days)
            if left:
                outcomes.append(runner.run(source, table, left))
        # The pages are served for hours, and each browser holds 400 MiB.
        runner.close_clients()
        from fin_assets.commands.build import build_and_tell, marts_table

        build = build_and_tell(full_refresh=False)
        _summary(plan, outcomes, seconds=time.monotonic() - begun)
        console.print(marts_table(build))
        if whole:
            from fin_assets.commands.dataset import print_days

            print_days([source for source in sources if source.name in whole])
        _where_to_look(settings.data, own_home=given)
        if any(outcome.unusable for outcome in outcomes):
            say(": fin status lists them with the reason and what to do", first=LACKING, style="yellow")
        if serve:
            _serve()
    if any(outcome.unusable for outcome in outcomes):
        raise typer.Exit(EXIT_INCOMPLETE)


def serve() -> None:
    """Serve the Dagster UI, the dashboards and the sandbox until Ctrl-C."""
    from fin_assets.commands.dagster_home import prepare_instance
    from fin_assets.commands.sandbox_server import sandbox_up

    settings, sources = project()
    _require_ports()
    prepare_instance(settings)
    with sandbox_up(settings, sources, console):
        _serve()


def _require_possible(*, serve: bool) -> None:
    """Fail before the work, not after it, where a port, the disk or the browser would stop it."""
    from fin_assets.core.transport.browser.chromium import find_chromium

    settings, sources = project()
    if serve:
        _require_ports()
    settings.data.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.data).free
    if free < LEAST_DISK:
        msg = f"Only {free / 2**20:.0f} MiB are free for {settings.data}; the demo needs {LEAST_DISK / 2**20:.0f} MiB."
        raise Problem(msg, "free some space, or set data_dir in fin.toml to another disk")
    if needs_browser(sources):
        find_chromium(settings.browser)


def _require_ports() -> None:
    servers = project()[0].servers
    require_free(
        servers.dagster_port,
        what="the Dagster UI",
        setting="dagster_port under [servers]",
        variable="FIN_SERVERS__DAGSTER_PORT",
    )
    require_free(
        servers.dashboards_port,
        what="the dashboards",
        setting="dashboards_port under [servers]",
        variable="FIN_SERVERS__DASHBOARDS_PORT",
    )


def _sessions(source: Source, table: Table, count: int | None) -> list[date]:
    """Return the newest sessions of a table that are due: of `count` trading days, fewer where one has many units."""
    from fin_assets import clock
    from fin_assets.core.collection.expected_units import can_have, wanted
    from fin_assets.core.orchestration.partitions import due_sessions, partitions_of
    from fin_assets.core.storage.store import store_of

    now = clock.now()
    if source.end is not None or count is None:
        # A history that is over: all of it is due, and no session became due lately.
        days = [date.fromisoformat(key) for key in partitions_of(source, table).get_partition_keys()]
        due = [day for day in days if table.calendar.sessions(day, day)]
    else:
        # Seven days have five sessions at most; holidays are made up for by the slice below.
        due = due_sessions(source, table, since=now - timedelta(days=count * 7 / 5 + 20), until=now)
    if count is None or not due:
        return due
    store = store_of(project()[0])
    units = len(wanted(source, table, due[-1], store=store).units)
    most = UNITS_THAT_ARE_NAMED if table.needs else UNITS_A_TABLE
    # Days whose data are gone, because the site shows only the present, are left out.
    due = [day for day in due if can_have(table, day)]
    return due[-min(count, max(LEAST_SESSIONS, most // max(units, 1))) :]


def _left(source: Source, table: Table, days: list[date]) -> list[date]:
    """Return the sessions that there is work for: a second demo asks for nothing that the first one has."""
    from fin_assets.core.collection.expected_units import is_settled
    from fin_assets.core.storage.store import store_of

    store = store_of(project()[0])
    return [day for day in days if not is_settled(source, table, day, store=store)]


def _summary(plan: list[tuple[Source, Table, list[date]]], outcomes: list[TableOutcome], *, seconds: float) -> None:
    if outcomes:
        print_summary(outcomes)
    for source in dict.fromkeys(source.name for source, _, _ in plan):
        asked = sum(len(days) for each, _, days in plan if each.name == source)
        console.print(_of_source(source, asked, [outcome for outcome in outcomes if outcome.source == source]))
    asked = sum(len(days) for _, _, days in plan)
    worked = sum(len(outcome.asked) for outcome in outcomes)
    there = f", {asked - worked} already stored" if asked > worked else ""
    say("", first=f"{worked} sessions collected{there}; {seconds:.0f} s in all", style="bold")


def _of_source(source: str, asked: int, outcomes: list[TableOutcome]) -> str:
    """Return one line about a source: sessions, units, rows, and the lowest coverage if the source states one."""
    manifests = [manifest for outcome in outcomes for manifest in outcome.manifests]
    if not manifests:
        return f"{source}: {asked} sessions of its tables, all already stored"
    units = sum(manifest.done for manifest in manifests)
    rows = sum(manifest.staged.rows for manifest in manifests if manifest.staged)
    covered = [unit.coverage_pct for manifest in manifests for unit in manifest.units if unit.coverage_pct is not None]
    reconciled = f"; {len(covered):,} reconciled, lowest coverage {min(covered):.1f} %" if covered else ""
    return f"{source}: {len(manifests)} of {asked} sessions of its tables, {units:,} units, {rows:,} rows{reconciled}"


def _where_to_look(data: Path, *, own_home: bool) -> None:
    prefix = f"FIN_CONFIG={_short(data / 'fin.toml')} " if own_home else ""
    console.print(f"\n{prefix}fin status\n{prefix}fin sql", soft_wrap=True)


def _short(path: Path) -> Path:
    """Return a path relative to where the user stands, if it lies below."""
    here = type(path).cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _serve() -> None:
    """Start the two servers, say where they are, and wait until Ctrl-C or until one of them ends."""
    from fin_assets.commands.processes import supervised

    settings, _ = project()
    # The servers must see the same settings as this process, wherever they are started.
    os.environ.setdefault("FIN_HOME", str(settings.home))
    dagster = f"http://{HOST}:{settings.servers.dagster_port}"
    pages = f"http://{HOST}:{settings.servers.dashboards_port}"
    with supervised(settings.data / "logs") as children:
        workspace = str(repository() / "workspace.yaml")
        first = children.start(
            "dagster",
            [sys.executable, "-m", "fin_assets.commands.dagster_ui", workspace],
            url=f"{dagster}/server_info",
            cwd=settings.home,
        )
        second = children.start(
            "dashboards",
            [sys.executable, "-m", "dashboards", "--port", str(settings.servers.dashboards_port)],
            url=pages,
            cwd=repository(),
        )
        with console.status("starting the servers"):
            children.wait_ready(second)
            children.wait_ready(first)
        say(f"  {pages}", first="\ndashboards", style="bold")
        say(f"  {dagster}\nCtrl-C stops both and everything they started.", first="Dagster UI", style="bold")
        children.watch()
