"""`fin explain SOURCE CODE --session DATE`: one stock, broker or unit on one session, from the calendar to the marts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from rich.text import Text

from fin_assets.commands.args import a_date, chosen_sources, chosen_tables, console, project
from fin_assets.commands.errors import EXIT_USAGE, Problem

if TYPE_CHECKING:
    from fin_assets.core.collection.trace import TableTrace, UnitTrace
    from fin_assets.core.contract.manifest import Manifest
    from fin_assets.core.contract.source import Source

LABEL = 11
"""Columns of a line's label."""


@dataclass(slots=True)
class Marts:
    """Where the published build has the code: rows by mart, and what of the staged rows it has not.

    Attributes:
        build: its id; None if there is none that can be read.
        where: the condition that finds the rows.
        rows: by mart; those without a row are left out.
        stale: tables whose staged rows are not those of the build.
        problem: why the build cannot be read.
    """

    build: str | None = None
    where: str = ""
    rows: dict[str, int] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)
    problem: str | None = None


def explain(source: str, code: str, session: str | None, *, tables: list[str] | None, as_json: bool) -> None:
    """Print, or give to programs, what is known of a code on a session.

    Raises:
        Problem: no table knows the code on that session.
    """
    from fin_assets.core.collection.trace import trace
    from fin_assets.core.storage.store import store_of

    (found,) = chosen_sources(source)
    chosen = chosen_tables(found, tables)
    day = a_date(session, "--session") or _newest_due(found)
    store = store_of(project()[0])
    traces = [trace(found, table, code, day, store=store) for table in chosen]
    _require_known(found, code, day, traces)
    marts = _marts(found, day, traces)
    steps = _steps(found, day, traces, marts)
    if as_json:
        print(json.dumps(_object(found, code, day, traces, marts, steps), default=str, indent=1))  # noqa: T201 - machine-readable
        return
    _line("", f"{code} of {found.name}, session {day} ({day:%A})", style="bold")
    for each in traces:
        _print_table(found, each)
    _print_marts(marts)
    _line("", "\nwhat to do:", style="bold")
    for line in steps or ["nothing: every step is done"]:
        _line("", f"  {line}")


def _newest_due(source: Source) -> date:
    from fin_assets.commands.run import choose

    newest = [day for table in source.tables for day in choose(source, table, None).sessions]
    if not newest:
        msg = f"No session of {source.name} is due yet."
        raise Problem(msg, "name one: --session YYYY-MM-DD", EXIT_USAGE)
    return max(newest)


def _require_known(source: Source, code: str, day: date, traces: list[TableTrace]) -> None:
    """Refuse a code that no table has, where the session is collected; elsewhere what is missing is the explanation."""
    if any(trace.knows_it or trace.damage for trace in traces):
        return
    if not any(trace.is_session for trace in traces):
        msg = f"{day} is no session of {source.name}, and nothing is stored of {code}."
        raise Problem(msg, f"fin run {source.name} --session {day} says why it is none", EXIT_USAGE)
    if all(trace.manifest is None or not trace.manifest.state.is_done for trace in traces):
        return
    msg = f"No table of {source.name} has a unit or a row {code!r} on {day}."
    raise Problem(
        msg, f"write it as the tables do, or see the session: fin status {source.name} --session {day}", EXIT_USAGE
    )


def _marts(source: Source, day: date, traces: list[TableTrace]) -> Marts:
    from fin_assets.commands.settled import built_from, is_built
    from fin_assets.warehouse.paths import NothingPublished, WarehouseError
    from fin_assets.warehouse.reader import Reader

    found = next((trace for trace in traces if trace.column), None)
    try:
        snapshot = Reader(project()[0].data).snapshot()
        built = built_from(snapshot, source.name, first=day, last=day)
        stale = [
            trace.table
            for trace in traces
            if not trace.damage and not is_built(trace.manifest, built.get((trace.table, day)))
        ]
        marts = Marts(snapshot.build.id, stale=stale)
        if found is not None and found.column is not None:
            marts.where = f"session_date = date '{day}' and {found.column} = '{found.value}'"
            names = snapshot.query(
                "select table_name from duckdb_columns() where schema_name = 'main' and column_name in ('session_date', $1)"
                " group by 1 having count(*) = 2 order by 1",
                [found.column],
            )
            for name in names["table_name"]:
                sql = f'select count(*) from "{name}" where session_date = $1 and "{found.column}" = $2'  # noqa: S608 - names from the catalogue
                rows = snapshot.query(sql, [day, found.value]).item()
                marts.rows |= {name: rows} if rows else {}
        return marts
    except NothingPublished:
        return Marts(problem="nothing is published yet: fin build")
    except WarehouseError as error:
        return Marts(problem=str(error))


def _steps(source: Source, day: date, traces: list[TableTrace], marts: Marts) -> list[str]:
    """Return what to do, in the order in which it helps; empty if every step is done."""
    found = [line for trace in traces for line in _steps_of(source, day, trace)]
    if not found and marts.stale:
        found = [f"fin build publishes the staged rows of {', '.join(marts.stale)}"]
    elif not found and marts.problem:
        found = [marts.problem]
    return list(dict.fromkeys(found))


def _steps_of(source: Source, day: date, trace: TableTrace) -> list[str]:
    from fin_assets import clock

    here = f"fin run {source.name} --table {trace.table} --session {day}"
    mend = [each.remedy for each in trace.damage if each.remedy]
    manifest = trace.manifest
    if mend or (manifest is None and trace.damage):
        return [f"{trace.table}: {each}" for each in mend]
    if manifest is None:
        if not trace.is_session:
            return []
        if trace.due > clock.now():
            return [f"{trace.table}: nothing yet; the site has it at {_time(trace.due, source)} at the latest"]
        return [] if trace.waits and not _names_units(source, trace) else [f"{trace.table}: {here}"]
    if not manifest.state.is_done:
        lacking = [unit.record for unit in trace.units if unit.record and not unit.record.is_done]
        again = _healed_after(source, trace, manifest)
        wait = f" (healing asks again after {_time(again, source)})" if again else ""
        # What says that healing retries would be wrong where it does not.
        own = [f"{trace.table}: {each.unit}: {each.remedy}" for each in lacking if each.remedy and not each.retryable]
        return [*own, f"{trace.table}: {here} fetches what is missing{wait}"]
    steps = [
        f"{trace.table}: fin exclude {source.name} --table {trace.table} --session {day} --unit {unit.unit} --undo"
        " takes its answer in again"
        for unit in trace.units
        if unit.excluded
    ]
    steps += [
        f"{trace.table}: {here} --refetch asks for {unit.unit} again, or correct the parser, then: fin reparse {source.name}"
        for unit in trace.units
        if unit.verdict and not unit.verdict.startswith("accepted")
    ]
    page = source.table(trace.table).checks
    return steps + [
        f"{trace.table}: docs/{f'sources/{source.name}' if name in page else 'runbook'}.md#{name}"
        for name, passed, _ in trace.checks
        if not passed and name in manifest.blocked_by
    ]


def _healed_after(source: Source, trace: TableTrace, manifest: Manifest) -> datetime | None:
    """Return the earliest time at which the automation asks for a partition again by itself; None if it does not."""
    from fin_assets import clock

    own = source.settings
    in_reach = trace.due >= clock.now() - timedelta(days=own.look_back_days)
    return (
        None if manifest.exhausted or not in_reach or manifest.attempts >= own.max_attempts else manifest.next_retry_at
    )


def _names_units(source: Source, trace: TableTrace) -> bool:
    """Return whether a table only waits for another one that names its units."""
    return bool(source.table(trace.table).needs)


def _object(
    source: Source, code: str, day: date, traces: list[TableTrace], marts: Marts, steps: list[str]
) -> dict[str, Any]:
    tables = []
    for trace in traces:
        units = [asdict(unit) | {"record": unit.record and unit.record.model_dump(mode="json")} for unit in trace.units]
        partition = trace.manifest and trace.manifest.model_dump(mode="json", exclude={"units"})
        tables.append(asdict(trace) | {"units": units, "manifest": partition})
    return {
        "source": source.name,
        "code": code,
        "session": day,
        "tables": tables,
        "marts": asdict(marts),
        "what_to_do": steps,
    }


def _print_table(source: Source, trace: TableTrace) -> None:
    manifest = trace.manifest
    if manifest is None:
        state = "damaged" if trace.damage else "never collected" if trace.is_session else "no session by its calendar"
        told = state + (f"; due {_time(trace.due, source)}" if trace.is_session else "")
    else:
        state = "blocked" if manifest.state.is_done and manifest.blocked_by else manifest.state.value
        told = f"{state}, {manifest.done:,} of {len(manifest.units):,} units, attempts: {manifest.attempts}"
        told += f", requests: {manifest.requests:,}"
    _line("", f"\n{trace.table}: {told}", style="bold")
    if trace.waits or (manifest is not None and manifest.reason):
        _line("why", trace.waits or (manifest and manifest.reason) or "")
    for unit in trace.units:
        _print_unit(source, trace, unit)
    if manifest is not None and manifest.units and not trace.units and not trace.rows:
        _line("expected", "no: none of its units or rows bears this code")
    if manifest is not None and manifest.staged is not None:
        # Rows that bear the code say where; without one, the file in which it is not.
        where = f" ({trace.column} = '{trace.value}')" if trace.column else ""
        _line("staged", f"{trace.rows:,} of {manifest.staged.rows:,} rows in {manifest.staged.file}{where}")
        if trace.quarantined:
            rules = ", ".join(sorted(set(trace.quarantined)))
            _line("quarantine", f"{len(trace.quarantined):,} rows in {manifest.staged.quarantine_file}: {rules}", "red")
    failed = [(name, said) for name, passed, said in trace.checks if not passed]
    if trace.checks:
        _line("checks", f"{len(trace.checks) - len(failed)} of {len(trace.checks)} pass")
    for name, said in failed:
        _line("", f"{' ' * (LABEL + 2)}{name}: {said}", style="red")
    for damage in trace.damage:
        _line("damaged", damage.what, "red")


def _print_unit(source: Source, trace: TableTrace, unit: UnitTrace) -> None:
    line = partial(_line, indent=4)
    _line("", f"  {unit.unit}")
    record = unit.record
    fact = ", ".join(f"{name} {_number(value)}" for name, value in unit.fact.items())
    expected = {True: "yes", False: "no", None: "unknown now"}[unit.expected]
    line("expected", expected + (f": {fact}" if fact else ""))
    if record is not None and record.fetched_at is not None:
        came = f"{_time(record.fetched_at, source)}, HTTP {record.status}, {record.bytes:,} bytes in {record.seconds:.1f} s"
        line("answered", f"{came}, by {record.transport}, requests: {record.attempts}")
        line("address", record.url or "")
        line("sha256", record.sha256 or "")
    elif record is not None:
        said = record.error or "not asked for yet"
        status = f", HTTP {record.status}" if record.status else ""
        _line(
            "answered", f"no{status}, requests: {record.attempts}. {record.error_kind or record.state}: {said}", "red"
        )
        if record.not_before:
            line("not before", _time(record.not_before, source))
    if unit.stored != "no":
        file = (trace.manifest and trace.manifest.raw_file) or "the log of the partition (units.log)"
        whole = unit.stored == "whole"
        line("stored", f"{file}, {'its checksum is right' if whole else 'damaged'}", "" if whole else "red")
    if unit.parsed_rows is not None:
        line("parsed", f"{unit.parsed_rows:,} rows" + (f", states {unit.states}" if unit.states else ""))
    if unit.verdict:
        covers = f", coverage {unit.coverage_pct:.1f} %" if unit.coverage_pct is not None else ""
        refused = not unit.verdict.startswith("accepted")
        line("judged", unit.verdict + covers, "red" if refused else "")
    if unit.excluded:
        line("excluded", unit.excluded, "yellow")
    for path in unit.evidence:
        line("evidence", str(project()[0].data / path))


def _print_marts(marts: Marts) -> None:
    if marts.build is None:
        _line("", f"\nmarts: {marts.problem}", style="bold")
        return
    _line("", f"\nmarts: build {marts.build}", style="bold")
    if marts.stale:
        _line("behind", f"its rows of {', '.join(marts.stale)} are not the staged ones", "yellow")
    if not marts.where:
        return
    _line("where", marts.where)
    for name, rows in marts.rows.items():
        _line("", f"  {rows:>{LABEL - 1},} rows in {name}")
    if marts.rows:
        _line("see them", f'fin sql -c "from {next(iter(marts.rows))} where {marts.where}"')
    else:
        _line("rows", "none")


def _line(label: str, text: str, style: str = "", *, indent: int = 2) -> None:
    """Print one line, not wrapped: paths and commands can be copied. Text of sites is no markup."""
    shown = Text(f"{' ' * indent}{label:<{LABEL}}" if label else "", style="dim" if label else "")
    console.print(shown.append(text, style=style), soft_wrap=True)


def _time(instant: datetime, source: Source) -> str:
    return f"{instant.astimezone(ZoneInfo(source.timezone)):%Y-%m-%d %H:%M:%S %Z}"


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
