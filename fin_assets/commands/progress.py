"""What a person sees while units are collected: how much is done and left, how fast, what failed. Only shows."""

from __future__ import annotations

import re
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from fin_assets.core.contract.plain_text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from rich.console import Console

    from fin_assets.core.collection.fetch_jobs import Event

LINE_EVERY = ((60.0, 5.0), (600.0, 20.0), (float("inf"), 60.0))
"""Unit: seconds, as (elapsed limit, interval): without a terminal, log a line every `interval` seconds until the limit."""

ENOUGH_TO_TELL = 5
"""Answers before anything is said about the time that is left."""

_ADDRESS = re.compile(r"https?://([^/\s]+)\S*")

SESSIONS_DRAWN = 4
"""Sessions under way that are drawn at once; more workers than units of a session spread over a few."""


@dataclass(slots=True)
class _Session:
    """How far one session is: units that are to be asked for, those that came, and those that failed."""

    units: int
    done: int = 0
    failed: int = 0

    @property
    def answered(self) -> bool:
        return self.done + self.failed >= self.units

    def __str__(self) -> str:
        return f"{self.done + self.failed}/{self.units}" + (f", {self.failed} failed" if self.failed else "")


class Display:
    """Follows the events of a collection. On a terminal a live bar, elsewhere a plain line every few seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._kinds: Counter[str] = Counter()
        self._sessions: dict[date, _Session] = {}
        self._title, self._total, self._done, self._failed = "", 0, 0, 0
        self._begun = self._last_line = time.monotonic()
        self._first_answer: float | None = None
        self._where = self._note = ""
        self._progress: Progress | None = None
        self._bar: TaskID | None = None
        self._live: Live | None = None

    @contextmanager
    def table(self, title: str, *, units: Mapping[date, int]) -> Iterator[None]:
        """Show the collection of one table, with the units that are to be asked for by session."""
        self._sessions = {session: _Session(count) for session, count in sorted(units.items()) if count}
        self._title, self._total, self._done, self._failed = title, sum(units.values()), 0, 0
        self._kinds.clear()
        self._where = self._note = ""
        self._begun = self._last_line = time.monotonic()
        self._first_answer = None
        if not self._console.is_terminal:
            sessions = f" in {len(self._sessions)} sessions" if len(self._sessions) > 1 else ""
            todo = f"{_units(self._total)} to ask for{sessions}" if self._total else "nothing to ask for"
            self._console.print(f"{title}: {todo}", soft_wrap=True)
            yield
            self._line(final=True)
            return
        progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._progress, self._bar = progress, progress.add_task(title, total=max(self._total, 1))
        with Live(self._drawing(progress), console=self._console, refresh_per_second=4, transient=True) as live:
            self._live = live
            yield
        self._progress = self._live = None
        self._line(final=True)

    def on_event(self, event: Event) -> None:
        """Take in the event of a unit, or a sign of life of the pool."""
        self._count(event)
        if event.key is not None:
            self._where = f"{event.key.session} {event.unit}"
        if event.kind in {"alive", "retry", "stopped"}:
            # An address takes the whole line and says nothing new: the unit stands before it.
            self._note = _ADDRESS.sub(r"\1", event.message)
        if self._progress is not None and self._bar is not None and self._live is not None:
            self._total = max(self._total, self._done + self._failed)
            self._progress.update(self._bar, completed=self._done + self._failed, total=max(self._total, 1))
            self._live.update(self._drawing(self._progress))
        elif event.kind == "stopped" or time.monotonic() - self._last_line >= self._line_every():
            self._line(final=False)

    def _count(self, event: Event) -> None:
        if event.kind not in {"done", "failed"}:
            return
        failed = event.kind == "failed"
        if self._first_answer is None:
            self._first_answer = time.monotonic()
        self._failed += failed
        self._done += not failed
        if failed and event.failure_kind is not None:
            self._kinds[event.failure_kind] += 1
        own = self._sessions.get(event.key.session) if event.key is not None else None
        if own is not None:
            own.failed += failed
            own.done += not failed

    def _drawing(self, progress: Progress) -> Group:
        lines = [self._state(), *(f"{session}  {own}" for session, own in self._under_way())]
        return Group(
            progress, *(Text(printable(f"  {line}"), style="dim", overflow="ellipsis", no_wrap=True) for line in lines)
        )

    def _under_way(self) -> list[tuple[date, _Session]]:
        """Return the sessions that have begun and are not answered whole."""
        if len(self._sessions) == 1:
            return []
        begun = [(day, own) for day, own in self._sessions.items() if own.done + own.failed and not own.answered]
        return begun[:SESSIONS_DRAWN]

    def _state(self) -> str:
        rate = f"{self._rate():.1f} units/s" if self._done + self._failed > 1 else ""
        parts = [self._where, rate, self._sessions_done()]
        if self._kinds:
            parts.append(f"failed: {_counted(self._kinds)}")
        parts.append(self._note)
        return " · ".join(part for part in parts if part)

    def _sessions_done(self) -> str:
        if len(self._sessions) <= 1:
            return ""
        answered = [own for own in self._sessions.values() if own.answered]
        short = sum(own.failed > 0 for own in answered)
        return f"{len(answered)} of {len(self._sessions)} sessions" + (f", {short} with failures" if short else "")

    def _rate(self) -> float:
        """Return answers a second since the first one: the start of the browser says nothing about what is left."""
        if self._first_answer is None:
            return 0.0
        return (self._done + self._failed - 1) / max(time.monotonic() - self._first_answer, 0.001)

    def _left(self) -> str:
        answered = self._done + self._failed
        if answered < ENOUGH_TO_TELL or self._total <= answered or not self._rate():
            return ""
        return f", about {(self._total - answered) / self._rate():.0f} s left"

    def _line_every(self) -> float:
        running = time.monotonic() - self._begun
        return next(every for until, every in LINE_EVERY if running < until)

    def _line(self, *, final: bool) -> None:
        self._last_line = time.monotonic()
        seconds = self._last_line - self._begun
        if final:
            failed = f", {self._failed} failed ({_counted(self._kinds)})" if self._failed else ""
            answered = self._done + self._failed
            if not answered and not self._total:
                self._console.print(f"{self._title}: checked in {seconds:.1f} s", soft_wrap=True)
                return
            rate = f" ({answered / max(seconds, 0.001):.1f} a second)" if answered > 1 else ""
            self._console.print(f"{self._title}: {_units(self._done)} in {seconds:.1f} s{rate}{failed}", soft_wrap=True)
            return
        far = f"{self._done + self._failed}/{self._total} units{self._left()}"
        self._console.print(f"{self._title}: {far} · {self._state()}", soft_wrap=True)


def _units(count: int) -> str:
    return f"{count} unit" if count == 1 else f"{count} units"


def _counted(kinds: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
