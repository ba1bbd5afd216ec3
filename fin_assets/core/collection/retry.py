"""The wait before the next attempt at a partition. Which failures allow one is in `contract.failures`."""

from __future__ import annotations

from datetime import datetime, timedelta

from fin_assets import clock
from fin_assets.core.contract.failures import CollectionFailure
from fin_assets.core.contract.manifest import Manifest, UnitState

FIRST_RETRY, LONGEST_RETRY = timedelta(minutes=10), timedelta(hours=6)
"""Waits between attempts at a partition double from the first to the longest, so that a refusing site gets few requests."""


def retry_wait(attempts: int) -> timedelta:
    """Return the wait after this many attempts."""
    doublings = min(max(attempts - 1, 0), 10)
    return min(FIRST_RETRY * (1 << doublings), LONGEST_RETRY)


def not_before(failure: CollectionFailure) -> datetime | None:
    """Return the instant before which a failure allows no retry, or None if the usual wait is enough."""
    wait = max(failure.cooldown, failure.retry_after or timedelta(0))
    return clock.now() + wait if wait else None


def next_retry_at(manifest: Manifest) -> datetime:
    """Return when an incomplete partition is tried again.

    The usual wait, or what a failure or the site itself asked for if that is longer. Deferred units count with their
    own time: a partition that waits for nothing else is tried when the first of them is due.
    """
    left = manifest.unfinished()
    deferred = [unit.not_before for unit in left if unit.state is UnitState.DEFERRED and unit.not_before]
    others = [unit for unit in left if unit.state is not UnitState.DEFERRED]
    if deferred and not others:
        return min(deferred)
    usual = clock.now() + retry_wait(manifest.attempts if manifest.units else 1)
    asked_for = [unit.not_before for unit in others if unit.not_before]
    if asked_for or not deferred:
        return max([usual, *asked_for])
    return min([usual, *deferred])
