"""Whether a build could find something to do, without opening the build file or reading a manifest.

A build that finds nothing to do still costs seconds and some hundred events. What is asked here costs a look at the names and
times of the manifests, and the calendars.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from fin_assets.core.contract.source import Source
from fin_assets.warehouse import manifests
from fin_assets.warehouse.dbt import project_hash
from fin_assets.warehouse.paths import Layout, WarehouseError
from fin_assets.warehouse.publish import current_id

LOOKED = "marts/looked.json"
"""The blob that says of which inputs the marts are known to be the outcome."""


class _Looked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    stamp: str
    build: str


def stamp(layout: Layout, *, project: Path, sources: Sequence[Source], modes: Mapping[str, str]) -> str:
    """Return a hash that changes whenever a build could find something to do.

    Args:
        layout: of the data directory.
        project: the dbt project.
        sources: those that were discovered.
        modes: the mode of each source that is not in sandbox mode.
    """
    places = manifests.places(layout.blobs, sources, modes)
    found = manifests.stamps(layout.blobs, places)
    digest = hashlib.sha256(f"{project_hash(project)} {layout.data.resolve()} {sorted(found.items())}".encode())
    for frame in (manifests.expected(sources, set(found)), manifests.declared(sources, set(found), modes)):
        digest.update(frame.hash_rows().to_numpy().tobytes())
    return digest.hexdigest()


def are_known(layout: Layout, now: str) -> bool:
    """Return whether the build that readers see is the outcome of these inputs."""
    try:
        looked = _Looked.model_validate_json(layout.blobs.get(LOOKED))
        return looked.stamp == now and looked.build == current_id(layout)
    except (FileNotFoundError, ValidationError, WarehouseError):
        # Damaged or not there: then a build is what makes it again.
        return False


def remember(layout: Layout, before: str, build: str) -> None:
    """Record that a build is the outcome of the inputs that were there before it began."""
    layout.blobs.put(LOOKED, _Looked(stamp=before, build=build).model_dump_json().encode())
