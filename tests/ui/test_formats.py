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


def test_only_expressions_of_our_own_stay_marked_in_the_options_of_a_chart():
    mark = formats.javascript("").removesuffix("--x_x--0_0--")
    own = formats.javascript("fin.charts.tip")
    options = {
        "formatter": own,
        "data": [{"tip": [f"{mark}alert(1){mark}", "A"]}, (f"{mark}b{mark}", 1, None, True)],
        f"{mark}k{mark}": {"value": f"--x_x{mark}--0_0--c{mark}"},
    }
    left = formats.only_own_scripts(options)
    assert left == {
        "formatter": str(own),
        "data": [{"tip": ["alert(1)", "A"]}, ["b", 1, None, True]],
        "k": {"value": "c"},
    }
    assert type(left["formatter"]) is str
