"""Axes that stay readable beside a few values far above all others: the axis ends early, and a mark names the value."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.ui.charts import Options
from dashboards.ui.formats import Number
from dashboards.ui.theme import Palette

LEAST_VALUES = 10
"""Unit: values. Fewer do not say what is usual."""
USUAL_QUANTILE = 0.92
FAR = 3.0
"""A largest value above this multiple of the usual ones is a spike. Range 2 to 5."""
ROOM = 1.3
"""The axis ends at this multiple of the usual values."""

Values = Sequence[float | None]


def bound(values: Values) -> float | None:
    """Return where an axis ends in either direction; None if no value stands far above the others."""
    sizes = sorted(abs(value) for value in values if value)
    if len(sizes) < LEAST_VALUES:
        return None
    usual = sizes[int(USUAL_QUANTILE * (len(sizes) - 1))]
    return ROOM * usual if sizes[-1] > FAR * usual else None


def axis(values: Values) -> Options:
    """Return the ends of a value axis; empty if the chart's own are good."""
    end = bound(values)
    if end is None:
        return {}
    below = any(value < 0 for value in values if value)
    return {"max": end} | ({"min": -end} if below else {})


def marks(days: Sequence[str], values: Values, shown: Number, colours: Palette) -> Options:
    """Return the part of a series that names the values beyond the axis, at its edge."""
    end = bound(values)
    if end is None:
        return {}
    data = [
        {
            "coord": [day, end if value > 0 else -end],
            "symbolRotate": 0 if value > 0 else 180,
            "label": {"formatter": shown(value), "position": "left" if place > len(days) / 2 else "right"},
        }
        for place, (day, value) in enumerate(zip(days, values, strict=True))
        if value is not None and abs(value) > end
    ]
    look = {"symbol": "triangle", "symbolSize": 8, "itemStyle": {"color": colours.text}}
    label = {"show": True, "color": colours.text, "fontSize": 11}
    return {"markPoint": {"silent": True, "data": data, "label": label, **look}}
