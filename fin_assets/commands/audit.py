"""`fin run SOURCE --session DATE` on a day that is no session: the exchange is asked what it serves, for quarantine only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from fin_assets.commands.args import console, project, today
from fin_assets.commands.errors import Problem

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from fin_assets.commands.dagster_runner import Runner
    from fin_assets.core.contract.source import Source


def can_audit(source: Source, day: date) -> bool:
    """Return whether a day is closed by the calendar, is over, and the source has a table that is asked nevertheless."""
    sessions = any(table.calendar.sessions(day, day) for table in source.tables)
    asks = any(table.off_calendar for table in source.tables)
    return asks and not sessions and source.start <= day <= min(source.end or day, today())


def audit(runner: Runner, source: Source, day: date) -> None:
    """Ask about one closed day and print the result.

    Raises:
        Problem: the site could not be asked.
    """
    console.print(
        f"asking {source.title} about {day} nevertheless: a site may serve data for days without a session",
        soft_wrap=True,
    )
    before = _quarantined(source, day)
    for empty, said in runner.audit(source, [day]):
        if empty:
            console.print(f"[green]as the calendar says[/]: {escape(said)}", soft_wrap=True)
        elif _quarantined(source, day) == before:
            raise Problem(said, "fin doctor says whether the site answers; then run the command again")
        else:
            console.print(
                f"[yellow]quarantined[/]: {escape(said)}; docs/runbook.md#closed_days_are_empty", soft_wrap=True
            )


def _quarantined(source: Source, day: date) -> dict[Path, int]:
    """Return the files with the refused rows of a day, and the time at which each was written."""
    from fin_assets.core.storage.store import store_of

    store = store_of(project()[0])
    folder = store.data / "quarantine" / store.place(source.name)
    return {path: path.stat().st_mtime_ns for path in folder.glob(f"*/{day}-*.parquet")}
