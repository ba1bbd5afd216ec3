"""Building blocks that every page uses: markup, cards, key figures, charts, tables, downloads, empty states.

A block knows how it looks and nothing of where its numbers come from. Text from data is escaped here.
"""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Any, Literal

import panel as pn
import panel_material_ui as pmui
import param

from dashboards import formats
from dashboards.theme import BASE_CSS, CARD_CSS, FONT, LIGHT, Palette

Options = dict[str, Any]

GAP = "14px"

LABELS = {
    "complete": "complete",
    "closed": "closed",
    "stale": "stale",
    "incomplete": "incomplete",
    "blocked": "blocked by a check",
    "missing": "missing",
    "not_due": "not due yet",
    "history": "history, not collected",
}


def html(content: str, *, css: str = "", **params: Any) -> pn.pane.HTML:
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
        parts = "".join(
            f'<i style="flex:{weight};background:var({colour})"></i>' for weight, colour in kpi.bar if weight > 0
        )
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


def card(title: str, *body: Any, note: str = "", controls: Sequence[Any] = (), footer: Sequence[Any] = ()) -> pn.Column:
    """Return a titled surface. `controls` stand beside the title and wrap below it; `footer` stands under the body."""
    small = f'<p class="muted" style="font-size:12px;margin-top:2px">{note}</p>' if note else ""
    heading = html(f"<h2>{escape(title)}</h2>{small}", sizing_mode=None, styles={"flex": "1 1 130px", "min-width": "0"})
    head = pn.FlexBox(
        heading, *controls, align_items="center", gap="8px 12px", sizing_mode="stretch_width", margin=(0, 0, 8, 0)
    )
    foot = (
        [pn.FlexBox(*footer, align_items="center", gap="4px 8px", sizing_mode="stretch_width", margin=(6, 0, 0, 0))]
        if footer
        else []
    )
    return pn.Column(head, *body, *foot, stylesheets=[CARD_CSS], sizing_mode="stretch_width", margin=0)


def choices(*children: Any) -> pn.FlexBox:
    """Return what a reader can choose, in a row that wraps; labels above fields need the distance between rows."""
    return pn.FlexBox(*children, align_items="center", gap="14px", sizing_mode="stretch_width", margin=0)


_NO_EXTRA = ".scroll-button { display: none; }"
"""A column carries a button for scrolling, which would count as one more child between gaps."""


def grid(*children: Any, least: int = 560) -> pn.Column:
    """Return children side by side, each at least `least` pixels wide, or below one another where that does not fit."""
    columns = f"repeat(auto-fit, minmax(min(100%, {least}px), 1fr))"
    # Inline, because the layout writes its own display into a style sheet; stretched children must be allowed to
    # shrink.
    styles = {"display": "grid", "grid-template-columns": columns, "gap": GAP, "min-width": "0"}
    return pn.Column(*children, styles=styles, stylesheets=[_NO_EXTRA], sizing_mode="stretch_width", margin=0)


def stack(*children: Any) -> pn.Column:
    """Return children below one another, evenly spaced."""
    return pn.Column(
        *children, sizing_mode="stretch_width", margin=0, styles={"gap": GAP, "min-width": "0"}, stylesheets=[_NO_EXTRA]
    )


_SWITCH = {
    "& .MuiToggleButton-root": {
        "whiteSpace": "nowrap",
        "padding": "3px 9px",
        "fontSize": "12px",
        "lineHeight": 1.5,
        "textTransform": "none",
    },
}


def switch(parameter: Any, options: dict[str, Any], *, label: str) -> pmui.RadioButtonGroup:
    """Return a segmented switch bound to a parameter of a page's state."""
    return pmui.RadioButtonGroup.from_param(
        parameter,
        options=options,
        label=label,
        description=None,
        size="small",
        margin=0,
        sizing_mode=None,
        width=None,
        sx=_SWITCH,
        stylesheets=[".MuiFormLabel-root { font-size: 11px !important; margin-bottom: 2px; }"],
    )


class DateChoice:
    """A date field over the sessions there are, bound to a date of a page's state; the newest session is no choice.

    `rest` is what the field shows while the state holds None.
    """

    def __init__(self, state: param.Parameterized, name: str, *, label: str) -> None:
        self._state, self._name = state, name
        self._sessions: frozenset[date] = frozenset()
        self._rest: date | None = None
        self._quiet = False
        self.pane = pmui.DatePicker(
            label=label,
            size="small",
            margin=0,
            width=150,
            sizing_mode=None,
            format="YYYY-MM-DD",
            clearable=False,
            open_to="day",
        )
        self.pane.param.watch(self._chosen, "value")

    def offer(self, sessions: Sequence[date], *, shown: date, rest: date | None) -> None:
        """Let the reader choose among `sessions` (oldest first), and show one."""
        self._sessions, self._rest = frozenset(sessions), rest
        self._quiet = True
        try:
            self.pane.param.update(enabled_dates=list(sessions), start=sessions[0], end=sessions[-1], value=shown)
        finally:
            self._quiet = False

    def _chosen(self, event: Any) -> None:
        if not self._quiet and event.new in self._sessions:
            setattr(self._state, self._name, None if event.new == self._rest else event.new)


class Chart:
    """An ECharts pane that can be drawn again in other colours.

    Charts cannot read CSS, so an option is a function of the palette; `restyle` calls it again.
    """

    def __init__(self, *, height: int, label: str, click: str | None = None) -> None:
        self._option: Callable[[Palette], Options] | None = None
        self._palette = LIGHT
        # replaceMerge: without it a series that is no longer in the option stays on the canvas.
        self.pane = pn.pane.ECharts(
            {},
            height=height,
            sizing_mode="stretch_width",
            margin=0,
            options={"replaceMerge": ["series", "xAxis", "yAxis", "graphic"]},
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


def value_axis(colours: Palette, formatter: str, *, ends: bool = True, **more: Any) -> Options:
    """Return a numeric axis with faint split lines; `formatter` is JavaScript, `ends` labels the bounds."""
    label = {
        "color": colours.muted,
        "fontSize": 11,
        "formatter": formats.javascript(formatter),
        "showMinLabel": ends,
        "showMaxLabel": ends,
    }
    return {
        "type": "value",
        "axisLabel": label | {"hideOverlap": True},
        "splitLine": {"lineStyle": {"color": colours.grid}},
        "axisLine": {"show": False},
        "axisTick": {"show": False},
        **more,
    }


def category_axis(colours: Palette, values: Sequence[str], **more: Any) -> Options:
    """Return an axis of names or sessions: no gaps on weekends."""
    return {
        "type": "category",
        "data": list(values),
        "axisLabel": {"color": colours.muted, "fontSize": 11, **more.pop("label", {})},
        "axisLine": {"lineStyle": {"color": colours.border}},
        "axisTick": {"show": False},
        **more,
    }


def empty_state(
    title: str, sentences: Sequence[str], commands: Sequence[str] = (), links: Sequence[tuple[str, str]] = ()
) -> pn.Column:
    """Return a surface that says why there is nothing, and the commands or pages that change it."""
    text = "".join(f'<p style="margin-top:8px">{escape(sentence)}</p>' for sentence in sentences)
    run = "".join(f'<p style="margin-top:8px"><code>{escape(command)}</code></p>' for command in commands)
    more = "".join(
        f'<p style="margin-top:8px"><a href="{escape(href)}">{escape(label)}</a></p>' for label, href in links
    )
    body = html(
        f'<div style="max-width:640px;padding:20px 4px"><h2 style="font-size:18px">{escape(title)}</h2>'
        f"{text}{run}{more}</div>"
    )
    return pn.Column(body, stylesheets=[CARD_CSS], sizing_mode="stretch_width", margin=0)
