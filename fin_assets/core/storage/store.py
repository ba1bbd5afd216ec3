"""Where raw and staged data lie, and how they get there without ever being half there.

    raw/<mode>/<source>/<table>/<day>/manifest.json              replaced atomically
    raw/<mode>/<source>/<table>/<day>/units.log                  only while the partition is incomplete
    raw/<mode>/<source>/<table>/<day>/raw-<generation>.parquet   exact bytes, one row a unit, sealed and never changed
    staged/<mode>/<source>/<table>/<day>-<sha256[:12]>.parquet   typed rows; the manifest says which file counts
    quarantine/<mode>/<source>/<table>/<day>-<sha256[:12]>.parquet
    evidence/<mode>/<source>/<table>/<day>/                      pages and screenshots of failures

The mode is sandbox or live: generated and real data of a source never meet.

Nothing here knows what a row means.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, fields
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from fin_assets.core.contract.manifest import FORMER_NAMES, Manifest, PartitionKey, RawUnit, StagedRef
from fin_assets.core.storage import unit_log
from fin_assets.core.storage.blobs import Blobs, LocalBlobs
from fin_assets.settings import Mode, Settings

_RAW_SCHEMA = pa.schema(
    [
        ("unit", pa.string()),
        ("body", pa.binary()),
        ("url", pa.string()),
        ("status", pa.int32()),
        ("content_type", pa.string()),
        ("transport", pa.string()),
        ("fetched_at", pa.timestamp("us", tz="UTC")),
        ("sha256", pa.string()),
        ("rows", pa.int32()),
        ("attempts", pa.int32()),
        ("seconds", pa.float64()),
        ("closed_reason", pa.string()),
        ("empty_reason", pa.string()),
        ("coverage_pct", pa.float64()),
    ]
)


MANIFEST = "manifest.json"
_SEALED = re.compile(r"raw-(\d+)\.parquet$")


class RawDamaged(Exception):
    """A sealed raw file does not hold what its manifest says."""


class StagedDamaged(Exception):
    """A staged file is gone, or does not hold what its manifest says."""


class Sealed(NamedTuple):
    """A sealed raw file: its path relative to the data directory, its size in bytes, and its generation."""

    file: str
    bytes: int
    generation: int


class Store:
    """The data directory of one project home."""

    def __init__(self, data: Path, modes: Mapping[str, Mode] | None = None) -> None:
        """Take the data directory and the mode of each source; sources that are not named are in sandbox mode."""
        self.data = data
        self.modes = dict(modes or {})
        self.blobs: Blobs = LocalBlobs(data)

    def place(self, source: str) -> str:
        """Return the part of every path that belongs to a source: its mode and its name."""
        return f"{self.modes.get(source, 'sandbox')}/{source}"

    def partition_dir(self, key: PartitionKey) -> Path:
        """Return the local directory of a partition: its unit log lies on the disk of the machine that collects it."""
        return self.data / self._raw(key)

    def evidence_dir(self, key: PartitionKey) -> Path:
        """Return the directory of a partition's evidence."""
        return self.data / "evidence" / self.place(key.source) / key.table / key.session.isoformat()

    def has(self, file: str) -> bool:
        """Return whether a file is there; `file` is relative to the data directory, as manifests name it."""
        return self.blobs.stat(file) is not None

    def sources(self) -> list[str]:
        """Return the sources that have raw data in their present mode, by name."""
        return sorted(
            name
            for mode in self.blobs.folders("raw")
            for name in self.blobs.folders(f"raw/{mode}")
            if self.place(name) == f"{mode}/{name}"
        )

    def manifest(self, key: PartitionKey) -> Manifest | None:
        """Return the manifest of a partition, or None if it was never tried.

        One that is damaged, or missing beside a sealed raw file, is incomplete, without units, and has its `damage`.
        """
        file = self.manifest_file(key)
        try:
            content = self.blobs.get(file)
        except FileNotFoundError:
            newest = max(self.generations(key), default=0)
            return Manifest.damaged(key, f"{self.blobs.uri(file)} is missing", generation=newest) if newest else None
        found = Manifest.read(content, key, file=self.blobs.uri(file))
        if found.damage is None:
            return found
        return found.model_copy(update={"generation": max(self.generations(key), default=0)})

    def manifest_file(self, key: PartitionKey) -> str:
        """Return the path of a partition's manifest, relative to the data directory."""
        return f"{self._raw(key)}/{MANIFEST}"

    def generations(self, key: PartitionKey) -> dict[int, str]:
        """Return the sealed raw files of a partition by generation, relative to the data directory; also of killed seals."""
        folder = f"{self._raw(key)}/"
        names = [(_SEALED.fullmatch(stat.key.removeprefix(folder)), stat.key) for stat in self.blobs.list(folder[:-1])]
        return {int(match.group(1)): file for match, file in names if match is not None}

    def manifests(
        self, source: str | None = None, table: str | None = None, *, first: date = date.min, last: date = date.max
    ) -> Iterator[Manifest]:
        """Yield every manifest of the sessions from `first` to `last`, by source, table and session; others are not read."""
        for name in [source] if source else self.sources():
            place = f"raw/{self.place(name)}"
            for each in [table] if table else self.blobs.folders(place):
                for day in self.sessions(name, each):
                    if first <= day <= last:
                        found = self.manifest(PartitionKey(name, each, day))
                        if found is not None:
                            yield found

    def save(self, manifest: Manifest) -> None:
        """Replace the manifest of a partition atomically."""
        self.blobs.put(f"{self._raw(manifest.key)}/{MANIFEST}", manifest.model_dump_json(indent=1).encode())

    def open_unit_log(self, key: PartitionKey) -> AbstractContextManager[unit_log.UnitLog]:
        """Open the unit log of a partition for this process alone; see `unit_log.opened`."""
        return unit_log.opened(self.partition_dir(key) / "units.log")

    def seal(self, key: PartitionKey, units: list[RawUnit], *, generation: int) -> Sealed:
        """Write the raw file of a complete partition, as this generation or the next that is free: none is overwritten."""
        rows = [asdict(unit) for unit in sorted(units, key=lambda unit: unit.unit)]
        sink = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows, schema=_RAW_SCHEMA), sink, compression="zstd", row_group_size=64)
        content = sink.getvalue()
        while True:
            name = f"{self._raw(key)}/raw-{generation}.parquet"
            # The same content is there if this process was killed before it could write the manifest.
            if self.blobs.put_if_absent(name, content) or self.blobs.get(name) == content:
                return Sealed(name, len(content), generation)
            generation += 1

    def drop_unit_log(self, key: PartitionKey) -> None:
        """Remove the unit log of a partition whose raw file is sealed."""
        (self.partition_dir(key) / "units.log").unlink(missing_ok=True)

    def units(self, manifest: Manifest, *, only: Collection[str] | None = None) -> list[RawUnit]:
        """Return the stored units of a partition, sealed or not yet; with `only` no others are read and checked.

        Raises:
            RawDamaged: the sealed file is gone or cannot be read, or a body does not have the checksum recorded with it.
        """
        if manifest.raw_file is None:
            found = unit_log.read(self.partition_dir(manifest.key) / "units.log").values()
            return [unit for unit in found if only is None or unit.unit in only]
        units, problem = self.intact_units(manifest.raw_file, only=only)
        done = {record.unit for record in manifest.units if record.is_done}
        lost = sorted((done if only is None else done.intersection(only)) - units.keys())
        if problem is None and lost:
            problem = f"{self.blobs.uri(manifest.raw_file)} has no answer of {', '.join(lost[:5])}"
        if problem is not None:
            again = f"fin run {manifest.source} --session {manifest.session} --refetch"
            msg = (
                f"{problem}. Ask again for what is damaged alone: fin doctor --data --mend. "
                f"Or for the whole session: {again}"
            )
            raise RawDamaged(msg)
        return list(units.values())

    def intact_units(
        self, raw_file: str, *, only: Collection[str] | None = None
    ) -> tuple[dict[str, RawUnit], str | None]:
        """Return the units of a sealed raw file that are whole, and what is wrong with the file, if anything is.

        With `only`, no others are checked.
        """
        uri = self.blobs.uri(raw_file)
        try:
            file = pq.ParquetFile(io.BytesIO(self.blobs.get(raw_file)))
        except (OSError, ValueError, pa.ArrowException) as error:
            return {}, f"{uri} cannot be read ({str(error).splitlines()[0]})"
        units: dict[str, RawUnit] = {}
        problem = None
        for group in range(file.num_row_groups):
            try:
                rows = file.read_row_group(group).to_pylist()
                found = [_unit_of(row) for row in rows]
            except (OSError, ValueError, TypeError, pa.ArrowException) as error:
                problem = f"{uri} cannot be read ({str(error).splitlines()[0]})"
                continue
            for unit in found:
                if only is not None and unit.unit not in only:
                    continue
                if hashlib.sha256(unit.body).hexdigest() == unit.sha256:
                    units[unit.unit] = unit
                else:
                    problem = f"{uri}: the body of {unit.unit} is damaged (checksum differs)"
        return units, problem

    def write_staged(
        self, key: PartitionKey, frame: pl.DataFrame, quarantine: pl.DataFrame, *, parser_version: str
    ) -> StagedRef:
        """Write the staged file of a partition under a name that its content gives, and the refused rows beside it."""
        content = parquet_bytes(frame)
        digest = hashlib.sha256(content).hexdigest()
        name = f"staged/{self.place(key.source)}/{key.table}/{key.session}-{digest[:12]}.parquet"
        there = self.blobs.stat(name)
        # The name is of the content: a file that is there and does not hold it was damaged.
        if there is None or there.size != len(content) or self.blobs.get(name) != content:
            self.blobs.put(name, content)
        first_date, last_date = _date_span(frame)
        quarantine_file = None
        if quarantine.height:
            quarantine_file = self.write_quarantine(key, quarantine)
        return StagedRef(
            file=name,
            sha256=digest,
            rows=frame.height,
            bytes=len(content),
            parser_version=parser_version,
            quarantined=quarantine.height,
            quarantine_file=quarantine_file,
            first_date=first_date,
            last_date=last_date,
        )

    def write_quarantine(self, key: PartitionKey, quarantine: pl.DataFrame) -> str:
        """Write refused rows under a name that their content gives; return its path relative to the data directory."""
        refused = parquet_bytes(quarantine)
        digest = hashlib.sha256(refused).hexdigest()
        name = f"quarantine/{self.place(key.source)}/{key.table}/{key.session}-{digest[:12]}.parquet"
        self.blobs.put(name, refused)
        return name

    def read_staged(self, manifest: Manifest) -> pl.DataFrame | None:
        """Return the staged rows of a partition, or None if it has none.

        Raises:
            StagedDamaged: the file is gone, or does not have the checksum of the manifest.
        """
        if manifest.staged is None:
            return None
        content = staged_content(self.blobs, manifest.key, manifest.staged.file, manifest.staged.sha256)
        return pl.read_parquet(io.BytesIO(content))

    def sessions(self, source: str, table: str) -> list[date]:
        """Return the sessions that have a manifest, or have lost it, ascending. Whatever else lies there is no session."""
        place = f"raw/{self.place(source)}/{table}"
        days = [day for name in self.blobs.folders(place) if (day := day_of(name)) is not None]
        return [
            day
            for day in days
            if self.blobs.stat(f"{place}/{day}/{MANIFEST}") is not None
            or self.generations(PartitionKey(source, table, day))
        ]

    def _raw(self, key: PartitionKey) -> str:
        return f"raw/{self.place(key.source)}/{key.table}/{key.session}"


def store_of(settings: Settings) -> Store:
    """Return the store of a project home."""
    return Store(settings.data, settings.modes)


def staged_content(blobs: Blobs, key: PartitionKey, file: str, sha256: str) -> bytes:
    """Return the content of a staged file.

    Raises:
        StagedDamaged: the file is gone, or has another checksum.
    """
    try:
        content = blobs.get(file)
    except FileNotFoundError:
        problem = "is missing"
    else:
        if hashlib.sha256(content).hexdigest() == sha256:
            return content
        problem = "is damaged (checksum differs)"
    remedy = f"fin reparse {key.source} --table {key.table} --from {key.session} --to {key.session}"
    msg = f"{blobs.uri(file)} {problem}. Stage it again from raw: {remedy}"
    raise StagedDamaged(msg)


def day_of(name: str) -> date | None:
    """Return the day that a folder is named after, or None."""
    try:
        day = date.fromisoformat(name)
    except ValueError:
        return None
    return day if day.isoformat() == name else None


def _unit_of(row: Mapping[str, Any]) -> RawUnit:
    # A file of before a column was added has not got it.
    names = {field.name for field in fields(RawUnit)}
    renamed = {FORMER_NAMES.get(name, name): value for name, value in row.items()}
    return RawUnit(**{name: renamed[name] for name in names & renamed.keys()})


def _date_span(frame: pl.DataFrame) -> tuple[date | None, date | None]:
    """Return the first and the last session date of staged rows; None without rows, or without such a column."""
    if "session_date" not in frame.columns or frame.is_empty():
        return None, None
    first, last = frame.select(first=pl.col("session_date").min(), last=pl.col("session_date").max()).row(0)
    return first, last


def parquet_bytes(frame: pl.DataFrame) -> bytes:
    """Return a frame as Parquet; the same frame gives the same bytes."""
    sink = io.BytesIO()
    frame.write_parquet(sink, compression="zstd", compression_level=3, statistics=True)
    return sink.getvalue()
