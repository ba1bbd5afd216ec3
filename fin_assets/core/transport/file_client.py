"""An inbox: a directory into which files are put. A unit is the content of a file, named by its SHA-256.

The day on which a content is first seen is its arrival, and stays so: the index remembers it, also when the file is moved
away or put in again under another name. Files are read, never changed or removed.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Self

from filelock import FileLock
from pydantic import TypeAdapter, ValidationError

from fin_assets import clock
from fin_assets.core.contract.client import Guard
from fin_assets.core.contract.failures import MissingPanel, NetworkFailure
from fin_assets.core.contract.site import Site
from fin_assets.core.contract.source import Expected, Fetched, Nothing, Siblings, Unit
from fin_assets.core.storage.blobs import write_atomically
from fin_assets.core.transport.client_pool import Answer, ClientPool, SiteClient
from fin_assets.core.transport.limits import require_size

log = logging.getLogger(__name__)

LOCK_SECONDS = 60.0
"""Seconds. A scan reads each new file once."""

_BLOCK = 1 << 20
_INDEX = TypeAdapter(dict[str, Any])


class FileGone(MissingPanel):
    """A file was seen in the inbox and is not there any more."""

    kind = "file_gone"
    remedy = "put the file into the inbox again, under any name, then: fin heal"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One content that was seen in an inbox: the name of its file and the day of its arrival."""

    sha256: str
    name: str
    day: date


class Inbox:
    """One directory of files and the index of what arrived in it.

    Args:
        directory: where files are put; it need not exist yet. Names that begin with a dot are left out.
        index: the index file; made when it is needed.
        timezone: IANA name of the zone of an arrival's day.
    """

    def __init__(self, directory: Path, *, index: Path, timezone: str) -> None:
        self.directory, self._index, self._timezone = directory, index, timezone

    def scan(self) -> list[Arrival]:
        """Note what has arrived since the last scan, and return all arrivals by day and name."""
        self._index.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self._index}.lock", timeout=LOCK_SECONDS):
            known = self._read()
            stamps: dict[str, list[Any]] = known.get("files", {})
            arrivals: dict[str, dict[str, str]] = known.get("arrivals", {})
            present: dict[str, list[Any]] = {}
            for path in sorted(self.directory.glob("*")):
                if not path.is_file() or path.name.startswith("."):
                    continue
                try:
                    stat = path.stat()
                    stamp = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
                    before = stamps.get(path.name)
                    sha256 = str(before[1]) if before and before[0] == stamp else _hash(path)
                except FileNotFoundError:
                    # Moved away while it was looked at: it has not arrived.
                    continue
                present[path.name] = [stamp, sha256]
                arrivals.setdefault(sha256, {"name": path.name, "day": clock.today(self._timezone).isoformat()})
            found = {"files": present, "arrivals": arrivals}
            if found != known:
                write_atomically(self._index, json.dumps(found, indent=1, sort_keys=True).encode())
        return _sorted(arrivals)

    def arrived(self, day: date) -> list[Arrival]:
        """Return what arrived on a day. The inbox is looked at first, whichever day that is.

        A day that is collected once it is over would otherwise never find anything, and a file that was put back would stay
        lost to the day of its arrival.
        """
        return [arrival for arrival in self.scan() if arrival.day == day]

    def name_of(self, sha256: str) -> str | None:
        """Return the name that the file of a content had when it arrived, or None if it never did."""
        arrival = self._read().get("arrivals", {}).get(sha256)
        return None if arrival is None else str(arrival["name"])

    def path_of(self, sha256: str) -> Path | None:
        """Return the file that now holds a content, or None."""
        for name, (_stamp, held) in sorted(self._read().get("files", {}).items()):
            path: Path = self.directory / name
            if held == sha256 and path.is_file():
                return path
        return None

    def _read(self) -> dict[str, Any]:
        try:
            content: dict[str, Any] = _INDEX.validate_json(self._index.read_bytes())
        except FileNotFoundError:
            return {}
        except ValidationError:
            # What lies in the inbox has arrived today then; days that were collected keep what they have.
            aside = self._index.with_suffix(".damaged")
            self._index.replace(aside)
            log.warning("%s cannot be read and was moved to %s: it is made again", self._index, aside)
            return {}
        return content


def inbox_of(site: Site, data: Path) -> Inbox:
    """Return the inbox of a site; its index lies in the data directory."""
    index = data / "inbox" / f"{site.name}-{site.mode}.json"
    return Inbox(Path(site.base_url), index=index, timezone=site.quota_timezone)


def arrivals(inbox: Inbox) -> Callable[[date, Siblings], Expected]:
    """Return the `Table.expected` of an inbox: a unit for each content that arrived on the day; its fact is the Arrival."""

    def expected(day: date, _siblings: Siblings) -> Expected:
        units = [Unit(name=arrival.sha256, fact=arrival) for arrival in inbox.arrived(day)]
        return units or Nothing(f"no file arrived in {inbox.directory} on {day}")

    return expected


class FileClient(SiteClient):
    """Reads files of an inbox."""

    def __init__(self, pool: FilePool) -> None:
        super().__init__(pool)
        self._inbox = pool.inbox

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None, guard: Guard | None = None) -> Fetched:
        """Return the content with the SHA-256 `url`.

        Raises:
            FileGone: no file of the inbox holds it any more.
            OverLimit: the file is too large.
            NetworkFailure: the file cannot be read.
        """
        del headers

        async def answer() -> Answer:
            return await asyncio.to_thread(self._content, url), {}

        return await self._judged(f"inbox://{url}", answer, guard, transport="file")

    def _content(self, sha256: str) -> Fetched:
        path = self._inbox.path_of(sha256)
        if path is None:
            name = self._inbox.name_of(sha256) or "a file"
            msg = f"{name} is gone: no file of {self._inbox.directory} has the content {sha256[:12]} any more"
            raise FileGone(msg)
        try:
            require_size(path.stat().st_size, str(path), self._site.limits)
            body = path.read_bytes()
        except OSError as error:
            raise NetworkFailure(f"{path} cannot be read: {error.strerror}") from error
        if hashlib.sha256(body).hexdigest() != sha256:
            raise FileGone(f"{path} changed while it was read")
        return Fetched(body=body, url=path.name, status=200, content_type="", transport="file")

    async def forget(self) -> None:
        """Forget the state; an inbox knows no visitors."""
        self.state.clear()


class FilePool(ClientPool):
    """Clients of one inbox; `workers` and the rest as in `ClientPool`."""

    def __init__(self, inbox: Inbox, **common: Any) -> None:
        super().__init__(**common)
        self.inbox = inbox

    async def __aenter__(self) -> Self:
        """Nothing to open."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to close."""

    @asynccontextmanager
    async def client(self) -> AsyncIterator[FileClient]:
        """Lend a client."""
        yield FileClient(self)


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _sorted(arrivals_by_hash: Mapping[str, Mapping[str, str]]) -> list[Arrival]:
    found = [
        Arrival(sha256, arrival["name"], date.fromisoformat(arrival["day"]))
        for sha256, arrival in arrivals_by_hash.items()
    ]
    return sorted(found, key=lambda arrival: (arrival.day, arrival.name, arrival.sha256))
