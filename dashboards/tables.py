"""Tables of rows: how columns are shown in the browser, and the files that a table can be taken home as.

Markup of cells is made in the browser from plain values; text is escaped there.
"""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
import panel as pn
import panel_material_ui as pmui
import polars as pl
import xlsxwriter

from dashboards import formats
from dashboards.theme import TABLE_CSS

Kind = Literal[
    "text",
    "wrapped",
    "code",
    "name",
    "date",
    "state",
    "link",
    "command",
    "integer",
    "compact",
    "number",
    "pct",
    "signed",
    "signed_pct",
    "signed_pp",
    "ticker",
    "broker",
    "accdist",
    "owner",
    "rupiah",
    "signed_rupiah",
    "ratio",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table: the frame's field, its heading, how values are shown, and its least width in pixels."""

    field: str
    title: str
    kind: Kind = "text"
    width: int = 96
    grow: int = 0


_ESCAPE = "const e=(t)=>String(t).replace(/[&<>\"']/g,(c)=>'&#'+c.charCodeAt(0)+';');"
_TWO = "const two=(n)=>n.toLocaleString('en',{minimumFractionDigits:2,maximumFractionDigits:2});"
_SIGN = (
    "const s0=(t)=>'<span class=\"muted\">'+t+'</span>';const s=(t)=>v===0?s0(t):"
    "v>0?'<span class=\"up\">▲ +'+t+'</span>':'<span class=\"down\">▼ \u2212'+t+'</span>';"
)


_STATE_COLOURS = {
    "reconciled": "complete",
    "bounded": "complete",
    "cut_list": "stale",
    "mismatch": "incomplete",
    "no_broker_table": "missing",
    "no_exchange_row": "blocked",
}
"""States that have no colour of their own."""


def _link(path: str) -> str:
    return f"'<a href=\"{path}'+encodeURIComponent(v)+'\">'+e(v)+'</a>'"


# An abbreviated amount carries the whole one for the pointer and for readers of the page's source.
def _whole(text: str) -> str:
    return "'<span title=\"Rp '+Math.round(v).toLocaleString('en').replace('-','\u2212')+'\">'+" + text + "+'</span>'"


_BY_KIND: dict[Kind, str] = {
    "text": "e(v)",
    "wrapped": "'<span style=\"white-space:normal\">'+e(v)+'</span>'",
    "code": _link("/hk/stock/"),
    "ticker": _link("/idx/stock/"),
    "broker": _link("/idx/broker/"),
    "name": "e(v)",
    "date": "e(v)",
    "state": (
        f"'<span class=\"dot\" style=\"background:var(--fin-'+(({json.dumps(_STATE_COLOURS)})[v]||e(v).replace('_','-'))"
        "+',var(--fin-neutral))\"></span>'+e(v).replace(/_/g,' ')"
    ),
    "link": '\'<a href="\'+e(v)+\'" target="_blank" rel="noopener">open ↗</a>\'',
    "command": "'<code>'+e(v)+'</code>'",
    "integer": "Math.round(v).toLocaleString('en').replace('-','\u2212')",
    "compact": f"({formats.JS_COMPACT})(v)",
    "number": "v.toLocaleString('en',{maximumFractionDigits:2}).replace('-','\u2212')",
    "pct": "two(v).replace('-','\u2212')+' %'",
    "signed": "s(Math.round(Math.abs(v)).toLocaleString('en'))",
    "signed_pct": "s(two(Math.abs(v))+' %')",
    "rupiah": _whole(f"({formats.JS_RUPIAH_FIXED})(v)"),
    "signed_rupiah": _whole(f"s(({formats.JS_RUPIAH_FIXED})(Math.abs(v)))"),
    "ratio": "two(v)",
    "owner": (
        "'<span class=\"dot\" style=\"background:var(--fin-'+({foreign:'second',local:'accent',bumn:'stale'}[v]||'neutral')"
        "+')\"></span>'+e({foreign:'Foreign',local:'Local',bumn:'BUMN'}[v]||v)"
    ),
    "accdist": (
        "(/Acc/.test(v)?'<span class=\"up\">▲ ':/Dist/.test(v)?'<span class=\"down\">▼ ':'<span class=\"muted\">')"
        "+e(v)+'</span>'"
    ),
    "signed_pp": "Math.abs(v)<0.005?s0(two(0)+' pp'):s(two(Math.abs(v))+' pp')",
}
_LEFT: set[Kind] = {
    "text",
    "wrapped",
    "code",
    "name",
    "date",
    "state",
    "link",
    "command",
    "ticker",
    "broker",
    "accdist",
    "owner",
}


def _cell(kind: Kind) -> str:
    # A missing number arrives as NaN or null; both show the dash. Text is escaped in the browser, where markup is made.
    dash = "if(v==null||v===''||v!==v)return '<span class=\"muted\">–</span>';"
    body = f"{_ESCAPE}{_TWO}{_SIGN}const v=cell.getValue();{dash}return {_BY_KIND[kind]}"
    return formats.javascript("(cell)=>{" + body + "}")


def _column(column: Column) -> dict[str, Any]:
    align = "left" if column.kind in _LEFT else "right"
    return {
        "field": column.field,
        "title": column.title,
        "hozAlign": align,
        "headerHozAlign": align,
        "minWidth": column.width,
        "widthGrow": column.grow or 1,
        "widthShrink": 0,
        "formatter": _cell(column.kind),
        "headerTooltip": column.title,
        "headerWordWrap": True,
        "tooltip": column.kind in {"text", "name"},
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
        button("CSV", "csv", lambda: io.BytesIO(frame().write_csv().encode("utf-8-sig"))),
        button("Excel", "xlsx", lambda: excel(frame(), about())),
    ]


def excel(frame: pl.DataFrame, about: dict[str, str]) -> io.BytesIO:
    """Return an Excel workbook: the rows with a frozen heading, and a sheet that says where they come from."""
    sink = io.BytesIO()
    with xlsxwriter.Workbook(sink, {"in_memory": True}) as book:
        frame.write_excel(book, worksheet="data", autofit=True, freeze_panes=(1, 0), table_style="Table Style Light 1")
        pl.DataFrame({"about": list(about), "value": list(about.values())}).write_excel(
            book, worksheet="about", autofit=True
        )
    sink.seek(0)
    return sink
