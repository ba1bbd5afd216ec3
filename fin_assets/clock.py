"""The one place that reads the clock.

Tests and reproducible runs freeze it with the environment variable `FIN_CLOCK`, an ISO 8601 instant with offset.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

ENV = "FIN_CLOCK"


def now() -> datetime:
    """Return the current instant, aware, in UTC.

    Raises:
        ValueError: `FIN_CLOCK` is set and is not an ISO 8601 instant with an offset.
    """
    frozen = os.environ.get(ENV)
    if not frozen:
        return datetime.now(UTC)
    try:
        instant = datetime.fromisoformat(frozen)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        said = "is no instant" if instant is None else "has no offset"
        msg = f"{ENV}={frozen!r} {said}: write it as 2026-11-21T00:00:00+00:00, or unset it"
        raise ValueError(msg)
    return instant.astimezone(UTC)


def today(timezone: str) -> date:
    """Return the calendar date that it is now in `timezone` (IANA name)."""
    return now().astimezone(ZoneInfo(timezone)).date()
