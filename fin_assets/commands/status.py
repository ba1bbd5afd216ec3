"""`fin status`: the state of each session and table, with the reason. Reads the index of manifests."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from rich.table import Table as Grid
from rich.text import Text

from fin_assets.commands.args import a_range, chosen_sources, console, project, say
from fin_assets.commands.errors import EXIT_USAGE, Problem
from fin_assets.commands.run import NAMED
from fin_assets.core.collection.remedies import promise, remedy_of, run_command

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
    "damaged": "red",
}
SHOWN = 30


@dataclass(frozen=True, slots=True)
class Row:
    """One session of one table. `state` is that of the manifest, or `blocked`, `provisional`, `damaged` or `missing`.

    `blocked`: a blocking check failed. `provisional`: complete, but its row count is not judged yet. `damaged`: the manifest
    cannot be read.
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
    remedy: str | None
    promise: str | None
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
    if wanted is not None and not rows:
        names = ", ".join(each.name for each in found)
        msg = f"{wanted[0]} to {wanted[1]} has no session of {names} that is due, and nothing is stored for it."
        raise Problem(
            msg, f"name a range with sessions, or leave it out: fin status {source or ''}".rstrip(), EXIT_USAGE
        )
    console.print(_totals(rows, found))
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
    from fin_assets.core.collection.expected_units import can_have
    from fin_assets.core.orchestration.partitions import due_sessions
    from fin_assets.core.storage.manifest_index import summaries
    from fin_assets.core.storage.store import store_of

    store, now = store_of(project()[0]), clock.now()
    first, last = wanted or (date.min, date.max)
    found = summaries(store, source.name, table.name, first=first, last=last)
    known = {each.session: _known(source, table, each, store, now=now) for each in found}
    begin = wanted[0] if wanted else min(known, default=None)
    if begin is None:
        return []
    due = due_sessions(source, table, since=now - (now.date() - begin + timedelta(days=90)), until=now)
    missing = [day for day in due if begin <= day <= last and day not in known and can_have(table, day)]
    return sorted(
        [*known.values(), *(_missing(source, table, day, store) for day in missing)], key=lambda row: row.session
    )


def _missing(source: Source, table: Table, day: date, store: Store) -> Row:
    from fin_assets.core.collection.expected_units import wanted

    units = len(wanted(source, table, day, store=store).units)
    remedy = run_command(source.name, table.name, [day])
    return Row(source.name, table.name, day, "missing", units, 0, 0, 0, "never collected", None, remedy, None, ())


def _known(source: Source, table: Table, manifest: Summary, store: Store, *, now: datetime) -> Row:
    promised = promise(source, table, manifest, now=now)
    # A retry that no automation makes, or whose time has passed, is none to wait for.
    retry = manifest.next_retry_at if promised and manifest.next_retry_at and manifest.next_retry_at > now else None
    return Row(
        manifest.source,
        manifest.table,
        manifest.session,
        _state(manifest),
        manifest.units,
        manifest.done,
        manifest.rows,
        manifest.attempts,
        _why(manifest),
        retry.astimezone(ZoneInfo(source.timezone)).isoformat(timespec="seconds") if retry else None,
        _remedy(manifest, store, by_itself=promised is not None),
        promised,
        manifest.evidence,
    )


def _state(manifest: Summary) -> str:
    if manifest.is_damaged:
        return "damaged"
    if manifest.state.is_done and manifest.blocked_by:
        return "blocked"
    return "provisional" if manifest.is_provisional else manifest.state.value


def _remedy(manifest: Summary, store: Store, *, by_itself: bool) -> str | None:
    from fin_assets.core.contract.manifest import PartitionKey

    if manifest.half:
        return run_command(manifest.source, manifest.table, [manifest.session])
    # The units tell what mends them, and only the few sessions that are not complete are read for it.
    whole = (
        None
        if manifest.state.is_done
        else store.manifest(PartitionKey(manifest.source, manifest.table, manifest.session))
    )
    return remedy_of(whole, by_itself=by_itself) if whole else None


def _why(manifest: Summary) -> str:
    if manifest.state.is_done and manifest.blocked_by:
        half = f"; half: {', '.join(manifest.half[:NAMED])}" if manifest.half else ""
        return f"blocked by {', '.join(manifest.blocked_by)}{half}"
    if manifest.is_provisional:
        return "its row count is judged by itself when five whole sessions around it are known; nothing to do"
    return manifest.why


def _totals(rows: list[Row], sources: list[Source]) -> Grid:
    grid = Grid(title="Sessions by state", title_justify="left")
    grid.add_column("table", no_wrap=True)
    # The other states are rare, and all of them together are wider than a terminal.
    there = {"complete", "closed", "incomplete", "missing", *(row.state for row in rows)}
    colours = {state: colour for state, colour in COLOURS.items() if state in there}
    for state, colour in colours.items():
        grid.add_column(state, justify="right", style=colour)
    for name in ("rows", "first", "last"):
        grid.add_column(name, justify="right")
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
        cells: list[Text | str] = []
        for source, table in tables:
            row = states.get((day, source, table))
            coloured = Text.assemble((row.state, COLOURS[row.state]), f" {row.done}/{row.units}") if row else ""
            cells.append(coloured)
        grid.add_row(str(day), *cells)
    return grid


def _print_bad(rows: list[Row]) -> None:
    _print_missing(rows)
    _print_provisional(rows)
    bad = [row for row in rows if row.state not in {"complete", "closed", "provisional", "missing"}]
    for row in bad[-SHOWN:]:
        say(f" {row.source}/{row.table} {row.session}: {row.why}", first=row.state, style=COLOURS[row.state])
        if row.remedy:
            say(f"  what to do: {row.remedy}" + (f"; without that, {row.promise}" if row.promise else ""))
        if row.units - row.done > NAMED:
            console.print(f"  each unit: fin status {row.source} --session {row.session}", soft_wrap=True)
        if row.evidence:
            console.print(f"  evidence: {project()[0].data / row.evidence[0]}", soft_wrap=True)
    if len(bad) > SHOWN:
        console.print(f"... and {len(bad) - SHOWN} earlier ones: --json lists all", soft_wrap=True)
    if bad:
        say("docs/runbook.md and docs/sources explain each check and each kind of failure")


def _print_provisional(rows: list[Row]) -> None:
    tables: dict[str, list[Row]] = {}
    for row in rows:
        if row.state == "provisional":
            tables.setdefault(f"{row.source}/{row.table}", []).append(row)
    for table, found in tables.items():
        days = str(found[0].session) if len(found) == 1 else f"{found[0].session} to {found[-1].session}"
        say(f" {table} {days} ({len(found)}): {found[0].why}", first="provisional", style=COLOURS["provisional"])


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
        command = run_command(first.source, first.table, [first.session, last.session])
        say(f" {first.source}/{first.table} {days}: never collected; what to do: {command}", first="missing")
