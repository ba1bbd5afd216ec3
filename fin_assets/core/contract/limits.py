"""What an answer may be before it is read; who enforces it is `core.transport.limits`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an answer may be at most before it is read.

    Attributes:
        body_bytes: its size, decompressed. The largest recorded page has 1.3 MB.
        nesting: elements of a page, or brackets of JSON, inside one another. Recorded pages have 18; browsers stop at 512.
        parse_timeout: time for reading it. A large page takes a tenth of a second.
    """

    body_bytes: int = 32 << 20
    nesting: int = 256
    parse_timeout: timedelta = timedelta(seconds=20)
