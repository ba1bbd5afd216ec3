"""Checks that watch a table as a whole: freshness by its own calendar, and the backlog beyond healing."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta

import dagster as dg

from fin_assets import clock
from fin_assets.core.collection.expected_units import can_have
from fin_assets.core.collection.remedies import given_up, run_command
from fin_assets.core.contract.manifest import PartitionKey
from fin_assets.core.contract.source import Finding, Source, Table, due_at
from fin_assets.core.orchestration.assets import staged_key
from fin_assets.core.orchestration.freshness import GRACE
from fin_assets.core.orchestration.partitions import due_sessions
from fin_assets.core.storage.manifest_index import summaries
from fin_assets.core.storage.store import Store


def freshness(source: Source, table: Table, store: Store, *, now: datetime) -> Finding:
    """Judge whether the newest session that is due is there. Days without a list raise no alarm."""
    days = due_sessions(source, table, since=now - GRACE - timedelta(days=130), until=now - GRACE)
    if not days:
        return Finding(passed=True, summary="no session is due yet")
    newest = days[-1]
    manifest = store.manifest(PartitionKey(source.name, table.name, newest))
    green = manifest is not None and manifest.state.is_done
    known = [day for day in store.sessions(source.name, table.name) if day <= newest]
    late = len([day for day in days if not known or day > known[-1]])
    state = "was never collected" if manifest is None else f"is {manifest.state.value}: {manifest.why()}"
    return Finding(
        passed=green,
        summary=f"{newest} is there"
        if green
        else f"{newest} was due {due_at(table, newest):%Y-%m-%d %H:%M %Z} and {state}. "
        f"Mend it: {run_command(source.name, None, [newest])}",
        numbers={
            "newest_due": newest.isoformat(),
            "newest_known": known[-1].isoformat() if known else None,
            "sessions_late": late,
        },
    )


def backlog(source: Source, table: Table, store: Store, *, now: datetime) -> Finding:
    """Find sessions that no automation fetches: given up by healing, never collected between others, or blocked by a check."""
    known, left_alone, blocked, half = [], [], [], []
    for manifest in summaries(store, source.name, table.name):
        known.append(manifest.session)
        if given_up(source, table, manifest, now=now):
            left_alone.append(manifest.session)
        if manifest.blocked_by:
            blocked.append(manifest.session)
        if manifest.half:
            half.append(manifest.session)
    left = {
        "that healing has given up": left_alone,
        "never collected": _holes(table, set(known), now=now),
        "blocked by a check": blocked,
    }
    parts = [
        f"{len(days)} session{'s' if len(days) > 1 else ''} {what}: {', '.join(map(str, days[:5]))}"
        for what, days in left.items()
        if days
    ]
    ask = sorted(left["that healing has given up"] + left["never collected"])
    remedy = [run_command(source.name, table.name, ask)] if ask else []
    remedy += [run_command(source.name, table.name, half)] if half else []
    remedy += [f"fin status {source.name}"] if left["blocked by a check"] else []
    return Finding(
        passed=not parts,
        summary=f"{'; '.join(parts)}. Mend it: {'; '.join(remedy)}" if parts else "no session is given up",
        numbers={"sessions": sum(len(days) for days in left.values())},
    )


def _holes(table: Table, known: Collection[date], *, now: datetime) -> list[date]:
    """Return the sessions between the first and the last known one that were never asked for: the machine was off.

    Those of which the site shows nothing any more are none: no command can collect them.
    """
    if not known:
        return []
    return [
        day
        for day in table.calendar.sessions(min(known), max(known))
        if day not in known and due_at(table, day) <= now and can_have(table, day)
    ]


WATCHES = {"fresh": freshness, "backlog": backlog}


def watch_checks(source: Source, table: Table, store: Store) -> list[dg.AssetChecksDefinition]:
    """Return the unpartitioned checks `fresh` and `backlog` of a table's staged asset."""

    def one(name: str) -> dg.AssetChecksDefinition:
        judge = WATCHES[name]
        text = f"{(judge.__doc__ or '').split(chr(10))[0]} Runbook: docs/runbook.md#{name}"

        @dg.asset_check(name=name, asset=staged_key(source, table), description=text, blocking=False)
        def check() -> dg.AssetCheckResult:
            finding = judge(source, table, store, now=clock.now())
            numbers = {key: "none" if value is None else value for key, value in finding.numbers.items()}
            return dg.AssetCheckResult(
                passed=finding.passed,
                severity=dg.AssetCheckSeverity.WARN,
                description=finding.summary,
                metadata=numbers,
            )

        return check

    return [one(name) for name in WATCHES]


def watch_keys(source: Source, table: Table) -> list[dg.AssetCheckKey]:
    """Return the keys of the watch checks of a table."""
    return [dg.AssetCheckKey(staged_key(source, table), name) for name in WATCHES]


def changed_watches(source: Source, store: Store, instance: dg.DagsterInstance, *, now: datetime) -> list[str]:
    """Return the watch checks, as `table: check`, whose outcome is another one than Dagster has recorded."""
    keys = {key: table for table in source.tables for key in watch_keys(source, table)}
    recorded = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(keys))
    changed = []
    for key, table in keys.items():
        found = WATCHES[key.name](source, table, store, now=now)
        record = recorded.get(key)
        event = record.event.dagster_event if record is not None and record.event is not None else None
        judged = event is not None and event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION
        before = event.asset_check_evaluation_data if event is not None and judged else None
        if before is None or (before.passed, before.description) != (found.passed, found.summary):
            changed.append(f"{table.name}: {key.name}")
    return changed
