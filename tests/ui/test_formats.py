"""Numbers and names as people read them."""

from __future__ import annotations

import pytest

from dashboards.ui import formats


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1.00 k"),
        (999_950, "1.00 m"),
        (1_234_567, "1.23 m"),
        (-12_345_678_900, "\u221212.3 bn"),
        (None, "–"),
    ],
)
def test_large_numbers_keep_three_figures(value, expected):
    assert formats.compact(value) == expected


def test_signs_are_always_written_out():
    assert formats.points(0.5) == "+0.50 pp"
    assert formats.points(-0.001) == "0.00 pp"
    assert formats.points(-0.5) == "\u22120.50 pp"
    assert formats.signed_compact(-1_500_000) == "\u22121.50 m"
    assert formats.signed_integer(0) == "0"
    assert formats.percent(None) == "–"
