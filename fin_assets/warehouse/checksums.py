"""Size and checksum of a file against what was recorded when it was written."""

from __future__ import annotations

import hashlib
from pathlib import Path


def sha256(path: Path) -> str:
    """Return the checksum of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def difference(path: Path, *, size: int, checksum: str) -> str | None:
    """Return what is wrong with a file, or None; of one without a recorded checksum only whether it is missing.

    Args:
        path: of the file.
        size: in bytes.
        checksum: as `sha256` gives it, or empty.
    """
    try:
        found = path.stat().st_size
    except FileNotFoundError:
        return f"{path} is missing"
    if checksum and found != size:
        return f"{path} has {found:,} bytes instead of {size:,}"
    return f"{path} is damaged (checksum differs)" if checksum and sha256(path) != checksum else None
