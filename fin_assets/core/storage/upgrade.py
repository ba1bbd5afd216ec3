"""Moves the data of version 0.1 to where the present version looks for them. Nothing is copied, nothing is removed.

Version 0.1 kept a source in `raw/<source>`, with its mode in a file beside the tables, and the whole home of a live source in
`live/`. Each step can be repeated: an upgrade that was killed continues at the next start.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from fin_assets.core.storage.blobs import write_atomically

log = logging.getLogger(__name__)

LAYERS = ("raw", "staged", "quarantine", "evidence")
_MARK = "mode"
_MODES = ("sandbox", "live")


def upgrade(data: Path) -> list[str]:
    """Move what version 0.1 left in a data directory, and return the sources that were moved.

    Args:
        data: the data directory.
    """
    moved = []
    for base in (data, data / "live"):
        for mark in sorted((base / "raw").glob(f"*/{_MARK}")):
            mode = mark.read_text(encoding="utf-8").strip()
            if mode in _MODES and mark.parent.name not in _MODES:
                _move(base, data, mark.parent.name, mode)
    for mark in sorted((data / "raw").glob(f"*/*/{_MARK}")):
        # Moved, and perhaps not renamed in its manifests yet.
        source, mode = mark.parent.name, mark.parent.parent.name
        _rename(mark.parent, source, mode)
        mark.unlink()
        moved.append(source)
        log.warning("moved the data of %s to %s", source, mark.parent)
    return moved


def _move(base: Path, data: Path, source: str, mode: str) -> None:
    """Move each layer of a source; raw goes last, because its mark says that there is something to move."""
    for layer in reversed(LAYERS):
        old, new = base / layer / source, data / layer / mode / source
        if old.is_dir() and not new.exists():
            new.parent.mkdir(parents=True, exist_ok=True)
            old.rename(new)


def _rename(root: Path, source: str, mode: str) -> None:
    """Let the manifests of a source name files where they lie now."""
    for log_file in root.glob("*/*/journal.bin"):
        log_file.rename(log_file.with_name("units.log"))
    for path in root.glob("*/*/manifest.json"):
        text = path.read_text(encoding="utf-8")
        manifest = json.loads(text)
        renamed = _renamed(manifest, source, mode)
        if renamed != manifest:
            write_atomically(path, json.dumps(renamed, indent=1, ensure_ascii=False).encode())


def _renamed(value: Any, source: str, mode: str) -> Any:
    """Return a part of a manifest with the paths of files where they lie now."""
    if isinstance(value, dict):
        return {key: _renamed(part, source, mode) for key, part in value.items()}
    if isinstance(value, list):
        return [_renamed(part, source, mode) for part in value]
    if isinstance(value, str):
        for layer in LAYERS:
            if value.startswith(f"{layer}/{source}/"):
                return f"{layer}/{mode}/{value.removeprefix(f'{layer}/')}"
    return value
