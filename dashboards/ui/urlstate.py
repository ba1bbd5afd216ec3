"""A page's choices as parameters, and their way into the query string and back.

Only choices belong here, never data: the same address shows the same choices over whatever build is current.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from typing import Any
from urllib.parse import urlencode

import panel as pn
import param


class UrlState(param.Parameterized):
    """Base of a page's state: `param.Selector`s and `param.CalendarDate`s, each named in the address as it is here."""

    def load(self, query: Mapping[str, str]) -> None:
        """Take over what an address says.

        What is none of a selector's choices, or no date written as 2026-11-20, is left at its default.
        """
        for name in self._names():
            if name not in query:
                continue
            if isinstance(self.param[name], param.CalendarDate):
                with suppress(ValueError):
                    setattr(self, name, date.fromisoformat(query[name]))
                continue
            known = {str(choice): choice for choice in self.param[name].objects}
            if query[name] in known:
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
        kinds = (param.Selector, param.CalendarDate)
        return [name for name, kind in self.param.objects(instance=False).items() if isinstance(kind, kinds)]


def request_query() -> dict[str, str]:
    """Return the query string of the request that opened this page; of a repeated key the last value."""
    return {key: values[-1].decode("utf-8", "replace") for key, values in pn.state.session_args.items() if values}
