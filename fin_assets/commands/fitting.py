"""A console whose tables are readable at any width: one that does not fit is printed as a line for each row."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from fin_assets.core.contract.plain_text import printable

_NUMBER = re.compile(r"[\d,.]+")
_UNBOUNDED = 10_000


class PlainConsole(Console):
    """Shows text as it is: most of it holds words of sites, files and people, which are no markup and no control sequence."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a text as Rich does; made printable first, because an escape is wider than its character."""
        return super().render_str(printable(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Return the segments of something, as Rich does, without characters that steer a terminal."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)


class FittingConsole(PlainConsole):
    """Prints a table as lines where its columns would be cut. A table with a column that folds is made to wrap, and stays."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as `Console.print` does."""
        super().print(*(self._fitted(each) if isinstance(each, Table) else each for each in objects), **options)

    def _fitted(self, table: Table) -> Table | Group:
        if any(column.overflow == "fold" for column in table.columns):
            return table
        wanted = Measurement.get(self, self.options.update(max_width=_UNBOUNDED), table).maximum
        return table if wanted <= self.width else self._as_lines(table)

    def _as_lines(self, table: Table) -> Group:
        """Return the title and a line for each row: its first cell, then the others that say something with their heading."""
        heads = [str(column.header) for column in table.columns]
        lines = [Text(str(table.title), style="italic")] if table.title else []
        for cells in zip(*(column.cells for column in table.columns), strict=True):
            texts = [self.render_str(cell) if isinstance(cell, str) else Text(str(cell)) for cell in cells]
            parts = [_named(head, text.plain.strip()) for head, text in zip(heads[1:], texts[1:], strict=True)]
            lines.append(Text.assemble((texts[0].plain, "bold"), ": ", ", ".join(part for part in parts if part)))
        return Group(*lines)


def _named(head: str, value: str) -> str:
    """Return a cell with its heading; empty for one that says nothing."""
    if value in {"", "0", "-"}:
        return ""
    return f"{value} {head}".rstrip() if _NUMBER.fullmatch(value) else f"{head} {value}".lstrip()
