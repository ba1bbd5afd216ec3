"""Looks at everything that is stored of a partition, byte by byte, and says what is damaged. Changes nothing.

One partition at a time is in memory: ten years of manifests are some gigabytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from fin_assets.core.contract.manifest import Manifest, PartitionKey
from fin_assets.core.storage import unit_log
from fin_assets.core.storage.store import RawDamaged, StagedDamaged, Store

Kind = Literal["manifest", "unit log", "raw", "staged"]


@dataclass(frozen=True, slots=True)
class Damage:
    """A damaged file of a partition; `problem` names it."""

    key: PartitionKey
    kind: Kind
    problem: str


@dataclass(slots=True)
class Orphans:
    """Files that no manifest names: left by killed processes, or of former parsers. They do no harm."""

    count: int = 0
    bytes: int = 0


def partitions(store: Store) -> Iterator[PartitionKey]:
    """Yield every partition of the present modes that has a manifest, or has lost it."""
    for source in store.sources():
        for table in store.blobs.folders(f"raw/{store.place(source)}"):
            for session in store.sessions(source, table):
                yield PartitionKey(source, table, session)


def damages(store: Store, key: PartitionKey) -> tuple[list[Damage], str | None]:
    """Return what is damaged of a partition, and its staged file. Reads manifest, raw file, unit log and staged file wholly."""
    found: list[Damage] = []
    path = store.partition_dir(key) / "units.log"
    if records := unit_log.damaged_records(path):
        found.append(Damage(key, "unit log", f"{path}: {records} of its records cannot be read"))
    manifest = store.manifest(key)
    if manifest is None:
        return found, None
    if manifest.damage is not None:
        return [*found, Damage(key, "manifest", manifest.damage)], None
    if (problem := _raw_problem(store, manifest)) is not None:
        found.append(Damage(key, "raw", problem))
    try:
        store.read_staged(manifest)
    except StagedDamaged as damage:
        found.append(Damage(key, "staged", str(damage)))
    else:
        refused = manifest.staged.quarantine_file if manifest.staged else None
        if refused is not None and not store.has(refused):
            found.append(Damage(key, "staged", f"{store.blobs.uri(refused)}, which has its refused rows, is missing"))
    return found, manifest.staged.file if manifest.staged else None


def orphans(store: Store, named: set[str]) -> Orphans:
    """Count the staged files that are not among those that manifests name."""
    found = Orphans()
    for source in store.sources():
        place = store.place(source)
        for table in store.blobs.folders(f"staged/{place}"):
            for stat in store.blobs.list(f"staged/{place}/{table}"):
                if stat.key not in named:
                    found.count += 1
                    found.bytes += stat.size
    return found


def _raw_problem(store: Store, manifest: Manifest) -> str | None:
    if manifest.raw_file is None:
        return None
    try:
        units = {unit.unit: unit.sha256 for unit in store.units(manifest)}
    except RawDamaged as damage:
        return str(damage)
    other = [unit.unit for unit in manifest.units if unit.sha256 and units.get(unit.unit) != unit.sha256]
    file = store.blobs.uri(manifest.raw_file)
    return f"{file} has other answers of {', '.join(other[:5])} than its manifest says" if other else None
