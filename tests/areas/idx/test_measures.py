"""Arithmetic over ranges against figures that others published or that follow by hand."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from dashboards.areas.idx import gauge, measures
from dashboards.areas.idx.measures import Bounds
from dashboards.ui.theme import DARK, LIGHT, mix, readable_on

DAYS = [date(2026, 3, 2) + timedelta(days=n) for n in range(5)]


def test_a_range_without_a_list_has_no_reading() -> None:
    nothing = measures.Top(brokers=5, pressure_lots=0, percent=None, amount_idr=None, label=None)
    assert measures.reading(nothing, price_change_pct=1.0)[0] == "no reading"
    assert "needle" not in gauge.gauge(nothing, bounds=Bounds())


@pytest.mark.parametrize(
    ("net", "price", "quadrant"),
    [
        (40, 5.0, "accumulation with a rising price"),
        (40, -5.0, "stealth accumulation"),
        (40, 0.4, "stealth accumulation"),
        (-40, 5.0, "distribution into strength"),
        (-40, -5.0, "distribution with a falling price"),
        (1, 0.0, "balance"),
    ],
)
def test_every_quadrant_has_its_reading(net: int, price: float, quadrant: str) -> None:
    label = {40: "Big Acc", -40: "Big Dist", 1: "Neutral"}[net]
    top = measures.Top(brokers=5, pressure_lots=net, percent=float(net), amount_idr=1.0, label=label)
    assert measures.reading(top, price_change_pct=price)[0] == quadrant


def test_inventory_begins_at_the_range_and_carries_over_days_without_trades() -> None:
    daily = pl.DataFrame(
        {"session_date": [DAYS[0], DAYS[3], DAYS[1]], "broker_code": ["YP", "YP", "BK"], "net_lots": [10, -4, 7]}
    )
    lines = measures.inventory(daily, DAYS)
    assert lines.filter(pl.col("broker_code") == "YP")["inventory_lots"].to_list() == [10, 10, 10, 6, 6]
    assert lines.filter(pl.col("broker_code") == "BK")["inventory_lots"].to_list() == [0, 7, 7, 7, 7]


def test_a_line_equal_to_the_price_has_r_squared_1_and_one_that_never_moves_has_none() -> None:
    lines = pl.DataFrame(
        {
            "session_date": DAYS * 3,
            "broker_code": ["UP"] * 5 + ["DN"] * 5 + ["NO"] * 5,
            "inventory_lots": [1, 2, 3, 4, 5, -1, -2, -3, -4, -5, 7, 7, 7, 7, 7],
        }
    )
    closes = pl.DataFrame({"session_date": DAYS, "close_idr": [100.0, 110.0, 120.0, 130.0, 140.0]})
    fits = {row["broker_code"]: row for row in measures.fit(lines, closes).iter_rows(named=True)}
    assert fits["UP"]["r_squared"] == pytest.approx(1)
    assert (fits["UP"]["direction"], fits["DN"]["direction"]) == (1, -1)
    assert fits["NO"]["r_squared"] is None
    few = measures.fit(lines.filter(pl.col("session_date") < DAYS[3]), closes)
    assert few["r_squared"].null_count() == 3


def position(*steps: tuple[int, float]) -> dict[str, float | int | None]:
    """Return the position after net lots at a price, one step a session."""
    frame = pl.DataFrame(
        {
            "ticker_code": ["AAAA"] * len(steps),
            "session_date": DAYS[: len(steps)],
            "net_lots": [lots for lots, _ in steps],
            "buy_average_idr": [price for _, price in steps],
            "sell_average_idr": [price for _, price in steps],
        }
    )
    return measures.positions(frame).row(0, named=True)


def test_a_position_costs_its_moving_average_and_sales_leave_it_unchanged() -> None:
    found = position((10, 100.0), (10, 200.0), (-5, 180.0))
    assert found["inventory_lots"] == 15
    assert found["average_cost_idr"] == 150
    assert found["realised_idr"] == 5 * 100 * 30


def test_what_was_sold_from_an_unknown_opening_stock_makes_no_profit_and_no_cost() -> None:
    found = position((-10, 100.0), (15, 120.0), (-5, 130.0))
    assert found["inventory_lots"] == 0
    assert found["average_cost_idr"] is None
    assert found["realised_idr"] == 5 * 100 * 10
    assert position((-10, 100.0))["realised_idr"] == 0


def test_the_needle_stays_on_the_scale_and_its_number_is_written_out() -> None:
    top = measures.Top(brokers=5, pressure_lots=1, percent=148.8, amount_idr=1.0, label="Big Acc")
    assert "left:100.0%" in gauge.gauge(top, bounds=Bounds())
    assert "+148.80 %" in gauge.gauge(top, bounds=Bounds())


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_text_on_every_tile_is_readable(colours) -> None:
    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for ink in (colours.up, colours.down):
        for step in range(11):
            ground = mix(colours.raised, ink, step / 10)
            light, dark = sorted((luminance(ground), luminance(readable_on(ground))), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.4
