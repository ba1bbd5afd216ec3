"""The protocol by which a source's `fetch.py` reaches its site. Implementations are in `core.transport`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from fin_assets.core.contract.failures import CollectionFailure
from fin_assets.core.contract.source import Fetched

Guard = Callable[[Fetched], None]
"""Raises a CollectionFailure if the answer is not the site's own content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Where a unit stands when its fetch is called.

    Attributes:
        number: 1 for the first request.
        previous: the failure of the request before.
        last: no further request is allowed if this one fails in the same way: the time for the slow and certain way.
    """

    number: int = 1
    previous: CollectionFailure | None = None
    last: bool = False


class Client(Protocol):
    """One visitor of a site, with its cookies.

    Attributes:
        state: the source's own memory of this visitor (form state, tokens). It lives as long as the cookies do.
        attempt: where the current unit stands.
    """

    state: dict[str, Any]
    attempt: Attempt

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None, guard: Guard | None = None) -> Fetched:
        """Ask for an address; redirects are followed.

        Args:
            url: absolute address; of an inbox, the name of a file in it.
            headers: further request headers.
            guard: says whether a body is the site's own content; see `transport.responses.judge` for its rank beside the status.

        Raises:
            CollectionFailure: no answer, not a whole one, a refusing status, or what the guard raised.
        """
        ...
