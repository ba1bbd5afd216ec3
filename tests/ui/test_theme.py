"""Text can be read on every ground that it stands on, in both modes (WCAG 2, 4.5 to 1)."""

from __future__ import annotations

import pytest

from dashboards.areas.idx import charts, stock_chart
from dashboards.ui.theme import DARK, LIGHT, Palette, mix, readable_on

LEAST = 4.5
HOVER = 0.04
"""Share of the text's colour that the components lay over a control under the pointer."""
INKS = ("text", "muted", "accent", "up", "down", "warning")
GROUNDS = ("background", "surface", "raised", "accent_soft", "warning_soft")


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(ink: str, ground: str) -> float:
    low, high = sorted((luminance(ink), luminance(ground)))
    return (high + 0.05) / (low + 0.05)


def test_the_contrast_is_that_of_the_recommendation():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_colour_can_be_read_on_every_ground(colours: Palette):
    poor = {
        (ink, ground): contrast(getattr(colours, ink), getattr(colours, ground))
        for ink in INKS
        for ground in GROUNDS
        if contrast(getattr(colours, ink), getattr(colours, ground)) < LEAST
    }
    assert poor == {}


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["background", "surface"])
def test_a_control_can_be_read_at_rest_chosen_and_under_the_pointer(colours: Palette, ground: str):
    plain = getattr(colours, ground)
    for ink in (colours.muted, colours.accent, colours.text):
        for over in (colours.text, colours.accent):
            assert contrast(ink, mix(plain, over, HOVER)) >= LEAST
    assert contrast(colours.accent, colours.accent_soft) >= LEAST
    assert contrast(colours.surface, colours.accent) >= LEAST, "a chosen day of the calendar"


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_labels_of_lines_and_tiles_can_be_read(colours: Palette):
    for ink in (*stock_chart.GATHERERS[colours.dark], *stock_chart.GIVERS[colours.dark]):
        assert contrast(ink, colours.surface) >= LEAST, ink
    for pressure in (None, *range(-40, 41)):
        ground = charts.pressure_colour(colours, pressure)
        assert contrast(readable_on(ground), ground) >= LEAST, pressure
