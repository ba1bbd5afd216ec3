"""Turns the outcome of a fetch into its stored form: a unit with its bytes, or the record of a failure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC
from zoneinfo import ZoneInfo

from fin_assets import clock
from fin_assets.core.collection.fetch_jobs import Outcome
from fin_assets.core.collection.retry import not_before, retry_wait
from fin_assets.core.contract.failures import CollectionFailure, Deferred, NotAsked
from fin_assets.core.contract.manifest import Manifest, PartitionKey, PartitionState, RawUnit, UnitRecord, UnitState
from fin_assets.core.contract.source import Fetched, Parsed, Unit
from fin_assets.core.storage.store import Store


def attempt_begun(
    key: PartitionKey, before: Manifest | None, expected: Sequence[str], *, attempts: int = 1
) -> Manifest:
    """Return the manifest of a partition of which the first unit is about to be asked for."""
    now = clock.now()
    known = {unit.unit: unit for unit in before.units} if before else {}
    attempts += before.attempts if before else 0
    return Manifest(
        source=key.source,
        table=key.table,
        session=key.session,
        state=PartitionState.INCOMPLETE,
        units=tuple(
            known.get(unit) or UnitRecord(unit=unit, state=UnitState.MISSING, error="not asked for yet")
            for unit in expected
        ),
        attempts=attempts,
        generation=before.generation if before else 0,
        first_attempt_at=(before.first_attempt_at if before else None) or now,
        last_attempt_at=now,
        # Healing leaves an attempt alone that is under way; one that was killed is tried again after the usual wait.
        next_retry_at=now + retry_wait(attempts) if attempts else None,
        seconds=before.seconds if before else 0.0,
        requests=before.requests if before else 0,
        excluded=before.excluded if before else {},
    )


def attempt_repeated(before: Manifest) -> Manifest:
    """Return the manifest of a sealed partition of which units that proved half are about to be asked for again."""
    now, attempts = clock.now(), before.attempts + 1
    return before.model_copy(
        update={"attempts": attempts, "last_attempt_at": now, "next_retry_at": now + retry_wait(attempts)}
    )


def raw_unit(unit: str, fetched: Fetched, parsed: Parsed, *, attempts: int, seconds: float) -> RawUnit:
    """Return the stored form of an answer, fetched now."""
    closed = parsed.closed_reason
    return RawUnit(
        unit=unit,
        body=fetched.body,
        url=fetched.url,
        status=fetched.status,
        content_type=fetched.content_type,
        transport=fetched.transport,
        fetched_at=clock.now(),
        sha256=hashlib.sha256(fetched.body).hexdigest(),
        rows=0 if closed else parsed.rows,
        attempts=attempts,
        seconds=round(seconds, 6),
        closed_reason=closed,
        empty_reason=None if closed else parsed.empty_reason,
        coverage_pct=None if closed else parsed.coverage_pct,
    )


def stored_record(unit: RawUnit) -> UnitRecord:
    """Return the record of a unit that is stored."""
    return UnitRecord(
        unit=unit.unit,
        state=UnitState.EMPTY_CONFIRMED if unit.closed_reason or unit.empty_reason else UnitState.FETCHED,
        attempts=unit.attempts,
        status=unit.status,
        sha256=unit.sha256,
        bytes=len(unit.body),
        rows=unit.rows,
        transport=unit.transport,
        url=unit.url,
        fetched_at=unit.fetched_at,
        seconds=unit.seconds,
        coverage_pct=unit.coverage_pct,
    )


def failed_record(outcome: Outcome, store: Store) -> UnitRecord:
    """Return the record of a unit that is not stored."""
    failure = outcome.failure or NotAsked("not asked")
    asked = bool(outcome.attempts) or isinstance(failure, Deferred)
    return UnitRecord(
        unit=outcome.job.unit,
        state=UnitState(failure.state) if asked else UnitState.MISSING,
        attempts=outcome.attempts,
        status=failure.status,
        bytes=len(failure.body or b""),
        seconds=round(outcome.seconds, 6),
        error_kind=failure.kind,
        error=str(failure),
        remedy=failure.remedy,
        retryable=failure.retryable,
        not_before=not_before(failure),
        evidence=tuple(path.relative_to(store.data).as_posix() for path in outcome.evidence),
    )


def refused_record(unit: str, problem: CollectionFailure) -> UnitRecord:
    """Return the record of a unit that cannot be asked for."""
    return UnitRecord(
        unit=unit,
        state=UnitState(problem.state),
        error_kind=problem.kind,
        error=str(problem),
        remedy=problem.remedy,
        retryable=problem.retryable,
    )


def deferred_record(unit: Unit, *, timezone: str) -> UnitRecord:
    """Return the record of a unit that is not due yet; `timezone` is the zone that people read its hour in."""
    if unit.due is None:
        msg = f"{unit.name} has no time at which it is due"
        raise ValueError(msg)
    local = unit.due.astimezone(ZoneInfo(timezone))
    return UnitRecord(
        unit=unit.name,
        state=UnitState.DEFERRED,
        error_kind="not_due",
        error=f"{unit.name} is expected from {local:%Y-%m-%d %H:%M %Z} on",
        remedy=Deferred.remedy,
        not_before=unit.due.astimezone(UTC),
    )
