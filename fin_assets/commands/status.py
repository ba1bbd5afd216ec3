"""`fin status`: the state of each session and table, with the reason. Reads the index of manifests."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from rich.table import Table as Grid

from fin_assets.commands.args import a_range, chosen_sources, console, project
from fin_assets.commands.errors import EXIT_USAGE, Problem
from fin_assets.commands.run import NAMED

if TYPE_CHECKING:
    from fin_assets.core.contract.manifest import Manifest
    from fin_assets.core.contract.source import Source, Table
    from fin_assets.core.storage.manifest_index import Summary
    from fin_assets.core.storage.store import Store

COLOURS = {
    "complete": "green",
    "closed": "dim",
    "provisional": "cyan",
    "stale": "yellow",
    "incomplete": "red",
    "missing": "red",
    "blocked": "magenta",
}
SHOWN = 30


@dataclass(frozen=True, slots=True)
class Row:
    """One session of one table. `state` is that of the manifest, or `blocked`, `provisional` or `missing`.

    `blocked`: a blocking check failed. `provisional`: complete, but its row count is not judged yet.
    """

    source: str
    table: str
    session: date
    state: str
    units: int
    done: int
    rows: int
    attempts: int
    why: str
    next_retry_at: str | None
    evidence: tuple[str, ...]


def status(source: str | None, session: str | None, start: str | None, end: str | None, *, as_json: bool) -> None:
    """Show the state of every session that is due or known, or one session with each unit that it lacks."""
    wanted = a_range(session, start, end)
    found = chosen_sources(source)
    if session is not None and wanted is not None:
        _one_session(found, wanted[0], as_json=as_json)
        return
    rows = [row for each in found for table in each.tables for row in rows_of(each, table, wanted)]
    if as_json:
        print(json.dumps([asdict(row) for row in rows], default=str, indent=1))  # noqa: T201 - machine-readable, not for the console
        return
    console.print(_totals(rows))
    if wanted is not None:
        console.print(_by_session(rows))
    _print_bad(rows)


def _one_session(sources: list[Source], session: date, *, as_json: bool) -> None:
    from fin_assets.commands.session_status import left_of, print_session
    from fin_assets.core.contract.manifest import PartitionKey
    from fin_assets.core.storage.store import store_of

    store = store_of(project()[0])
    objects: list[dict[str, object]] = []
    shown = False
    for source in sources:
        rows = [row for table in source.tables for row in rows_of(source, table, (session, session))]
        manifests: dict[str, Manifest] = {}
        for row in rows:
            manifest = store.manifest(PartitionKey(source.name, row.table, session))
            if manifest is not None:
                manifests[row.table] = manifest
        objects += [
            asdict(row)
            | {"left": [asdict(left) for left in left_of(manifests[row.table])] if row.table in manifests else []}
            for row in rows
        ]
        if rows and not as_json:
            print_session(rows, manifests)
            shown = True
    if as_json:
        print(json.dumps(objects, default=str, indent=1))  # noqa: T201 - machine-readable, not for the console
    elif not shown:
        names = ", ".join(source.name for source in sources)
        msg = f"{session} is no session of {names} that is due, and nothing is stored for it."
        raise Problem(msg, f"fin run {sources[0].name} --session {session} says why", EXIT_USAGE)


def rows_of(source: Source, table: Table, wanted: tuple[date, date] | None) -> list[Row]:
    """Return a row for each known session of a table and each missing one that is due since its first known session."""
    from fin_assets import clock
    from fin_assets.core.orchestration.partitions import due_sessions
    from fin_assets.core.storage.manifest_index import summaries
    from fin_assets.core.storage.store import store_of

    store = store_of(project()[0])
    first, last = wanted or (date.min, date.max)
    found = summaries(store, source.name, table.name, first=first, last=last)
    known = {each.session: _known(each) for each in found}
    begin = wanted[0] if wanted else min(known, default=None)
    if begin is None:
        return []
    now = clock.now()
    due = due_sessions(source, table, since=now - (now.date() - begin + timedelta(days=90)), until=now)
    missing = [day for day in due if begin <= day <= last and day not in known]
    return sorted(
        [*known.values(), *(_missing(source, table, day, store) for day in missing)], key=lambda row: row.session
    )


def _missing(source: Source, table: Table, day: date, store: Store) -> Row:
    from fin_assets.core.collection.expected_units import wanted

    units = len(wanted(source, table, day, store=store).units)
    return Row(source.name, table.name, day, "missing", units, 0, 0, 0, "never collected", None, ())


def _known(manifest: Summary) -> Row:
    blocked = manifest.state.is_done and manifest.blocked_by
    retry = manifest.next_retry_at if manifest.to_heal else None
    return Row(
        manifest.source,
        manifest.table,
        manifest.session,
        "blocked" if blocked else "provisional" if manifest.is_provisional else manifest.state.value,
        manifest.units,
        manifest.done,
        manifest.rows,
        manifest.attempts,
        _why(manifest),
        retry.isoformat(timespec="seconds") if retry else None,
        manifest.evidence,
    )


def _why(manifest: Summary) -> str:
    if manifest.state.is_done and manifest.blocked_by:
        half = f"; half: {', '.join(manifest.half[:NAMED])}" if manifest.half else ""
        return f"blocked by {', '.join(manifest.blocked_by)}{half}"
    if manifest.is_provisional:
        return "its row count is judged by itself when five whole sessions around it are known; nothing to do"
    return manifest.why


def _totals(rows: list[Row]) -> Grid:
    grid = Grid(title="Sessions by state", title_justify="left")
    grid.add_column("table", no_wrap=True)
    # The other states are rare, and all of them together are wider than a terminal.
    there = {"complete", "closed", "incomplete", "missing", *(row.state for row in rows)}
    colours = {state: colour for state, colour in COLOURS.items() if state in there}
    for state, colour in colours.items():
        grid.add_column(state, justify="right", style=colour)
    for name in ("rows", "first", "last"):
        grid.add_column(name, justify="right")
    _, sources = project()
    for source in sources:
        for table in source.tables:
            own = [row for row in rows if (row.source, row.table) == (source.name, table.name)]
            counts = [str(sum(row.state == state for row in own)) for state in colours]
            span = (str(own[0].session), str(own[-1].session)) if own else ("never collected", "-")
            grid.add_row(f"{source.name}/{table.name}", *counts, f"{sum(row.rows for row in own):,}", *span)
    return grid


def _by_session(rows: list[Row]) -> Grid:
    tables = list(dict.fromkeys((row.source, row.table) for row in rows))
    grid = Grid(title="Sessions", title_justify="left")
    grid.add_column("session")
    for source, table in tables:
        grid.add_column(f"{source}/{table}")
    states = {(row.session, row.source, row.table): row for row in rows}
    for day in sorted({row.session for row in rows}):
        cells = []
        for source, table in tables:
            row = states.get((day, source, table))
            cells.append(f"[{COLOURS[row.state]}]{row.state}[/] {row.done}/{row.units}" if row else "")
        grid.add_row(str(day), *cells)
    return grid


def _print_bad(rows: list[Row]) -> None:
    _print_missing(rows)
    _print_provisional(rows)
    bad = [row for row in rows if row.state not in {"complete", "closed", "provisional", "missing"}]
    for row in bad[-SHOWN:]:
        again = f"; healing tries again after {row.next_retry_at}" if row.next_retry_at else ""
        console.print(
            f"[{COLOURS[row.state]}]{row.state}[/] {row.source}/{row.table} {row.session}: {row.why}{again}",
            soft_wrap=True,
        )
        if row.units - row.done > NAMED:
            console.print(f"  each unit: fin status {row.source} --session {row.session}", soft_wrap=True)
        if row.evidence:
            console.print(f"  evidence: {project()[0].data / row.evidence[0]}", soft_wrap=True)
    if len(bad) > SHOWN:
        console.print(f"... and {len(bad) - SHOWN} earlier ones: --json lists all", soft_wrap=True)
    if bad:
        first = min(row.session for row in bad)
        names = sorted({row.source for row in bad})
        remedy = f"fin heal {names[0]} --from {first}" if len(names) == 1 else f"fin heal --from {first}"
        console.print(f"what to do: {remedy}; docs/runbook.md and docs/sources explain each check", soft_wrap=True)


def _print_provisional(rows: list[Row]) -> None:
    tables: dict[str, list[Row]] = {}
    for row in rows:
        if row.state == "provisional":
            tables.setdefault(f"{row.source}/{row.table}", []).append(row)
    for table, found in tables.items():
        days = str(found[0].session) if len(found) == 1 else f"{found[0].session} to {found[-1].session}"
        console.print(f"[cyan]provisional[/] {table} {days} ({len(found)}): {found[0].why}", soft_wrap=True)


def _print_missing(rows: list[Row]) -> None:
    """Print runs of neighbouring missing sessions as one line each: a gap of a year is one fact."""
    spans: list[list[Row]] = []
    previous: Row | None = None
    for row in rows:
        if row.state == "missing":
            if (
                previous is not None
                and previous.state == "missing"
                and (previous.source, previous.table) == (row.source, row.table)
            ):
                spans[-1].append(row)
            else:
                spans.append([row])
        previous = row
    for span in spans:
        first, last = span[0], span[-1]
        days = str(first.session) if first is last else f"{first.session} to {last.session} ({len(span)} sessions)"
        where = f"--session {first.session}" if first is last else f"--from {first.session} --to {last.session}"
        console.print(
            f"[red]missing[/] {first.source}/{first.table} {days}: never collected; "
            f"what to do: fin run {first.source} --table {first.table} {where}",
            soft_wrap=True,
        )
