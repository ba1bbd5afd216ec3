"""The end of an attempt at a partition: from stored units and failures to its state, sealed raw file and staged file."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from fin_assets import clock
from fin_assets.core.collection.acceptance import row_band
from fin_assets.core.collection.expected_units import Wanted, parse_stored
from fin_assets.core.collection.findings import raw_findings, staged_checks, staged_findings
from fin_assets.core.collection.judging import CHECK, finding, rejudged, verdict
from fin_assets.core.collection.records import stored_record
from fin_assets.core.collection.remedies import HEAL, command, remedy_of
from fin_assets.core.collection.retry import next_retry_at, not_before
from fin_assets.core.collection.row_baseline import REACH, RowBaseline
from fin_assets.core.contract.failures import CollectionFailure, StaleDate
from fin_assets.core.contract.manifest import Manifest, PartitionKey, PartitionState, RawUnit, UnitRecord, UnitState
from fin_assets.core.contract.source import Accepted, Finding, Parsed, Source, Table
from fin_assets.core.storage.store import RawDamaged, StagedDamaged, Store
from fin_assets.core.storage.unit_log import UnitLog

log = logging.getLogger(__name__)

UNREAD_SAMPLE = 10
"""Values that were not understood which a manifest tells."""


@dataclass(frozen=True, slots=True)
class SessionResult:
    """The outcome of one partition: its manifest and the findings of its checks by name.

    `worked` is False if nothing had to be fetched or staged. `problem` says what went wrong although the manifest stays as it
    was: a refetch that failed, stored pages that the present parser refuses. `again` is True for a sealed partition whose row
    counts got another verdict, by sessions that were collected since.
    """

    manifest: Manifest
    findings: dict[str, Finding] = field(default_factory=dict)
    worked: bool = True
    problem: str | None = None
    again: bool = False

    @property
    def usable(self) -> bool:
        """Whether the partition is done, no blocking check failed, and nothing went wrong."""
        return self.manifest.state.is_done and not self.manifest.blocked_by and self.problem is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """What one attempt at a partition brought.

    Attributes:
        before: the manifest from before it.
        expected: names of the units that the partition must have.
        unit_log: the units that are stored.
        parsed: parsed pages of the units that were fetched in this attempt, by unit.
        failures: the units that are not stored, with their reasons.
        requests, seconds: of this attempt.
    """

    before: Manifest | None
    expected: list[str]
    unit_log: UnitLog
    parsed: Mapping[str, Parsed]
    failures: dict[str, UnitRecord]
    requests: int
    seconds: float


def baseline_around(table: Table, sessions: Iterable[date], *, source: str, store: Store) -> RowBaseline:
    """Return the baseline for judging partitions. It reads manifests within its reach only: history adds no cost."""
    band = row_band(table)
    if band is None:
        return RowBaseline((), below=1.0, above=math.inf)
    days = sorted(sessions)
    known = store.manifests(source, table.name, first=days[0] - REACH, last=days[-1] + REACH) if days else ()
    return RowBaseline(known, below=band.below, above=band.above)


@dataclass(frozen=True, slots=True)
class Finalizer:
    """Ends attempts at partitions of one table."""

    source: Source
    table: Table
    store: Store
    baseline: RowBaseline

    def finalize(self, key: PartitionKey, attempted: Attempted) -> SessionResult:
        """Decide the state of a partition, seal and stage it if it is complete, and write its manifest."""
        before, unit_log, expected = attempted.before, attempted.unit_log, attempted.expected
        _refuse_half_closed(key, attempted)
        records = tuple(_record(unit, unit_log.units.get(unit), attempted.failures.get(unit)) for unit in expected)
        closed = next((unit_log.units[unit].closed_reason for unit in expected if unit in unit_log.units), None)
        manifest = _new_manifest(
            key, records, before, closed=closed, requests=attempted.requests, seconds=attempted.seconds
        )
        if not manifest.state.is_done:
            return self._not_done(manifest, before)
        units = [unit_log.units[unit] for unit in expected]
        if before is not None and before.state.is_done and self._same_bytes(before, units):
            self.store.drop_unit_log(key)
            return self.restage(before)
        try:
            result = self._sealed(manifest, units, attempted.parsed)
        except CollectionFailure as failure:
            # Each page is valid, together they are inconsistent: discard and refetch those that are named.
            bad = {unit.unit: unit for unit in units if unit.unit in failure.units or not failure.units}
            for name in bad:
                unit_log.retract(name)
            wrong = tuple(
                _contradicted(bad[record.unit], failure) if record.unit in bad else record for record in manifest.units
            )
            refused = manifest.model_copy(update={"state": PartitionState.INCOMPLETE, "units": wrong})
            return self._not_done(refused, before)
        self.store.save(result.manifest)
        self.store.drop_unit_log(key)
        return result

    def finalize_without_units(self, key: PartitionKey, want: Wanted, before: Manifest | None) -> SessionResult:
        """Write the manifest of a partition without requests: it has no data, or its units are not known yet."""
        manifest = _new_manifest(key, (), before, closed=want.closed, requests=0, seconds=0.0)
        if want.closed:
            if before is None or not before.state.is_done:
                self.store.save(manifest)
                return SessionResult(manifest, self._found(manifest))
            return SessionResult(before, self._found(before), worked=False)
        # Waiting for another table uses up no attempt and does not double the wait.
        waiting = manifest.model_copy(update={"state": PartitionState.INCOMPLETE, "reason": want.unknown})
        return self._not_done(waiting, before)

    def restage(self, manifest: Manifest, *, force: bool = False) -> SessionResult:
        """Return the findings of a done partition; parse and stage it again only if the parser changed or `force` is set.

        Stored bytes that are damaged, or that the present parser refuses, are a `problem` of this partition alone: the check
        `schema` fails, and manifest and staged rows stay as they are.
        """
        if manifest.state is PartitionState.CLOSED:
            return SessionResult(manifest, self._found(manifest), worked=False)
        staged = manifest.staged
        fresh = staged is not None and staged.parser_version == self.table.parser_version
        if fresh and not force and self._is_whole(manifest):
            result = self._judged(manifest, worked=False)
            if result.manifest != manifest:
                self.store.save(result.manifest)
            return result
        try:
            result = self._staged(manifest, self.store.units(manifest), {})
        except (RawDamaged, CollectionFailure) as failure:
            problem = f"not staged again: {failure}"
            if isinstance(failure, CollectionFailure):
                again = f"{command(manifest)} --refetch"
                problem += f". Mend it: {failure.remedy.replace(HEAL, again)}, or {again}"
            findings = self._found(manifest) | {"schema": Finding(passed=False, summary=problem)}
            return SessionResult(manifest, findings, worked=False, problem=problem)
        self.store.save(result.manifest)
        return result

    def _found(self, manifest: Manifest) -> dict[str, Finding]:
        return raw_findings(self.source, self.table, manifest)

    def _is_whole(self, manifest: Manifest) -> bool:
        """Return whether the staged file holds what the manifest says."""
        try:
            self.store.read_staged(manifest)
        except StagedDamaged as damage:
            log.warning("staged again from raw: %s", damage)
            return False
        return True

    def _sealed(self, manifest: Manifest, units: list[RawUnit], parsed: Mapping[str, Parsed]) -> SessionResult:
        """Seal the units as the partition's next generation and stage them."""
        generation = manifest.generation + 1
        sealed = self.store.seal(manifest.key, units, generation=generation)
        update = {"generation": sealed.generation, "raw_file": sealed.file, "raw_bytes": sealed.bytes}
        return self._staged(manifest.model_copy(update=update), units, parsed)

    def _staged(self, manifest: Manifest, units: list[RawUnit], parsed: Mapping[str, Parsed]) -> SessionResult:
        if manifest.state is PartitionState.CLOSED:
            return SessionResult(manifest, self._found(manifest))
        accepted = [
            Accepted(
                unit=raw.unit,
                parsed=parsed.get(raw.unit) or parse_stored(self.table, raw),
                fetched_at=raw.fetched_at,
            )
            # By name: the staged file must not depend on the order of arrival.
            for raw in sorted(units, key=lambda raw: raw.unit)
            if raw.closed_reason is None and raw.unit not in manifest.excluded
        ]
        staged = self.table.stage(accepted, manifest.session)
        ref = self.store.write_staged(
            manifest.key, staged.frame, staged.quarantine, parser_version=self.table.parser_version
        )
        unread = [f"{unit.unit}: {note}" for unit in accepted for note in unit.parsed.unread]
        noted = ref.model_copy(update={"unread": len(unread), "unread_sample": tuple(unread[:UNREAD_SAMPLE])})
        return self._judged(manifest.model_copy(update={"staged": noted}), worked=True)

    def _judged(self, manifest: Manifest, *, worked: bool) -> SessionResult:
        """Judge staged rows by the present settings; checks and manifest then name the same blocking checks."""
        found = staged_findings(self.source, self.table, manifest, store=self.store, baseline=self.baseline)
        findings = self._found(manifest) | found
        blocked = tuple(sorted(name for name in staged_checks(self.table) if not findings[name].passed))
        row_counts = verdict(self.table, manifest, self.baseline)
        now = manifest.model_copy(
            update={"blocked_by": blocked, "unjudged": row_counts.unjudged, "half": row_counts.half}
        )
        return SessionResult(now, findings, worked=worked)

    def judge_again(self, sessions: Sequence[date]) -> list[SessionResult]:
        """Judge the sealed partitions in reach of some sessions by all row counts that are known now.

        Returns:
            the outcome of each partition whose verdict has changed; its manifest has been written.
        """
        if row_band(self.table) is None or not sessions:
            return []
        known = self.store.manifests(
            self.source.name, self.table.name, first=min(sessions) - REACH, last=max(sessions) + REACH
        )
        results = []
        for manifest, found in rejudged(self.table, known, self.baseline):
            self.store.save(manifest)
            results.append(SessionResult(manifest, {CHECK: finding(manifest, found)}, worked=False, again=True))
        return results

    def _same_bytes(self, before: Manifest, units: list[RawUnit]) -> bool:
        """Return whether the sealed file holds these very bytes, as complete as they are, and is not damaged."""
        sealed = {record.unit: (record.sha256, record.coverage_pct) for record in before.units}
        if sealed != {unit.unit: (unit.sha256, unit.coverage_pct) for unit in units}:
            return False
        try:
            self.store.units(before)
        except RawDamaged:
            return False
        return True

    def _not_done(self, manifest: Manifest, before: Manifest | None) -> SessionResult:
        """Write the manifest of an incomplete attempt. A failed refetch keeps the previous complete version."""
        if before is not None and before.state.is_done:
            remedy = remedy_of(manifest, refetch=True)
            problem = f"Refetch failed; the previous complete version is kept: {manifest.why()}" + (
                f". Mend it: {remedy}" if remedy else ""
            )
            return SessionResult(before, self._found(before), problem=problem)
        manifest = manifest.model_copy(update={"next_retry_at": next_retry_at(manifest)})
        self.store.save(manifest)
        return SessionResult(manifest, self._found(manifest))


def _new_manifest(
    key: PartitionKey,
    records: tuple[UnitRecord, ...],
    before: Manifest | None,
    *,
    closed: str | None,
    requests: int,
    seconds: float,
) -> Manifest:
    """Return the manifest after an attempt; its requests and seconds are added to those before."""
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
        excluded=before.excluded if before else {},
    )


def _refuse_half_closed(key: PartitionKey, attempted: Attempted) -> None:
    """Take back pages that said "closed" if another unit has data of the day: the list came in between."""
    units = [attempted.unit_log.units[unit] for unit in attempted.expected if unit in attempted.unit_log.units]
    if all(unit.closed_reason for unit in units):
        return
    for unit in units:
        if unit.closed_reason:
            attempted.unit_log.retract(unit.unit)
            failure = StaleDate(f"{unit.unit}: {unit.closed_reason}, but other units have data of {key.session}")
            attempted.failures[unit.unit] = _contradicted(unit, failure)


def _state(records: tuple[UnitRecord, ...]) -> PartitionState:
    if records and all(record.is_done for record in records):
        return PartitionState.COMPLETE
    kinds = {record.error_kind for record in records if not record.is_done}
    return PartitionState.STALE if kinds == {"stale_date"} else PartitionState.INCOMPLETE


def _record(name: str, unit: RawUnit | None, failure: UnitRecord | None) -> UnitRecord:
    if unit is None:
        return failure or UnitRecord(unit=name, state=UnitState.MISSING, error="not asked for")
    return stored_record(unit)


def _contradicted(unit: RawUnit, failure: CollectionFailure) -> UnitRecord:
    return stored_record(unit).model_copy(
        update={
            "state": UnitState(failure.state),
            "error_kind": failure.kind,
            "error": str(failure),
            "remedy": failure.remedy,
            "retryable": failure.retryable,
            "not_before": not_before(failure),
        }
    )
