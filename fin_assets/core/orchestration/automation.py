"""When incomplete sessions are tried again, and when it stops."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg
from dagster import AutomationCondition as C

from fin_assets.core.contract.manifest import Manifest
from fin_assets.core.contract.source import Source, Table
from fin_assets.core.storage.manifest_index import Summary, summaries
from fin_assets.core.storage.store import Store


def retry_is_due(manifest: Manifest | Summary | None, *, now: datetime, max_attempts: int) -> bool:
    """Return whether another attempt at a partition makes sense now.

    False for partitions that are green, that wait, that had `max_attempts` attempts, and that no attempt can heal. A sealed
    partition of which a unit proved half is asked for again.
    """
    if manifest is None or manifest.attempts >= max_attempts or not manifest.to_heal:
        return False
    if manifest.next_retry_at is not None and manifest.next_retry_at > now:
        return False
    return not manifest.exhausted


class RetryDue(C[dg.AssetKey]):
    """True for partitions whose manifest says that another attempt is due. Prevents needless requests and exhausted retries."""

    def __init__(self, source: Source, table: Table, store: Store) -> None:
        self._source, self._table, self._store = source, table, store

    @property
    def name(self) -> str:
        """Shown in the condition tree of the UI."""
        return "retry_due"

    def evaluate(self, context: dg.AutomationContext[dg.AssetKey]) -> dg.AutomationResult[dg.AssetKey]:
        """Keep those candidates whose retry is due at the time of the tick. Only manifests that have changed are read."""
        candidates: Any = context.candidate_subset
        days = {date.fromisoformat(key) for key in candidates.expensively_compute_partition_keys()}
        if not days:
            return dg.AutomationResult(context, true_subset=candidates)
        due = {day.isoformat() for day in self.due_of(days, now=context.evaluation_time)}
        return dg.AutomationResult(context, true_subset=candidates.compute_intersection_with_partition_keys(due))

    def due_of(self, days: set[date], *, now: datetime) -> set[date]:
        """Return the sessions of which another attempt is due."""
        known = {name: self._known(name, days) for name in (self._table.name, *self._table.needs)}
        return {day for day in days if self._is_due(day, known, now)}

    def _known(self, table: str, days: set[date]) -> dict[date, Summary]:
        found = summaries(self._store, self._source.name, table, first=min(days), last=max(days))
        return {each.session: each for each in found}

    def _is_due(self, session: date, known: Mapping[str, Mapping[date, Summary]], now: datetime) -> bool:
        manifest = known[self._table.name].get(session)
        most = self._source.settings.max_attempts
        if self._table.needs and (manifest is None or not manifest.units):
            naming = [known[name].get(session) for name in self._table.needs]
            named = all(each is not None and each.state.is_done and not each.blocked_by for each in naming)
            if manifest is None:
                # Its run never came to it, because a table that names its units was not complete: now it is.
                return named
            if not named and not any(retry_is_due(each, now=now, max_attempts=most) for each in naming):
                # It waits for a table that this tick does not mend: a run would find nothing to ask for.
                return False
        return retry_is_due(manifest, now=now, max_attempts=most)


def heal(source: Source, table: Table, store: Store) -> C[dg.AssetKey]:
    """Ask again for exactly the sessions that are not complete, once a tick, back to the look-back, if a retry is due.

    Prevents: silent gaps (a failed session is asked for again without anybody looking), endless repetition (the cron
    tick, the attempt cap and the wait in the manifest), and attempts at sessions that the site has long dropped.

    The manifest decides which sessions are incomplete, not the check `complete`: a run that was killed has logged no check.
    """
    return (
        C.cron_tick_passed(table.schedules.heal, table.calendar.timezone)
        & C.in_latest_time_window(timedelta(days=source.settings.look_back_days))
        & ~C.in_progress()
        & RetryDue(source, table, store)
    ).with_label("heal incomplete sessions")


def heal_with_raw(condition: C[dg.AssetKey]) -> C[Any]:
    """Ask for the staged rows of a session in the same run that heals its raw pages."""
    return C.any_deps_match(condition).with_label("stage with the healed raw")
