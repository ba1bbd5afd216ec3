"""What Ctrl-C, SIGTERM and a closed terminal do: the first ends the work in order, the second ends the process at once.

Dagster and asyncio have signal handlers of their own while they work; what is known here of a signal comes from all of them.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, TypeVar

import psutil

T = TypeVar("T")

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
EXIT_BASE = 128
"""A shell reports a process that a signal ended with this plus the number of the signal."""

_first: signal.Signals | None = None
_ignored: frozenset[int] = frozenset()
_wakeup: tuple[int, int] | None = None


class Interrupted(KeyboardInterrupt):
    """A signal asked this process to end.

    Attributes:
        number: the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = signal.Signals(number)


def note(number: int) -> None:
    """Note a signal. The second one ends this process at once, and everything that it started."""
    global _first  # noqa: PLW0603 - signals are of the process
    if _first is not None:
        _end_at_once(number)
    _first = signal.Signals(number)


def first() -> signal.Signals:
    """Return the signal that came first; SIGINT if none is known."""
    return _first or _from_wakeup() or signal.SIGINT


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise Interrupted in the block at the first signal. What this process ignores, as under nohup, stays ignored.

    A shell starts what runs in its background with SIGINT ignored. Dagster gives SIGTERM the handler of SIGINT after each
    run: so SIGINT always has one, which looks at the number.
    """
    global _first, _ignored, _wakeup  # noqa: PLW0603 - as above
    if _wakeup is not None or threading.current_thread() is not threading.main_thread():
        yield
        return
    _first = None
    reading, writing = os.pipe()
    for descriptor in (reading, writing):
        os.set_blocking(descriptor, False)
    _wakeup = reading, writing
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        _ignored = frozenset(number for number, handler in before.items() if handler is signal.SIG_IGN)
        for number in SIGNALS:
            if number not in _ignored or number == signal.SIGINT:
                signal.signal(number, _raise)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        yield
    finally:
        signal.set_wakeup_fd(-1)
        for number, handler in before.items():
            signal.signal(number, handler)
        _wakeup, _ignored = None, frozenset()
        os.close(reading)
        os.close(writing)


def run(runner: asyncio.Runner, work: Coroutine[Any, Any, T]) -> T:
    """Run something to its end in an event loop; a signal cancels it, so that it closes what it has opened.

    Raises:
        Interrupted: a signal came; everything is closed.
    """
    came: list[int] = []

    async def cancelled_by_a_signal() -> T:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()

        def stop(number: int) -> None:
            note(number)
            came.append(number)
            if task is not None:
                task.cancel()

        with _handled_by(loop, stop):
            return await work

    try:
        return runner.run(cancelled_by_a_signal())
    except asyncio.CancelledError:
        if not came:
            raise
        raise Interrupted(came[0]) from None


@contextmanager
def _handled_by(loop: asyncio.AbstractEventLoop, stop: Any) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread may set a handler; a signal then ends that one, and with it this one.
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    taken = [number for number, handler in before.items() if handler is not signal.SIG_IGN and number not in _ignored]
    for number in taken:
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    finally:
        for number in taken:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])
        if _wakeup is not None:
            signal.set_wakeup_fd(_wakeup[1], warn_on_full_buffer=False)


def _raise(number: int, frame: FrameType | None) -> None:
    del frame
    if number in _ignored:
        return
    note(number)
    raise Interrupted(number)


def _from_wakeup() -> signal.Signals | None:
    """Return the first signal that another handler than those of this module got."""
    if _wakeup is None:
        return None
    with suppress(BlockingIOError):
        numbers = os.read(_wakeup[0], 1024)
        return next((number for number in SIGNALS if number in numbers), None)
    return None


def _end_at_once(number: int) -> None:
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            child.kill()
    if sys.stdout.isatty():
        # A progress display hides the cursor, and nothing is left that would show it again.
        os.write(sys.stdout.fileno(), b"\x1b[?25h")
    os._exit(EXIT_BASE + number)
