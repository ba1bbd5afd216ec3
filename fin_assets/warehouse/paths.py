"""Where the warehouse lies below the data directory, and the failures that its users see. No behaviour.

marts/build.duckdb            private to the one writer: control tables, views of staged files, marts being built
marts/builds/<id>.duckdb      published builds, never changed; <id>.json beside each says what is in it
marts/current.json            the pointer: which build readers see
marts/archive/<view>/         closed months of the finest grain, compacted; read by the builds' views
marts/scratch/                files that the one writer is making
marts/writer.lock             held by the one writer
marts/dbt/                    dbt's target and logs
warehouse.duckdb              a copy of the current build, for people
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fin_assets.core.storage.blobs import Blobs, LocalBlobs

BUILDS = "marts/builds"
"""Folder of the published builds, as blobs."""

POINTER = "marts/current.json"
"""The blob that says which build is current."""

ARCHIVE = "marts/archive"
"""Folder of the compacted months, as blobs."""

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
"""The dbt project of this checkout."""


class WarehouseError(Exception):
    """The marts cannot be built, published or read; the message says what happened and what to do."""


class NothingPublished(WarehouseError):
    """No build of the marts has been published yet."""


class BuildFailed(WarehouseError):
    """A model or a test of the build failed; readers keep the previous build."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one data directory: of the files that stay on this machine, and its blobs."""

    data: Path

    @property
    def blobs(self) -> Blobs:
        """Everything that readers and other machines share: manifests, staged files, months, builds, pointer."""
        return LocalBlobs(self.data)

    @property
    def marts(self) -> Path:
        """Directory of everything but the file for people."""
        return self.data / "marts"

    @property
    def build(self) -> Path:
        """The private file that dbt builds in."""
        return self.marts / "build.duckdb"

    @property
    def scratch(self) -> Path:
        """Directory of the files that the one writer is making."""
        return self.marts / "scratch"

    @property
    def lock(self) -> Path:
        """The file lock of the one writer."""
        return self.marts / "writer.lock"

    @property
    def dbt_target(self) -> Path:
        """Where dbt keeps its parsed project and results."""
        return self.marts / "dbt" / "target"

    @property
    def dbt_logs(self) -> Path:
        """Where dbt logs."""
        return self.marts / "dbt" / "logs"

    @property
    def people(self) -> Path:
        """The file that people open."""
        return self.data / "warehouse.duckdb"
