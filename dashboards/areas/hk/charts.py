"""Chart options of the Hong Kong pages: functions from a frame to a function of the palette. No queries, no widgets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import polars as pl

from dashboards.areas.hk.queries.market import MEASURE_COLUMN, Measure
from dashboards.ui import formats, spikes
from dashboards.ui.charts import (
    MONTH_AND_DAY,
    Bar,
    Drawing,
    Options,
    bars,
    category_axis,
    legend,
    line,
    session_tooltip,
    signed_bars,
    size_axis,
    value_axis,
    zoom,
)
from dashboards.ui.formats import Number
from dashboards.ui.theme import Palette

_AXIS: dict[Measure, Number] = {
    "shares": formats.signed_compact,
    "pct": formats.signed_percent,
    "pp": replace(formats.points, most=3),
}
_LABEL: dict[Measure, Number] = {
    "shares": formats.signed_compact,
    "pct": formats.signed_percent_1,
    "pp": formats.points,
}
_UNIT: dict[Measure, str] = {"shares": " shares", "pct": "", "pp": " of issued"}
SHOWN_AT_FIRST = 250
"""A year of sessions: what a history is zoomed to until the reader zooms out."""


def movers(frame: pl.DataFrame, *, measure: Measure) -> Drawing:
    """Return horizontal bars, one a stock, largest rise on top; a bar carries the stock's code."""
    column, shown = MEASURE_COLUMN[measure], _LABEL[measure]
    items = [
        Bar(
            code=row["stock_code"],
            first=row["stock_name"],
            second=row["stock_code"],
            value=row[column],
            tip=(
                f"{row['stock_name']} · {row['stock_code']}",
                shown(row[column]) + _UNIT[measure],
                f"since {row['base_date']}",
            ),
        )
        for row in frame.iter_rows(named=True)
    ]
    return bars(items, axis=_AXIS[measure], label=shown)


def breadth(frame: pl.DataFrame) -> Drawing:
    """Return bars of stocks up and down by session, with their difference as a line; closed days are marked."""
    days = [str(day) for day in frame["session_date"]]
    up, down = frame["up"].to_list(), [-value for value in frame["down"]]
    net = [a + b for a, b in zip(up, down, strict=True)]
    notes = {
        day: state.replace("_", " ") for day, state in zip(days, frame["day_state"], strict=True) if state != "open"
    }
    whole = formats.integer
    numbers = {"Up": whole, "Down": whole, "Net": formats.signed_integer}

    def draw(colours: Palette) -> Options:
        bar = {"type": "bar", "stack": "breadth", "barCategoryGap": "25%"}
        return {
            "legend": legend(colours, "right"),
            "grid": {"left": 42, "right": 8, "top": 30, "bottom": 26},
            "tooltip": session_tooltip(colours, numbers, absolute=["Down"], notes=notes),
            "xAxis": category_axis(colours, days, label=MONTH_AND_DAY),
            "yAxis": size_axis(colours, splitNumber=4),
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


_HOLDING_NUMBERS = {
    "Holding": formats.integer,
    "Percent of issued": formats.percent,
    "Daily change": formats.signed_integer,
}


def holding(frame: pl.DataFrame) -> Drawing:
    """Return the holding (left axis) and percent of issued (right axis) over time, and daily change bars below them."""
    days = [str(day) for day in frame["session_date"]]
    changes = frame["change_shares"].to_list()
    start = max(0.0, 100 * (1 - SHOWN_AT_FIRST / frame.height))

    def draw(colours: Palette) -> Options:
        right: Options = {"splitLine": {"show": False}, "position": "right"}
        return {
            "legend": legend(colours, "left"),
            "axisPointer": {"link": [{"xAxisIndex": "all"}]},
            "tooltip": session_tooltip(colours, _HOLDING_NUMBERS),
            "grid": [
                {"left": 62, "right": 56, "top": 32, "height": "46%"},
                {"left": 62, "right": 56, "top": "66%", "bottom": 52},
            ],
            "xAxis": [
                category_axis(colours, days, label={"show": False}),
                category_axis(colours, days, label={"hideOverlap": True}, gridIndex=1),
            ],
            "yAxis": [
                value_axis(colours, formats.compact, scale=True, splitNumber=4),
                value_axis(colours, formats.percent, scale=True, splitNumber=4, **right),
                value_axis(colours, formats.signed_compact, gridIndex=1, splitNumber=3, **spikes.axis(changes)),
            ],
            "dataZoom": zoom(colours, axes=[0, 1], start=start),
            "series": _holding_series(frame, days, colours),
        }

    return draw


def _holding_series(frame: pl.DataFrame, days: list[str], colours: Palette) -> list[Options]:
    area = {"color": colours.accent, "opacity": 0.08, "origin": "start"}
    changes = frame["change_shares"].to_list()
    return [
        line("Holding", frame["shareholding_shares"].to_list(), colours.accent, width=2, areaStyle=area),
        line("Percent of issued", frame["pct_of_issued"].to_list(), colours.second, dash="dashed", yAxisIndex=1),
        signed_bars("Daily change", changes, colours, axis=1, value_axis=2)
        | spikes.marks(days, changes, formats.signed_compact, colours),
    ]


def concentration(frame: pl.DataFrame) -> Drawing:
    """Return the shares of the five and ten largest participants over time (H8)."""
    days = [str(day) for day in frame["session_date"]]
    names = ("Top 5", "Top 10", "Top 10 with unnamed")

    def draw(colours: Palette) -> Options:
        return {
            "legend": legend(colours, "left"),
            "grid": {"left": 48, "right": 10, "top": 32, "bottom": 26},
            "tooltip": session_tooltip(colours, dict.fromkeys(names, formats.percent)),
            "xAxis": category_axis(colours, days, label={"hideOverlap": True}),
            "yAxis": value_axis(colours, formats.percent, scale=True, splitNumber=4),
            "series": [
                line(names[0], frame["top5_pct"].to_list(), colours.accent),
                line(names[1], frame["top10_pct"].to_list(), colours.second),
                line(names[2], frame["top10_with_unnamed_pct"].to_list(), colours.neutral, dash="dashed"),
            ],
        }

    return draw
