"""Ranges of sessions that a reader chose: from a number of sessions, or from two dates. No queries, no widgets."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from dashboards.ui import formats

CUSTOM = 0
"""The window of a range that is given by its dates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Sessions from `start` to `end`, both included; `sessions` is oldest first and never empty."""

    sessions: tuple[date, ...]

    @property
    def start(self) -> date:
        """The first session."""
        return self.sessions[0]

    @property
    def end(self) -> date:
        """The last session."""
        return self.sessions[-1]

    def words(self) -> str:
        """Return the range as people say it: `20 sessions, Mon 2 Mar 2026 to Fri 27 Mar 2026`."""
        if len(self.sessions) == 1:
            return formats.day(self.end)
        return f"{len(self.sessions)} sessions, {formats.day(self.start)} to {formats.day(self.end)}"


def at_or_before(sessions: Sequence[date], wanted: date | None) -> date | None:
    """Return the session that stands for a day: itself or the last one before; the newest for None, the oldest if none.

    `sessions` is oldest first; None only if it is empty.
    """
    if not sessions:
        return None
    if wanted is None:
        return sessions[-1]
    return sessions[max(0, bisect_right(sessions, wanted) - 1)]


def last_sessions(sessions: Sequence[date], *, end: date, count: int) -> tuple[date, ...]:
    """Return the `count` sessions up to `end`, fewer where history begins. `sessions` is oldest first."""
    upto = bisect_right(sessions, end)
    return tuple(sessions[max(0, upto - count) : upto])


def resolve(sessions: Sequence[date], *, window: int, since: date | None, asof: date | None) -> Range | None:
    """Return the range that a reader's choices mean; None if there are no sessions.

    Args:
        sessions: oldest first.
        window: number of sessions up to the end; `CUSTOM` takes `since` for the beginning.
        since: first day of a custom range; a day after the end gives the end alone.
        asof: last day; None is the newest session.
    """
    end = at_or_before(sessions, asof)
    if end is None:
        return None
    if window == CUSTOM and since is not None:
        chosen = tuple(sessions[bisect_left(sessions, since) : bisect_right(sessions, end)])
        return Range(sessions=chosen or (end,))
    return Range(sessions=last_sessions(sessions, end=end, count=max(window, 1)))
