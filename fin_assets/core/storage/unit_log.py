"""The append-only file that holds a partition's units while it is being collected.

It survives `kill -9` at any moment: a record counts only if it is whole (length and CRC), and a torn tail is cut off
when the file is opened again. A damaged record costs itself alone: those behind it still count. Once a partition is
complete the store seals it into one raw file and removes this one.
"""

from __future__ import annotations

import fcntl
import json
import logging
import mmap
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from fin_assets.core.contract.manifest import FORMER_NAMES, RawUnit

log = logging.getLogger(__name__)

MAGIC = b"FJ01"
_HEAD = struct.Struct("<4sIII")  # magic, length of the JSON, length of the body, CRC-32 of both


class PartitionBusy(Exception):
    """Another process is collecting this partition."""


class UnitLog:
    """Units of one partition, safely stored one by one. Open it with `opened`."""

    def __init__(self, file: BinaryIO, units: dict[str, RawUnit]) -> None:
        self._file = file
        self.units = units

    def append(self, unit: RawUnit) -> None:
        """Store a unit; on return it is on disk. A second record of a unit replaces the first."""
        header = asdict(unit)
        body = header.pop("body")
        header["fetched_at"] = unit.fetched_at.isoformat()
        self._write(header, body)
        self.units[unit.unit] = unit

    def retract(self, unit: str) -> None:
        """Take a unit back that a later look found wrong; it will be asked for again."""
        self._write({"unit": unit, "retracted": True}, b"")
        self.units.pop(unit, None)

    def _write(self, header: dict[str, Any], body: bytes) -> None:
        text = json.dumps(header, sort_keys=True).encode()
        self._file.write(_HEAD.pack(MAGIC, len(text), len(body), zlib.crc32(body, zlib.crc32(text))))
        self._file.write(text)
        self._file.write(body)
        self._file.flush()
        os.fsync(self._file.fileno())


@contextmanager
def opened(path: Path) -> Iterator[UnitLog]:
    """Open or create a unit log for this process alone, with its complete records.

    Raises:
        PartitionBusy: another process has it open.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path) as file:
        units, whole, damaged = _read(file)
        if damaged:
            log.warning("%s: %d damaged records are left out; their units are asked for again", path, damaged)
        file.truncate(whole)
        file.seek(0, os.SEEK_END)
        yield UnitLog(file, units)


def _locked(path: Path) -> BinaryIO:
    while True:
        file = path.open("a+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The holder may have removed the file between open and lock: writes would then go to a deleted file.
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except BlockingIOError as error:
            file.close()
            partition = f"{path.parent.name} of {path.parent.parent.name}"
            msg = f"{partition} is being collected by another process: wait for it, or stop it"
            raise PartitionBusy(msg) from error
        except FileNotFoundError:
            # Removed between the two looks at it: opened again below, under a new inode.
            pass
        file.close()


def read(path: Path) -> dict[str, RawUnit]:
    """Return the whole records of a unit log without changing it; empty if there is none."""
    if not path.exists():
        return {}
    with path.open("rb") as file:
        return _read(file)[0]


def damaged_records(path: Path) -> int:
    """Return how many places of a unit log before its last whole record cannot be read; a torn tail is none."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        return _read(file)[2]


def rewrite(path: Path) -> None:
    """Write a unit log again with its whole records alone.

    Raises:
        PartitionBusy: another process has it open.
    """
    with opened(path) as damaged:
        made = path.with_name(f".{path.name}.tmp")
        with made.open("wb") as file:
            fresh = UnitLog(file, {})
            for unit in damaged.units.values():
                fresh.append(unit)
        made.replace(path)


def _read(file: BinaryIO) -> tuple[dict[str, RawUnit], int, int]:
    """Return the units, the offset behind the last whole record, and how many damaged places lie before it."""
    units: dict[str, RawUnit] = {}
    at = whole = damaged = 0
    while (start := _next_magic(file, at)) is not None:
        record = _record(file, start)
        if record is None:
            at = start + 1
            continue
        # What lies behind the last whole record is a torn tail, and no damage.
        damaged += start != whole
        header, body = record
        at = whole = file.tell()
        if header.get("retracted"):
            units.pop(header["unit"], None)
            continue
        header["fetched_at"] = datetime.fromisoformat(header["fetched_at"])
        units[header["unit"]] = RawUnit(
            body=body, **{FORMER_NAMES.get(name, name): value for name, value in header.items()}
        )
    return units, whole, damaged


def _record(file: BinaryIO, start: int) -> tuple[dict[str, Any], bytes] | None:
    """Return the record that begins at an offset, or None if it is not whole."""
    file.seek(start)
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    _, text_length, body_length, crc = _HEAD.unpack(head)
    text, body = file.read(text_length), file.read(body_length)
    if len(text) != text_length or len(body) != body_length or zlib.crc32(body, zlib.crc32(text)) != crc:
        return None
    header: dict[str, Any] = json.loads(text)
    return header, body


def _next_magic(file: BinaryIO, at: int) -> int | None:
    """Return the offset at or behind `at` where a record may begin, or None."""
    file.seek(at)
    if file.read(len(MAGIC)) == MAGIC:
        return at
    if os.fstat(file.fileno()).st_size <= at:
        return None
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = content.find(MAGIC, at)
    return None if found < 0 else found
