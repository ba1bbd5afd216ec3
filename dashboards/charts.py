"""Chart options: functions from a frame to a function of the palette. No queries and no widgets here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import polars as pl

from dashboards import formats
from dashboards.components import Options, category_axis, value_axis
from dashboards.formats import javascript
from dashboards.queries.hk import MEASURE_COLUMN, Measure
from dashboards.theme import Palette

Drawing = Callable[[Palette], Options]

_AXIS_JS = {"shares": formats.JS_SIGNED_COMPACT, "pct": formats.JS_SIGNED_PERCENT, "pp": formats.JS_POINTS}
_LABEL_JS = {"shares": formats.JS_SIGNED_COMPACT, "pct": formats.JS_SIGNED_PERCENT_FIXED, "pp": formats.JS_POINTS_FIXED}
_UNIT = {"shares": "shares", "pct": "%", "pp": "pp of issued"}
SHOWN_AT_FIRST = 250
"""A year of sessions: what a history is zoomed to until the reader zooms out."""
NAME_LETTERS = 18
NAME_WIDTH = 116
LABEL_ROOM = 0.42
"""Share of the span kept free right of the longest bar, so that its label fits at 390 pixels too."""

OPEN_STOCK = "const d = cb_data.data; if (d && d.code) { window.location.href = '/hk/stock/' + d.code }"
"""Browser code of a click on a bar: the stock's page."""


def movers(frame: pl.DataFrame, *, measure: Measure) -> Drawing:
    """Return horizontal bars, one a stock, largest rise on top; a bar opens the stock's page."""
    column = MEASURE_COLUMN[measure]
    rows = frame.reverse().to_dicts()
    labels = [f"{formats.shortened(row['stock_name'], NAME_LETTERS)}\n{row['stock_code']}" for row in rows]
    lowest, highest = min([row[column] for row in rows] + [0]), max([row[column] for row in rows] + [0])
    span = highest - lowest
    bounds = {"min": lowest - 0.04 * span, "max": highest + LABEL_ROOM * span}
    tooltip = (
        "(p)=>echarts.format.encodeHTML(p.data.full)+"
        f"'<br><b>'+({_LABEL_JS[measure]})(p.value)+'</b>"
        f" {_UNIT[measure] if measure == 'shares' else ''}<br>since '+p.data.base"
    )

    def draw(colours: Palette) -> Options:
        return {
            "grid": {"left": NAME_WIDTH + 8, "right": 18, "top": 6, "bottom": 24},
            "tooltip": {"trigger": "item", "formatter": javascript(tooltip)} | tooltip_colours(colours),
            "xAxis": value_axis(colours, _AXIS_JS[measure], ends=False, splitNumber=4, **bounds),
            "yAxis": category_axis(colours, labels, label=name_labels(colours), axisLine={"show": False}),
            "series": [_mover_bars(rows, colours, measure=measure)],
        }

    return draw


def _mover_bars(rows: Sequence[dict[str, Any]], colours: Palette, *, measure: Measure) -> Options:
    column = MEASURE_COLUMN[measure]
    bars = [
        {
            "value": row[column],
            "code": row["stock_code"],
            "full": f"{row['stock_name']} · {row['stock_code']}",
            "base": str(row["base_date"]),
            "itemStyle": {"color": colours.up if row[column] > 0 else colours.down, "borderRadius": 2},
        }
        for row in rows
    ]
    label = {
        "show": True,
        # For a fall this is right of the zero line: on the other side it would run into the names.
        "position": "right",
        "color": colours.text,
        "fontSize": 11,
        "formatter": javascript(f"(p)=>({_LABEL_JS[measure]})(p.value)"),
    }
    return {"type": "bar", "data": bars, "barMaxWidth": 16, "cursor": "pointer", "label": label}


def name_labels(colours: Palette) -> Options:
    """Return labels of two lines: the name, and the code smaller below it."""
    return {
        "interval": 0,
        "lineHeight": 13,
        "formatter": javascript("(v)=>{const p=v.split('\\n');return '{n|'+p[0]+'}\\n{c|'+p[1]+'}'}"),
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


def tooltip_colours(colours: Palette) -> Options:
    """Return the look of a tooltip: a chart that has one of its own replaces the shared one wholly."""
    return {
        "backgroundColor": colours.surface,
        "borderColor": colours.border,
        "textStyle": {"color": colours.text, "fontSize": 12},
        "confine": True,
    }


def axis_tooltip(colours: Palette, formatter: str | None = None) -> Options:
    """Return a tooltip of everything on one session; `formatter` is JavaScript."""
    extra = {"formatter": javascript(formatter)} if formatter else {}
    return {
        "trigger": "axis",
        "axisPointer": {"type": "line", "lineStyle": {"color": colours.neutral}},
        **extra,
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


def arrow(value: float | None) -> str:
    """Return a triangle for the sign of a value: colour is never the only sign."""
    return "▲ " if value and value > 0 else "▼ " if value and value < 0 else ""


def breadth(frame: pl.DataFrame) -> Drawing:
    """Return bars of stocks up and down by session, with their difference as a line; closed days are marked."""
    days = [str(day) for day in frame["session_date"]]
    up, down = frame["up"].to_list(), [-value for value in frame["down"]]
    net = [a + b for a, b in zip(up, down, strict=True)]
    notes = {
        day: state.replace("_", " ") for day, state in zip(days, frame["day_state"], strict=True) if state != "open"
    }
    tooltip = (
        f"(ps)=>{{const n={json.dumps(notes)}[ps[0].axisValue];"
        "return ps[0].axisValue+(n?' · '+echarts.format.encodeHTML(n):'')+'<br>'+ps.map(p=>p.marker+p.seriesName+"
        "' <b>'+(p.seriesName=='Net'?(p.value>0?'+':'')+p.value:Math.abs(p.value))+'</b>').join('<br>')}"
    )

    def draw(colours: Palette) -> Options:
        bar = {"type": "bar", "stack": "breadth", "barCategoryGap": "25%"}
        month_and_day = {"formatter": javascript("(v)=>v.slice(5)"), "hideOverlap": True}
        return {
            "legend": legend(colours, "right"),
            "grid": {"left": 42, "right": 8, "top": 30, "bottom": 26},
            "tooltip": axis_tooltip(colours, tooltip),
            "xAxis": category_axis(colours, days, label=month_and_day),
            "yAxis": value_axis(colours, "(v)=>Math.abs(v)", splitNumber=4),
            "series": [
                {
                    "name": "Up",
                    "data": up,
                    "itemStyle": {"color": colours.up},
                    "markLine": _marks(notes, colours),
                    **bar,
                },
                {"name": "Down", "data": down, "itemStyle": {"color": colours.down}, **bar},
                line("Net", net, colours.text, width=1.6),
            ],
        }

    return draw


def _marks(days: Iterable[str], colours: Palette) -> Options:
    style = {"color": colours.neutral, "type": "dotted", "width": 1}
    data = [{"xAxis": day} for day in days]
    return {"silent": True, "symbol": "none", "data": data, "label": {"show": False}, "lineStyle": style}


_HOLDING_TOOLTIP = (
    f"(ps)=>{{const f={{'Holding':{formats.JS_INTEGER},'Percent of issued':{formats.JS_PERCENT},"
    f"'Daily change':(v)=>(v>0?'+':'')+({formats.JS_INTEGER})(v)}};"
    "return ps[0].axisValue+'<br>'+ps.filter(p=>p.value!=null&&p.value!=='')"
    ".map(p=>p.marker+p.seriesName+' <b>'+f[p.seriesName](p.value)+'</b>').join('<br>')}"
)


def holding(frame: pl.DataFrame) -> Drawing:
    """Return the holding (left axis) and percent of issued (right axis) over time, and daily change bars below them."""
    days = [str(day) for day in frame["session_date"]]
    start = max(0.0, 100 * (1 - SHOWN_AT_FIRST / frame.height))

    def draw(colours: Palette) -> Options:
        right: Options = {"splitLine": {"show": False}, "position": "right"}
        return {
            "legend": legend(colours, "left"),
            "axisPointer": {"link": [{"xAxisIndex": "all"}]},
            "tooltip": axis_tooltip(colours, _HOLDING_TOOLTIP),
            "grid": [
                {"left": 62, "right": 56, "top": 32, "height": "46%"},
                {"left": 62, "right": 56, "top": "66%", "bottom": 52},
            ],
            "xAxis": [
                category_axis(colours, days, label={"show": False}),
                category_axis(colours, days, label={"hideOverlap": True}, gridIndex=1),
            ],
            "yAxis": [
                value_axis(colours, formats.JS_COMPACT, scale=True, splitNumber=4),
                value_axis(colours, formats.JS_PERCENT, scale=True, splitNumber=4, **right),
                value_axis(colours, formats.JS_SIGNED_COMPACT, gridIndex=1, splitNumber=3),
            ],
            "dataZoom": zoom(colours, axes=[0, 1], start=start),
            "series": _holding_series(frame, colours),
        }

    return draw


def _holding_series(frame: pl.DataFrame, colours: Palette) -> list[Options]:
    area = {"color": colours.accent, "opacity": 0.08, "origin": "start"}
    changes = [
        None if value is None else {"value": value, "itemStyle": {"color": colours.up if value > 0 else colours.down}}
        for value in frame["change_shares"]
    ]
    bars = {"name": "Daily change", "type": "bar", "data": changes, "itemStyle": {"color": colours.neutral}}
    return [
        line("Holding", frame["shareholding_shares"].to_list(), colours.accent, width=2, areaStyle=area),
        line("Percent of issued", frame["pct_of_issued"].to_list(), colours.second, dash="dashed", yAxisIndex=1),
        {**bars, "xAxisIndex": 1, "yAxisIndex": 2},
    ]


def concentration(frame: pl.DataFrame) -> Drawing:
    """Return the shares of the five and ten largest participants over time (H8)."""
    days = [str(day) for day in frame["session_date"]]
    tooltip = (
        "(ps)=>ps[0].axisValue+'<br>'+"
        f"ps.map(p=>p.marker+p.seriesName+' <b>'+({formats.JS_PERCENT})(p.value)+'</b>').join('<br>')"
    )

    def draw(colours: Palette) -> Options:
        return {
            "legend": legend(colours, "left"),
            "grid": {"left": 48, "right": 10, "top": 32, "bottom": 26},
            "tooltip": axis_tooltip(colours, tooltip),
            "xAxis": category_axis(colours, days, label={"hideOverlap": True}),
            "yAxis": value_axis(colours, formats.JS_PERCENT, scale=True, splitNumber=4),
            "series": [
                line("Top 5", frame["top5_pct"].to_list(), colours.accent),
                line("Top 10", frame["top10_pct"].to_list(), colours.second),
                line("Top 10 with unnamed", frame["top10_with_unnamed_pct"].to_list(), colours.neutral, dash="dashed"),
            ],
        }

    return draw
