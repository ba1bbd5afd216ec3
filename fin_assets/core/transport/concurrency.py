"""How many workers may ask at once: fewer when the site slows down or the machine is short of memory, never more than set.

Only the decision is here, from answer times and memory figures that others hand in, so that it can be tested without a
clock. Who waits for it stands in `fetching`, the spacing of requests and what a failing host means in `http`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median

import psutil

MEBIBYTE = 2**20
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcurrencyRule:
    """When a worker is taken away, and when one comes back.

    Attributes:
        answers: window size, at least twice the workers. Smaller samples are noise.
        slower: ratio of the window's median to the best time that takes one worker away. Twice is what a garbage collection or
            a busy hour does, three times is a queue that our own requests stand in.
        at_ease: ratio to the best time up to which the site is as usual, and a worker may come back.
        never_slow: a site that answers within this is not slow, whatever it did at best.
        trouble: this share of time-outs and 5xx among the answers: one worker less. At 5 % of random failures three in
            ten come once in a hundred times.
        patience: judgements of a site at ease that bring one worker back.
        remembered: judgements whose best time counts. A site that is slower for good becomes the usual one.
        least_free: memory that the machine must have left.
        memory_every: between two workers taken away for memory; closing pages takes a moment to show.
    """

    answers: int = 10
    slower: float = 2.5
    at_ease: float = 1.5
    never_slow: timedelta = timedelta(seconds=0.5)
    trouble: float = 0.25
    patience: int = 2
    remembered: int = 30
    least_free: int = 400 * MEBIBYTE
    memory_every: timedelta = timedelta(seconds=10)


@dataclass(slots=True)
class _Place:
    """One kind of request to one host: its answers since the last judgement, and the medians of earlier ones."""

    medians: deque[float]
    times: list[float] = field(default_factory=list)
    troubled: int = 0
    eased: int = 0

    @property
    def best(self) -> float | None:
        return min(self.medians, default=None)

    def forget_answers(self) -> None:
        self.times.clear()
        self.troubled = 0


class AdaptiveConcurrency:
    """The number of workers that may ask at this moment.

    Args:
        most: the number that was set; never exceeded.
        rule: when to change.
        on_change: called after each change, to wake who waits.

    Attributes:
        most: as set.
        allowed: at present, 1 to `most`.
        reason: why it is fewer than set; empty if it is not.
    """

    def __init__(
        self, most: int, *, rule: ConcurrencyRule | None = None, on_change: Callable[[], None] | None = None
    ) -> None:
        self.most = self.allowed = most
        self.reason = ""
        self.on_change = on_change
        self._rule = rule or ConcurrencyRule()
        self._places: dict[str, _Place] = {}
        self._short_since: float | None = None
        self._short = ""

    def answered(self, place: str, seconds: float, *, trouble: bool = False) -> None:
        """Note an answer.

        Args:
            place: kind of request: only answers of one kind are compared.
            seconds: from the request to its end, without waiting for politeness.
            trouble: it was a network failure, or a 5xx.
        """
        rule = self._rule
        known = self._places.setdefault(place, _Place(deque(maxlen=rule.remembered)))
        if trouble:
            known.troubled += 1
        known.times.append(seconds)
        if len(known.times) >= max(rule.answers, 2 * self.allowed):
            self._judge(known)

    def memory(self, *, now: float, free: int, browser_mib: float, browser_limit_mib: float) -> None:
        """Note what memory there is.

        Args:
            now: instant of the event loop's clock.
            free: bytes that the machine has left.
            browser_mib: what driver and browser take, in MiB.
            browser_limit_mib: most memory that they may take.
        """
        rule = self._rule
        if free < rule.least_free:
            self._short = f"the machine has {free / MEBIBYTE:.0f} MiB of memory left"
        elif browser_mib > browser_limit_mib:
            self._short = f"the browser takes {browser_mib:.0f} MiB, {browser_limit_mib:.0f} are its limit"
        else:
            self._short = ""
            return
        if self._short_since is None or now - self._short_since >= rule.memory_every.total_seconds():
            self._short_since = now
            self._change(-1, self._short)

    @property
    def said(self) -> str | None:
        """One line if fewer ask than was set, else None: `4 of 5 workers: the site answers in 1.9 s, 0.4 s at best`."""
        return f"{self.allowed} of {self.most} workers: {self.reason}" if self.allowed < self.most else None

    def _judge(self, place: _Place) -> None:
        rule = self._rule
        typical, share, best = median(place.times), place.troubled / len(place.times), place.best
        troubled = place.troubled
        place.forget_answers()
        if share >= rule.trouble:
            place.eased = 0
            self._change(-1, f"{troubled} of the last answers were time-outs or server errors")
            return
        place.medians.append(typical)
        if best is None:
            return
        limit = rule.never_slow.total_seconds()
        if typical > max(rule.slower * best, limit):
            place.eased = 0
            self._change(-1, f"the site answers in {typical:.1f} s, {best:.1f} s at best")
        elif typical <= max(rule.at_ease * best, limit):
            place.eased += 1
            if place.eased >= rule.patience and not self._short:
                place.eased = 0
                self._change(+1, self.reason)

    def _change(self, by: int, reason: str) -> None:
        allowed = min(max(self.allowed + by, 1), self.most)
        self.reason = reason if allowed < self.most else ""
        if allowed == self.allowed:
            return
        self.allowed = allowed
        for place in self._places.values():
            # What was asked by more or fewer workers says nothing about the new number.
            place.forget_answers()
        if self.on_change is not None:
            self.on_change()


def free_memory(*, cgroup: Path = CGROUP) -> int:
    """Return the bytes of memory left for programs: of the machine, or of the container if that allows less.

    Args:
        cgroup: directory of this process's control group, version 2.
    """
    free = int(psutil.virtual_memory().available)
    try:
        limit, used = ((cgroup / name).read_text().strip() for name in ("memory.max", "memory.current"))
        cached = re.search(r"^inactive_file (\d+)$", (cgroup / "memory.stat").read_text(), re.MULTILINE)
    except OSError:
        # No control group limits this process (or none of version 2): the machine's word stands.
        return free
    if not limit.isdigit():
        return free
    # Files that are only cached count as used and are given back when somebody needs the memory.
    return min(free, int(limit) - int(used) + int(cached[1] if cached else 0))
