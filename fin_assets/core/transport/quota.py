"""Requests that a site allows a day, counted across runs and processes. Knows no transport; the count is a small file."""

from __future__ import annotations

import json
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from filelock import FileLock

from fin_assets import clock
from fin_assets.core.contract.failures import QuotaSpent
from fin_assets.core.storage.blobs import write_atomically

LOCK_SECONDS = 10.0
"""Seconds. Counting takes milliseconds; a lock that is held longer belongs to a process that hangs."""


class DailyQuota:
    """The quota of one site.

    Args:
        path: file of the count, made when it is needed; a lock file lies beside it.
        per_day: requests from midnight to midnight.
        timezone: IANA name of the zone of that midnight.
        site: name for messages.
    """

    def __init__(self, path: Path, *, per_day: int, timezone: str, site: str) -> None:
        self._path, self._per_day, self._site = path, per_day, site
        self._zone = ZoneInfo(timezone)

    def left(self) -> int:
        """Return how many requests are left today."""
        return max(self._per_day - self._used(), 0)

    def take(self) -> None:
        """Count one request, on disk before it is sent: a killed run has spent it too.

        Raises:
            QuotaSpent: none is left; it says when there are new ones.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self._path}.lock", timeout=LOCK_SECONDS):
            used = self._used()
            if used >= self._per_day:
                raise self._spent()
            write_atomically(self._path, json.dumps({"day": self._today(), "used": used + 1}).encode())

    def damage(self) -> str | None:
        """Return why the count cannot be read, or None. A damaged count is taken for spent until the next midnight."""
        return f"{self._path} cannot be read" if self._path.exists() and self._count() is None else None

    def _spent(self) -> QuotaSpent:
        renewed = datetime.combine(clock.now().astimezone(self._zone).date() + timedelta(days=1), time(), self._zone)
        msg = (
            f"{self._site} allows {self._per_day} requests a day, and all are spent: "
            f"new ones from {renewed:%Y-%m-%d %H:%M %Z} on"
        )
        return QuotaSpent(msg, retry_after=renewed - clock.now())

    def _used(self) -> int:
        if not self._path.exists():
            return 0
        count = self._count()
        if count is None:
            # A damaged count must not allow a second quota: it is taken for spent until the next midnight.
            count = (self._today(), self._per_day)
            write_atomically(self._path, json.dumps({"day": count[0], "used": count[1]}).encode())
        return count[1] if count[0] == self._today() else 0

    def _count(self) -> tuple[str, int] | None:
        """Return the day of the count and the requests of that day, or None if they cannot be read."""
        try:
            count = json.loads(self._path.read_text(encoding="utf-8"))
            return str(count["day"]), int(count["used"])
        except (ValueError, KeyError, TypeError):
            return None

    def _today(self) -> str:
        return clock.now().astimezone(self._zone).date().isoformat()
