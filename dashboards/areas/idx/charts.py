"""Chart options of the Indonesian pages: functions from frames to a function of the palette. No queries, no widgets.

The linked panes of a stock stand in `stock_chart`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import polars as pl

from dashboards.areas.idx.money import rupiah, signed_rupiah
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
    tip_tooltip,
    tooltip_colours,
    value_axis,
)
from dashboards.ui.formats import javascript
from dashboards.ui.theme import Palette, mix, readable_on

FULL_PRESSURE_PCT = 30.0
"""Pressure at which a colour is as strong as it gets; Big begins at 20."""
CODE_SHARE, LABEL_SHARE = 0.009, 0.016
"""A tile below the first share of the value carries no text, below the second its code only: at 390 pixels wide these
are squares of 35 and 47 pixels."""
FULL_QUANTILE = 0.97
"""Cells beyond this share of all net values are as strong as colours get: one giant does not bleach the others."""


def pressure_colour(colours: Palette, percent: float | None) -> str:
    """Return the ground of a tile: grey without pressure, stronger towards up or down."""
    if percent is None:
        return colours.raised
    strength = min(1.0, abs(percent) / FULL_PRESSURE_PCT)
    return mix(colours.raised, colours.up if percent > 0 else colours.down, strength)


def treemap(frame: pl.DataFrame) -> Drawing:
    """Return tiles sized by value and coloured by detector pressure.

    Args:
        frame: ticker_code (null for the tile of all others), name, value_idr, pressure_pct, label, change_pct.
    """
    rows = frame.to_dicts()
    total = float(frame["value_idr"].sum() or 1)
    text = (
        "(p)=>'{n|'+p.name+'}'+(p.data.short||p.data.pressure==null?'':"
        "'\\n{v|'+(p.data.pressure>0?'▲ ':p.data.pressure<0?'▼ ':'')"
        f"+{formats.percent_1.js}(Math.abs(p.data.pressure))+'}}')"
    )

    def draw(colours: Palette) -> Options:
        return {
            "tooltip": tip_tooltip(colours),
            "series": [
                {
                    "type": "treemap",
                    "left": 0,
                    "right": 0,
                    "top": 0,
                    "bottom": 0,
                    "roam": False,
                    "nodeClick": False,
                    "breadcrumb": {"show": False},
                    "cursor": "pointer",
                    "itemStyle": {"borderColor": colours.surface, "borderWidth": 1, "gapWidth": 1},
                    "label": {"formatter": javascript(text), "rich": _TILE_TEXT, "padding": 3},
                    "data": [_tile(row, colours, share=row["value_idr"] / total) for row in rows],
                }
            ],
        }

    return draw


_TILE_TEXT = {"n": {"fontSize": 12, "fontWeight": 600, "lineHeight": 15}, "v": {"fontSize": 11, "lineHeight": 14}}


def _tile(row: dict[str, Any], colours: Palette, *, share: float) -> Options:
    ground = pressure_colour(colours, row["pressure_pct"])
    ink = readable_on(ground)
    return {
        "name": row["ticker_code"] or row["name"],
        "code": row["ticker_code"],
        "tip": _tile_tip(row),
        "value": row["value_idr"],
        "pressure": row["pressure_pct"],
        "itemStyle": {"color": ground},
        "short": share < LABEL_SHARE,
        "label": {
            "show": share >= CODE_SHARE,
            "color": ink,
            "rich": {key: {**style, "color": ink} for key, style in _TILE_TEXT.items()},
        },
    }


def _tile_tip(row: dict[str, Any]) -> list[str]:
    lines = [f"{row['ticker_code'] or ''} {row['name'] or ''}".strip(), f"Value {rupiah(row['value_idr'])}"]
    if row["label"]:
        lines.append(f"Top 5: {row['label']} {formats.signed_percent(row['pressure_pct'])}")
    if row["change_pct"] is not None:
        lines.append(f"Price {formats.signed_percent(row['change_pct'])}")
    return lines


def matrix(frame: pl.DataFrame, *, brokers: Sequence[str], tickers: Sequence[str]) -> Drawing:
    """Return net value of brokers (rows, the first on top) by stock (columns); a cell opens the stock.

    Args:
        frame: broker_code, ticker_code, net_value_idr, net_lots; pairs without trades are missing.
        brokers: rows in order.
        tickers: columns in order.
    """
    rows = list(reversed(brokers))
    cells = _cells(frame, rows=rows, columns=tickers)
    full = frame["net_value_idr"].abs().quantile(FULL_QUANTILE) if frame.height else None
    tooltip = (
        f"(p)=>{{const b={json.dumps(rows)},t={json.dumps(list(tickers))},e=fin.escape,v=p.data.value;"
        f"return '<b>'+e(b[v[1]])+'</b> in <b>'+e(t[v[0]])+'</b><br>Net value '+{signed_rupiah.js}(v[2])"
        f"+'<br>Net lot '+{formats.signed_integer.js}(p.data.lots)}}"
    )

    def draw(colours: Palette) -> Options:
        bound = max(float(full or 0), 1.0)
        upright = {"interval": 0, "rotate": 90, "fontSize": 10, "color": colours.text, "margin": 4}
        across = {"interval": 0, "fontSize": 10, "color": colours.text, "margin": 4}
        return {
            "grid": {"left": 26, "right": 2, "top": 38, "bottom": 4},
            "tooltip": {"trigger": "item", "formatter": javascript(tooltip), **tooltip_colours(colours)},
            "xAxis": category_axis(colours, tickers, label=upright, position="top", axisLine={"show": False}),
            "yAxis": category_axis(colours, rows, label=across, axisLine={"show": False}),
            "visualMap": {
                "show": False,
                "type": "continuous",
                "dimension": 2,
                "min": -bound,
                "max": bound,
                "inRange": {"color": [colours.down, colours.raised, colours.up]},
            },
            "series": [
                {
                    "type": "heatmap",
                    "data": cells,
                    "cursor": "pointer",
                    "itemStyle": {"borderColor": colours.surface, "borderWidth": 1},
                    "emphasis": {"itemStyle": {"borderColor": colours.text, "borderWidth": 1.5}},
                }
            ],
        }

    return draw


def _cells(frame: pl.DataFrame, *, rows: Sequence[str], columns: Sequence[str]) -> list[Options]:
    at_row = {code: position for position, code in enumerate(rows)}
    at_column = {code: position for position, code in enumerate(columns)}
    return [
        {"value": [at_column[ticker], at_row[broker], value], "code": ticker, "lots": lots}
        for broker, ticker, value, lots in frame.select(
            "broker_code", "ticker_code", "net_value_idr", "net_lots"
        ).iter_rows()
        if ticker in at_column and broker in at_row and value is not None
    ]


def ranking(frame: pl.DataFrame) -> Drawing:
    """Return horizontal bars of the detector's amount, largest accumulation on top; a bar carries the stock's code.

    Args:
        frame: ticker_code, name, amount_idr, pressure_pct, label; in the order shown, first on top.
    """
    items = [
        Bar(
            code=row["ticker_code"],
            first=row["ticker_code"],
            second=row["name"] or row["ticker_code"],
            value=row["amount_idr"],
            tip=(
                f"{row['ticker_code']} {row['name'] or ''}".strip(),
                f"{row['label'] or ''} {formats.signed_percent(row['pressure_pct'])}".strip(),
                signed_rupiah(row["amount_idr"]),
            ),
        )
        for row in frame.iter_rows(named=True)
    ]
    return bars(items, axis=signed_rupiah, label=signed_rupiah)


def market(frame: pl.DataFrame) -> Drawing:
    """Return breadth above and net foreign value below, linked, by session.

    Args:
        frame: session_date, advancing, declining, net_foreign_value_idr (null where it is not known).
    """
    days = [str(day) for day in frame["session_date"]]
    declining = [-value for value in frame["declining"]]
    net = [a + b for a, b in zip(frame["advancing"], declining, strict=True)]
    foreign = frame["net_foreign_value_idr"].to_list()
    numbers = {
        "Up": formats.integer,
        "Down": formats.integer,
        "Net": formats.signed_integer,
        "Net Foreign": signed_rupiah,
    }

    def draw(colours: Palette) -> Options:
        bar = {"type": "bar", "stack": "breadth", "barCategoryGap": "25%"}
        return {
            "legend": legend(colours, "right"),
            "axisPointer": {"link": [{"xAxisIndex": "all"}]},
            "grid": [
                {"left": 52, "right": 8, "top": 30, "height": "42%"},
                {"left": 52, "right": 8, "top": "64%", "bottom": 26},
            ],
            "tooltip": session_tooltip(colours, numbers, absolute=["Down"]),
            "xAxis": [
                category_axis(colours, days, label={"show": False}),
                category_axis(colours, days, label=MONTH_AND_DAY, gridIndex=1),
            ],
            "yAxis": [
                size_axis(colours, splitNumber=4),
                value_axis(colours, signed_rupiah, splitNumber=3, gridIndex=1, **spikes.axis(foreign)),
            ],
            "series": [
                {"name": "Up", "data": frame["advancing"].to_list(), "itemStyle": {"color": colours.up}, **bar},
                {"name": "Down", "data": declining, "itemStyle": {"color": colours.down}, **bar},
                line("Net", net, colours.text, width=1.6),
                signed_bars("Net Foreign", foreign, colours, axis=1, value_axis=1)
                | spikes.marks(days, foreign, signed_rupiah, colours),
            ],
        }

    return draw


def share(frame: pl.DataFrame) -> Drawing:
    """Return a broker's share of the market by session, with its net value as bars below, linked.

    Args:
        frame: session_date, share_pct, net_value_idr.
    """
    days = [str(day) for day in frame["session_date"]]
    shares, net = frame["share_pct"].to_list(), frame["net_value_idr"].to_list()
    numbers = {"Share": formats.percent, "Net value": signed_rupiah}

    def draw(colours: Palette) -> Options:
        area = {"color": colours.accent, "opacity": 0.08, "origin": "start"}
        return {
            "legend": legend(colours, "left"),
            "axisPointer": {"link": [{"xAxisIndex": "all"}]},
            "grid": [
                {"left": 52, "right": 8, "top": 30, "height": "44%"},
                {"left": 52, "right": 8, "top": "66%", "bottom": 26},
            ],
            "tooltip": session_tooltip(colours, numbers),
            "xAxis": [
                category_axis(colours, days, label={"show": False}),
                category_axis(colours, days, label=MONTH_AND_DAY, gridIndex=1),
            ],
            "yAxis": [
                value_axis(colours, formats.percent, scale=True, splitNumber=4, **spikes.axis(shares)),
                value_axis(colours, signed_rupiah, splitNumber=3, gridIndex=1, **spikes.axis(net)),
            ],
            "series": [
                line("Share", shares, colours.accent, width=2, areaStyle=area)
                | spikes.marks(days, shares, formats.percent, colours),
                signed_bars("Net value", net, colours, axis=1, value_axis=1)
                | spikes.marks(days, net, signed_rupiah, colours),
            ],
        }

    return draw
