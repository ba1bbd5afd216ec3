"""What mends a partition that is not usable: a command for exactly it, and what happens without one.

Failures say `fin heal`, because a kind of failure knows no session. What people read names the session: `fin heal` reaches back
no further than the look-back, and `fin run` mends at any age.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from fin_assets.core.contract.failures import Deferred, NotAsked
from fin_assets.core.contract.manifest import Manifest, UnitRecord, UnitState
from fin_assets.core.contract.source import Source, Table, due_at
from fin_assets.core.storage.manifest_index import Summary

HEAL = "fin heal"
_BY_ITSELF = "healing retries automatically, or: "
_AUTOMATIC = "nothing to do: it is fetched automatically"


def run_command(source: str, table: str | None, sessions: Sequence[date]) -> str:
    """Return the command that collects what these sessions lack, of one table or of all."""
    first, last = min(sessions), max(sessions)
    days = f"--session {first}" if first == last else f"--from {first} --to {last}"
    return f"fin run {source}{f' --table {table}' if table else ''} {days}"


def command(manifest: Manifest) -> str:
    """Return the command that collects what a partition lacks. Until its units are known, other tables must come first."""
    return run_command(manifest.source, manifest.table if manifest.units else None, [manifest.session])


def remedy_of(manifest: Manifest, *, by_itself: bool = False, refetch: bool = False) -> str | None:
    """Return what to do about a partition that lacks units, with a command; None if it lacks nothing.

    Args:
        manifest: of the partition.
        by_itself: the automation still fetches it; without that no text promises it.
        refetch: the partition was complete, and a refetch of it failed.
    """
    if manifest.state.is_done and not refetch:
        return None
    again = command(manifest) + (" --refetch" if refetch else "")
    unit = telling(manifest)
    if unit is None or not unit.remedy:
        return again
    if unit.remedy.startswith(_AUTOMATIC):
        return unit.remedy if by_itself else f"once that is over: {again}"
    text = unit.remedy.replace(_BY_ITSELF, "").replace(HEAL, again)
    return text if "fin " in text or not unit.retryable else f"{text}; then: {again}"


def telling(manifest: Manifest) -> UnitRecord | None:
    """Return the missing unit whose reason tells most: a refusal before any other failure, what was never asked for last."""
    ranks = {NotAsked.kind: 3, Deferred.kind: 2}
    left = manifest.unfinished()
    return min(
        left,
        key=lambda unit: ranks.get(unit.error_kind or NotAsked.kind, int(unit.state is not UnitState.REFUSED)),
        default=None,
    )


def given_up(source: Source, table: Table, manifest: Manifest | Summary, *, now: datetime) -> bool:
    """Return whether no automation fetches what a partition lacks: too old, tried too often, or of a kind that stays."""
    if manifest.state.is_done:
        return False
    own = source.settings
    edge = now - timedelta(days=own.look_back_days)
    return manifest.exhausted or manifest.attempts >= own.max_attempts or due_at(table, manifest.session) < edge


def promise(source: Source, table: Table, manifest: Manifest | Summary, *, now: datetime) -> str | None:
    """Return when the automation tries a partition again, in the zone of the source; None if it does not."""
    if manifest.state.is_done or given_up(source, table, manifest, now=now):
        return None
    at = manifest.next_retry_at
    when = f" after {at.astimezone(ZoneInfo(source.timezone)):%Y-%m-%d %H:%M %Z}" if at and at > now else ""
    return f"healing tries again by itself{when} while fin serve runs"
