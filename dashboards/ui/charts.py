"""The chart kit: the pane, and the parts of ECharts options that charts of every area share.

A drawing is a function of the palette, because charts cannot read CSS. No chart of one area stands here, no queries.
"""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import panel as pn

from dashboards.ui.formats import Number, javascript, only_own_scripts
from dashboards.ui.theme import FONT, LIGHT, Palette

Options = dict[str, Any]
Drawing = Callable[[Palette], Options]

NAME_LETTERS, NAME_WIDTH = 18, 116
"""Letters and pixels of the names beside bars."""
WIDE_FROM, WIDE_LETTERS, WIDE_WIDTH = 520, 30, 224
"""A chart of this many pixels has room for longer names."""
LABEL_ROOM = 0.42
"""Share of the span kept free right of the longest bar, so that its label fits at 390 pixels too."""
BAR_PIXELS, BARS_MARGIN, LEAST_BARS_PIXELS = 29, 46, 170


class Chart:
    """An ECharts pane that can be drawn again in other colours.

    `click` is browser code that runs when a part of the chart is clicked; see `opens`.
    """

    def __init__(self, *, height: int, label: str, click: str | None = None) -> None:
        self._drawing: Drawing | None = None
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

    def draw(self, drawing: Drawing) -> None:
        """Show a drawing."""
        self._drawing = drawing
        self._render()

    def restyle(self, colours: Palette) -> None:
        """Show the same drawing in other colours."""
        self._palette = colours
        self._render()

    def _render(self) -> None:
        if self._drawing is None:
            return
        described = {"aria": {"enabled": True, "label": {"description": self.label}}}
        self.pane.object = only_own_scripts({**base_option(self._palette), **described, **self._drawing(self._palette)})


def opens(path: str) -> str:
    """Return browser code for a click: the page of what the clicked part is about, `path` with its code behind it."""
    return (
        "const d = cb_data.data; "
        f"if (d && d.code) {{ window.location.href = {json.dumps(path)} + encodeURIComponent(d.code) }}"
    )


def tooltip_colours(colours: Palette) -> Options:
    """Return the look of a tooltip: a chart that has one of its own replaces the shared one wholly."""
    return {
        "backgroundColor": colours.surface,
        "borderColor": colours.border,
        "textStyle": {"color": colours.text, "fontSize": 12},
        "confine": True,
    }


def base_option(colours: Palette) -> Options:
    """Return what all charts share: transparent ground, our text, a quiet tooltip."""
    return {
        "backgroundColor": "transparent",
        "textStyle": {"color": colours.text, "fontFamily": FONT},
        # A chart is there at once; only what changes on it moves.
        "animationDuration": 0,
        "animationDurationUpdate": 250,
        "tooltip": tooltip_colours(colours),
    }


def value_axis(colours: Palette, shown: Number, *, ends: bool = True, **more: Any) -> Options:
    """Return a numeric axis with faint split lines; `ends` labels the bounds."""
    return _value_axis(colours, shown.axis.js, ends=ends, **more)


def size_axis(colours: Palette, **more: Any) -> Options:
    """Return a numeric axis without signs, for bars that are drawn in both directions."""
    return _value_axis(colours, "(v)=>Math.abs(v)", ends=True, **more)


def _value_axis(colours: Palette, formatter: str, *, ends: bool, **more: Any) -> Options:
    label = {
        "color": colours.muted,
        "fontSize": 11,
        "formatter": javascript(formatter),
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


MONTH_AND_DAY: Options = {"formatter": javascript("fin.charts.monthAndDay"), "hideOverlap": True}
"""Labels of an axis of sessions, without the year."""


def _name_labels(colours: Palette) -> Options:
    return {
        "interval": 0,
        "lineHeight": 13,
        "rich": {
            "n": {"color": colours.text, "fontSize": 12, "align": "right"},
            "c": {"color": colours.muted, "fontSize": 10, "align": "right"},
        },
    }


def legend(colours: Palette, side: str) -> Options:
    """Return a quiet legend in an upper corner: `side` is left or right."""
    text = {"color": colours.muted, "fontSize": 11}
    return {"top": 0, side: 0, "textStyle": text, "itemWidth": 14, "itemHeight": 8, "inactiveColor": colours.border}


def line(name: str, data: Sequence[float | None], colour: str, *, width: float = 1.8, **more: Any) -> Options:
    """Return a line series; `dash` gives its pattern, everything else goes into the series as it is."""
    style = {"width": width, "color": colour, "type": more.pop("dash", "solid")}
    # A single session is a point, and a line through one point cannot be seen.
    shape = {"showSymbol": len(data) == 1, "lineStyle": style, "itemStyle": {"color": colour}}
    return {"name": name, "type": "line", "data": list(data), **shape, **more}


def signed_bars(name: str, values: Sequence[float | None], colours: Palette, *, axis: int, value_axis: int) -> Options:
    """Return bars in the colour of their sign on the x axis `axis` and the y axis `value_axis`."""
    data = [
        None if value is None else {"value": value, "itemStyle": {"color": colours.up if value > 0 else colours.down}}
        for value in values
    ]
    where = {"xAxisIndex": axis, "yAxisIndex": value_axis}
    return {"name": name, "type": "bar", "data": data, "itemStyle": {"color": colours.neutral}, **where}


def tip_tooltip(colours: Palette) -> Options:
    """Return a tooltip that shows the lines `tip` of a datum, the first in bold; they are text, not markup."""
    return {"trigger": "item", "formatter": javascript("fin.charts.tip"), **tooltip_colours(colours)}


def session_tooltip(
    colours: Palette,
    numbers: Mapping[str, Number],
    *,
    absolute: Sequence[str] = (),
    notes: Mapping[str, str] | None = None,
) -> Options:
    """Return a tooltip of all series on one session.

    Args:
        colours: of the mode.
        numbers: how the values of each series are written.
        absolute: series that are drawn downwards and whose values are written without a sign.
        notes: words behind a session's date.
    """
    written = ",".join(f"{json.dumps(name)}:{number.js}" for name, number in numbers.items())
    rest = f"absolute:{json.dumps(list(absolute))},notes:{json.dumps(dict(notes or {}))}"
    return axis_tooltip(colours, f"fin.charts.session({{formats:{{{written}}},{rest}}})")


def axis_tooltip(colours: Palette, formatter: str) -> Options:
    """Return a tooltip of everything on one session; `formatter` is a JavaScript function that escapes text."""
    return {
        "trigger": "axis",
        "axisPointer": {"type": "line", "lineStyle": {"color": colours.neutral}},
        "formatter": javascript(formatter),
        **tooltip_colours(colours),
    }


def zoom(colours: Palette, *, axes: list[int], start: float) -> list[Options]:
    """Return a slider, and zooming by shift and wheel, over the x axes; `start` is in percent of the span."""
    return [
        {"type": "inside", "xAxisIndex": axes, "start": start, "end": 100, "zoomOnMouseWheel": "shift"},
        {
            "type": "slider",
            "xAxisIndex": axes,
            "start": start,
            "end": 100,
            "height": 18,
            "bottom": 6,
            "borderColor": colours.border,
            "textStyle": {"color": colours.muted, "fontSize": 10},
            "fillerColor": colours.accent_soft,
            "brushSelect": False,
            "dataBackground": {"lineStyle": {"color": colours.border}, "areaStyle": {"color": colours.raised}},
            "handleStyle": {"color": colours.surface, "borderColor": colours.neutral},
            "moveHandleStyle": {"color": colours.border},
            "showDetail": False,
        },
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A horizontal bar: what it is about, two lines beside it, its value, and the lines under the pointer."""

    code: str
    first: str
    second: str
    value: float
    tip: tuple[str, ...]


def bars(items: Sequence[Bar], *, axis: Number, label: Number) -> Drawing:
    """Return horizontal bars in the colour of their sign, the first on top."""
    rows = list(reversed(items))
    labels = [f"{row.first}\n{row.second}" for row in rows]
    values = [row.value for row in rows]
    lowest, highest = min([*values, 0]), max([*values, 0])
    span = highest - lowest
    bounds = {"min": lowest - 0.04 * span, "max": highest + LABEL_ROOM * span} if span else {}

    def draw(colours: Palette) -> Options:
        return {
            "grid": {"right": 18, "top": 6, "bottom": 24},
            "tooltip": tip_tooltip(colours),
            "xAxis": value_axis(colours, axis, ends=False, splitNumber=3, **bounds),
            "yAxis": category_axis(colours, labels, label=_name_labels(colours), axisLine={"show": False}),
            "series": [_bar_series(rows, colours, label=label)],
            # `static/charts.js` cuts the names to the width that the chart has.
            "names": {"from": WIDE_FROM, "wide": [WIDE_LETTERS, WIDE_WIDTH], "narrow": [NAME_LETTERS, NAME_WIDTH]},
        }

    return draw


def _bar_series(rows: Sequence[Bar], colours: Palette, *, label: Number) -> Options:
    data = [
        {
            "value": row.value,
            "code": row.code,
            "tip": list(row.tip),
            "itemStyle": {"color": colours.up if row.value > 0 else colours.down, "borderRadius": 2},
        }
        for row in rows
    ]
    words = {
        "show": True,
        # For a fall this is right of the zero line: on the other side it would run into the names.
        "position": "right",
        "color": colours.text,
        "fontSize": 11,
        "formatter": javascript(f"fin.charts.value({label.js})"),
    }
    return {"type": "bar", "data": data, "barMaxWidth": 16, "cursor": "pointer", "label": words}


def bars_height(count: int) -> int:
    """Return the height of a chart with this number of bars. Unit: pixels."""
    return max(LEAST_BARS_PIXELS, count * BAR_PIXELS + BARS_MARGIN)
