"""Building blocks that every page uses: markup, cards, key figures, choices, empty states.

A block knows its looks, not the origin of its numbers. Markup is `markupsafe.Markup`: what is filled into
it is escaped unless it is markup itself.
"""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import panel as pn
import panel_material_ui as pmui
import param
from markupsafe import Markup

from dashboards.ui import formats
from dashboards.ui.theme import BASE_CSS, CARD_CSS

GAP = "14px"
Tone = Literal["", "up", "down"]


class Html(pn.pane.HTML):
    """A pane of markup. What it is given is escaped already: the library would escape `Markup` once more."""

    def _transform_object(self, obj: Any) -> dict[str, Any]:
        transformed: dict[str, Any] = super()._transform_object(str.__str__(obj))
        return transformed


def html(content: str, *, css: str = "", **params: Any) -> Html:
    """Return a pane of own markup with the pages' style sheet."""
    params = {"sizing_mode": "stretch_width", "margin": 0, **params}
    return Html(content, stylesheets=[BASE_CSS, css], **params)


def joined(parts: Iterable[str]) -> Markup:
    """Return markup parts one after the other; plain text among them is escaped."""
    return Markup("").join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kpi:
    """A key figure. `tone` colours it; `link` makes the whole tile a link; `bar` is a row of (weight, css colour)."""

    label: str
    value: str
    hint: str = ""
    tone: Tone = ""
    link: str | None = None
    bar: tuple[tuple[float, str], ...] = ()
    key: str = ""


_TILE = Markup(
    '<{tag} class="kpi" data-kpi="{key}"{href}><div class="label">{label}</div>'
    '<div class="value {tone}" title="{value}">{value}</div>{bar}'
    '<div class="hint" title="{hint}">{hint}</div></{tag}>'
)
_BAR = Markup('<div class="split" aria-hidden="true">{}</div>')
_PART = Markup('<i style="flex:{};background:var({})"></i>')


def kpi_markup(kpis: Sequence[Kpi]) -> Markup:
    """Return the grid of key figures."""
    tiles = []
    for kpi in kpis:
        parts = joined(_PART.format(weight, colour) for weight, colour in kpi.bar if weight > 0)
        tiles.append(
            _TILE.format(
                tag="a" if kpi.link else "div",
                href=Markup(' href="{}"').format(kpi.link) if kpi.link else "",
                key=kpi.key,
                label=kpi.label,
                tone=kpi.tone,
                value=kpi.value,
                bar=_BAR.format(parts) if parts else "",
                hint=kpi.hint,
            )
        )
    return Markup('<div class="kpis">{}</div>').format(joined(tiles))


def chip(text: str, *, strong: str = "", dot: str = "", title: str = "", kind: str = "") -> Markup:
    """Return a small rounded label: `text` muted, `strong` after it, a state dot before it; `kind` warn is yellow."""
    mark = Markup('<span class="dot {}"></span>').format(dot) if dot else ""
    bold = Markup(" <b>{}</b>").format(strong) if strong else ""
    return Markup('<span class="chip {}" title="{}">{}<span>{}{}</span></span>').format(kind, title, mark, text, bold)


def chips(items: Iterable[Markup]) -> Markup:
    """Return chips in a row that wraps."""
    return Markup('<div class="chips">{}</div>').format(joined(items))


def small(text: str) -> Markup:
    """Return a quiet line of small text."""
    return Markup('<p class="muted" style="font-size:12px">{}</p>').format(text)


def with_commands(text: str) -> Markup:
    """Return a sentence with the commands in it set as code."""
    parts = re.split(formats.COMMAND, text)
    return joined(Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts))


def arrow(value: float | None) -> str:
    """Return a triangle for the sign of a value: colour is never the only sign."""
    return "▲ " if value and value > 0 else "▼ " if value and value < 0 else ""


def tone(value: float | None) -> Tone:
    """Return the colour of the sign of a value."""
    return "up" if value and value > 0 else "down" if value and value < 0 else ""


def toned(text: str, value: float | None) -> Markup:
    """Return `text` in the colour of the sign of `value`, with an arrow."""
    return Markup('<span class="{}">{}{}</span>').format(tone(value) or "muted", arrow(value), text)


def card(title: str, *body: Any, note: str = "", controls: Sequence[Any] = (), footer: Sequence[Any] = ()) -> pn.Column:
    """Return a titled surface. `controls` stand beside the title and wrap below it; `footer` stands under the body."""
    words = Markup('<p class="muted" style="font-size:12px;margin-top:2px">{}</p>').format(note) if note else ""
    heading = html(
        Markup("<h2>{}</h2>{}").format(title, words), sizing_mode=None, styles={"flex": "1 1 130px", "min-width": "0"}
    )
    head = pn.FlexBox(
        heading, *controls, align_items="center", gap="8px 12px", sizing_mode="stretch_width", margin=(0, 0, 8, 0)
    )
    foot = (
        [pn.FlexBox(*footer, align_items="center", gap="4px 8px", sizing_mode="stretch_width", margin=(6, 0, 0, 0))]
        if footer
        else []
    )
    return pn.Column(
        head, *body, *foot, stylesheets=[CARD_CSS], css_classes=["card"], sizing_mode="stretch_width", margin=0
    )


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


_LINE = Markup('<p style="margin-top:8px">{}</p>')
_EMPTY = Markup('<div style="max-width:640px;padding:20px 4px"><h2 style="font-size:18px">{}</h2>{}{}{}</div>')


def empty_state(
    title: str, sentences: Sequence[str], commands: Sequence[str] = (), links: Sequence[tuple[str, str]] = ()
) -> pn.Column:
    """Return a surface that says why there is nothing, and the commands or pages (label, address) that change it."""
    text = joined(_LINE.format(sentence) for sentence in sentences)
    run = joined(_LINE.format(Markup("<code>{}</code>").format(command)) for command in commands)
    more = joined(_LINE.format(Markup('<a href="{}">{}</a>').format(href, label)) for label, href in links)
    body = html(_EMPTY.format(title, text, run, more))
    return pn.Column(body, stylesheets=[CARD_CSS], css_classes=["card"], sizing_mode="stretch_width", margin=0)
