"""Building blocks that every page uses: markup, cards, key figures, charts, tables, downloads, empty states.

A block knows how it looks and nothing of where its numbers come from. Text from data is escaped here.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

import pandas as pd
import panel as pn
import panel_material_ui as pmui
import polars as pl

from dashboards import formats
from dashboards.theme import BASE_CSS, CARD_CSS, FONT, LIGHT, TABLE_CSS, Palette

Options = dict[str, Any]
Kind = Literal[
    "text", "wrapped", "code", "name", "date", "state", "link", "command", "integer", "compact", "number", "pct", "signed", "signed_pct", "signed_pp"
]

GAP = "14px"

LABELS = {
    "complete": "complete",
    "closed": "closed",
    "stale": "stale",
    "incomplete": "incomplete",
    "missing": "never collected",
}


def html(content: str, *, css: str = "", **params: Any) -> pn.pane.HTML:  # noqa: ANN401 - passed through to Panel
    """Return a pane of own markup with the pages' style sheet."""
    params = {"sizing_mode": "stretch_width", "margin": 0, **params}
    return pn.pane.HTML(content, stylesheets=[BASE_CSS, css], **params)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kpi:
    """A key figure. `tone` colours it; `link` makes the whole tile a link; `bar` is a row of (weight, css colour)."""

    label: str
    value: str
    hint: str = ""
    tone: Literal["", "up", "down"] = ""
    link: str | None = None
    bar: tuple[tuple[float, str], ...] = ()
    key: str = ""


def kpi_markup(kpis: Sequence[Kpi]) -> str:
    """Return the grid of key figures."""
    tiles = []
    for kpi in kpis:
        tag, href = ("a", f' href="{escape(kpi.link)}"') if kpi.link else ("div", "")
        parts = "".join(f'<i style="flex:{weight};background:var({colour})"></i>' for weight, colour in kpi.bar if weight > 0)
        bar = f'<div class="split" aria-hidden="true">{parts}</div>' if parts else ""
        tiles.append(
            f'<{tag} class="kpi" data-kpi="{escape(kpi.key)}"{href}><div class="label">{escape(kpi.label)}</div>'
            f'<div class="value {kpi.tone}" title="{escape(kpi.value)}">{escape(kpi.value)}</div>{bar}'
            f'<div class="hint" title="{escape(kpi.hint)}">{escape(kpi.hint)}</div></{tag}>'
        )
    return f'<div class="kpis">{"".join(tiles)}</div>'


def chip(text: str, *, strong: str = "", dot: str = "", title: str = "") -> str:
    """Return a small rounded label: `text` muted, `strong` after it, a state dot before it."""
    mark = f'<span class="dot {escape(dot)}"></span>' if dot else ""
    bold = f" <b>{escape(strong)}</b>" if strong else ""
    return f'<span class="chip" title="{escape(title)}">{mark}<span>{escape(text)}{bold}</span></span>'


def toned(text: str, value: float | None) -> str:
    """Return `text` in the colour of the sign of `value`, with an arrow, so that colour is never the only sign."""
    if not value:
        return f'<span class="muted">{escape(text)}</span>'
    return f'<span class="{"up" if value > 0 else "down"}">{"▲" if value > 0 else "▼"} {escape(text)}</span>'


def card(title: str, *body: Any, note: str = "", controls: Sequence[Any] = (), footer: Sequence[Any] = ()) -> pn.Column:  # noqa: ANN401
    """Return a titled surface. `controls` stand beside the title and wrap below it; `footer` stands under the body."""
    small = f'<p class="muted" style="font-size:12px;margin-top:2px">{note}</p>' if note else ""
    heading = html(f"<h2>{escape(title)}</h2>{small}", sizing_mode=None, styles={"flex": "1 1 130px", "min-width": "0"})
    head = pn.FlexBox(heading, *controls, align_items="center", gap="8px 12px", sizing_mode="stretch_width", margin=(0, 0, 8, 0))
    foot = [pn.FlexBox(*footer, align_items="center", gap="4px 8px", sizing_mode="stretch_width", margin=(6, 0, 0, 0))] if footer else []
    return pn.Column(head, *body, *foot, stylesheets=[CARD_CSS], sizing_mode="stretch_width", margin=0)


_NO_EXTRA = ".scroll-button { display: none; }"
"""A column carries a button for scrolling, which would count as one more child between gaps."""


def grid(*children: Any, least: int = 560) -> pn.Column:  # noqa: ANN401
    """Return children side by side, each at least `least` pixels wide, or below one another where that does not fit."""
    columns = f"repeat(auto-fit, minmax(min(100%, {least}px), 1fr))"
    # Inline, because the layout writes its own display into a style sheet; stretched children must be allowed to shrink.
    styles = {"display": "grid", "grid-template-columns": columns, "gap": GAP, "min-width": "0"}
    return pn.Column(*children, styles=styles, stylesheets=[_NO_EXTRA], sizing_mode="stretch_width", margin=0)


def stack(*children: Any) -> pn.Column:  # noqa: ANN401
    """Return children below one another, evenly spaced."""
    return pn.Column(*children, sizing_mode="stretch_width", margin=0, styles={"gap": GAP, "min-width": "0"}, stylesheets=[_NO_EXTRA])


_SWITCH = {
    "& .MuiToggleButton-root": {"whiteSpace": "nowrap", "padding": "3px 9px", "fontSize": "12px", "lineHeight": 1.5, "textTransform": "none"},
}


def switch(parameter: Any, options: dict[str, Any], *, label: str) -> pmui.RadioButtonGroup:  # noqa: ANN401
    """Return a segmented switch bound to a parameter of a page's state."""
    return pmui.RadioButtonGroup.from_param(
        parameter, options=options, label=label, description=None, size="small", margin=0, sizing_mode=None, width=None, sx=_SWITCH,
        stylesheets=[".MuiFormLabel-root { font-size: 11px !important; margin-bottom: 2px; }"],
    )


class Chart:
    """An ECharts pane that can be drawn again in other colours.

    Charts cannot read CSS, so an option is a function of the palette; `restyle` calls it again.
    """

    def __init__(self, *, height: int, label: str, click: str | None = None) -> None:
        self._option: Callable[[Palette], Options] | None = None
        self._palette = LIGHT
        # replaceMerge: without it a series that is no longer in the option stays on the canvas.
        self.pane = pn.pane.ECharts(
            {}, height=height, sizing_mode="stretch_width", margin=0, options={"replaceMerge": ["series", "xAxis", "yAxis", "graphic"]}
        )
        self.label = label
        if click:
            self.pane.js_on_event("click", click)

    def draw(self, option: Callable[[Palette], Options]) -> None:
        """Show an option."""
        self._option = option
        self._render()

    def restyle(self, colours: Palette) -> None:
        """Show the same option in other colours."""
        self._palette = colours
        self._render()

    def _render(self) -> None:
        if self._option is None:
            return
        described = {"aria": {"enabled": True, "label": {"description": self.label}}}
        self.pane.object = {**base_option(self._palette), **described, **self._option(self._palette)}


def base_option(colours: Palette) -> Options:
    """Return what all charts share: transparent ground, our text, a quiet tooltip."""
    return {
        "backgroundColor": "transparent",
        "textStyle": {"color": colours.text, "fontFamily": FONT},
        "animationDuration": 250,
        "animationDurationUpdate": 250,
        "tooltip": {
            "backgroundColor": colours.surface,
            "borderColor": colours.border,
            "textStyle": {"color": colours.text, "fontSize": 12},
            "confine": True,
        },
    }


def value_axis(colours: Palette, formatter: str, *, ends: bool = True, **more: Any) -> Options:  # noqa: ANN401
    """Return a numeric axis with faint split lines; `formatter` is a JavaScript expression, `ends` labels the bounds."""
    label = {"color": colours.muted, "fontSize": 11, "formatter": formats.javascript(formatter), "showMinLabel": ends, "showMaxLabel": ends}
    return {
        "type": "value",
        "axisLabel": label | {"hideOverlap": True},
        "splitLine": {"lineStyle": {"color": colours.grid}},
        "axisLine": {"show": False},
        "axisTick": {"show": False},
        **more,
    }


def category_axis(colours: Palette, values: Sequence[str], **more: Any) -> Options:  # noqa: ANN401
    """Return an axis of names or sessions: no gaps on weekends."""
    return {
        "type": "category",
        "data": list(values),
        "axisLabel": {"color": colours.muted, "fontSize": 11, **more.pop("label", {})},
        "axisLine": {"lineStyle": {"color": colours.border}},
        "axisTick": {"show": False},
        **more,
    }


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
_SIGN = "const s=(t)=>v===0?'<span class=\"muted\">'+t+'</span>':v>0?'<span class=\"up\">▲ +'+t+'</span>':'<span class=\"down\">▼ −'+t+'</span>';"
_BY_KIND: dict[Kind, str] = {
    "text": "e(v)",
    "wrapped": "'<span style=\"white-space:normal\">'+e(v)+'</span>'",
    "code": "'<a href=\"/hk/stock/'+encodeURIComponent(v)+'\">'+e(v)+'</a>'",
    "name": "e(v)",
    "date": "e(v)",
    "state": "'<span class=\"dot\" style=\"background:var(--fin-'+e(v).replace('_','-')+',var(--fin-neutral))\"></span>'+e(v).replace('_',' ')",
    "link": "'<a href=\"'+e(v)+'\" target=\"_blank\" rel=\"noopener\">open ↗</a>'",
    "command": "'<code>'+e(v)+'</code>'",
    "integer": "Math.round(v).toLocaleString('en').replace('-','−')",
    "compact": f"({formats.JS_COMPACT})(v)",
    "number": "v.toLocaleString('en',{maximumFractionDigits:2}).replace('-','−')",
    "pct": "two(v).replace('-','−')+' %'",
    "signed": "s(Math.round(Math.abs(v)).toLocaleString('en'))",
    "signed_pct": "s(two(Math.abs(v))+' %')",
    "signed_pp": "s(two(Math.abs(v))+' pp')",
}
_LEFT: set[Kind] = {"text", "wrapped", "code", "name", "date", "state", "link", "command"}


def _cell(kind: Kind) -> str:
    # A missing number arrives as NaN or null; both show the dash. Text is escaped in the browser, where markup is made.
    body = f"{_ESCAPE}{_TWO}{_SIGN}const v=cell.getValue();if(v==null||v===''||v!==v)return '<span class=\"muted\">–</span>';return {_BY_KIND[kind]}"
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
        "tooltip": column.kind in {"text", "name"},
    }


class Table:
    """A paged, sortable table. `show` takes a frame that has at least the columns' fields; others are left out."""

    def __init__(self, columns: Sequence[Column], *, page_size: int = 10, placeholder: str = "Nothing to show") -> None:
        self.columns = tuple(columns)
        self.frame = pl.DataFrame()
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
        # One page needs no pager.
        self.pane.css_classes = ["paged"] if frame.height > self.pane.page_size else ["unpaged"]


def downloads(name: Callable[[], str], frame: Callable[[], pl.DataFrame], about: Callable[[], dict[str, str]]) -> list[Any]:
    """Return the CSV and Excel buttons of a table.

    Args:
        name: file name without suffix, asked at the moment of the click.
        frame: the rows to write, all pages of them.
        about: what the Excel file's second sheet states: source, as-of date, build.
    """

    def button(label: str, suffix: str, write: Callable[[], io.BytesIO]) -> pmui.FileDownload:
        made = pmui.FileDownload(
            filename=f"table.{suffix}", label=label, auto=True, variant="text", size="small", icon="download", margin=0, width=None,
            sizing_mode=None, button_type="primary",
        )  # fmt: skip

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
    import xlsxwriter

    sink = io.BytesIO()
    with xlsxwriter.Workbook(sink, {"in_memory": True}) as book:
        frame.write_excel(book, worksheet="data", autofit=True, freeze_panes=(1, 0), table_style="Table Style Light 1")
        pl.DataFrame({"about": list(about), "value": list(about.values())}).write_excel(book, worksheet="about", autofit=True)
    sink.seek(0)
    return sink


def empty_state(title: str, sentences: Sequence[str], commands: Sequence[str] = (), links: Sequence[tuple[str, str]] = ()) -> pn.Column:
    """Return a surface that says why there is nothing, and the commands or pages that change it."""
    text = "".join(f'<p style="margin-top:8px">{escape(sentence)}</p>' for sentence in sentences)
    run = "".join(f'<p style="margin-top:8px"><code>{escape(command)}</code></p>' for command in commands)
    more = "".join(f'<p style="margin-top:8px"><a href="{escape(href)}">{escape(label)}</a></p>' for label, href in links)
    body = html(f'<div style="max-width:640px;padding:20px 4px"><h2 style="font-size:18px">{escape(title)}</h2>{text}{run}{more}</div>')
    return pn.Column(body, stylesheets=[CARD_CSS], sizing_mode="stretch_width", margin=0)
