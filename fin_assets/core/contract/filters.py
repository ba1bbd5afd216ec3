"""Names in the settings that choose what is collected, such as a watchlist. A name that no list has is a failure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Where the names of a filter are listed.

    Attributes:
        table: of the same source; it belongs into `Table.needs` of the table with the filter.
        column: of its staged rows.
    """

    table: str
    column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Names in the settings that choose the units of a table.

    Attributes:
        setting: the key in the section of the source.
        names: as the settings have them; empty for a filter that is not used.
        listed: the list that must have each name; None if only the site knows the names: each is then a unit of its own, and
            one that the site does not know fails with a remedy that names the setting.
        leaves_out: the names are not collected. One that no list has is harmless; `fin doctor` names it.
    """

    setting: str
    names: Collection[str]
    listed: Listed | None = None
    leaves_out: bool = False

    def where(self, source: str) -> str:
        """Return the place of the setting, for messages."""
        return f"{self.setting} under [sources.{source}] in fin.toml"
