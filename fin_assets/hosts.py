"""Which names a server of this machine answers to, and which pages may ask it.

A page of another site can send requests to 127.0.0.1 from a reader's browser, and a name that its owner points at
127.0.0.1 makes such a page look like ours. The browser says the name in `Host` and the asking page in `Origin`: both are
compared here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
SETTING = "allowed_hosts under [servers] in fin.toml"


@dataclass(frozen=True, slots=True)
class Hosts:
    """The names of a server: this machine's own, and `more`, without ports."""

    more: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(cls, more: Iterable[str] = ()) -> Hosts:
        """Return the names of this machine and `more`."""
        # A page of this machine on another port stays foreign, also if this machine is named once more.
        return cls(frozenset(name.lower() for name in more) - LOCAL)

    def refusal(self, host: str | None, origin: str | None) -> str | None:
        """Return why a request is refused, or None.

        Args:
            host: the `Host` header: a name, with or without a port.
            origin: the `Origin` header: of a page of the same server, or None if no page is asking.
        """
        name = name_of(host)
        if name not in LOCAL | self.more:
            return f"this server does not answer to the name {name or 'none'!r}; to allow it: {SETTING}"
        if origin is None:
            return None
        asking = urlsplit(origin).netloc.lower()
        if asking != (host or "").lower() and name_of(asking) not in self.more:
            return f"a page of {origin!r} may not ask this server; to allow its host: {SETTING}"
        return None


_AUTHORITY = re.compile(r"(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::\d+)?", re.IGNORECASE | re.ASCII)


def name_of(host: str | None) -> str:
    """Return the name or address in a `Host` header or authority, without a port, in lower case; empty if unreadable."""
    found = _AUTHORITY.fullmatch(host or "")
    return (found[1] or found[2]).lower().rstrip(".") if found else ""
