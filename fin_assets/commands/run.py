"""`fin run`, `fin heal`, `fin reparse`: which sessions a command means, and the summary of their outcomes."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import typer
from rich.table import Table as Grid

from fin_assets.commands.args import (
    a_date,
    a_range,
    chosen_sources,
    chosen_tables,
    console,
    days_of,
    not_in_the_future,
    own_console,
    project,
    say,
)
from fin_assets.commands.audit import audit, can_audit
from fin_assets.commands.errors import EXIT_INCOMPLETE, EXIT_USAGE, Problem
from fin_assets.commands.settled import build_with, settled_tables
from fin_assets.core.collection.remedies import promise, remedy_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fin_assets.commands.dagster_runner import Runner, TableOutcome
    from fin_assets.core.contract.manifest import Manifest
    from fin_assets.core.contract.source import Source, Table

SHOWN = 12
"""Sessions listed one by one in a summary; the rest is counted."""

UNTOUCHED = timedelta(days=400)

NAMED = 5
"""Unit: units that a reason names; with more, a command lists each."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The sessions of one table that a command works on, and the days that were asked for and are none."""

    table: Table
    sessions: list[date]
    not_sessions: dict[date, str]


def run(
    source: str,
    session: str | None,
    start: str | None,
    end: str | None,
    *,
    tables: list[str] | None,
    refetch: bool,
    newest_first: bool,
    marts: bool,
) -> None:
    """Collect sessions of a source, then build and publish the marts."""
    (found,) = chosen_sources(source)
    wanted = a_range(session, start, end)
    choices = [choose(found, table, wanted) for table in chosen_tables(found, tables)]
    if not any(choice.sessions for choice in choices):
        if wanted is None or wanted[0] != wanted[1] or not can_audit(found, wanted[0]):
            raise _nothing(found, choices, wanted)
        _tell_closed(found, choices)
        with working([found]) as runner:
            audit(runner, found, wanted[0])
        return
    _tell_closed(found, choices)
    settled = set() if refetch else settled_tables(found, [(choice.table, choice.sessions) for choice in choices])
    _tell_settled(found, [choice for choice in choices if choice.table.name in settled])
    left = [choice for choice in choices if choice.sessions and choice.table.name not in settled]
    if not left:
        if marts:
            _build_if_lacking(found, choices)
        return
    with working([found]) as runner:
        outcomes = [
            runner.run(found, choice.table, choice.sessions, refetch=refetch, newest_first=newest_first)
            for choice in left
        ]
    conclude(outcomes, marts=marts)


def _tell_settled(source: Source, choices: list[Choice]) -> None:
    """Say of each table that all of its sessions are there."""
    for choice in choices:
        count = len(choice.sessions)
        what = "session is" if count == 1 else "sessions are"
        console.print(
            f"{source.name}/{choice.table.name}: nothing to do, {count} {what} there already (--refetch asks again)",
            soft_wrap=True,
        )


def _build_if_lacking(source: Source, choices: list[Choice]) -> None:
    """Build the marts if the published build lacks one of the sessions, or has other rows of it."""
    build_id = build_with(source.name, [(choice.table, choice.sessions) for choice in choices])
    if build_id is None:
        from fin_assets.commands.build import build_and_tell

        build_and_tell(full_refresh=False)
    else:
        console.print(f"marts: nothing to do, build {build_id} has these sessions", soft_wrap=True)


def heal(source: str | None, start: str | None, *, marts: bool) -> None:
    """Collect incomplete and missed sessions."""
    edge = not_in_the_future(a_date(start, "--from"), "--from")
    plan = [(found, table, to_heal(found, table, edge)) for found in chosen_sources(source) for table in found.tables]
    plan = [(found, table, sessions) for found, table, sessions in plan if sessions]
    if not plan:
        console.print("nothing to heal: every session that is due is complete (fin status)")
        return
    with working([found for found, _, _ in plan]) as runner:
        outcomes = [runner.run(found, table, sessions) for found, table, sessions in plan]
    conclude(outcomes, marts=marts)


def reparse(source: str, start: str | None, end: str | None, *, tables: list[str] | None, marts: bool) -> None:
    """Parse and stage stored raw pages again, without a request."""
    from fin_assets.core.storage.store import store_of

    (found,) = chosen_sources(source)
    wanted = a_range(None, start, end)
    store = store_of(project()[0])
    plan: list[tuple[Table, list[date]]] = []
    for table in chosen_tables(found, tables):
        first, last = wanted or (date.min, date.max)
        stored = store.manifests(found.name, table.name, first=first, last=last)
        plan.append((table, [each.session for each in stored if each.state.is_done or each.damage]))
    if not any(sessions for _, sessions in plan):
        msg = f"No complete session of {found.name} is stored in the range."
        raise Problem(msg, f"collect it first: fin run {found.name} --from YYYY-MM-DD")
    with working([]) as runner:
        outcomes = [runner.run(found, table, sessions, restage=True) for table, sessions in plan if sessions]
    conclude(outcomes, marts=marts)


def choose(source: Source, table: Table, wanted: tuple[date, date] | None) -> Choice:
    """Return the sessions of a table within a range of days; without a range, its newest session that is due."""
    from fin_assets import clock
    from fin_assets.core.orchestration.partitions import due_sessions, partitions_of

    if wanted is None:
        due = due_sessions(source, table, since=clock.now() - UNTOUCHED, until=clock.now())
        return Choice(table, due[-1:], {})
    known = set(partitions_of(source, table).get_partition_keys())
    sessions, others = [], {}
    for day in days_of(*wanted):
        if day.isoformat() in known:
            sessions.append(day)
        elif wanted[0] == wanted[1] or not _never_on_this_weekday(table, day):
            others[day] = _why_none(source, table, day)
    return Choice(table, sessions, others)


def _nothing(source: Source, choices: list[Choice], wanted: tuple[date, date] | None) -> Problem:
    """Return the problem that a range, or the bounds of a source, leave no session at all."""
    if wanted is None:
        msg = f"No session of {source.name} is due: its first is {source.start}"
        msg += f", its last {source.end}." if source.end else "."
        return Problem(msg, f"start and end under [sources.{source.name}] in fin.toml set both", EXIT_USAGE)
    told = {day: why for choice in choices for day, why in choice.not_sessions.items()}
    reasons = "\n".join(f"{day} is no session of {source.name}: {why}" for day, why in sorted(told.items())[:SHOWN])
    first, last = wanted
    span = f"{first}" if first == last else f"{first} to {last}"
    names = ", ".join(choice.table.name for choice in choices)
    what = reasons or f"{span} has no session of {source.name} ({names})."
    return Problem(
        what,
        f"nothing was collected; name a session, or leave it out for the newest: fin run {source.name}",
        EXIT_USAGE,
    )


def _why_none(source: Source, table: Table, day: date) -> str:
    from fin_assets.core.contract.source import due_at

    if day < source.start:
        return f"before the source's start, {source.start} (start under [sources.{source.name}] in fin.toml)"
    zone = table.calendar.timezone
    if table.calendar.sessions(day, day):
        due = due_at(table, day)
        return f"not over yet in {zone}: its data are complete on {due:%Y-%m-%d} at {due:%H:%M} there"
    state = table.calendar.day_state(day)
    if state.may_be_empty and state.reason:
        return f"closed: {state.reason}"
    if _never_on_this_weekday(table, day):
        return f"closed: no session on a {day:%A}"
    if not any(each.calendar.sessions(day, day) for each in source.tables):
        return f"closed: no session by the calendar of {zone}"
    return f"no list of {table.name} on this day"


def _never_on_this_weekday(table: Table, day: date) -> bool:
    """Return whether the weeks around a day have no session on its weekday."""
    weeks = (day + timedelta(weeks=n) for n in range(-4, 5))
    return not any(table.calendar.sessions(each, each) for each in weeks)


def to_heal(source: Source, table: Table, edge: date | None) -> list[date]:
    """Return the sessions that a person means by healing, ascending.

    Those that are not green, and those that became due since the first known session and were never collected; back to
    `edge`, or to the look-back. Waits and attempt caps bind the automation, not a person.
    """
    from fin_assets import clock
    from fin_assets.core.collection.expected_units import can_have
    from fin_assets.core.contract.source import due_at
    from fin_assets.core.orchestration.partitions import due_sessions
    from fin_assets.core.storage.manifest_index import summaries
    from fin_assets.core.storage.store import store_of

    def in_reach(day: date) -> bool:
        if edge is not None:
            return day >= edge
        # Counted from publication: a quarter's list that came yesterday is weeks old by its session.
        return due_at(table, day) >= now - timedelta(days=source.settings.look_back_days)

    store, now = store_of(project()[0]), clock.now()
    first = edge or (now - timedelta(days=source.settings.look_back_days) - table.due).date()
    known = store.sessions(source.name, table.name)
    due = due_sessions(source, table, since=now - (now.date() - first + timedelta(days=30)), until=now)
    missed = (
        sorted(day for day in {*due}.difference(known) if day > known[0] and can_have(table, day))
        if known
        else due[-1:]
    )
    # A day or two more: the due time is in the exchange's zone.
    stored = summaries(store, source.name, table.name, first=first - timedelta(days=2))
    bad = [manifest.session for manifest in stored if manifest.to_heal]
    return sorted({day for day in [*missed, *bad] if in_reach(day)})


@contextmanager
def working(sources: Sequence[Source]) -> Iterator[Runner]:
    """Give what runs tables: the display, the Dagster instance, and the sandbox if a source asks it."""
    import dagster as dg

    from fin_assets.commands.dagster_home import prepare_instance
    from fin_assets.commands.dagster_runner import Runner
    from fin_assets.commands.progress import Display
    from fin_assets.commands.sandbox_server import sandbox_up
    from fin_assets.core.orchestration.dead_runs import end_dead_runs
    from fin_assets.core.transport.clients import Clients

    settings, _ = project()
    prepare_instance(settings)
    with (
        own_console() as shown,
        sandbox_up(settings, sources, shown),
        dg.DagsterInstance.get() as instance,
        Clients(settings.browser, data=settings.data) as clients,
    ):
        # A killed run would keep the slot of its source, and this run would wait for it without end.
        end_dead_runs(instance)
        yield Runner(settings, Display(shown), instance=instance, clients=clients)


def conclude(outcomes: list[TableOutcome], *, marts: bool) -> None:
    """Print the summary, build the marts if wanted, and end with the exit code for incomplete sessions if any."""
    print_summary(outcomes)
    if marts and any(manifest.state.is_done for outcome in outcomes for manifest in outcome.manifests):
        from fin_assets.commands.build import build_and_tell

        build_and_tell(full_refresh=False)
    if any(outcome.unusable or outcome.failure for outcome in outcomes):
        raise typer.Exit(EXIT_INCOMPLETE)


def print_summary(outcomes: list[TableOutcome]) -> None:
    """Print one line a table, and each session that is not usable with its reason and what to do."""
    grid = Grid(title="Outcome of the sessions", title_justify="left")
    for name in ("table", "sessions", "complete", "closed", "not usable", "units", "rows", "requests", "seconds"):
        grid.add_column(name, justify="left" if name == "table" else "right")
    for outcome in outcomes:
        states = [manifest.state.value for manifest in outcome.manifests if not manifest.blocked_by]
        grid.add_row(
            f"{outcome.source}/{outcome.table}",
            str(len(outcome.asked)),
            str(states.count("complete")),
            str(states.count("closed")),
            str(len(outcome.unusable)),
            f"{sum(manifest.done for manifest in outcome.manifests):,}",
            f"{sum(manifest.staged.rows for manifest in outcome.manifests if manifest.staged):,}",
            f"{sum(manifest.requests for manifest in outcome.manifests):,}",
            f"{outcome.seconds:.1f}",
        )
    console.print(grid)
    for outcome in outcomes:
        for manifest in outcome.unusable[:SHOWN]:
            why = manifest.why() or f"blocked by {', '.join(manifest.blocked_by)} (docs/runbook.md)"
            told = f" {outcome.table} {manifest.session}: {why}\n  what to do: {_remedy(manifest)}"
            say(told, first=manifest.state.value)
            promised = _promise(manifest)
            if promised:
                say(f"  without that, {promised}")
        if outcome.failure and not outcome.unusable:
            # Stored sessions stay green, but the requested refetch or reparse did not happen.
            say(f" {outcome.table}: {outcome.failure}", first="failed")
        if len(outcome.unusable) > SHOWN:
            console.print(f"... and {len(outcome.unusable) - SHOWN} more: fin status {outcome.source}", soft_wrap=True)


def _remedy(manifest: Manifest) -> str:
    """Return the remedy of a session that is not usable, and where each of many missing units is listed."""
    every = f"fin status {manifest.source} --session {manifest.session}"
    remedy = remedy_of(manifest, by_itself=_promise(manifest) is not None) or every
    return remedy if len(manifest.unfinished()) <= NAMED else f"{remedy}\n  each unit: {every}"


def _promise(manifest: Manifest) -> str | None:
    from fin_assets import clock

    [source] = chosen_sources(manifest.source)
    return promise(source, source.table(manifest.table), manifest, now=clock.now())


def _tell_closed(source: Source, choices: list[Choice]) -> None:
    """Say of each asked day that is no session why, and of each table without any session that it has none."""
    sessions = {day for choice in choices for day in choice.sessions}
    told = {day: why for choice in choices for day, why in choice.not_sessions.items() if day not in sessions}
    for day, why in sorted(told.items())[:SHOWN]:
        console.print(f"{day} is no session of {source.name}: {why}", soft_wrap=True)
    if len(told) > SHOWN:
        console.print(f"... and {len(told) - SHOWN} more days that are no sessions", soft_wrap=True)
    for choice in choices:
        if sessions and not choice.sessions:
            console.print(f"{source.name}/{choice.table.name} has no session in the range", soft_wrap=True)
