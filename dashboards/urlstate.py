"""A page's choices as parameters, and their way into the query string and back.

Only choices belong here, never data: the same address shows the same choices over whatever build is current.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import panel as pn
import param


class UrlState(param.Parameterized):
    """Base of a page's state: `param.Selector`s, each named in the address as it is here."""

    def load(self, query: Mapping[str, str]) -> None:
        """Take over what an address says. A value that is none of a parameter's choices is left at its default."""
        for name in self._names():
            known = {str(choice): choice for choice in self.param[name].objects}
            if query.get(name) in known:
                setattr(self, name, known[query[name]])

    def query(self) -> dict[str, str]:
        """Return the choices that differ from their defaults."""
        return {
            name: str(getattr(self, name)) for name in self._names() if getattr(self, name) != self.param[name].default
        }

    def bind_location(self) -> None:
        """Keep the address of the reader's page equal to the choices."""

        def write(*_events: Any) -> None:
            if pn.state.location is not None:
                query = self.query()
                pn.state.location.search = f"?{urlencode(query)}" if query else ""

        self.param.watch(write, self._names())

    def _names(self) -> list[str]:
        return [name for name, kind in self.param.objects(instance=False).items() if isinstance(kind, param.Selector)]


def request_query() -> dict[str, str]:
    """Return the query string of the request that opened this page; of a repeated key the last value."""
    return {key: values[-1].decode("utf-8", "replace") for key, values in pn.state.session_args.items() if values}
