"""Tables of rows: how columns are shown in the browser, and the files that a table can be taken home as.

A `Format` names what `static/format.js` makes of a plain value; text is escaped there, where markup is made. An area
defines its own columns and formats; code for one market does not belong here.
"""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import panel as pn
import panel_material_ui as pmui
import polars as pl
import xlsxwriter

from dashboards.ui import formats
from dashboards.ui.theme import TABLE_CSS


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """How the values of a column are shown.

    Attributes:
        js: a JavaScript expression of a function from a value that is there to markup; it escapes text from data.
        left: stands at the left, as text does.
        hint: shows the whole value under the pointer, for text that a narrow column cuts.
    """

    js: str
    left: bool = False
    hint: bool = False


TEXT = Format(js="fin.cells.text()", left=True, hint=True)
WRAPPED = Format(js="fin.cells.wrapped()", left=True)
CODE = Format(js="fin.cells.code()", left=True)
COMMAND = Format(js=f"fin.cells.command({json.dumps(formats.COMMAND)})", left=True)
"""Text with commands of the command line in it, which are set as code; it wraps."""
DATE = Format(js="fin.cells.text()", left=True)


def link(path: str) -> Format:
    """Return a link to a page of this site: `path` with the value behind it."""
    return Format(js=f"fin.cells.link({json.dumps(path)})", left=True)


def external(words: str) -> Format:
    """Return a link to the address that the value is, in a new tab; other values are shown as text."""
    return Format(js=f"fin.cells.external({json.dumps(words, ensure_ascii=False)})", left=True)


def number(shown: formats.Number, *, whole: formats.Number | None = None) -> Format:
    """Return a number; `whole` is how it is written out under the pointer."""
    return Format(js=f"fin.cells.number({shown.js},{whole.js if whole else 'null'})")


def signed(shown: formats.Number, *, whole: formats.Number | None = None) -> Format:
    """Return a number in the colour of its sign with an arrow; `whole` as in `number`."""
    return Format(js=f"fin.cells.signed({shown.js},{whole.js if whole else 'null'})")


def dotted(words: Mapping[str, str], colours: Mapping[str, str]) -> Format:
    """Return a word behind a coloured dot.

    Args:
        words: text by value; a value without one shows itself, underscores as spaces.
        colours: name of a colour of `theme.Palette` by value, with hyphens; grey without one.
    """
    return Format(js=f"fin.cells.dotted({_object(words)},{_object(colours)})", left=True)


def toned(*, up: str, down: str) -> Format:
    """Return text in the colour of rising or falling, with an arrow, if it holds one of two words."""
    return Format(js=f"fin.cells.toned({json.dumps(up)},{json.dumps(down)})", left=True)


def _object(values: Mapping[str, str]) -> str:
    return json.dumps(dict(values), ensure_ascii=False)


PARTITION_COLOURS = {
    state: state.replace("_", "-")
    for state in (
        "complete",
        "closed",
        "provisional",
        "stale",
        "incomplete",
        "blocked",
        "missing",
        "history",
        "not_due",
    )
}
"""Colours of the states of a partition."""
STATE = dotted({}, PARTITION_COLOURS)

INTEGER = number(formats.integer)
COMPACT = number(formats.compact)
DECIMAL = number(formats.decimal)
RATIO = number(formats.ratio)
PERCENT = number(formats.percent)
SIGNED = signed(formats.signed_integer)
SIGNED_PERCENT = signed(formats.signed_percent)
POINTS = signed(formats.points)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table: the frame's field, its heading, how values are shown, and its least width in pixels."""

    field: str
    title: str
    format: Format = TEXT
    width: int = 96
    grow: int = 0


def _column(column: Column) -> dict[str, Any]:
    align = "left" if column.format.left else "right"
    hint = {"tooltip": formats.javascript("fin.tooltip")} if column.format.hint else {}
    return {
        "field": column.field,
        "title": column.title,
        "hozAlign": align,
        "headerHozAlign": align,
        "minWidth": column.width,
        "widthGrow": column.grow or 1,
        "widthShrink": 0,
        "formatter": formats.javascript(f"fin.cell({column.format.js})"),
        "headerTooltip": formats.javascript("fin.headerTooltip"),
        "headerWordWrap": True,
        **hint,
    }


class Table:
    """A paged, sortable table. `show` takes a frame that has at least the columns' fields; others are left out."""

    def __init__(self, columns: Sequence[Column], *, page_size: int = 10, placeholder: str = "Nothing to show") -> None:
        self.columns = tuple(columns)
        self.frame = pl.DataFrame()
        self._page_size = page_size
        self.pane = pn.widgets.Tabulator(
            pd.DataFrame({column.field: [] for column in self.columns}),
            configuration={"placeholder": placeholder, "columns": [_column(column) for column in self.columns]},
            layout="fit_columns",
            pagination="remote",
            page_size=page_size,
            show_index=False,
            disabled=True,
            selectable=False,
            sizing_mode="stretch_width",
            stylesheets=[TABLE_CSS],
            margin=0,
        )

    def place(self) -> dict[str, str]:
        """Return `sort` (a field, behind a minus if the largest come first) and `page` where they are not the first."""
        sorters = self.pane.sorters or []
        sort = ",".join(("-" if each["dir"] == "desc" else "") + each["field"] for each in sorters)
        page = self.pane.page or 1
        return ({"sort": sort} if sort else {}) | ({"page": str(page)} if page > 1 else {})

    def go(self, place: Mapping[str, str]) -> dict[str, str]:
        """Take over `sort` and `page`, the rest as at first; return why, by name, for each that cannot be."""
        wrong: dict[str, str] = {}
        fields = [column.field for column in self.columns]
        sort = place.get("sort", "")
        sorters = [
            {"field": name.lstrip("-"), "dir": "desc" if name.startswith("-") else "asc"}
            for name in sort.split(",")
            if name
        ]
        if any(each["field"] not in fields for each in sorters):
            wrong["sort"] = f"it can be {', '.join(fields)}, behind a minus for the largest first"
            sorters = []
        last = max(1, -(-self.frame.height // self._page_size))
        page = int(place["page"]) if place.get("page", "").isdecimal() else 1
        if "page" in place and (not place["page"].isdecimal() or not 1 <= page <= last):
            wrong["page"] = f"the table has {last} page{'s' if last > 1 else ''}"
            page = 1
        if sorters != (self.pane.sorters or []):
            self.pane.sorters = sorters
        if page != (self.pane.page or 1):
            self.pane.page = page
        return wrong

    def on_place(self, told: Callable[[], None]) -> None:
        """Call a function after each change of order or page."""
        self.pane.param.watch(lambda *_: told(), ["sorters", "page"])

    def show(self, frame: pl.DataFrame) -> None:
        """Replace the rows."""
        self.frame = frame
        shown = frame.select(column.field for column in self.columns)
        dates = [name for name, kind in shown.schema.items() if kind == pl.Date]
        # pandas only at this edge: it is what the widget takes. Dates become text, so that no time zone moves them.
        self.pane.value = shown.with_columns(pl.col(dates).dt.to_string("%Y-%m-%d")).to_pandas()
        self.pane.page = 1
        # One page needs no pager, and an empty table no header: its words would stand beside a narrow screen.
        fits = "unpaged" if frame.height <= self._page_size else "paged"
        self.pane.css_classes = [fits if frame.height else "empty"]


def downloads(
    name: Callable[[], str], frame: Callable[[], pl.DataFrame], about: Callable[[], dict[str, str]]
) -> list[Any]:
    """Return the CSV and Excel buttons of a table.

    Args:
        name: file name without suffix, asked at the moment of the click.
        frame: the rows to write, all pages of them.
        about: what the Excel file's second sheet states: source, as-of date, build.
    """

    def button(label: str, suffix: str, write: Callable[[], io.BytesIO]) -> pmui.FileDownload:
        made = pmui.FileDownload(
            filename=f"table.{suffix}",
            label=label,
            auto=True,
            size="small",
            icon="download",
            margin=0,
            width=None,
            sizing_mode=None,
        )
        # Not in the constructor: there the library sets its own deprecated twins of these and warns about them.
        made.param.update(color="primary", variant="text")

        def file() -> io.BytesIO:
            # The name is taken after this returns: it belongs to the build and the choices at the moment of the click.
            made.filename = f"{name()}.{suffix}"
            return write()

        made.callback = file
        return made

    return [
        button("CSV", "csv", lambda: io.BytesIO(harmless(frame()).write_csv().encode("utf-8-sig"))),
        button("Excel", "xlsx", lambda: excel(frame(), about())),
    ]


_BEGINS_A_FORMULA = r"^[\s\u0000\u00a0\ufeff]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
"""How a text begins that spreadsheets compute: blanks before it are dropped, and wide signs count as the narrow ones."""


def harmless(frame: pl.DataFrame) -> pl.DataFrame:
    """Return rows for a CSV file: a text that a spreadsheet would compute gets an apostrophe in front; numbers stay."""
    text = pl.selectors.string() | pl.selectors.categorical() | pl.selectors.enum()
    return frame.with_columns(
        pl.when(text.cast(pl.String).str.contains(_BEGINS_A_FORMULA))
        .then("'" + text.cast(pl.String))
        .otherwise(text.cast(pl.String))
        .name.keep()
    )


_PLAIN_TEXT = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
"""Text from data stays text: a name that begins with = is no formula, an address no link, digits no number."""


def excel(frame: pl.DataFrame, about: dict[str, str]) -> io.BytesIO:
    """Return an Excel workbook: the rows with a frozen heading, and a sheet that says where they come from."""
    sink = io.BytesIO()
    with xlsxwriter.Workbook(sink, _PLAIN_TEXT) as book:
        frame.write_excel(book, worksheet="data", autofit=True, freeze_panes=(1, 0), table_style="Table Style Light 1")
        pl.DataFrame({"about": list(about), "value": list(about.values())}).write_excel(
            book, worksheet="about", autofit=True
        )
    sink.seek(0)
    return sink
