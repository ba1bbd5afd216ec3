"""Leaving a wrong answer out of the staged rows, with a reason, and taking it back in. The stored bytes stay as they are."""

from __future__ import annotations

from fin_assets.core.collection.finalize import Finalizer, SessionResult
from fin_assets.core.collection.recovery import mend_manifest
from fin_assets.core.contract.manifest import Manifest, PartitionKey, PartitionState


class NothingToExclude(Exception):
    """The partition is not complete, or has no such unit; the message names its units."""


def exclude(finalizer: Finalizer, key: PartitionKey, unit: str, *, reason: str) -> SessionResult:
    """Stage a partition without one of its units. The result is as if the unit had never been fetched.

    Args:
        finalizer: of the table.
        key: the partition.
        unit: name of the unit.
        reason: for people; it stands in the manifest.

    Raises:
        NothingToExclude: the partition is not complete, or has no such unit.
    """
    manifest = _complete(finalizer, key)
    known = [record.unit for record in manifest.units]
    if unit not in known:
        msg = f"{key} has no unit {unit!r}; it has {', '.join(known[:10])}{', ...' if len(known) > len(known[:10]) else ''}"
        raise NothingToExclude(msg)
    return _restaged(finalizer, manifest, manifest.excluded | {unit: reason})


def include(finalizer: Finalizer, key: PartitionKey, unit: str) -> SessionResult:
    """Take an excluded unit back into the staged rows. Raises as `exclude`."""
    manifest = _complete(finalizer, key)
    if unit not in manifest.excluded:
        msg = f"{unit!r} of {key} is not excluded; excluded are: {', '.join(manifest.excluded) or 'none'}"
        raise NothingToExclude(msg)
    return _restaged(finalizer, manifest, {name: why for name, why in manifest.excluded.items() if name != unit})


def _complete(finalizer: Finalizer, key: PartitionKey) -> Manifest:
    manifest = mend_manifest(finalizer.store, key)
    if manifest is None or manifest.state is not PartitionState.COMPLETE:
        state = "was never collected" if manifest is None else f"is {manifest.state.value}"
        msg = f"{key} {state}: only answers of a complete partition can be excluded"
        raise NothingToExclude(msg)
    return manifest


def _restaged(finalizer: Finalizer, manifest: Manifest, excluded: dict[str, str]) -> SessionResult:
    return finalizer.restage(manifest.model_copy(update={"excluded": excluded}), force=True)
