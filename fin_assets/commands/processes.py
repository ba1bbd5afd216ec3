"""The processes that a command starts: begun in groups of their own, watched, and ended with everything below them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from fin_assets.commands.args import repository
from fin_assets.commands.errors import Problem
from fin_assets.commands.guard import end_all
from fin_assets.commands.ports import answers
from fin_assets.core.transport.interrupts import interruptible

if TYPE_CHECKING:
    from collections.abc import Iterator

GRACE = 10.0
"""Seconds between the request to end and the end by force: Dagster's code servers do not always leave by themselves."""

LEFT_GRACE = 3.0
"""Seconds for what a server has left behind when it ended."""

READY = 180.0
"""Seconds until a server must answer; Dagster takes 15 to 60 on a busy small machine."""

POLL = 0.3
LAST_LINES = 15


@dataclass(slots=True)
class Child:
    """A server that was started: its log says what it did."""

    name: str
    url: str
    log: Path
    process: subprocess.Popen[bytes]
    seen: dict[int, psutil.Process] = field(default_factory=dict)

    def tail(self) -> str:
        """Return the last lines of its log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-LAST_LINES:])

    def descendants(self) -> list[psutil.Process]:
        """Return every process that was ever seen below this one and still runs, itself first.

        Seen ones are remembered: after the death of its parent a process can no longer be found by descent.
        """
        with suppress(psutil.Error):
            root = psutil.Process(self.process.pid)
            for process in [root, *root.children(recursive=True)]:
                self.seen.setdefault(process.pid, process)
        return [process for process in self.seen.values() if process.is_running()]


class Children:
    """Starts servers and waits with them. Made by `supervised`, which ends them."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: list[Child] = []
        self._guard = _Guard()

    def start(self, name: str, command: list[str], *, url: str, cwd: Path) -> Child:
        """Start a server in a process group of its own; its output goes to a log."""
        self._logs.mkdir(parents=True, exist_ok=True)
        log = self._logs / f"{name}.log"
        with log.open("wb") as sink:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        child = Child(name, url, log, process)
        self._children.append(child)
        self._guard.know(child.descendants())
        return child

    def wait_ready(self, child: Child) -> None:
        """Return once the server answers.

        Raises:
            Problem: it ended, or does not answer in time; with the last lines of its log.
        """
        deadline = time.monotonic() + READY
        while time.monotonic() < deadline:
            self._require_alive(child)
            self._guard.know(child.descendants())
            if answers(child.url).startswith("answers"):
                return
            time.sleep(POLL)
        msg = f"{child.name} did not answer at {child.url} within {READY:.0f} s.\n{child.tail()}"
        raise Problem(msg, f"see {child.log}")

    def watch(self) -> None:
        """Wait until Ctrl-C or SIGTERM, or until a server ends by itself.

        Raises:
            Problem: a server ended by itself.
        """
        while True:
            for child in self._children:
                self._require_alive(child)
                self._guard.know(child.descendants())
            time.sleep(1)

    def end(self) -> list[str]:
        """End every child with all below it: politely, then by force; return the names of what had to be forced."""
        trees = {child.name: child.descendants() for child in self._children}
        for child in self._children:
            _signal_group(child.process.pid, signal.SIGTERM)
        # A server that ends itself ends its helpers in its own order; what it leaves is asked next, then forced.
        psutil.wait_procs([process for tree in trees.values() for process in tree[:1]], timeout=GRACE)
        left = [process for tree in trees.values() for process in tree if _alive(process)]
        stubborn = end_all(left, grace=LEFT_GRACE)
        for child in self._children:
            _signal_group(child.process.pid, signal.SIGKILL)
            child.process.wait()
        psutil.wait_procs(stubborn, timeout=GRACE)
        self._guard.end()
        return [name for name, tree in trees.items() if any(process in stubborn for process in tree)]

    def _require_alive(self, child: Child) -> None:
        code = child.process.poll()
        if code is not None:
            msg = f"{child.name} ended by itself with exit code {code}.\n{child.tail()}"
            raise Problem(msg, f"see {child.log}")


class _Guard:
    """A process that ends the servers if this one is killed; see `guard`."""

    def __init__(self) -> None:
        self._known: set[int] = set()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fin_assets.commands.guard"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=repository(),
            # What ends this process group must not end the guard.
            start_new_session=True,
        )

    def know(self, processes: list[psutil.Process]) -> None:
        """Name processes to it."""
        new = {process.pid for process in processes} - self._known
        if new and self._process.stdin is not None:
            self._known |= new
            with suppress(BrokenPipeError):  # it was killed: what it was for is lost, and nothing else
                self._process.stdin.write("".join(f"{pid}\n" for pid in sorted(new)).encode())
                self._process.stdin.flush()

    def end(self) -> None:
        """Let it end: everything else has."""
        with suppress(BrokenPipeError):
            self._process.communicate(timeout=GRACE)


@contextmanager
def supervised(logs: Path) -> Iterator[Children]:
    """Give something that starts servers, and end all of them at the end, also after a signal or when this process is killed.

    Raises:
        Interrupted: a signal came.
    """
    with interruptible():
        children = Children(logs)
        try:
            yield children
        finally:
            children.end()


def _signal_group(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _alive(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False
