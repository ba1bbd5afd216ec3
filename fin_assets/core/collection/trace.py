"""What is known of one code or unit on one session, table by table: expected, answered, stored, accepted, staged.

Reads manifest, stored answers and staged rows, and writes nothing. A part that is damaged is named, and the rest is reported
nevertheless.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from fin_assets.core.collection.acceptance import Situation, accepted
from fin_assets.core.collection.evidence import evidence_name
from fin_assets.core.collection.expected_units import Wanted, wanted
from fin_assets.core.collection.finalize import baseline_around
from fin_assets.core.collection.findings import raw_findings, staged_findings
from fin_assets.core.collection.remedies import run_command
from fin_assets.core.contract.failures import CollectionFailure
from fin_assets.core.contract.manifest import Manifest, PartitionKey, RawUnit, UnitRecord, UnitState
from fin_assets.core.contract.source import Fetched, Source, Table, Unit, due_at
from fin_assets.core.contract.staging import RULE
from fin_assets.core.storage.store import RawDamaged, Store

LISTS = 4
"""Units of a table that are all shown although none bears the code: lists in which it stands, or should."""

_UNREADABLE = (OSError, ValueError, pl.exceptions.PolarsError, RawDamaged)
"""What reading a damaged or absent file raises; a manifest's ValidationError is a ValueError."""


@dataclass(frozen=True, slots=True)
class Damage:
    """A part that cannot be read: one sentence, and the command that mends it; None if that of another part does."""

    what: str
    remedy: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitTrace:
    """One unit from expectation to acceptance.

    Attributes:
        unit: its name.
        expected: whether the table expects it by what is known now; None if that is unknown.
        fact: what is known of it beforehand, by name.
        record: its record in the manifest; None if it is not in there.
        stored: `whole`, `damaged` or `no`: the bytes of its answer.
        parsed_rows, states: what the present parser reads from the stored bytes.
        verdict: `accepted`, or the kind and sentence of the failure with which the present rules refuse the stored bytes.
        coverage_pct: by the present rules, where the source can tell.
        excluded: why its answer is left out of the staged rows.
        evidence: files of its failures, of this and earlier attempts, that are still there.
    """

    unit: str
    expected: bool | None
    fact: dict[str, object]
    record: UnitRecord | None
    stored: str
    parsed_rows: int | None = None
    states: str | None = None
    verdict: str | None = None
    coverage_pct: float | None = None
    excluded: str | None = None
    evidence: tuple[str, ...] = ()

    @property
    def is_proven_empty(self) -> bool:
        """Whether the site has no data for it, and that is proven."""
        return self.record is not None and self.record.state is UnitState.EMPTY_CONFIRMED


@dataclass(frozen=True, slots=True, kw_only=True)
class TableTrace:
    """One table's part of the answer. Rows are those that bear the code.

    Attributes:
        manifest: of the partition; None if it was never collected, or is damaged.
        due: when the site has the session at the latest.
        is_session: whether the day is in the table's calendar.
        waits: why the units are not known yet, or why nothing is expected.
        units: those of the code, or the few lists in which it stands.
        column: of the staged rows, in which the code stands; None if no row bears it.
        value: the code as it stands in that column.
        rows, quarantined: staged rows, and refused rows with their rule.
        checks: outcome of each check of the session, as (name, passed, sentence).
        damage: what cannot be read.
    """

    table: str
    manifest: Manifest | None
    due: datetime
    is_session: bool
    waits: str | None
    units: tuple[UnitTrace, ...]
    column: str | None
    value: str | None
    rows: int
    quarantined: tuple[str, ...]
    checks: tuple[tuple[str, bool, str], ...]
    damage: tuple[Damage, ...]

    @property
    def knows_it(self) -> bool:
        """Whether a unit or a row of the table bears the code."""
        return bool(self.rows or self.quarantined or any(unit.record or unit.expected for unit in self.units))


def same(name: str, code: str) -> bool:
    """Return whether a name is the code: case and leading zeros do not count ("5" is "00005")."""
    return _plain(name) == _plain(code)


def trace(source: Source, table: Table, code: str, session: date, *, store: Store) -> TableTrace:
    """Return what is known of a code, or a unit, in one table on one session."""
    return _Trace(source, table, code, session, store).told()


class _Trace:
    """Gathers the parts of one table; each part that cannot be read adds a sentence to `damage`."""

    def __init__(self, source: Source, table: Table, code: str, session: date, store: Store) -> None:
        self._source, self._table, self._code, self._day, self._store = source, table, code, session, store
        self._key = PartitionKey(source.name, table.name, session)
        self.damage: list[Damage] = []
        self._refetch = f"fin run {source.name} --table {table.name} --session {session} --refetch"
        self._reparse = f"fin reparse {source.name} --table {table.name} --from {session} --to {session}"

    def told(self) -> TableTrace:
        manifest = self._manifest()
        is_session = bool(self._table.calendar.sessions(self._day, self._day))
        want = self._wanted() if is_session or manifest else None
        names = self._names(manifest, want)
        own = [name for name in names if same(name, self._code) or same(name.partition("/")[0], self._code)]
        column, value, rows = self._rows(manifest)
        quarantined = self._quarantined(manifest)
        done = manifest is not None and manifest.state.is_done
        in_lists = len(names) <= LISTS and bool(rows or quarantined or not done)
        return TableTrace(
            table=self._table.name,
            manifest=manifest,
            due=due_at(self._table, self._day),
            is_session=is_session,
            waits=(want.unknown or want.closed) if want else None,
            units=self._units(own or (names if in_lists else []), manifest, want),
            column=column,
            value=value,
            rows=rows,
            quarantined=quarantined,
            checks=self._checks(manifest),
            damage=tuple(self.damage),
        )

    def _manifest(self) -> Manifest | None:
        found = self._store.manifest(self._key)
        if found is not None and found.damage is not None:
            # Nothing else of it is known; a run makes it again from what is stored.
            self.damage.append(Damage(found.damage, run_command(self._source.name, self._table.name, [self._day])))
            return None
        return found

    def _wanted(self) -> Wanted | None:
        try:
            return wanted(self._source, self._table, self._day, store=self._store)
        except _UNREADABLE as error:
            needs = " and ".join(self._table.needs) or "the table"
            self._damaged(f"which units are expected is unknown, {needs} cannot be read", error, None)
            return None

    @staticmethod
    def _names(manifest: Manifest | None, want: Wanted | None) -> list[str]:
        known = [record.unit for record in manifest.units] if manifest else []
        return list(dict.fromkeys([*known, *(want.units if want else ())]))

    def _units(self, names: Sequence[str], manifest: Manifest | None, want: Wanted | None) -> tuple[UnitTrace, ...]:
        stored = self._stored(names, manifest) if manifest and names else {}
        records = {record.unit: record for record in manifest.units} if manifest else {}
        return tuple(self._unit(name, records.get(name), stored, manifest, want) for name in names)

    def _stored(self, names: Iterable[str], manifest: Manifest) -> dict[str, RawUnit] | None:
        try:
            return {raw.unit: raw for raw in self._store.units(manifest, only=set(names))}
        except _UNREADABLE as error:
            self._damaged(f"the stored answers of {self._key} cannot be read", error, self._refetch)
            return None

    def _unit(
        self,
        name: str,
        record: UnitRecord | None,
        stored: dict[str, RawUnit] | None,
        manifest: Manifest | None,
        want: Wanted | None,
    ) -> UnitTrace:
        raw = stored.get(name) if stored is not None else None
        expected = want.units.get(name) if want else None
        if stored is not None and raw is None and record is not None and record.is_done:
            self.damage.append(Damage(f"the stored answer of {name} is gone", self._refetch))
        return UnitTrace(
            unit=name,
            expected=None if want is None or want.unknown else expected is not None,
            fact=_fact(expected.fact) if expected else {},
            record=record,
            stored="damaged" if stored is None else ("whole" if raw else "no"),
            excluded=manifest.excluded.get(name) if manifest else None,
            evidence=self._evidence(name, record),
            **(self._judged(raw, expected or Unit(name=name)) if raw else {}),
        )

    def _judged(self, raw: RawUnit, unit: Unit) -> dict[str, Any]:
        """Return what the present parser and the present rules say of a stored answer."""
        fetched = Fetched.of(raw)
        if raw.closed_reason:
            return {"verdict": f"accepted: {raw.closed_reason}"}
        read: dict[str, Any] = {}
        try:
            parsed = self._table.parse(fetched, unit)
            read = {"parsed_rows": parsed.rows, "states": str(parsed.covers) if parsed.covers else None}
            baseline = baseline_around(self._table, [self._day], source=self._source.name, store=self._store)
            if unit.fact is not None or not self._table.needs:
                # Without the fact of the table that names it, no rule can compare it.
                parsed = accepted(self._table, unit, parsed, Situation(self._table, self._day, fetched, baseline))
            why = parsed.empty_reason or parsed.closed_reason or raw.empty_reason
            return read | {"verdict": f"accepted: {why}" if why else "accepted", "coverage_pct": parsed.coverage_pct}
        except CollectionFailure as failure:
            return read | {"verdict": f"{failure.kind}: {failure}"}
        except _UNREADABLE as error:
            self._damaged(f"{raw.unit} cannot be judged, manifests around it cannot be read", error, None)
            return read

    def _evidence(self, name: str, record: UnitRecord | None) -> tuple[str, ...]:
        there = self._store.evidence_dir(self._key).glob(f"{evidence_name(name)}-*")
        found = {path.relative_to(self._store.data).as_posix() for path in there}
        found |= {path for path in (record.evidence if record else ()) if self._store.has(path)}
        return tuple(sorted(found))

    def _rows(self, manifest: Manifest | None) -> tuple[str | None, str | None, int]:
        """Return the column in which the code stands, the code as it stands there, and the number of such rows."""
        staged = manifest.staged if manifest else None
        if staged is None:
            return None, None, 0
        frame = self._frame(staged.file, staged.sha256)
        if frame is None:
            return None, None, 0
        for column in self._code_columns(frame):
            found = frame.filter(_is(column, self._code))
            if found.height:
                return column, str(found[column][0]), found.height
        return None, None, 0

    def _frame(self, file: str, sha256: str | None) -> pl.DataFrame | None:
        try:
            content = self._store.blobs.get(file)
            if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
                self.damage.append(Damage(f"{file} is damaged (checksum differs)", self._reparse))
                return None
            return pl.read_parquet(io.BytesIO(content))
        except _UNREADABLE as error:
            self._damaged(f"{file} cannot be read", error, self._reparse)
            return None

    def _code_columns(self, frame: pl.DataFrame) -> list[str]:
        keys = self._table.schema.primary_key()
        return [name for name in keys if name in frame.columns and frame.schema[name] == pl.String]

    def _quarantined(self, manifest: Manifest | None) -> tuple[str, ...]:
        file = manifest.staged.quarantine_file if manifest and manifest.staged else None
        frame = self._frame(file, None) if file else None
        if frame is None:
            return ()
        about = pl.any_horizontal(*(_is(name, self._code) for name in self._code_columns(frame)), pl.lit(value=False))
        return tuple(str(rule) for rule in frame.filter(about)[RULE])

    def _damaged(self, what: str, error: Exception, remedy: str | None) -> None:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        self.damage.append(Damage(f"{what}: {first}", remedy))

    def _checks(self, manifest: Manifest | None) -> tuple[tuple[str, bool, str], ...]:
        if manifest is None:
            return ()
        found = raw_findings(self._source, self._table, manifest)
        try:
            baseline = baseline_around(self._table, [self._day], source=self._source.name, store=self._store)
            found |= staged_findings(self._source, self._table, manifest, store=self._store, baseline=baseline)
        except _UNREADABLE as error:
            self._damaged(f"the checks of {self._key} cannot be made", error, None)
        return tuple((name, finding.passed, finding.summary) for name, finding in found.items())


def _plain(name: str) -> str:
    return name.casefold().lstrip("0")


def _is(column: str, code: str) -> pl.Expr:
    """Return whether a column has the code, as `same` compares."""
    return pl.col(column).str.to_lowercase().str.strip_chars_start("0") == _plain(code)


def _fact(fact: Any) -> dict[str, object]:
    if fact is None:
        return {}
    return asdict(fact) if is_dataclass(fact) and not isinstance(fact, type) else {"fact": fact}
