"""The command line `fin`. Options, help and exit codes stand here; what a command does stands in `commands`.

Exit codes: 0 done, 1 a problem (shown with what to do), 2 a wrong option or setting, 3 done but sessions are left
incomplete, 128 and the number of the signal if one ended it: 130 for Ctrl-C, 143 for SIGTERM, 129 for a closed terminal.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from fin_assets.commands.args import errors
from fin_assets.commands.errors import EXIT_USAGE, KEPT, KEPT_BY_OTHERS, Problem, was_interrupted
from fin_assets.commands.errors import explain as problem_of
from fin_assets.commands.site_flags import SiteValues, site_flags
from fin_assets.core.transport.interrupts import EXIT_BASE, first, interruptible


class _Shown(TyperGroup):
    """Shows every failure as one panel with what to do. A traceback comes only with `--debug`."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        try:
            with interruptible():
                return self._invoke(ctx)
        except Exception as error:
            if isinstance(error, typer.Exit | typer.Abort) or type(error).__module__.startswith(("click", "typer")):
                raise
            if ctx.params.get("debug"):
                raise
            raise typer.Exit(_show(error)) from None

    def _invoke(self, ctx: typer.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BaseException as error:
            if not was_interrupted(error):
                raise
            number = first()
        kept = KEPT.get(ctx.invoked_subcommand or "", KEPT_BY_OTHERS)
        errors.print(f"Interrupted ({number.name}). {kept}", soft_wrap=True)
        raise typer.Exit(EXIT_BASE + number)


def _show(error: BaseException) -> int:
    problem = problem_of(error)
    errors.print(problem.panel())
    return problem.code


app = typer.Typer(
    cls=_Shown,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Rich would double the time of `fin --help`.
    rich_markup_mode=None,
    context_settings={"max_content_width": 120},
    help="Complete collections of market data: collect, check, heal, build marts, look at them.",
    epilog="Start with: fin demo. Each command has an example: fin COMMAND --help.",
)


@app.callback()
def main(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a failure.")] = False,
) -> None:
    """Complete collections of market data: collect, check, heal, build marts, look at them."""
    del debug


Source = Annotated[str, typer.Argument(help="A source, as fin status lists them.", metavar="SOURCE")]
AnySource = Annotated[str | None, typer.Argument(help="A source; all if left out.", metavar="SOURCE")]
From = Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD.", metavar="DATE")]
To = Annotated[str | None, typer.Option("--to", help="Last day, YYYY-MM-DD; today if left out.", metavar="DATE")]
Tables = Annotated[list[str] | None, typer.Option("--table", help="Only this table (repeatable).", metavar="TABLE")]
Marts = Annotated[bool, typer.Option("--marts/--no-marts", help="Build and publish the marts afterwards.")]


@app.command(
    epilog="Example: fin demo --no-serve --sessions 30",
    short_help="Run everything once, from the sandbox to the pages.",
)
@site_flags(only="dataset")
def demo(
    *,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve the pages until Ctrl-C afterwards.")] = True,
    sessions: Annotated[int, typer.Option(min=1, help="How many of the newest sessions to collect.")] = 80,
    site_dataset: Annotated[
        list[str] | None,
        typer.Option(help="A file that the site of a source serves (repeatable).", metavar="SOURCE=FILE"),
    ] = None,
    site_values: SiteValues,
) -> None:
    """Run everything once: sandbox, collection, marts, summary, pages."""
    from fin_assets.commands.demo import demo as work

    work(site_values=site_values, site_datasets=site_dataset or [], serve=serve, sessions=sessions)


@app.command(
    epilog="Example: fin doctor; fin doctor --data --mend",
    short_help="Check machine, settings and stored files.",
)
def doctor(
    *,
    data: Annotated[
        bool, typer.Option("--data", help="Read everything that is stored, and say what is damaged.")
    ] = False,
    mend: Annotated[bool, typer.Option("--mend", help="With --data: make again what is damaged.")] = False,
) -> None:
    """Check environment, browser, ports, disk, settings, and say what to mend; with --data the stored files."""
    if data:
        from fin_assets.commands.doctor_data import doctor_data

        raise typer.Exit(doctor_data(mend=mend))
    if mend:
        raise Problem("--mend was given without --data.", "fin doctor --data --mend", EXIT_USAGE)
    from fin_assets.commands.doctor import doctor as work

    raise typer.Exit(work())


@app.command(epilog="Example: fin run hkex_southbound --from 2026-03-02 --to 2026-03-31 --table holdings")
def run(
    source: Source,
    *,
    session: Annotated[str | None, typer.Option("--session", help="One day, YYYY-MM-DD.", metavar="DATE")] = None,
    start: From = None,
    end: To = None,
    table: Tables = None,
    refetch: Annotated[
        bool,
        typer.Option("--refetch", help="Refetch complete sessions; a changed page becomes a new generation."),
    ] = False,
    newest_first: Annotated[
        bool, typer.Option("--newest-first", help="Work from the newest session to the oldest.")
    ] = False,
    marts: Marts = True,
) -> None:
    """Collect sessions; only missing units are fetched. Without a range, the newest session that is due."""
    from fin_assets.commands.run import run as work

    work(source, session, start, end, tables=table, refetch=refetch, newest_first=newest_first, marts=marts)


@app.command(
    epilog="Example: fin status hkex_southbound --from 2026-03-02; fin status idx_brokers --session 2026-03-02"
)
def status(
    source: AnySource = None,
    *,
    session: Annotated[
        str | None,
        typer.Option("--session", help="One day: each unit that is missing, with its reason.", metavar="DATE"),
    ] = None,
    start: From = None,
    end: To = None,
    as_json: Annotated[bool, typer.Option("--json", help="One object a session and table, for programs.")] = False,
) -> None:
    """Show which sessions are complete, which are not, and why."""
    from fin_assets.commands.status import status as work

    work(source, session, start, end, as_json=as_json)


@app.command(
    epilog="Example: fin explain idx_brokers BBCA --session 2026-03-02",
    short_help="Explain one stock on one session, from request to marts.",
)
def explain(
    source: Source,
    code: Annotated[str, typer.Argument(help="A stock, a broker or a unit, as the tables name it.", metavar="CODE")],
    *,
    session: Annotated[
        str | None,
        typer.Option("--session", help="One day, YYYY-MM-DD; the newest that is due if left out.", metavar="DATE"),
    ] = None,
    table: Tables = None,
    as_json: Annotated[bool, typer.Option("--json", help="One object, for programs.")] = False,
) -> None:
    """Explain one stock on one session: what was expected, answered, accepted, staged and published, and what to do."""
    from fin_assets.commands.explain import explain as work

    work(source, code, session, tables=table, as_json=as_json)


@app.command(
    epilog="Example: fin heal hkex_southbound --from 2026-03-02", short_help="Collect what is incomplete or was missed."
)
def heal(source: AnySource = None, *, start: From = None, marts: Marts = True) -> None:
    """Collect incomplete and missed sessions; only missing units are fetched. Without --from it goes back look_back_days."""
    from fin_assets.commands.run import heal as work

    work(source, start, marts=marts)


@app.command(
    epilog="Example: fin reparse hkex_southbound --from 2026-03-02 --to 2026-03-31",
    short_help="Stage stored pages again, without a request.",
)
def reparse(source: Source, *, start: From = None, end: To = None, table: Tables = None, marts: Marts = True) -> None:
    """Stage stored raw pages again with the present parser, without a request."""
    from fin_assets.commands.run import reparse as work

    work(source, start, end, tables=table, marts=marts)


@app.command(
    short_help="Leave one stored answer out of the marts.",
    epilog='Example: fin exclude idx_brokers --table stock_summary --session 2026-03-02 --unit all --reason "test data"',
)
def exclude(
    source: Source,
    *,
    table: Annotated[str, typer.Option("--table", help="The table.", metavar="TABLE")],
    session: Annotated[str, typer.Option("--session", help="The session, YYYY-MM-DD.", metavar="DATE")],
    unit: Annotated[str, typer.Option("--unit", help="The unit whose answer is wrong.", metavar="UNIT")],
    reason: Annotated[str | None, typer.Option("--reason", help="Why, for people.", metavar="TEXT")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Include it again.")] = False,
    marts: Marts = True,
) -> None:
    """Leave one stored answer out of the staged rows and the marts; its bytes are kept."""
    from fin_assets.commands.exclude import exclude as work

    work(source, table=table, session=session, unit=unit, reason=reason, undo=undo, marts=marts)


@app.command(
    short_help="Build, test and publish the marts.", epilog="Example: fin build --full-refresh; fin build --rollback"
)
def build(
    *,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Build from all staged sessions, not only changed ones.")
    ] = False,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Publish the build before the current one again.")
    ] = False,
    to: Annotated[
        str | None, typer.Option("--to", help="With --rollback: the build to go back to.", metavar="BUILD")
    ] = None,
    list_builds: Annotated[bool, typer.Option("--list", help="List the published builds that are kept.")] = False,
) -> None:
    """Build the marts, test them, and publish them if every test passed."""
    from fin_assets.commands.build import build as work

    work(full_refresh=full_refresh, rollback=rollback, to=to, list_builds=list_builds)


@app.command(epilog="Example: fin clean --dry-run", short_help="Remove what the settings of retention no longer keep.")
def clean(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how much would be freed, and remove nothing.")
    ] = False,
) -> None:
    """Remove old logs, evidence and superseded files, as [retention] in fin.toml says. Raw answers stay."""
    from fin_assets.commands.clean import clean as work

    work(dry_run=dry_run)


@app.command(epilog='Example: fin sql -c "select session_date, count(*) from hk__daily_holdings group by 1 order by 1"')
def sql(
    *,
    query: Annotated[
        str | None, typer.Option("-c", "--command", help="Run this query and leave.", metavar="QUERY")
    ] = None,
    output: Annotated[
        str, typer.Option("--format", help="duckbox, box, csv, json, jsonlines, line, list, markdown or table.")
    ] = "duckbox",
    safe: Annotated[
        bool, typer.Option("--safe", help="Read the marts alone: no files, programs, extensions or settings.")
    ] = False,
) -> None:
    """Open DuckDB's shell on the published marts, read-only."""
    from fin_assets.commands.sql import sql as work

    raise typer.Exit(work(query, output=output, safe=safe))


@app.command(epilog="Example: fin sandbox --latency-ms 300 --fault kind=rate_limited,share=0.1")
@site_flags()
def sandbox(
    *,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed, other data.")] = None,
    start: Annotated[str | None, typer.Option(help="First day with data.", metavar="DATE")] = None,
    end: Annotated[str | None, typer.Option(help="The sandbox's today.", metavar="DATE")] = None,
    latency_ms: Annotated[float | None, typer.Option(min=0, help="Waiting time of every page.")] = None,
    behaviour: Annotated[
        Path | None, typer.Option(help="TOML or JSON file with faults and latencies.", metavar="FILE")
    ] = None,
    fault: Annotated[
        list[str] | None, typer.Option(help="kind=...,match=...,share=...,count=... (repeatable).", metavar="FAULT")
    ] = None,
    site_option: Annotated[
        list[str] | None, typer.Option(help="An option of one site (repeatable).", metavar="SOURCE.KEY=VALUE")
    ] = None,
    site_values: SiteValues,
) -> None:
    """Serve the embedded sites until Ctrl-C. Defaults come from fin.toml, section sandbox."""
    from fin_assets.commands.sandbox import sandbox as work

    work(
        port=port,
        seed=seed,
        start=start,
        end=end,
        latency_ms=latency_ms,
        behaviour=behaviour,
        faults=fault or [],
        site_options=site_option or [],
        site_values=site_values,
    )


@app.command(epilog="Example: fin serve", short_help="Serve the Dagster UI and the dashboards until Ctrl-C.")
def serve() -> None:
    """Serve the Dagster UI, the dashboards and, if a source needs it, the sandbox, until Ctrl-C."""
    from fin_assets.commands.demo import serve as work

    work()


@app.command(
    "new-source", short_help="Write a source that works over the sandbox.", epilog="Example: fin new-source my_source"
)
def new_source(name: Annotated[str, typer.Argument(help="snake_case name of the new source.", metavar="NAME")]) -> None:
    """Write a source that works over the sandbox: its folders, site, marts, page, tests and documentation."""
    from fin_assets.commands.new_source import new_source as work

    work(name)


if __name__ == "__main__":
    sys.exit(app())
