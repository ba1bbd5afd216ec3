"""Settling a session: from stored units and failures to its state, its staged file and the findings of its checks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import polars as pl

from fin_assets import clock
from fin_assets.core.collection.expected_units import Expected
from fin_assets.core.collection.row_baseline import REACH, Judgement, RowBaseline
from fin_assets.core.contract.failures import CollectionFailure, StaleDate
from fin_assets.core.contract.manifest import (
    Manifest,
    PartitionKey,
    PartitionState,
    RawUnit,
    StagedRef,
    UnitRecord,
    UnitState,
)
from fin_assets.core.contract.source import Finding, Source, Table
from fin_assets.core.storage.store import RawDamaged, Store
from fin_assets.core.storage.unit_log import UnitLog

FIRST_RETRY, LONGEST_RETRY = timedelta(minutes=10), timedelta(hours=6)
"""Waits between attempts at a partition double from the first to the longest, so that a refusing site is left alone."""

RAW_CHECKS = {
    "complete": "Every expected unit is fetched, or proven empty by the site or the calendar.",
    "date_is_the_pages_own": "Every page states the session that it is stored under.",
}
STAGED_CHECKS = {
    "schema": "Every staged row keeps every rule of the schema; refused rows are in quarantine.",
    "row_count_in_band": "Rows of each unit lie in the band around the median of 20 complete sessions (H6).",
}


def staged_checks(table: Table) -> dict[str, str]:
    """Return the blocking checks of a table's staged rows; where each unit is reconciled, its row count is not judged."""
    return {
        name: text for name, text in STAGED_CHECKS.items() if name != "row_count_in_band" or table.units_from is None
    }


@dataclass(frozen=True, slots=True)
class SessionResult:
    """What became of one session: its manifest and the findings of its checks by name.

    `worked` is False if nothing had to be fetched or staged. `problem` says what went wrong although the manifest stays as it
    was: a refetch that brought nothing whole, stored pages that the present parser refuses.
    """

    manifest: Manifest
    findings: dict[str, Finding] = field(default_factory=dict)
    worked: bool = True
    problem: str | None = None

    @property
    def usable(self) -> bool:
        """Whether the session is green, no blocking check failed, and nothing went wrong."""
        return self.manifest.state.is_done and not self.manifest.blocked_by and self.problem is None


def baseline_around(source: Source, table: Table, sessions: Iterable[date], *, store: Store) -> RowBaseline:
    """Return the baseline for judging sessions. It reads manifests within its reach only: history adds no cost."""
    band = table.band(source.settings)
    if band is None:
        return RowBaseline((), below=1.0, above=math.inf)
    below, above = band
    days = sorted(sessions)
    known = store.manifests(source.name, table.name, first=days[0] - REACH, last=days[-1] + REACH) if days else ()
    return RowBaseline(known, below=below, above=above)


def retry_wait(attempts: int) -> timedelta:
    """Return how long to leave a partition alone after so many attempts."""
    doublings = min(max(attempts - 1, 0), 10)
    return min(FIRST_RETRY * (1 << doublings), LONGEST_RETRY)


def finalize(
    source: Source,
    table: Table,
    key: PartitionKey,
    *,
    store: Store,
    reference: RowBaseline,
    before: Manifest | None,
    expected: list[str],
    unit_log: UnitLog,
    failures: dict[str, UnitRecord],
    requests: int,
    seconds: float,
) -> SessionResult:
    """Decide what a session is worth, seal and stage it if it is complete, and write its manifest."""
    _refuse_half_closed(key, expected, unit_log, failures)
    records = tuple(_record(unit, unit_log.units.get(unit), failures.get(unit)) for unit in expected)
    closed = next((unit_log.units[unit].closed_reason for unit in expected if unit in unit_log.units), None)
    manifest = _new_manifest(key, records, before, closed=closed, requests=requests, seconds=seconds)
    if not manifest.state.is_done:
        return _not_green(manifest, before, store)
    units = [unit_log.units[unit] for unit in expected]
    if before is not None and before.state.is_done and _same_bytes(before, units, store):
        store.drop_unit_log(key)
        return restage(source, table, before, store=store, reference=reference)
    try:
        result = _sealed(source, table, manifest, units, store=store, reference=reference)
    except CollectionFailure as failure:
        # The pages are whole one by one and contradict each other: none of those is worth keeping.
        bad = {unit.unit: unit for unit in units if unit.unit in failure.units or not failure.units}
        for name in bad:
            unit_log.retract(name)
        wrong = tuple(
            _contradicted(bad[record.unit], failure) if record.unit in bad else record for record in manifest.units
        )
        refused = manifest.model_copy(update={"state": PartitionState.INCOMPLETE, "units": wrong})
        return _not_green(refused, before, store)
    store.save(result.manifest)
    store.drop_unit_log(key)
    return result


def finalize_without_units(
    key: PartitionKey, want: Expected, *, before: Manifest | None, store: Store
) -> SessionResult:
    """Write the manifest of a session of which nothing is asked: it has nothing, or its units are not known yet."""
    manifest = _new_manifest(key, (), before, closed=want.closed, requests=0, seconds=0.0)
    if want.closed:
        if before is None or not before.state.is_done:
            store.save(manifest)
            return SessionResult(manifest, _raw_findings(manifest))
        return SessionResult(before, _raw_findings(before), worked=False)
    # Waiting for another table is no attempt: the first wait is not doubled, and no attempt is used up.
    waiting = manifest.model_copy(update={"state": PartitionState.INCOMPLETE, "reason": want.unknown})
    return _not_green(waiting, before, store)


def not_before(failure: CollectionFailure) -> datetime | None:
    """Return until when a failure wants its partition to be left alone, or None if the usual wait is enough."""
    rest = max(failure.rest, failure.retry_after or timedelta(0))
    return clock.now() + rest if rest else None


def _new_manifest(
    key: PartitionKey,
    records: tuple[UnitRecord, ...],
    before: Manifest | None,
    *,
    closed: str | None,
    requests: int,
    seconds: float,
) -> Manifest:
    """Return the manifest after an attempt that added so many requests and seconds to those before."""
    now = clock.now()
    return Manifest(
        source=key.source,
        table=key.table,
        session=key.session,
        state=PartitionState.CLOSED if closed else _state(records),
        units=records,
        reason=closed,
        # Without a manifest no unit of it was ever asked for: the attempt ended before its turn came.
        attempts=before.attempts if before else 0,
        generation=before.generation if before else 0,
        first_attempt_at=before.first_attempt_at if before else now,
        last_attempt_at=now,
        seconds=round((before.seconds if before else 0.0) + seconds, 3),
        requests=(before.requests if before else 0) + requests,
    )


def _sealed(
    source: Source, table: Table, manifest: Manifest, units: list[RawUnit], *, store: Store, reference: RowBaseline
) -> SessionResult:
    """Seal the units as the partition's next generation and stage them."""
    generation = manifest.generation + 1
    raw_file, raw_bytes = store.seal(manifest.key, units, generation=generation)
    sealed = manifest.model_copy(update={"generation": generation, "raw_file": raw_file, "raw_bytes": raw_bytes})
    return _stage(source, table, sealed, units, store=store, reference=reference)


def restage(
    source: Source, table: Table, manifest: Manifest, *, store: Store, reference: RowBaseline, force: bool = False
) -> SessionResult:
    """Return the findings of a green session; parse and stage it again only if the parser changed or `force` is set.

    Stored bytes that are damaged, or that the present parser refuses, are a `problem` of this session alone: the check
    `schema` fails, and manifest and staged rows stay as they are.
    """
    if manifest.state is PartitionState.CLOSED:
        return SessionResult(manifest, _raw_findings(manifest), worked=False)
    fresh = manifest.staged is not None and manifest.staged.parser_version == table.parser_version
    if fresh and not force and manifest.staged is not None and (store.data / manifest.staged.file).exists():
        result = _judged(source, table, manifest, store=store, reference=reference, worked=False)
        if result.manifest != manifest:
            store.save(result.manifest)
        return result
    try:
        result = _stage(source, table, manifest, store.units(manifest), store=store, reference=reference)
    except (RawDamaged, CollectionFailure) as failure:
        problem = f"not staged again: {failure}"
        if isinstance(failure, CollectionFailure):
            problem += f". Mend it: {failure.remedy}, or fin run {source.name} --session {manifest.session} --refetch"
        findings = _raw_findings(manifest) | {"schema": Finding(passed=False, summary=problem)}
        return SessionResult(manifest, findings, worked=False, problem=problem)
    store.save(result.manifest)
    return result


def _stage(
    source: Source, table: Table, manifest: Manifest, units: list[RawUnit], *, store: Store, reference: RowBaseline
) -> SessionResult:
    if manifest.state is PartitionState.CLOSED:
        return SessionResult(manifest, _raw_findings(manifest))
    staged = table.stage([unit for unit in units if unit.empty_reason is None], manifest.session)
    ref = store.write_staged(manifest.key, staged.frame, staged.quarantine, parser_version=table.parser_version)
    return _judged(
        source, table, manifest.model_copy(update={"staged": ref}), store=store, reference=reference, worked=True
    )


def _judged(
    source: Source, table: Table, manifest: Manifest, *, store: Store, reference: RowBaseline, worked: bool
) -> SessionResult:
    """Judge staged rows by the present settings; checks and manifest then say the same of what is blocked."""
    findings = _raw_findings(manifest) | _staged_findings(source, table, manifest, store=store, reference=reference)
    blocked = tuple(sorted(name for name in staged_checks(table) if not findings[name].passed))
    return SessionResult(manifest.model_copy(update={"blocked_by": blocked}), findings, worked=worked)


def _refuse_half_closed(
    key: PartitionKey, expected: list[str], unit_log: UnitLog, failures: dict[str, UnitRecord]
) -> None:
    """Take back what said that the session is closed if another unit has data of it: the list came in between."""
    units = [unit_log.units[unit] for unit in expected if unit in unit_log.units]
    if all(unit.closed_reason for unit in units):
        return
    for unit in units:
        if unit.closed_reason:
            unit_log.retract(unit.unit)
            failure = StaleDate(f"{unit.unit}: {unit.closed_reason}, but other units have data of {key.session}")
            failures[unit.unit] = _contradicted(unit, failure)


def _state(records: tuple[UnitRecord, ...]) -> PartitionState:
    if records and {record.state for record in records} <= {UnitState.FETCHED, UnitState.EMPTY_CONFIRMED}:
        return PartitionState.COMPLETE
    kinds = {
        record.error_kind for record in records if record.state not in {UnitState.FETCHED, UnitState.EMPTY_CONFIRMED}
    }
    return PartitionState.STALE if kinds == {"stale_date"} else PartitionState.INCOMPLETE


def _record(name: str, unit: RawUnit | None, failure: UnitRecord | None) -> UnitRecord:
    if unit is None:
        return failure or UnitRecord(unit=name, state=UnitState.MISSING, error="not asked for")
    return UnitRecord(
        unit=name,
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


def _contradicted(unit: RawUnit, failure: CollectionFailure) -> UnitRecord:
    state = UnitState(failure.state)
    return _record(unit.unit, unit, None).model_copy(
        update={
            "state": state,
            "error_kind": failure.kind,
            "error": str(failure),
            "remedy": failure.remedy,
            "retryable": failure.retryable,
            "not_before": not_before(failure),
        }
    )


def _same_bytes(before: Manifest, units: list[RawUnit], store: Store) -> bool:
    """Return whether the sealed file holds these very bytes, as complete as they are; a damaged one is worth nothing."""
    sealed = {record.unit: (record.sha256, record.coverage_pct) for record in before.units}
    if sealed != {unit.unit: (unit.sha256, unit.coverage_pct) for unit in units}:
        return False
    try:
        store.units(before)
    except RawDamaged:
        return False
    return True


def _not_green(manifest: Manifest, before: Manifest | None, store: Store) -> SessionResult:
    """Write the manifest of an attempt that did not end whole. What was green before stays so: a failed refetch loses nothing."""
    if before is not None and before.state.is_done:
        remedy = next((unit.remedy for unit in manifest.unfinished() if unit.remedy), None)
        problem = f"asked again in vain, what was complete stays: {manifest.why()}" + (
            f". Mend it: {remedy}" if remedy else ""
        )
        return SessionResult(before, _raw_findings(before), problem=problem)
    wished = [unit.not_before for unit in manifest.unfinished() if unit.not_before]
    retry_at = max([clock.now() + retry_wait(manifest.attempts if manifest.units else 1), *wished])
    manifest = manifest.model_copy(update={"next_retry_at": retry_at})
    store.save(manifest)
    return SessionResult(manifest, _raw_findings(manifest))


def _raw_findings(manifest: Manifest) -> dict[str, Finding]:
    counts = {state.value: sum(unit.state is state for unit in manifest.units) for state in UnitState}
    stale = [unit for unit in manifest.units if unit.error_kind == "stale_date"]
    remedy = next((unit.remedy for unit in manifest.unfinished() if unit.remedy), None)
    why = manifest.why() + (f". Mend it: {remedy}" if remedy else "")
    if manifest.next_retry_at and not manifest.exhausted:
        why += f". Asked again not before {manifest.next_retry_at:%Y-%m-%d %H:%M} UTC"
    coverage = [unit.coverage_pct for unit in manifest.units if unit.coverage_pct is not None]
    covered = {"lowest_coverage_pct": round(min(coverage), 3), "units_with_coverage": len(coverage)} if coverage else {}
    return {
        "complete": Finding(
            passed=manifest.state.is_done,
            summary=f"{manifest.done} of {len(manifest.units)} units" if manifest.state.is_done else why,
            numbers={"expected": len(manifest.units), **counts, "attempts": manifest.attempts, **covered},
        ),
        "date_is_the_pages_own": Finding(
            passed=not stale,
            summary=stale[0].error or "" if stale else (manifest.reason or f"every page states {manifest.session}"),
            numbers={"stale": len(stale)},
        ),
    }


def _staged_findings(
    source: Source, table: Table, manifest: Manifest, *, store: Store, reference: RowBaseline
) -> dict[str, Finding]:
    if manifest.staged is None:
        return {}
    findings = {"schema": _schema_finding(manifest.staged)}
    if "row_count_in_band" in staged_checks(table):
        findings["row_count_in_band"] = _band_finding(manifest, reference)
    if table.checks:
        frame = store.read_staged(manifest)
        earlier = _session_before(table, manifest, store)
        beside = _beside(source, table, manifest.session, store)
        if frame is not None:
            findings |= {
                name: check(frame, session=manifest.session, before=earlier, beside=beside)
                for name, check in table.checks.items()
            }
    return findings


def _schema_finding(staged: StagedRef) -> Finding:
    return Finding(
        passed=staged.quarantined == 0,
        summary=f"{staged.rows} rows kept, {staged.quarantined} refused"
        + (f": {staged.quarantine_file}" if staged.quarantined else ""),
        numbers={"rows": staged.rows, "quarantined": staged.quarantined},
    )


def _band_finding(manifest: Manifest, reference: RowBaseline) -> Finding:
    judged = [
        reference.judge(unit.unit, manifest.session, unit.rows)
        for unit in manifest.units
        if unit.state is UnitState.FETCHED
    ]
    out = [one for one in judged if not one.in_band]
    unjudged = sum(one.median is None for one in judged)
    return Finding(
        passed=not out,
        summary=_out_of_band(manifest, out)
        or (f"{len(judged) - unjudged} of {len(judged)} units judged, all in band" if judged else "no units"),
        numbers={"units": len(judged), "out_of_band": len(out), "without_reference": unjudged},
    )


def _out_of_band(manifest: Manifest, out: list[Judgement]) -> str:
    if not out:
        return ""
    units = "; ".join(
        f"{one.unit}: {one.rows} rows, median {one.median:g} of {one.sessions} sessions" for one in out[:5]
    )
    again = f"fin reparse {manifest.source} --from {manifest.session} --to {manifest.session}"
    return f"{units}. If that is true, widen the row band of {manifest.source} in fin.toml (row_count_above), then: {again}"


def _beside(source: Source, table: Table, session: date, store: Store) -> dict[str, pl.DataFrame]:
    frames = {}
    for other in source.tables:
        if other.name == table.name:
            continue
        manifest = store.manifest(PartitionKey(source.name, other.name, session))
        if manifest is not None and manifest.state is PartitionState.COMPLETE and manifest.staged is not None:
            frames[other.name] = pl.read_parquet(store.data / manifest.staged.file)
    return frames


def _session_before(table: Table, manifest: Manifest, store: Store) -> pl.DataFrame | None:
    days = table.sessions(manifest.session - timedelta(days=20), manifest.session - timedelta(days=1))
    if not days:
        return None
    earlier = store.manifest(PartitionKey(manifest.source, manifest.table, days[-1]))
    return store.read_staged(earlier) if earlier is not None else None
