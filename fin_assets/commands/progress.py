"""What a person sees while units are collected: how much is done and left, how fast, what failed. Only shows."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import contextmanager
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

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from fin_assets.core.fetching import Event

LINE_EVERY = 5.0
"""Seconds between two lines where there is no terminal to draw on."""


class Display:
    """Follows the events of a collection. On a terminal a live bar, elsewhere a plain line every few seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._kinds: Counter[str] = Counter()
        self._title, self._total, self._done, self._failed = "", 0, 0, 0
        self._begun = self._last_line = time.monotonic()
        self._where = self._note = ""
        self._progress: Progress | None = None
        self._bar: TaskID | None = None
        self._live: Live | None = None

    @contextmanager
    def table(self, title: str, *, units: int) -> Iterator[None]:
        """Show the collection of one table, of which so many units are to be asked for."""
        self._title, self._total, self._done, self._failed = title, units, 0, 0
        self._kinds.clear()
        self._where = self._note = ""
        self._begun = self._last_line = time.monotonic()
        if not self._console.is_terminal:
            self._console.print(f"{title}: {units} units to ask for")
            yield
            self._line(final=True)
            return
        progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._progress, self._bar = progress, progress.add_task(title, total=max(units, 1))
        with Live(self._drawing(progress), console=self._console, refresh_per_second=4, transient=True) as live:
            self._live = live
            yield
        self._progress = self._live = None
        self._line(final=True)

    def on_event(self, event: Event) -> None:
        """Take in what happened to a unit, or that the pool is alive."""
        if event.kind == "done":
            self._done += 1
        elif event.kind == "failed":
            self._failed += 1
        if event.failure_kind is not None and event.kind == "failed":
            self._kinds[event.failure_kind] += 1
        if event.key is not None:
            self._where = f"{event.key.session} {event.unit}"
        if event.kind in {"alive", "retry", "stopped"}:
            self._note = event.message
        if self._progress is not None and self._bar is not None and self._live is not None:
            self._total = max(self._total, self._done + self._failed)
            self._progress.update(self._bar, completed=self._done + self._failed, total=max(self._total, 1))
            self._live.update(self._drawing(self._progress))
        elif event.kind == "stopped" or time.monotonic() - self._last_line >= LINE_EVERY:
            self._line(final=False)

    def _drawing(self, progress: Progress) -> Group:
        return Group(progress, Text(f"  {self._state()}", style="dim", overflow="ellipsis", no_wrap=True))

    def _state(self) -> str:
        parts = [self._where, f"{self._rate():.1f} units/s"]
        if self._kinds:
            parts.append("failed: " + ", ".join(f"{count} {kind}" for kind, count in self._kinds.most_common()))
        parts.append(self._note)
        return " · ".join(part for part in parts if part)

    def _rate(self) -> float:
        return (self._done + self._failed) / max(time.monotonic() - self._begun, 0.001)

    def _line(self, *, final: bool) -> None:
        self._last_line = time.monotonic()
        seconds = self._last_line - self._begun
        if final:
            failed = (
                f", {self._failed} failed ({', '.join(f'{count} {kind}' for kind, count in self._kinds.most_common())})"
                if self._failed
                else ""
            )
            self._console.print(f"{self._title}: {self._done} units in {seconds:.1f} s{failed}", soft_wrap=True)
            return
        answered = self._done + self._failed
        left = (
            f", about {(self._total - answered) / self._rate():.0f} s left"
            if answered and self._total > answered
            else ""
        )
        self._console.print(f"{self._title}: {answered}/{self._total} units{left} · {self._state()}", soft_wrap=True)
