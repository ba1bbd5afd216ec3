"""Evidence of failures: the page that came, and a picture of it. Which answer is a failure is decided elsewhere."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path

from fin_assets.core.contract.failures import CollectionFailure
from fin_assets.core.contract.manifest import PartitionKey
from fin_assets.core.transport.client_pool import ClientPool

log = logging.getLogger(__name__)

MOST_PICTURES = 40
"""Screenshots in one run: each takes about half a second of the processor, and the hundredth tells nothing new."""


class Evidence:
    """Saves failing bodies. An error here is logged and never replaces the failure itself."""

    def __init__(self, pool: ClientPool, directory: Callable[[PartitionKey], Path]) -> None:
        """Take the pool that draws pictures, and where the evidence of a partition lies."""
        self._pool = pool
        self._directory = directory
        self._pictures = 0

    async def save(self, key: PartitionKey, unit: str, body: bytes) -> tuple[Path, ...]:
        """Save the body of a failing answer and return its files: the page, and its picture if one could be taken."""
        try:
            page = _new_or_same(self._directory(key), evidence_name(unit), body)
        except OSError as error:
            log.warning("evidence of %s %s could not be saved: %s", key, unit, error)
            return ()
        picture = page.with_suffix(".png")
        if picture.exists():
            return page, picture
        if self._pictures >= MOST_PICTURES or page.suffix != ".html":
            return (page,)
        self._pictures += 1
        try:
            image = await self._pool.picture(body)
            if image is None:
                return (page,)
            picture.write_bytes(image)
        except (CollectionFailure, OSError) as error:
            log.warning("no picture of %s: %s", page, error)
            return (page,)
        return page, picture


def evidence_name(unit: str) -> str:
    """Return what the names of a unit's files begin with, before the number."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", unit)[:80]


def _new_or_same(directory: Path, name: str, body: bytes) -> Path:
    """Write `<name>-<n>.<kind>` with the next free n, or return the file that holds the very same bytes already."""
    directory.mkdir(parents=True, exist_ok=True)
    kind = "json" if body.lstrip()[:1] in {b"{", b"["} else "html"
    n = 1
    while (path := directory / f"{name}-{n}.{kind}").exists():
        if path.stat().st_size == len(body) and path.read_bytes() == body:
            return path
        n += 1
    path.write_bytes(body)
    return path
