"""The linked panes of a stock: candles with volume, broker inventory lines, foreign flow. No queries, no widgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from dashboards.areas.idx.money import lots, signed_lots, signed_rupiah
from dashboards.ui import formats, spikes
from dashboards.ui.charts import (
    Drawing,
    Options,
    axis_tooltip,
    category_axis,
    legend,
    line,
    signed_bars,
    value_axis,
    zoom,
)
from dashboards.ui.theme import Palette

HEIGHT = 740
_LEFT, _RIGHT = 56, 40
_CANDLES, _LINES, _FOREIGN = (30, 256), (370, 180), (592, 74)
"""Top and height of each pane. Unit: pixels."""
AXIS_ROOM = 0.06
"""Share of the span of the lines that is kept free above and below them."""
LABEL_PIXELS = 12
"""Least distance of two labels at the ends of lines."""
VOLUME_ROOM = 4.5
"""The tallest volume bar takes the pane's height divided by this: candles stay readable above it."""

GATHERERS = {
    False: ("#09705f", "#1d5fd1", "#1c7190", "#477322", "#3d4fa3"),
    True: ("#39c0a8", "#6ea8ff", "#5fd0f0", "#9bd36a", "#a5adff"),
}
GIVERS = {
    False: ("#b23c17", "#7f4fc9", "#b52e7f", "#825d00", "#7a2e4d"),
    True: ("#ff8259", "#b79bf0", "#f07ac0", "#e6bd4f", "#d98aa8"),
}
"""Colours of accumulators (drawn solid) and distributors (drawn dashed), by whether the mode is dark."""

_TOOLTIP = (
    f"(ps)=>{{const n={formats.integer.js},l={formats.signed_integer.js},r={signed_rupiah.js},c={lots.js},"
    "e=fin.escape;let out=e(ps[0].axisValue);const seen=ps.filter(p=>!fin.isMissing(p.value));"
    "const k=seen.find(p=>p.seriesType==='candlestick');"
    "if(k){const d=k.value;out+='<br>Open '+n(d[1])+' High '+n(d[4])+' Low '+n(d[3])+' Close <b>'+n(d[2])+'</b>'}"
    "const rest=seen.filter(p=>p.seriesType!=='candlestick');"
    "const lots=rest.filter(p=>p.seriesId&&p.seriesId.startsWith('broker-')).sort((a,b)=>b.value-a.value);"
    "for(const p of rest.filter(p=>!lots.includes(p)))"
    "out+='<br>'+p.marker+e(p.seriesName)+' <b>'+(p.seriesName==='Volume'?c(p.value)+' lot':r(p.value))+'</b>';"
    "for(const p of lots)out+='<br>'+p.marker+e(p.seriesName)+' <b>'+l(p.value)+'</b> lot';return out}"
)


def panes(
    prices: pl.DataFrame,
    lines: pl.DataFrame,
    *,
    accumulators: Sequence[str],
    distributors: Sequence[str],
    start: date,
) -> Drawing:
    """Return candles, inventory lines and foreign flow over the same sessions, linked.

    Args:
        prices: session_date, open_idr, high_idr, low_idr, close_idr (adjusted; null without a price), volume_lots,
            net_foreign_value_idr (null where it is not known); oldest first.
        lines: session_date, broker_code, inventory_lots of the same sessions, 0 on the one before the range (B12).
        accumulators: brokers with the largest inventory at the end, largest first.
        distributors: brokers with the smallest, smallest first.
        start: first session of the range; lines are 0 on the session before it, if that is shown.
    """
    days = [str(day) for day in prices["session_date"]]
    before = _session_before(prices["session_date"].to_list(), start)
    held = {code: _points(lines.filter(pl.col("broker_code") == code), days) for code in (*accumulators, *distributors)}
    ends = _ends(held)

    def draw(colours: Palette) -> Options:
        brokers = [
            *_broker_lines(accumulators, held, GATHERERS[colours.dark], dash="solid", ends=ends),
            *_broker_lines(distributors, held, GIVERS[colours.dark], dash="dashed", ends=ends),
        ]
        if brokers and before is not None:
            brokers[0] |= _start_marks(days[0], before, colours)
        return {
            "title": _titles(colours, has_lines=bool(held)),
            "legend": [_broker_legend([series["name"] for series in brokers], colours)],
            "axisPointer": {"link": [{"xAxisIndex": "all"}]},
            "tooltip": axis_tooltip(colours, _TOOLTIP),
            "grid": [
                {"left": _LEFT, "right": _RIGHT, "top": top, "height": height}
                for top, height in (_CANDLES, _LINES, _FOREIGN)
            ],
            "xAxis": _x_axes(colours, days),
            "yAxis": _y_axes(colours, prices, ends=ends),
            "dataZoom": zoom(colours, axes=[0, 1, 2], start=0),
            "series": [*_price_series(prices, colours), *brokers, _foreign(prices, colours)],
        }

    return draw


def _titles(colours: Palette, *, has_lines: bool) -> list[Options]:
    lines = "Broker inventory, lot" if has_lines else "Broker inventory: no broker traded"
    return [
        _title("Price, Rp, and volume", _CANDLES[0] - 26, colours),
        _title(lines, _LINES[0] - 52, colours),
        _title("Net Foreign, Rp", _FOREIGN[0] - 26, colours),
    ]


def _broker_legend(names: Sequence[str], colours: Palette) -> Options:
    return {
        **legend(colours, "left"),
        "top": _LINES[0] - 32,
        "right": 8,
        "type": "scroll",
        "data": list(names),
        "pageTextStyle": {"color": colours.muted},
        "pageIconColor": colours.muted,
        "pageIconInactiveColor": colours.border,
    }


def _title(text: str, top: int, colours: Palette) -> Options:
    return {
        "text": text,
        "top": top,
        "left": 8,
        "padding": 0,
        "textStyle": {"color": colours.muted, "fontSize": 11, "fontWeight": 500},
    }


def _session_before(sessions: Sequence[date], start: date) -> str | None:
    earlier = [day for day in sessions if day < start]
    return str(earlier[-1]) if earlier else None


def _points(frame: pl.DataFrame, days: Sequence[str]) -> list[int | None]:
    known = {str(day): held for day, held in frame.select("session_date", "inventory_lots").iter_rows()}
    return [known.get(day) for day in days]


@dataclass(frozen=True, slots=True)
class _Ends:
    """The ends of the axis of lines, and how far the label at the end of each line is moved. Unit: lots, pixels."""

    low: float
    high: float
    shifts: Mapping[str, float]


def _ends(held: Mapping[str, Sequence[int | None]]) -> _Ends:
    """Return where the lines' labels stand so that none covers another: moved down, and back up from the bottom."""
    values = [0, *(value for points in held.values() for value in points if value is not None)]
    room = AXIS_ROOM * (max(values) - min(values)) or 1.0
    low, high = min(values) - room, max(values) + room
    last = {code: points[-1] for code, points in held.items() if points and points[-1] is not None}
    wanted = {code: _LINES[1] * (high - value) / (high - low) for code, value in last.items() if value is not None}
    order = sorted(wanted, key=lambda code: wanted[code])
    places: dict[str, float] = {}
    lowest = -float(LABEL_PIXELS)
    for code in order:
        lowest = places[code] = max(wanted[code], lowest + LABEL_PIXELS)
    highest = float(_LINES[1] + LABEL_PIXELS)
    for code in reversed(order):
        highest = places[code] = min(places[code], highest - LABEL_PIXELS)
    return _Ends(low, high, {code: places[code] - wanted[code] for code in order})


def _broker_lines(
    codes: Sequence[str], held: dict[str, list[int | None]], palette: Sequence[str], *, dash: str, ends: _Ends
) -> list[Options]:
    return [
        {
            **line(code, held[code], colour, width=1.8, dash=dash),
            "id": f"broker-{code}",
            "xAxisIndex": 1,
            "yAxisIndex": 2,
            "endLabel": {
                "show": True,
                "formatter": code,
                "color": colour,
                "fontSize": 11,
                "distance": 4,
                "offset": [0, ends.shifts.get(code, 0.0)],
            },
            "emphasis": {"focus": "series"},
        }
        for code, colour in zip(codes, palette, strict=False)
    ]


def _start_marks(first: str, before: str, colours: Palette) -> Options:
    """Return the marks of the range's beginning: a line with words, and a shade over the sessions before it."""
    style = {"color": colours.neutral, "type": "dotted", "width": 1}
    words = {"show": True, "formatter": "the range begins", "color": colours.muted, "fontSize": 10, "distance": 2}
    data = [{"xAxis": before}, {"yAxis": 0, "label": {"show": False}}]
    shade = {"silent": True, "data": [[{"xAxis": first}, {"xAxis": before}]], "itemStyle": {"color": colours.grid}}
    return {
        "markLine": {"silent": True, "symbol": "none", "data": data, "label": words, "lineStyle": style},
        "markArea": shade,
    }


def _x_axes(colours: Palette, days: Sequence[str]) -> list[Options]:
    hidden = {"show": False}
    shown = {"hideOverlap": True}
    return [
        category_axis(colours, days, label=hidden),
        category_axis(colours, days, label=hidden, gridIndex=1, axisLine={"onZero": False, "show": False}),
        category_axis(colours, days, label=shown, gridIndex=2, axisLine={"onZero": False, "show": False}),
    ]


def _y_axes(colours: Palette, prices: pl.DataFrame, *, ends: _Ends) -> list[Options]:
    foreign = prices["net_foreign_value_idr"].to_list()
    tallest = float(prices["volume_lots"].max() or 0) * VOLUME_ROOM or 1.0  # type: ignore[arg-type]  # a number column
    hidden: Options = {"show": False, "splitLine": {"show": False}, "min": 0, "max": tallest}
    return [
        value_axis(colours, formats.integer, scale=True, splitNumber=5),
        {"type": "value", "gridIndex": 0, **hidden},
        value_axis(colours, signed_lots, ends=False, gridIndex=1, splitNumber=4, min=ends.low, max=ends.high),
        value_axis(colours, signed_rupiah, gridIndex=2, splitNumber=2, **spikes.axis(foreign)),
    ]


def _price_series(prices: pl.DataFrame, colours: Palette) -> list[Options]:
    candles: list[Any] = []
    bars: list[Any] = []
    shown = prices.select("open_idr", "close_idr", "low_idr", "high_idr", "volume_lots")
    for opened, closed, low, high, volume in shown.iter_rows():
        # Without a trade there is no range of prices: the close stands alone, as the exchange publishes it.
        first = closed if opened is None else opened
        candles.append("-" if closed is None else [first, closed, low or closed, high or closed])
        up = closed is not None and first is not None and closed >= first
        bars.append({"value": volume, "itemStyle": {"color": colours.up if up else colours.down, "opacity": 0.28}})
    style = {
        "color": colours.up,
        "borderColor": colours.up,
        "color0": colours.down,
        "borderColor0": colours.down,
        "borderColorDoji": colours.neutral,
    }
    return [
        {"name": "Price", "type": "candlestick", "data": candles, "itemStyle": style, "barMaxWidth": 14},
        {
            "name": "Volume",
            "type": "bar",
            "data": bars,
            "yAxisIndex": 1,
            "barMaxWidth": 14,
            "itemStyle": {"color": colours.neutral},
        },
    ]


def _foreign(prices: pl.DataFrame, colours: Palette) -> Options:
    days, values = [str(day) for day in prices["session_date"]], prices["net_foreign_value_idr"].to_list()
    bars = signed_bars("Net Foreign", values, colours, axis=2, value_axis=3)
    return bars | spikes.marks(days, values, signed_rupiah, colours)
