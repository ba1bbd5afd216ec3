"""Which units a partition must have, by `Table.expected` over stored rows, and which stored units are outdated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from fin_assets.core.collection.acceptance import Situation, accepted
from fin_assets.core.collection.filters import unknown_names
from fin_assets.core.collection.row_baseline import RowBaseline
from fin_assets.core.contract.failures import CollectionFailure
from fin_assets.core.contract.manifest import Manifest, PartitionKey, PartitionState, RawUnit
from fin_assets.core.contract.source import Fetched, Nothing, NotYet, Parsed, Sibling, Source, Table, Unit
from fin_assets.core.storage.store import StagedDamaged, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a partition must have.

    Attributes:
        units: its expected units, by name.
        closed: why nothing is expected although the day is in the calendar.
        unknown: why the units are not known yet; the partition is then incomplete.
        named_at: when the pages that name the units were fetched; older pages were accepted with other facts, if any.
    """

    units: dict[str, Unit] = field(default_factory=dict)
    closed: str | None = None
    unknown: str | None = None
    named_at: datetime | None = None

    def named_after(self, fetched_at: datetime | None) -> bool:
        """Return whether the facts are newer than an answer fetched at that instant."""
        return self.named_at is not None and fetched_at is not None and fetched_at < self.named_at


class StoredSiblings:
    """The other tables of a source for one partition, as they are stored. Reads a table when it is asked for."""

    def __init__(self, source: Source, day: date, store: Store) -> None:
        self._source, self._day, self._store = source, day, store
        self._known: dict[str, Sibling] = {}
        self.named_at: datetime | None = None

    def __call__(self, table: str) -> Sibling:
        """Return what a table of the source has of the partition."""
        if table not in self._known:
            self._known[table] = self._read(table)
        return self._known[table]

    def _read(self, table: str) -> Sibling:
        manifest = self._store.manifest(PartitionKey(self._source.name, table, self._day))
        if manifest is None:
            return Sibling(state="missing", reason="was never collected")
        if manifest.state is PartitionState.CLOSED:
            return Sibling(state="closed", reason=manifest.reason or "")
        if manifest.blocked_by:
            return Sibling(state="incomplete", reason=f"is blocked by {', '.join(manifest.blocked_by)}")
        try:
            frame = self._store.read_staged(manifest) if manifest.state is PartitionState.COMPLETE else None
        except StagedDamaged as damage:
            return Sibling(state="incomplete", reason=f"cannot be read: {damage}")
        if frame is None:
            return Sibling(state="incomplete", reason=f"is {manifest.state.value}")
        fetched = [unit.fetched_at for unit in manifest.units if unit.fetched_at]
        self.named_at = max([*fetched, *([self.named_at] if self.named_at else [])], default=None)
        return Sibling(state="complete", frame=frame)


def wanted(source: Source, table: Table, day: date, *, store: Store) -> Wanted:
    """Return what a partition of a table must have; a name of a filter that no list has is a unit with a problem.

    Reads at most one manifest and one staged file of each table it needs, and the newest list for a name that is not found.
    """
    siblings = StoredSiblings(source, day, store)
    found = table.expected(day, siblings)
    if isinstance(found, NotYet):
        return Wanted(unknown=found.reason)
    unknown = unknown_names(source, table, day, siblings=siblings, store=store)
    if isinstance(found, Nothing):
        if not unknown:
            return Wanted(closed=found.reason)
        found = []
    return Wanted(units={unit.name: unit for unit in (*found, *unknown)}, named_at=siblings.named_at)


def can_have(table: Table, day: date) -> bool:
    """Return whether a partition can have anything; not where the site shows only the present. Reads nothing."""
    return not isinstance(table.expected(day, _not_read), Nothing)


def _not_read(table: str) -> Sibling:
    return Sibling(state="missing", reason=f"{table} is not read")


def nothing_to_ask(manifest: Manifest, want: Wanted) -> bool:
    """Return whether a partition is done for every unit that is expected now, by the facts that are known now."""
    known = {record.unit for record in manifest.units}
    older = any(want.named_after(record.fetched_at) for record in manifest.units)
    return manifest.state.is_done and not older and not manifest.half and known >= set(want.units)


def is_settled(source: Source, table: Table, day: date, *, store: Store) -> bool:
    """Return whether a partition needs no work: nothing to ask, not blocked, and staged by the present parser."""
    manifest = store.manifest(PartitionKey(source.name, table.name, day))
    if manifest is None or manifest.blocked_by or not nothing_to_ask(manifest, wanted(source, table, day, store=store)):
        return False
    if manifest.raw_file is not None and not store.has(manifest.raw_file):
        return False
    if manifest.state is PartitionState.CLOSED:
        return True
    staged = manifest.staged
    return staged is not None and staged.parser_version == table.parser_version and store.has(staged.file)


def outdated(table: Table, day: date, units: Iterable[RawUnit], want: Wanted, *, baseline: RowBaseline) -> list[str]:
    """Return the units whose pages were accepted with facts that have changed since, and disagree with the present ones."""
    return [
        unit.unit
        for unit in units
        if want.named_after(unit.fetched_at)
        and unit.unit in want.units
        and not _still_accepted(table, day, unit, want.units[unit.unit], baseline)
    ]


def _still_accepted(table: Table, day: date, raw: RawUnit, unit: Unit, baseline: RowBaseline) -> bool:
    fetched = Fetched.of(raw)
    try:
        now = accepted(table, unit, table.parse(fetched, unit), Situation(table, day, fetched, baseline))
    except CollectionFailure:
        # Treat as outdated; the refetch reports the error.
        return False
    return (bool(now.empty_reason), now.coverage_pct) == (bool(raw.empty_reason), raw.coverage_pct)


def parse_stored(table: Table, raw: RawUnit) -> Parsed:
    """Parse the stored bytes of a unit again, with the coverage and reasons from its acceptance.

    Raises:
        CollectionFailure: the present parser refuses the bytes.
    """
    parsed = table.parse(Fetched.of(raw), Unit(name=raw.unit))
    return replace(parsed, coverage_pct=raw.coverage_pct, empty_reason=raw.empty_reason)
