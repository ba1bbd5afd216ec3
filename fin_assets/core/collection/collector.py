"""Collecting sessions of one table completely: only what is missing is asked for, and nothing half counts as done.

The flow of one call: read the manifests, open a unit log for each session that is not green, ask for the units that no
unit_log holds yet, store each at once, judge it, and finalize each session as soon as it can be judged. Settling lives in
`finalize`, requests and their retries in `fetching`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from typing import Any

from fin_assets import clock
from fin_assets.core.collection.expected_units import Expected, expected, outdated
from fin_assets.core.collection.fetch_jobs import Event, Job, Outcome, run_jobs
from fin_assets.core.collection.finalize import (
    SessionResult,
    baseline_around,
    finalize,
    finalize_without_units,
    not_before,
    restage,
    retry_wait,
)
from fin_assets.core.collection.row_baseline import ENOUGH, RowBaseline
from fin_assets.core.contract.failures import NotAsked, StaleDate
from fin_assets.core.contract.manifest import Manifest, PartitionKey, PartitionState, RawUnit, UnitRecord, UnitState
from fin_assets.core.contract.source import Fetched, Parsed, Source, Table, due_at
from fin_assets.core.storage.store import RawDamaged, Store
from fin_assets.core.storage.unit_log import PartitionBusy, UnitLog
from fin_assets.core.transport.browser.pool import BrowserClient, BrowserPool
from fin_assets.settings import BrowserSettings

CHUNK = 120
"""Sessions whose unit logs are open at once: well below the usual limit of 1,024 open files."""

OnEvent = Callable[[Event], None]
OnSession = Callable[[SessionResult], None]


@dataclass(slots=True)
class _Open:
    """A session that is being collected. `begun` once a unit of it has been asked for."""

    key: PartitionKey
    before: Manifest | None
    expected: list[str]
    facts: Mapping[str, Any]
    unit_log: UnitLog
    closing: ExitStack
    begun: bool = False
    failures: dict[str, UnitRecord] = field(default_factory=dict)
    requests: int = 0
    seconds: float = 0.0

    @property
    def answered(self) -> bool:
        return all(unit in self.unit_log.units or unit in self.failures for unit in self.expected)


class Collector:
    """Collects sessions of one table of one source into one store."""

    def __init__(
        self,
        source: Source,
        table: Table,
        *,
        store: Store,
        browser: BrowserSettings,
        on_session: OnSession,
        on_event: OnEvent | None = None,
        refetch: bool = False,
        deadline: timedelta | None = None,
    ) -> None:
        self.source, self.table, self.store, self.browser = source, table, store, browser
        self._on_session, self._on_event = on_session, on_event
        self._refetch, self._deadline = refetch, deadline
        self._reference: RowBaseline
        self._left_alone: list[Exception] = []

    def run(self, sessions: Sequence[date]) -> list[SessionResult]:
        """Collect the sessions in the order given and return what became of each.

        Raises:
            BrowserMissing: there is no Chromium to start.
            PartitionBusy: another process collects one of the sessions; the others have been collected.
            RawDamaged: a session to which units were added is damaged; the others have been collected.
            SettingsError: the store has pages that were collected in another mode.
        """
        return asyncio.run(self.collect(sessions))

    async def collect(self, sessions: Sequence[date]) -> list[SessionResult]:
        """Collect as `run` does, inside a running event loop."""
        results: list[SessionResult] = []

        def finished(result: SessionResult) -> None:
            results.append(result)
            self._on_session(result)

        self.store.claim(self.source.name, mode=self.source.settings.mode)
        self._reference, self._left_alone = baseline_around(self.source, self.table, sessions, store=self.store), []
        left = []
        for session in sessions:
            manifest, want = self.store.manifest(self._key(session)), self._expected(session)
            if manifest is not None and self._nothing_to_ask(manifest, want):
                finished(self._restaged(manifest))
            elif want.units:
                left.append(session)
            else:
                finished(finalize_without_units(self._key(session), want, before=manifest, store=self.store))
        if left:
            settings = self.source.settings
            async with BrowserPool(
                self.browser,
                workers=settings.workers,
                rate_per_second=settings.rate_per_second,
                request_timeout=settings.request_timeout,
            ) as pool:
                for start in range(0, len(left), CHUNK):
                    await self._chunk(pool, left[start : start + CHUNK], finished)
        if self._left_alone:
            raise self._left_alone[0]
        return results

    def _expected(self, session: date) -> Expected:
        return expected(self.source, self.table, session, store=self.store)

    def _nothing_to_ask(self, manifest: Manifest, want: Expected) -> bool:
        """Return whether a session is green for every unit that is expected now, by the facts that are known now."""
        known = {record.unit for record in manifest.units}
        older = any(want.named_after(record.fetched_at) for record in manifest.units)
        return manifest.state.is_done and not self._refetch and not older and known >= set(want.units)

    def _restaged(self, manifest: Manifest) -> SessionResult:
        return restage(self.source, self.table, manifest, store=self.store, reference=self._reference)

    def _key(self, session: date) -> PartitionKey:
        return PartitionKey(self.source.name, self.table.name, session)

    async def _chunk(self, pool: BrowserPool, sessions: Sequence[date], finished: OnSession) -> None:
        with ExitStack() as stack:
            opened = {
                session: part for session in sessions if (part := self._open(session, stack, finished)) is not None
            }
            waiting = list(opened.values())
            for part in waiting:
                for unit in part.unit_log.units.values():
                    if unit.closed_reason is None:
                        self._reference.add(unit.unit, part.key.session, unit.rows)

            again: list[_Open] = []

            def settle_head() -> None:
                part = waiting.pop(0)
                if self._retract_short(part):
                    again.append(part)
                else:
                    finished(self._finalize(part))

            def answered(outcome: Outcome) -> None:
                self._record(opened, outcome)
                while waiting and waiting[0].answered and self._can_judge(waiting[0]):
                    settle_head()

            await self._ask(pool, waiting, answered)
            while waiting:
                settle_head()
            await self._ask(pool, again, lambda outcome: self._record(opened, outcome))
            for part in again:
                finished(self._finalize(part))

    def _open(self, session: date, stack: ExitStack, finished: OnSession) -> _Open | None:
        """Take a session for this process alone; None if another has it, or has completed it since it was looked at."""
        key = self._key(session)
        closing = stack.enter_context(ExitStack())
        try:
            unit_log = closing.enter_context(self.store.open_unit_log(key))
            before, want = self.store.manifest(key), self._expected(session)
            units = want.units
            if before is not None and before.state.is_done:
                if self._nothing_to_ask(before, want):
                    closing.close()
                    finished(self._restaged(before))
                    return None
                units = self._reopen(before, units, unit_log)
            for unit in outdated(self.table, session, unit_log.units.values(), want):
                unit_log.retract(unit)
            if not units:
                # The table that names the units has changed since this session was looked at.
                closing.close()
                finished(finalize_without_units(key, want, before=before, store=self.store))
                return None
        except (PartitionBusy, RawDamaged) as error:
            closing.close()
            self._left_alone.append(error)
            return None
        return _Open(key, before, units, want.facts, unit_log, closing)

    def _reopen(self, before: Manifest, expected: list[str], unit_log: UnitLog) -> list[str]:
        """Prepare the unit log of a session that was complete, and return its expected units."""
        if self._refetch or before.state is not PartitionState.COMPLETE:
            # Everything is asked for: what a unit log of the sealed generation still holds is no answer to it.
            sealed = {record.unit: record.sha256 for record in before.units}
            for held in list(unit_log.units.values()):
                if sealed.get(held.unit) == held.sha256:
                    unit_log.retract(held.unit)
            return expected
        # Units were added: the sealed ones are stored, and stay in the session even if they are not expected any more.
        for unit in self.store.units(before):
            if unit.unit not in unit_log.units:
                unit_log.append(unit)
        return list(dict.fromkeys([*expected, *(record.unit for record in before.units)]))

    async def _ask(self, pool: BrowserPool, parts: Iterable[_Open], answered: Callable[[Outcome], None]) -> None:
        jobs = [
            Job(
                key=part.key,
                unit=unit,
                fetch=partial(self._fetch, part=part, unit=unit),
                parse=partial(self._parse, part, unit),
            )
            for part in parts
            for unit in part.expected
            if unit not in part.unit_log.units and unit not in part.failures
        ]
        await run_jobs(
            pool,
            jobs,
            evidence_dir=self.store.evidence_dir,
            on_outcome=answered,
            on_event=self._on_event,
            deadline=self._deadline,
        )

    def _retract_short(self, part: _Open) -> bool:
        """Take back half tables that were fetched before there was a reference, and return whether there were any."""
        short = [
            unit
            for unit in part.unit_log.units.values()
            if unit.closed_reason is None and self._reference.judge(unit.unit, part.key.session, unit.rows).short
        ]
        for unit in short:
            part.unit_log.retract(unit.unit)
            self._reference.remove(unit.unit, part.key.session)
        return bool(short)

    async def _fetch(self, client: BrowserClient, *, part: _Open, unit: str) -> Fetched:
        if not part.begun:
            part.begun = True
            if part.before is None or not part.before.state.is_done:
                # Written before the first request: a killed attempt has happened too.
                self.store.save(_attempt_begun(part.key, part.before, part.expected))
        return await self.table.fetch(client, unit, part.key.session)

    def _parse(self, part: _Open, unit: str, fetched: Fetched) -> Parsed:
        session = part.key.session
        parsed = self.table.parse(fetched.body, fetched.content_type, unit, session)
        if parsed.stated_date == session and self.table.units_from is not None:
            # The parsed page has done its duty: nine hundred of them would stay in memory.
            return replace(self.table.units_from.reconcile(parsed, unit, part.facts[unit]), page=None)
        if parsed.stated_date == session:
            self._reference.require_whole(unit, session, parsed.rows, body=fetched.body)
        elif self._closed_reason(session) is None:
            self._keep_under_stated_date(unit, fetched, parsed)
            msg = f"{unit}: asked for {session}, the page states {parsed.stated_date}, and no calendar explains it"
            raise StaleDate(msg, body=fetched.body)
        return parsed

    def _record(self, opened: dict[date, _Open], outcome: Outcome) -> None:
        """Store what came; a page of an explained closed day is stored as the proof that there is nothing."""
        session, unit = outcome.job.key.session, outcome.job.unit
        part = opened[session]
        part.requests += outcome.attempts
        part.seconds += outcome.seconds
        if outcome.failure is not None or outcome.fetched is None or outcome.parsed is None:
            part.failures[unit] = _failed(outcome, self.store)
            return
        reason = None
        if outcome.parsed.stated_date != session:
            reason = f"{self._closed_reason(session)}; the page states {outcome.parsed.stated_date}"
            self._keep_under_stated_date(unit, outcome.fetched, outcome.parsed)
        part.unit_log.append(
            _raw_unit(
                unit,
                outcome.fetched,
                outcome.parsed,
                attempts=outcome.attempts,
                seconds=outcome.seconds,
                closed_reason=reason,
            )
        )
        part.failures.pop(unit, None)
        if reason is None:
            self._reference.add(unit, session, outcome.parsed.rows)

    def _closed_reason(self, session: date) -> str | None:
        """Return why a session may have nothing, once it is due: before that, a list that is merely late looks the same."""
        return self.table.closed_reason(session) if clock.now() >= due_at(self.source, self.table, session) else None

    def _keep_under_stated_date(self, unit: str, fetched: Fetched, parsed: Parsed) -> None:
        """Store a page under the date that it states, unless that session has it or is being collected right now."""
        if self.table.units_from is not None:
            # What it would have to be reconciled with is not at hand; that session asks for it by itself.
            return
        key = self._key(parsed.stated_date)
        if not self._is_partition(key.session) or unit not in self.table.units(key.session) or self._is_green(key):
            return
        try:
            with self.store.open_unit_log(key) as unit_log:
                manifest = self.store.manifest(key)
                if manifest is not None and manifest.state.is_done:
                    # Completed by another process since it was looked at.
                    return
                if unit not in unit_log.units:
                    unit_log.append(_raw_unit(unit, fetched, parsed, attempts=1, seconds=0.0, closed_reason=None))
                if manifest is None:
                    self.store.save(_attempt_begun(key, None, self.table.units(key.session), attempts=0))
        except PartitionBusy:
            # Whoever collects that session asks for this unit itself.
            return

    def _is_partition(self, session: date) -> bool:
        within = self.source.start <= session <= (self.source.end or session)
        return within and bool(self.table.sessions(session, session))

    def _is_green(self, key: PartitionKey) -> bool:
        manifest = self.store.manifest(key)
        return manifest is not None and manifest.state.is_done

    def _can_judge(self, part: _Open) -> bool:
        """Return whether every unit has a reference, so that the session need not wait for later ones."""
        return self.table.units_from is not None or all(
            unit.closed_reason is not None
            or self._reference.judge(unit.unit, part.key.session, unit.rows).sessions >= ENOUGH
            for unit in part.unit_log.units.values()
        )

    def _finalize(self, part: _Open) -> SessionResult:
        result = finalize(
            self.source,
            self.table,
            part.key,
            store=self.store,
            reference=self._reference,
            before=self.store.manifest(part.key)
            if part.before is None or not part.before.state.is_done
            else part.before,
            expected=part.expected,
            unit_log=part.unit_log,
            failures=part.failures,
            requests=part.requests,
            seconds=part.seconds,
        )
        # A long backfill must not hold the pages of all its sessions in memory.
        part.closing.close()
        part.unit_log.units.clear()
        return result


def _attempt_begun(key: PartitionKey, before: Manifest | None, expected: list[str], *, attempts: int = 1) -> Manifest:
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
    )


def _raw_unit(
    unit: str, fetched: Fetched, parsed: Parsed, *, attempts: int, seconds: float, closed_reason: str | None
) -> RawUnit:
    return RawUnit(
        unit=unit,
        body=fetched.body,
        url=fetched.url,
        status=fetched.status,
        content_type=fetched.content_type,
        transport=fetched.transport,
        fetched_at=clock.now(),
        sha256=hashlib.sha256(fetched.body).hexdigest(),
        rows=0 if closed_reason else parsed.rows,
        attempts=attempts,
        seconds=round(seconds, 6),
        closed_reason=closed_reason,
        empty_reason=None if closed_reason else parsed.empty_reason,
        coverage_pct=None if closed_reason else parsed.coverage_pct,
    )


def _failed(outcome: Outcome, store: Store) -> UnitRecord:
    failure = outcome.failure or NotAsked("not asked")
    return UnitRecord(
        unit=outcome.job.unit,
        state=UnitState(failure.state) if outcome.attempts else UnitState.MISSING,
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
