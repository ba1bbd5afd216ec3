"""The heat map of sessions by table: its option and the order of its axes. No queries and no widgets here."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
from markupsafe import Markup

from dashboards.areas.data.queries import STATES
from dashboards.ui.charts import MONTH_AND_DAY, Drawing, Options, category_axis, tooltip_colours
from dashboards.ui.components import chip, chips
from dashboards.ui.formats import javascript
from dashboards.ui.provenance import LABELS
from dashboards.ui.theme import Palette


def axes(frame: pl.DataFrame) -> tuple[list[str], list[str]]:
    """Return the sessions from left to right and the tables from bottom to top, as `source/table`."""
    days = sorted({str(day) for day in frame["session_date"]})
    tables = sorted(
        {f"{source}/{table}" for source, table in frame.select("source", "table_name").iter_rows()}, reverse=True
    )
    return days, tables


def legend() -> Markup:
    """Return markup that names the colours; it wraps on a narrow screen, which a chart's own legend does not."""
    return chips(chip(LABELS[state], dot=state) for state in STATES)


def option(frame: pl.DataFrame) -> Drawing:
    """Return states of sessions (columns) by table (rows). A cell carries what its tooltip says."""
    days, tables = axes(frame)
    cells = [_cell(row, days, tables) for row in frame.iter_rows(named=True)]
    tooltip = (
        f"(p)=>{{const e=fin.escape,d=p.data,t={json.dumps(tables)};"
        "return '<b>'+e(p.name)+'</b> '+e(t[d.value[1]])+'<br>'+e(d.state)+(d.day?' · '+e(d.day):'')"
        "+(d.units?'<br>'+e(d.units):'')"
        "+(d.why?'<div style=\"max-width:320px;white-space:normal\">'+e(d.why)+'</div>':'')}"
    )

    def draw(colours: Palette) -> Options:
        two_lines = {"color": colours.text, "formatter": javascript("(v)=>v.split('/').join('\\n')"), "lineHeight": 14}
        pieces = [{"value": position, "color": getattr(colours, state)} for position, state in enumerate(STATES)]
        return {
            "grid": {"left": 8, "right": 8, "top": 4, "bottom": 4, "containLabel": True},
            "tooltip": {"trigger": "item", "formatter": javascript(tooltip), **tooltip_colours(colours)},
            "xAxis": category_axis(colours, days, label=MONTH_AND_DAY, splitArea={"show": False}),
            "yAxis": category_axis(colours, tables, label=two_lines, axisLine={"show": False}),
            "visualMap": {"show": False, "type": "piecewise", "dimension": 2, "pieces": pieces},
            "series": [
                {
                    "type": "heatmap",
                    "data": cells,
                    "itemStyle": {"borderColor": colours.surface, "borderWidth": 1, "borderRadius": 3},
                    "emphasis": {"itemStyle": {"borderColor": colours.text, "borderWidth": 1.5}},
                    "cursor": "pointer",
                }
            ],
        }

    return draw


def _cell(row: dict[str, Any], days: list[str], tables: list[str]) -> Options:
    # A state that a newer build knows and this page does not is shown as not green.
    state = row["state"] if row["state"] in STATES else "incomplete"
    position = [days.index(str(row["session_date"])), tables.index(f"{row['source']}/{row['table_name']}")]
    return {
        "value": [*position, STATES.index(state)],
        "state": LABELS.get(row["state"], row["state"]),
        "units": "" if row["units_expected"] is None else f"{row['units_done']} of {row['units_expected']} units",
        "why": row["why"] or "",
        "day": "" if row["day_state"] in (None, "open") else row["day_state"].replace("_", " "),
    }
