"""Axes beside a few values far above all others."""

from __future__ import annotations

import pytest

from dashboards.ui import formats, spikes
from dashboards.ui.theme import LIGHT

USUAL = [2.0, 3.0, 2.5, 3.5, None, 2.2, 3.1, 2.8, 2.9, 3.3, 2.4, 2.6]
DAYS = [str(day) for day in range(len(USUAL) + 1)]


def test_a_spike_stands_at_the_edge_with_its_value_and_the_others_fill_the_axis():
    values = [*USUAL, 30.0]
    axis = spikes.axis(values)
    assert 3.5 < axis["max"] < 6
    assert "min" not in axis
    [mark] = spikes.marks(DAYS, values, formats.percent, LIGHT)["markPoint"]["data"]
    assert mark["coord"] == [DAYS[-1], axis["max"]]
    assert mark["label"]["formatter"] == "30.00 %"


def test_a_spike_downwards_stands_at_the_lower_edge():
    values = [*(-value if value else value for value in USUAL), -30.0]
    axis = spikes.axis(values)
    assert axis["min"] == -axis["max"]
    [mark] = spikes.marks(DAYS, values, formats.percent, LIGHT)["markPoint"]["data"]
    assert mark["coord"][1] == axis["min"]


@pytest.mark.parametrize("values", [[], USUAL, [1.0, 30.0], [0.0] * 40, [None] * 40, [*range(1, 40)]])
def test_without_a_spike_the_chart_chooses_its_axis(values: list[float | None]):
    assert spikes.axis(values) == {}
    assert spikes.marks([str(at) for at in range(len(values))], values, formats.percent, LIGHT) == {}
