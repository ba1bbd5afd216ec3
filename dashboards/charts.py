"""Chart options: functions from a frame to a function of the palette. No queries and no widgets here."""

from __future__ import annotations

from collections.abc import Callable

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
    lowest, highest = min([row[column] for row in rows] + [0]), max([row[column] for row in rows] + [0])
    span = highest - lowest
    bounds = {"min": lowest - 0.04 * span, "max": highest + LABEL_ROOM * span}

    def draw(colours: Palette) -> Options:
        bars = [
            {
                "value": row[column],
                "code": row["stock_code"],
                "full": f"{row['stock_name']} · {row['stock_code']}",
                "base": str(row["base_date"]),
                "itemStyle": {"color": colours.up if row[column] > 0 else colours.down, "borderRadius": 2},
                # Right of the zero line for a fall: on the other side it would run into the names.
                "label": {"position": "right"},
            }
            for row in rows
        ]
        labels = [f"{formats.shortened(row['stock_name'], NAME_LETTERS)}\n{row['stock_code']}" for row in rows]
        tooltip = (
            "(p)=>echarts.format.encodeHTML(p.data.full)+"
            f"'<br><b>'+({_LABEL_JS[measure]})(p.value)+'</b>"
            f" {_UNIT[measure] if measure == 'shares' else ''}<br>since '+p.data.base"
        )
        return {
            "grid": {"left": NAME_WIDTH + 8, "right": 18, "top": 6, "bottom": 24},
            "tooltip": {"trigger": "item", "formatter": javascript(tooltip)} | tooltip_colours(colours),
            "xAxis": value_axis(colours, _AXIS_JS[measure], ends=False, splitNumber=4, **bounds),
            "yAxis": category_axis(
                colours,
                labels,
                label={
                    "interval": 0,
                    "width": NAME_WIDTH,
                    "overflow": "truncate",
                    "lineHeight": 13,
                    "formatter": javascript("(v)=>{const p=v.split('\\n');return '{n|'+p[0]+'}\\n{c|'+p[1]+'}'}"),
                    "rich": {
                        "n": {
                            "color": colours.text,
                            "fontSize": 12,
                            "width": NAME_WIDTH,
                            "overflow": "truncate",
                            "align": "right",
                        },
                        "c": {"color": colours.muted, "fontSize": 10, "align": "right"},
                    },
                },
                axisLine={"show": False},
            ),
            "series": [
                {
                    "type": "bar",
                    "data": bars,
                    "barMaxWidth": 16,
                    "cursor": "pointer",
                    "label": {
                        "show": True,
                        "color": colours.text,
                        "fontSize": 11,
                        "formatter": javascript(f"(p)=>({_LABEL_JS[measure]})(p.value)"),
                    },
                }
            ],
        }

    return draw


def tooltip_colours(colours: Palette) -> Options:
    """Return the look of a tooltip: a chart that has one of its own replaces the shared one wholly."""
    return {
        "backgroundColor": colours.surface,
        "borderColor": colours.border,
        "textStyle": {"color": colours.text, "fontSize": 12},
        "confine": True,
    }


def _axis_tooltip(colours: Palette, formatter: str | None = None) -> Options:
    extra = {"formatter": javascript(formatter)} if formatter else {}
    return {
        "trigger": "axis",
        "axisPointer": {"type": "line", "lineStyle": {"color": colours.neutral}},
        **extra,
        **tooltip_colours(colours),
    }


def _zoom(colours: Palette, *, axes: list[int], start: float) -> list[Options]:
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


def breadth(frame: pl.DataFrame) -> Drawing:
    """Return bars of stocks up and down by session, with their difference as a line; closed days are marked."""
    days = [str(day) for day in frame["session_date"]]
    up, down = frame["up"].to_list(), [-value for value in frame["down"]]
    net = [a + b for a, b in zip(up, down, strict=True)]
    closed = [{"xAxis": day} for day, state in zip(days, frame["day_state"], strict=True) if state != "open"]
    notes = dict(zip(days, frame["day_state"], strict=True))

    def draw(colours: Palette) -> Options:
        words = ",".join(f"'{day}':'{state.replace('_', ' ')}'" for day, state in notes.items() if state != "open")
        tooltip = (
            "(ps)=>{const n={"
            + words
            + "}[ps[0].axisValue];return ps[0].axisValue+(n?' · '+n:'')+'<br>'+ps.map(p=>p.marker+p.seriesName+"
            "' <b>'+(p.seriesName=='Net'?(p.value>0?'+':'')+p.value:Math.abs(p.value))+'</b>').join('<br>')}"
        )
        return {
            "legend": {
                "top": 0,
                "right": 0,
                "textStyle": {"color": colours.muted, "fontSize": 11},
                "itemWidth": 12,
                "itemHeight": 8,
                "inactiveColor": colours.border,
            },
            "grid": {"left": 42, "right": 8, "top": 30, "bottom": 26},
            "tooltip": _axis_tooltip(colours, tooltip),
            "xAxis": category_axis(
                colours, days, label={"formatter": javascript("(v)=>v.slice(5)"), "hideOverlap": True}
            ),
            "yAxis": value_axis(colours, "(v)=>Math.abs(v)", splitNumber=4),
            "series": [
                {
                    "name": "Up",
                    "type": "bar",
                    "stack": "breadth",
                    "data": up,
                    "itemStyle": {"color": colours.up},
                    "barCategoryGap": "25%",
                    "markLine": {
                        "silent": True,
                        "symbol": "none",
                        "data": closed,
                        "label": {"show": False},
                        "lineStyle": {"color": colours.neutral, "type": "dotted", "width": 1},
                    },
                },
                {"name": "Down", "type": "bar", "stack": "breadth", "data": down, "itemStyle": {"color": colours.down}},
                {
                    "name": "Net",
                    "type": "line",
                    "data": net,
                    "showSymbol": False,
                    "lineStyle": {"width": 1.6, "color": colours.text},
                    "itemStyle": {"color": colours.text},
                },
            ],
        }

    return draw


def holding(frame: pl.DataFrame) -> Drawing:
    """Return the holding (left axis) and percent of issued (right axis) over time, and daily change bars below them."""
    days = [str(day) for day in frame["session_date"]]
    start = max(0.0, 100 * (1 - SHOWN_AT_FIRST / frame.height))

    def draw(colours: Palette) -> Options:
        changes = [
            None
            if value is None
            else {"value": value, "itemStyle": {"color": colours.up if value > 0 else colours.down}}
            for value in frame["change_shares"]
        ]
        tooltip = (
            "(ps)=>{const f={'Holding':"
            + formats.JS_INTEGER
            + ",'Percent of issued':"
            + formats.JS_PERCENT
            + ",'Daily change':"
            + _signed_integer_js()
            + "};"
            "return ps[0].axisValue+'<br>'+ps.filter(p=>p.value!=null&&p.value!=='')"
            ".map(p=>p.marker+p.seriesName+' <b>'+f[p.seriesName](p.value)+'</b>').join('<br>')}"
        )
        axis = {"boundaryGap": True}
        return {
            "legend": {
                "top": 0,
                "left": 0,
                "textStyle": {"color": colours.muted, "fontSize": 11},
                "itemWidth": 14,
                "itemHeight": 8,
                "inactiveColor": colours.border,
            },
            "axisPointer": {"link": [{"xAxisIndex": "all"}]},
            "tooltip": _axis_tooltip(colours, tooltip),
            "grid": [
                {"left": 62, "right": 56, "top": 32, "height": "46%"},
                {"left": 62, "right": 56, "top": "66%", "bottom": 52},
            ],
            "xAxis": [
                category_axis(colours, days, label={"show": False}, **axis),
                category_axis(colours, days, label={"hideOverlap": True}, gridIndex=1, **axis),
            ],
            "yAxis": [
                value_axis(colours, formats.JS_COMPACT, scale=True, splitNumber=4),
                value_axis(
                    colours, formats.JS_PERCENT, scale=True, splitNumber=4, splitLine={"show": False}, position="right"
                ),
                value_axis(colours, formats.JS_SIGNED_COMPACT, gridIndex=1, splitNumber=3),
            ],
            "dataZoom": _zoom(colours, axes=[0, 1], start=start),
            "series": [
                {
                    "name": "Holding",
                    "type": "line",
                    "data": frame["shareholding_shares"].to_list(),
                    "showSymbol": False,
                    "lineStyle": {"width": 2, "color": colours.accent},
                    "itemStyle": {"color": colours.accent},
                    "areaStyle": {"color": colours.accent, "opacity": 0.08, "origin": "start"},
                },
                {
                    "name": "Percent of issued",
                    "type": "line",
                    "data": frame["pct_of_issued"].to_list(),
                    "yAxisIndex": 1,
                    "showSymbol": False,
                    "lineStyle": {"width": 1.5, "type": "dashed", "color": colours.second},
                    "itemStyle": {"color": colours.second},
                },
                {
                    "name": "Daily change",
                    "type": "bar",
                    "data": changes,
                    "xAxisIndex": 1,
                    "yAxisIndex": 2,
                    "itemStyle": {"color": colours.neutral},
                },
            ],
        }

    return draw


def _signed_integer_js() -> str:
    return f"(v)=>(v>0?'+':'')+({formats.JS_INTEGER})(v)"


def concentration(frame: pl.DataFrame) -> Drawing:
    """Return the shares of the five and ten largest participants over time (H8)."""
    days = [str(day) for day in frame["session_date"]]
    lines = (
        ("Top 5", "top5_pct", "accent", "solid"),
        ("Top 10", "top10_pct", "second", "solid"),
        ("Top 10 with unnamed", "top10_with_unnamed_pct", "neutral", "dashed"),
    )

    def draw(colours: Palette) -> Options:
        tooltip = (
            "(ps)=>ps[0].axisValue+'<br>'+"
            f"ps.map(p=>p.marker+p.seriesName+' <b>'+({formats.JS_PERCENT})(p.value)+'</b>').join('<br>')"
        )
        return {
            "legend": {
                "top": 0,
                "left": 0,
                "textStyle": {"color": colours.muted, "fontSize": 11},
                "itemWidth": 14,
                "itemHeight": 8,
                "inactiveColor": colours.border,
            },
            "grid": {"left": 48, "right": 10, "top": 32, "bottom": 26},
            "tooltip": _axis_tooltip(colours, tooltip),
            "xAxis": category_axis(colours, days, label={"hideOverlap": True}),
            "yAxis": value_axis(colours, formats.JS_PERCENT, scale=True, splitNumber=4),
            "series": [
                {
                    "name": name,
                    "type": "line",
                    "data": frame[column].to_list(),
                    "showSymbol": len(days) == 1,
                    "lineStyle": {"width": 1.8, "type": dash, "color": getattr(colours, colour)},
                    "itemStyle": {"color": getattr(colours, colour)},
                }
                for name, column, colour, dash in lines
            ],
        }

    return draw
