"""A page's choices as parameters, and their way into the query string and back; also the order and page of its tables.

Only choices belong here, never data: the same address shows the same choices over whatever build is current.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode

import panel as pn
import param

LISTED_CHOICES = 12
"""Unit: choices. This number of them is named where a value is none of them."""


class Placed(Protocol):
    """A table whose order and page stand in the address."""

    def place(self) -> dict[str, str]:
        """Return `sort` and `page` where they are not the first."""
        ...

    def go(self, place: Mapping[str, str]) -> dict[str, str]:
        """Take over `sort` and `page`, the rest as at first; return why, by name, for each that cannot be."""
        ...

    def on_place(self, told: Any) -> None:
        """Call a function without arguments after each change of order or page."""
        ...


class UrlState(param.Parameterized):
    """Base of a page's state: `Selector`s, `CalendarDate`s and `String`s, each named in the address as it is here."""

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)  # type: ignore[no-untyped-call]
        self.rejected: dict[str, str] = {}
        self._tables: dict[str, Placed] = {}
        self._loading = False

    def load(self, query: Mapping[str, str]) -> None:
        """Take over what an address says; what it does not say is left at its default.

        What is none of a selector's choices, or no date written as 2026-11-20, is in `rejected` with the reason, and so
        is every name that the page does not know.
        """
        self.rejected = {}
        self._loading = True
        try:
            self._load_choices(query)
            self._load_tables(query)
        finally:
            self._loading = False
        self._reject_unknown(query)

    def _load_choices(self, query: Mapping[str, str]) -> None:
        values = {name: self.param[name].default for name in self._names()}
        for name in values.keys() & query.keys():
            try:
                values[name] = self._read(name, query[name])
            except ValueError as reason:
                self.rejected[name] = str(reason)
        self.param.update(**values)

    def _load_tables(self, query: Mapping[str, str]) -> None:
        for key, table in self._tables.items():
            place = {name: query[key + name] for name in ("sort", "page") if key + name in query}
            self.rejected |= {key + name: why for name, why in table.go(place).items()}

    def hold(self, tables: Mapping[str, Placed], query: Mapping[str, str]) -> None:
        """Keep the order and page of tables in the address too, and take over what it says of them.

        Args:
            tables: by key; that of the page's main table is empty, another's stands before `.sort` and `.page`.
            query: of the address.
        """
        self._tables = {f"{key}." if key else "": table for key, table in tables.items()}
        self.rejected = {name: why for name, why in self.rejected.items() if name in self._names()}
        self._load_tables(query)
        self._reject_unknown(query)

    def _reject_unknown(self, query: Mapping[str, str]) -> None:
        known = [*self._names(), *(key + name for key in self._tables for name in ("sort", "page"))]
        for name in query.keys() - set(known):
            self.rejected[name] = f"this page knows {_listed(known)}" if known else "this page has no choices"

    def query(self) -> dict[str, str]:
        """Return the choices that differ from their defaults."""
        chosen = {
            name: str(getattr(self, name)) for name in self._names() if getattr(self, name) != self.param[name].default
        }
        places = {key + name: value for key, table in self._tables.items() for name, value in table.place().items()}
        return chosen | places

    def bind_location(self) -> None:
        """Keep the address of the reader's page equal to the choices, and the choices to the address (Back)."""
        location = pn.state.location
        if location is None:
            return

        def write(*_events: Any) -> None:
            query = self.query()
            if not self._loading:
                location.search = f"?{urlencode(query)}" if query else ""

        def read(event: Any) -> None:
            query = dict(parse_qsl((event.new or "").lstrip("?")))
            if query != self.query():
                self.load(query)

        self.param.watch(write, self._names())
        for table in self._tables.values():
            table.on_place(write)
        location.param.watch(read, "search")

    def _read(self, name: str, text: str) -> Any:
        kind = self.param[name]
        if isinstance(kind, param.CalendarDate):
            try:
                return date.fromisoformat(text)
            except ValueError as error:
                msg = "a day is written as 2026-11-20"
                raise ValueError(msg) from error
        if isinstance(kind, param.String):
            return text
        known = {str(choice): choice for choice in kind.objects}
        if text not in known:
            msg = f"it can be {_listed(list(known))}"
            raise ValueError(msg)
        return known[text]

    def _names(self) -> list[str]:
        kinds = (param.Selector, param.CalendarDate, param.String)
        return [
            name
            for name, kind in self.param.objects(instance=False).items()
            if isinstance(kind, kinds) and name != "name"
        ]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:LISTED_CHOICES]) + (" …" if len(names) > LISTED_CHOICES else "")


def request_query() -> dict[str, str]:
    """Return the query string of the request that opened this page; of a repeated key the last value."""
    return {key: values[-1].decode("utf-8", "replace") for key, values in pn.state.session_args.items() if values}
