"""Making what is damaged again from what is stored: a manifest from raw files and unit log, a raw file from its whole units.

Nothing here asks a site. What cannot be made from what is stored is left for the next collection of the partition, which
then asks for that alone.
"""

from __future__ import annotations

import json
import logging

from fin_assets.core.collection.records import stored_record
from fin_assets.core.contract.manifest import Manifest, PartitionKey, PartitionState, RawUnit
from fin_assets.core.storage.store import Store

log = logging.getLogger(__name__)

_EXCLUDED = '"excluded":'


def mend_manifest(store: Store, key: PartitionKey) -> Manifest | None:
    """Return the manifest of a partition; write it again first if it is damaged.

    The newest sealed raw file that is wholly readable makes it complete, but for its staged rows: `Finalizer.restage` makes
    those. Without such a file the partition is incomplete, with the units that its unit log and its raw files still hold.
    Attempts before the damage are not known any more; exclusions are, if that part of the file can be read.

    Raises:
        PartitionBusy: another process is collecting the partition.
    """
    found = store.manifest(key)
    if found is None or found.damage is None:
        return found
    with store.open_unit_log(key) as unit_log:
        found = store.manifest(key)
        if found is None or found.damage is None:
            # Another process has written it meanwhile.
            return found
        made = _from_sealed(store, found)
        if made is None:
            for raw_file in store.generations(key).values():
                for unit in store.intact_units(raw_file)[0].values():
                    if unit.unit not in unit_log.units:
                        unit_log.append(unit)
            made = _manifest(found, list(unit_log.units.values()), excluded=_excluded(store, key))
        store.save(made)
        if made.state.is_done and not unit_log.units:
            store.drop_unit_log(key)
    log.warning("%s was made again from the stored answers: %s", store.manifest_file(key), found.damage)
    return made


def set_aside_damaged_raw(store: Store, manifest: Manifest) -> list[str]:
    """Move the whole units of a damaged raw file into the unit log, and the file out of the way; return the units lost.

    The manifest stays as it is, and so do the staged rows. The next collection of the partition asks for the lost units
    alone and seals the next generation.

    Raises:
        PartitionBusy: another process is collecting the partition.
    """
    if manifest.raw_file is None:
        return []
    with store.open_unit_log(manifest.key) as unit_log:
        whole, problem = store.intact_units(manifest.raw_file)
        for unit in whole.values():
            if unit.unit not in unit_log.units:
                unit_log.append(unit)
        if store.has(manifest.raw_file):
            store.blobs.put(f"{manifest.raw_file}.damaged", store.blobs.get(manifest.raw_file))
            store.blobs.delete(manifest.raw_file)
        lost = [record.unit for record in manifest.units if record.unit not in unit_log.units]
    log.warning("%s; %d of its units are asked for again", problem, len(lost))
    return lost


def _from_sealed(store: Store, damaged: Manifest) -> Manifest | None:
    """Return the manifest that the newest readable raw file gives, or None if there is none."""
    for generation, raw_file in sorted(store.generations(damaged.key).items(), reverse=True):
        units, problem = store.intact_units(raw_file)
        stat = store.blobs.stat(raw_file)
        if problem is None and units and stat is not None:
            made = _manifest(damaged, list(units.values()), excluded=_excluded(store, damaged.key))
            closed = next((unit.closed_reason for unit in units.values() if unit.closed_reason), None)
            older = (
                f"made again from {raw_file}: later answers are damaged" if generation < damaged.generation else None
            )
            return made.model_copy(
                update={
                    "state": PartitionState.CLOSED if closed else PartitionState.COMPLETE,
                    "reason": closed or older,
                    "raw_file": raw_file,
                    "raw_bytes": stat.size,
                    "next_retry_at": None,
                }
            )
    return None


def _manifest(damaged: Manifest, units: list[RawUnit], *, excluded: dict[str, str]) -> Manifest:
    """Return an incomplete manifest with the units that are stored."""
    arrived = sorted(unit.fetched_at for unit in units)
    return damaged.model_copy(
        update={
            "damage": None,
            "reason": f"{len(units)} units are stored; the manifest was damaged, and others are not known yet",
            "units": tuple(stored_record(unit) for unit in sorted(units, key=lambda unit: unit.unit)),
            "attempts": 1 if units else 0,
            "first_attempt_at": arrived[0] if arrived else None,
            "last_attempt_at": arrived[-1] if arrived else None,
            "seconds": round(sum(unit.seconds for unit in units), 3),
            "requests": sum(unit.attempts for unit in units),
            "excluded": excluded,
        }
    )


def _excluded(store: Store, key: PartitionKey) -> dict[str, str]:
    """Return the exclusions of a damaged manifest, if that part of it can be read: a person has made them."""
    try:
        text = store.blobs.get(store.manifest_file(key)).decode(errors="replace")
    except FileNotFoundError:
        return {}
    place = text.find(_EXCLUDED)
    if place < 0:
        return {}
    try:
        found, _ = json.JSONDecoder().raw_decode(text[place + len(_EXCLUDED) :].lstrip())
    except json.JSONDecodeError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {unit: why for unit, why in found.items() if isinstance(why, str)}
