"""An event loop whose clock jumps to the next timer: waits of minutes are tested to the millisecond, in no time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


_TICK = 1e-9
"""What passes where nobody waits. Unit: seconds."""


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits: what would be waiting moves the clock."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events: list[tuple[selectors.SelectorKey, int]] = super().select(0 if timeout else timeout)
        if timeout is not None and not events:
            # The loop fires a timer up to its resolution early: code that then finds its instant not come, and waits for the
            # rest, would not end if no time passed meanwhile.
            self.passed += timeout or _TICK
        return events


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Time begins at 0. For code without sockets, threads and processes."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the seconds that have been jumped over."""
        return self._jumping.passed


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(coroutine)
