"""Collecting partitions of one table completely: only missing units are asked for, and nothing half counts as done.

The flow of one call: read the manifests, open a unit log for each partition that is not done, ask for the units that no log
holds yet, parse and accept each answer, store it at once, and finalize each partition as soon as it can be judged. Requests
and their retries are in `fetch_jobs`, the end of a partition is in `finalize`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial

from fin_assets import clock
from fin_assets.core.collection.acceptance import Situation, accepted, row_band
from fin_assets.core.collection.expected_units import Wanted, nothing_to_ask, outdated, wanted
from fin_assets.core.collection.fetch_jobs import Event, Job, Outcome, run_jobs
from fin_assets.core.collection.filters import naming_the_setting
from fin_assets.core.collection.finalize import Attempted, Finalizer, SessionResult, baseline_around
from fin_assets.core.collection.records import (
    attempt_begun,
    attempt_repeated,
    deferred_record,
    failed_record,
    raw_unit,
    refused_record,
)
from fin_assets.core.collection.recovery import mend_manifest
from fin_assets.core.collection.row_baseline import ENOUGH
from fin_assets.core.contract.client import Client
from fin_assets.core.contract.failures import StaleDate
from fin_assets.core.contract.manifest import Manifest, PartitionKey, PartitionState, UnitRecord, UnitState
from fin_assets.core.contract.source import Fetched, Parsed, Source, Table, Unit
from fin_assets.core.storage.store import Store
from fin_assets.core.storage.unit_log import PartitionBusy, UnitLog
from fin_assets.core.transport.clients import Clients

log = logging.getLogger(__name__)

CHUNK = 120
"""Partitions whose unit logs are open at once: well below the usual limit of 1,024 open files."""

OnEvent = Callable[[Event], None]
OnSession = Callable[[SessionResult], None]


@dataclass(slots=True)
class _Open:
    """A partition that is being collected. `begun` once a unit of it has been asked for."""

    key: PartitionKey
    before: Manifest | None
    units: dict[str, Unit]
    unit_log: UnitLog
    closing: ExitStack
    begun: bool = False
    parsed: dict[str, Parsed] = field(default_factory=dict)
    failures: dict[str, UnitRecord] = field(default_factory=dict)
    requests: int = 0
    seconds: float = 0.0

    @property
    def expected(self) -> list[str]:
        return list(self.units)

    @property
    def all_deferred(self) -> bool:
        """Whether no request was sent, because nothing is due or the quota is spent: that is no attempt."""
        return not self.requests and all(record.state is UnitState.DEFERRED for record in self.failures.values())

    @property
    def answered(self) -> bool:
        return all(unit in self.unit_log.units or unit in self.failures for unit in self.units)


class Collector:
    """Collects partitions of one table of one source into one store."""

    def __init__(
        self,
        source: Source,
        table: Table,
        *,
        store: Store,
        clients: Clients,
        on_session: OnSession,
        on_event: OnEvent | None = None,
        refetch: bool = False,
        deadline: timedelta | None = None,
    ) -> None:
        self.source, self.table, self.store, self.clients = source, table, store, clients
        self._on_session, self._on_event = on_session, on_event
        self._refetch, self._deadline = refetch, deadline
        self._left_alone: list[Exception] = []
        self._finalizer: Finalizer

    def run(self, sessions: Sequence[date]) -> list[SessionResult]:
        """Collect the partitions in the order given and return the outcome of each.

        Raises:
            BrowserMissing: the site needs a browser, and there is no Chromium to start.
            PartitionBusy: another process collects one of the partitions; the others have been collected.
        """
        return self.clients.run(self.collect(sessions))

    async def collect(self, sessions: Sequence[date]) -> list[SessionResult]:
        """Collect as `run` does, inside the event loop of the clients."""
        results: list[SessionResult] = []

        def finished(result: SessionResult) -> None:
            results.append(result)
            self._on_session(result)

        baseline = baseline_around(self.table, sessions, source=self.source.name, store=self.store)
        self._finalizer = Finalizer(self.source, self.table, self.store, baseline)
        self._left_alone = []
        left = []
        for session in sessions:
            try:
                manifest, want = mend_manifest(self.store, self._key(session)), self._wanted(session)
            except PartitionBusy as error:
                self._left_alone.append(error)
                continue
            if manifest is not None and self._nothing_to_ask(manifest, want):
                finished(self._finalizer.restage(manifest))
            elif want.units:
                left.append(session)
            else:
                finished(self._finalizer.finalize_without_units(self._key(session), want, manifest))
        for start in range(0, len(left), CHUNK):
            await self._chunk(left[start : start + CHUNK], finished)
        if any(result.worked for result in results):
            for result in self._finalizer.judge_again(sessions):
                finished(result)
        if self._left_alone:
            raise self._left_alone[0]
        return results

    def _wanted(self, session: date) -> Wanted:
        return wanted(self.source, self.table, session, store=self.store)

    def _nothing_to_ask(self, manifest: Manifest, want: Wanted) -> bool:
        lost = manifest.raw_file is not None and not self.store.has(manifest.raw_file)
        return not (self._refetch or lost) and nothing_to_ask(manifest, want)

    def _key(self, session: date) -> PartitionKey:
        return PartitionKey(self.source.name, self.table.name, session)

    async def _chunk(self, sessions: Sequence[date], finished: OnSession) -> None:
        with ExitStack() as stack:
            opened = {
                session: part for session in sessions if (part := self._open(session, stack, finished)) is not None
            }
            waiting = list(opened.values())
            for part in waiting:
                for unit in part.unit_log.units.values():
                    if unit.closed_reason is None:
                        self._finalizer.baseline.add(unit.unit, part.key.session, unit.rows)

            again: list[_Open] = []

            def finish_head() -> None:
                part = waiting.pop(0)
                if self._retract_short(part):
                    again.append(part)
                else:
                    finished(self._finalize(part))

            def answered(outcome: Outcome) -> None:
                self._record(opened, outcome)
                while waiting and waiting[0].answered and self._can_judge(waiting[0]):
                    finish_head()

            await self._ask(waiting, answered)
            while waiting:
                finish_head()
            await self._ask(again, lambda outcome: self._record(opened, outcome))
            for part in again:
                finished(self._finalize(part))

    def _open(self, session: date, stack: ExitStack, finished: OnSession) -> _Open | None:
        """Take a partition for this process alone; None if another has it, or has completed it since it was looked at."""
        key = self._key(session)
        closing = stack.enter_context(ExitStack())
        try:
            unit_log = closing.enter_context(self.store.open_unit_log(key))
            before, want = self.store.manifest(key), self._wanted(session)
            units = want.units
            if before is not None and before.state.is_done:
                if self._nothing_to_ask(before, want):
                    closing.close()
                    finished(self._finalizer.restage(before))
                    return None
                units = self._reopen(before, units, unit_log)
            stored = list(unit_log.units.values())
            for name in outdated(self.table, session, stored, want, baseline=self._finalizer.baseline):
                unit_log.retract(name)
            if not units:
                # The table that names the units has changed since this partition was looked at.
                closing.close()
                finished(self._finalizer.finalize_without_units(key, want, before))
                return None
        except PartitionBusy as error:
            closing.close()
            self._left_alone.append(error)
            return None
        part = _Open(key, before, units, unit_log, closing)
        now = clock.now()
        for unit in units.values():
            if unit.problem is not None:
                part.failures[unit.name] = refused_record(unit.name, unit.problem)
            elif unit.due is not None and unit.due > now and unit.name not in unit_log.units:
                part.failures[unit.name] = deferred_record(unit, timezone=self.table.calendar.timezone)
        return part

    def _reopen(self, before: Manifest, units: dict[str, Unit], unit_log: UnitLog) -> dict[str, Unit]:
        """Prepare the unit log of a partition that was complete, and return its expected units."""
        if self._refetch or before.state is not PartitionState.COMPLETE:
            # Everything is asked for: a unit that the log still holds from the sealed generation is no answer to it.
            sealed = {record.unit: record.sha256 for record in before.units}
            for held in list(unit_log.units.values()):
                if sealed.get(held.unit) == held.sha256:
                    unit_log.retract(held.unit)
            return units
        # Units were added, or sealed ones are half or damaged: the others are stored, and stay in the partition even if they
        # are not expected any more.
        whole, problem = self.store.intact_units(before.raw_file) if before.raw_file else ({}, None)
        for unit in whole.values():
            if unit.unit not in unit_log.units and unit.unit not in before.half:
                unit_log.append(unit)
        if problem is not None:
            log.warning("%s; what it has lost is asked for again", problem)
        return units | {record.unit: Unit(name=record.unit) for record in before.units if record.unit not in units}

    async def _ask(self, parts: Iterable[_Open], answered: Callable[[Outcome], None]) -> None:
        jobs = [
            Job(
                key=part.key,
                unit=unit.name,
                fetch=partial(self._fetch, part=part, unit=unit),
                parse=partial(self._parse, unit),
                accept=partial(self._accept, part, unit),
            )
            for part in parts
            for unit in part.units.values()
            if unit.name not in part.unit_log.units and unit.name not in part.failures
        ]
        if not jobs:
            return
        await run_jobs(
            await self.clients.pool(self.table.site),
            jobs,
            evidence_dir=self.store.evidence_dir,
            on_outcome=answered,
            on_event=self._on_event,
            deadline=self._deadline,
        )

    def _retract_short(self, part: _Open) -> bool:
        """Take back half tables that were fetched before there was a baseline, and return whether there were any."""
        baseline = self._finalizer.baseline
        short = [
            unit
            for unit in part.unit_log.units.values()
            if unit.closed_reason is None and baseline.judge(unit.unit, part.key.session, unit.rows).short
        ]
        for unit in short:
            part.unit_log.retract(unit.unit)
            baseline.remove(unit.unit, part.key.session)
        return bool(short)

    async def _fetch(self, client: Client, *, part: _Open, unit: Unit) -> Fetched:
        if not part.begun:
            part.begun = True
            if part.before is None or not part.before.state.is_done:
                # Written before the first request: a killed attempt has happened too.
                self.store.save(attempt_begun(part.key, part.before, part.expected))
            elif part.before.half:
                part.before = attempt_repeated(part.before)
                self.store.save(part.before)
        return await self.table.fetch(client, unit, part.key.session)

    def _parse(self, unit: Unit, fetched: Fetched) -> Parsed:
        return self.table.parse(fetched, unit)

    def _accept(self, part: _Open, unit: Unit, fetched: Fetched, parsed: Parsed) -> Parsed:
        """Accept an answer; one of another day is kept for that day, and is a failure here."""
        situation = Situation(self.table, part.key.session, fetched, self._finalizer.baseline)
        try:
            return accepted(self.table, unit, parsed, situation)
        except StaleDate as failure:
            if failure.belongs_to is not None:
                self._keep_under(failure.belongs_to, unit.name, fetched, parsed)
            raise

    def _record(self, opened: dict[date, _Open], outcome: Outcome) -> None:
        """Store an answer; a page of an explained closed day is stored as the proof that there is nothing."""
        session, unit = outcome.job.key.session, outcome.job.unit
        part = opened[session]
        part.requests += outcome.attempts
        part.seconds += outcome.seconds
        fetched, parsed = outcome.fetched, outcome.parsed
        if outcome.failure is not None or fetched is None or parsed is None:
            record = failed_record(outcome, self.store)
            part.failures[unit] = naming_the_setting(record, self.source, self.table)
            return
        if parsed.closed_reason is not None and parsed.covers is not None and parsed.covers.is_one_day:
            self._keep_under(parsed.covers.first, unit, fetched, parsed)
        part.unit_log.append(raw_unit(unit, fetched, parsed, attempts=outcome.attempts, seconds=outcome.seconds))
        part.parsed[unit] = parsed
        part.failures.pop(unit, None)
        if parsed.closed_reason is None:
            self._finalizer.baseline.add(unit, session, parsed.rows)

    def _keep_under(self, day: date, unit: str, fetched: Fetched, parsed: Parsed) -> None:
        """Store a page under the day that it states, unless that partition has it or is being collected right now."""
        if self.table.needs:
            # The facts that it would have to agree with are not at hand; that partition asks for it by itself.
            return
        key = self._key(day)
        expected = list(self._wanted(day).units) if self._is_partition(day) else []
        if unit not in expected or self._is_done(key):
            return
        try:
            with self.store.open_unit_log(key) as unit_log:
                manifest = self.store.manifest(key)
                if manifest is not None and manifest.state.is_done:
                    # Completed by another process since it was looked at.
                    return
                if unit not in unit_log.units:
                    kept = Parsed(rows=parsed.rows, covers=parsed.covers, empty_reason=parsed.empty_reason)
                    unit_log.append(raw_unit(unit, fetched, kept, attempts=1, seconds=0.0))
                if manifest is None:
                    self.store.save(attempt_begun(key, None, expected, attempts=0))
        except PartitionBusy:
            # The process that collects that partition asks for this unit itself.
            return

    def _is_partition(self, day: date) -> bool:
        within = self.source.start <= day <= (self.source.end or day)
        return within and bool(self.table.calendar.sessions(day, day))

    def _is_done(self, key: PartitionKey) -> bool:
        manifest = self.store.manifest(key)
        return manifest is not None and manifest.state.is_done

    def _can_judge(self, part: _Open) -> bool:
        """Return whether every unit has a baseline, so that the partition need not wait for later ones."""
        baseline = self._finalizer.baseline
        return row_band(self.table) is None or all(
            unit.closed_reason is not None or baseline.judge(unit.unit, part.key.session, unit.rows).sessions >= ENOUGH
            for unit in part.unit_log.units.values()
        )

    def _finalize(self, part: _Open) -> SessionResult:
        done_before = part.before is not None and part.before.state.is_done
        attempted = Attempted(
            before=part.before if done_before or part.all_deferred else self.store.manifest(part.key),
            expected=part.expected,
            unit_log=part.unit_log,
            parsed=part.parsed,
            failures=part.failures,
            requests=part.requests,
            seconds=part.seconds,
        )
        result = self._finalizer.finalize(part.key, attempted)
        # A long backfill must not hold the pages of all its partitions in memory.
        part.closing.close()
        part.unit_log.units.clear()
        part.parsed.clear()
        return result
