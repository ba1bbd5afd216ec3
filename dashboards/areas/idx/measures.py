"""Arithmetic of broker flow over a range: positions, share and fit. Sums come first, division last.

Frames in, frames and small records out; no queries, no widgets. What a mart or a published macro states, as the detector of
a range, is not computed again here. Lots are lots of 100 shares, values rupiah, prices rupiah a share. A side that the page
did not show (null) counts as nothing in sums; who shows the sums says that lists were cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

LOT_SHARES = 100
TOPS = (1, 3, 5, 10)
READING_TOP = 5
"""Which of the tops the gauge and the sentence read: five brokers a side, as the readers of the field do."""
FLAT_PCT = 1.0
"""A price that moved less than this over the range is called flat. Range 0.5 to 2; higher calls more stocks flat."""
LEAST_SESSIONS = 5
"""Fewer points give no R squared: through two points every line fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Upper bounds of |percent| for the labels Neutral, Small and Normal (B8); from the published seed."""

    neutral: float = 6.0
    small: float = 12.5
    normal: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Top:
    """Pressure of the largest `brokers` on either side (B6, B7, B8)."""

    brokers: int
    pressure_lots: int
    percent: float | None
    amount_idr: float | None
    label: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """A range's detector as the published macro `idx_detector` states it: B4 to B8. All are 0 or None without a list."""

    buyers: int
    sellers: int
    net_lots: int
    net_value_idr: int
    average_idr: float | None
    tops: tuple[Top, ...]

    def top(self, brokers: int) -> Top:
        """Return the pressure of the `brokers` largest on either side.

        Raises:
            StopIteration: `brokers` is none of `TOPS`.
        """
        return next(top for top in self.tops if top.brokers == brokers)


def reading(top: Top, *, price_change_pct: float | None) -> tuple[str, str]:
    """Return the quadrant of accumulation and price in a few words, and what it says in a sentence."""
    if top.percent is None or top.label is None:
        return ("no reading", "No broker bought or sold on balance in this range.")
    side = 0 if top.label == "Neutral" else 1 if top.percent > 0 else -1
    move = 0 if price_change_pct is None or abs(price_change_pct) < FLAT_PCT else 1 if price_change_pct > 0 else -1
    few = {1: "a few brokers gather what many sell", -1: "a few brokers hand out to many", 0: "no side stands out"}[
        side
    ]
    quadrant, sense = _QUADRANTS[side, move]
    return quadrant, f"{few[0].upper()}{few[1:]} while the price {_MOVES[move]}: {sense}."


_MOVES = {1: "rises", 0: "stays flat", -1: "falls"}
_QUADRANTS = {
    (1, 1): ("accumulation with a rising price", "buying pushes the price"),
    (1, 0): ("stealth accumulation", "somebody collects without moving the price"),
    (1, -1): ("stealth accumulation", "somebody collects into weakness"),
    (0, 1): ("a rise without a gatherer", "the rise has no concentrated buyer behind it"),
    (0, 0): ("balance", "neither the price nor the brokers say anything"),
    (0, -1): ("a fall without a distributor", "the fall has no concentrated seller behind it"),
    (-1, 1): ("distribution into strength", "somebody sells into the rise"),
    (-1, 0): ("quiet distribution", "somebody sells without moving the price"),
    (-1, -1): ("distribution with a falling price", "selling pushes the price"),
}


def inventory(daily: pl.DataFrame, sessions: Sequence[object]) -> pl.DataFrame:
    """Return the cumulative net lots of each broker, 0 before the range's first session (B12).

    Args:
        daily: session_date, broker_code, net_lots, split-adjusted to today's lots; days without trades may be missing.
        sessions: all sessions of the range, oldest first.

    Returns:
        session_date, broker_code, inventory_lots: a row for every session and broker, sorted by broker and session.
    """
    brokers = daily.select(pl.col("broker_code").unique().sort())
    days = pl.DataFrame({"session_date": list(sessions)}, schema={"session_date": pl.Date})
    return (
        brokers.join(days, how="cross")
        .join(daily.select("session_date", "broker_code", "net_lots"), on=["session_date", "broker_code"], how="left")
        .sort("broker_code", "session_date")
        .select(
            "session_date",
            "broker_code",
            pl.col("net_lots").fill_null(0).cum_sum().over("broker_code").alias("inventory_lots"),
        )
    )


def anchored(daily: pl.DataFrame, sessions: Sequence[object], *, start: date) -> pl.DataFrame:
    """Return the cumulative net lots of each broker over more sessions than a range has: 0 on the one before it (B12).

    Args:
        daily: as `inventory` takes it, of all `sessions`.
        sessions: those before the range and those of the range, oldest first.
        start: first session of the range.

    Returns:
        session_date, broker_code, inventory_lots: a row for every session and broker. Before the range a value is what the
        broker still bought (negative) or sold (positive) until it began.
    """
    before = pl.col("inventory_lots").filter(pl.col("session_date") < start).last().over("broker_code").fill_null(0)
    return inventory(daily, sessions).with_columns(pl.col("inventory_lots") - before)


def fit(lines: pl.DataFrame, closes: pl.DataFrame) -> pl.DataFrame:
    """Return how closely each broker's cumulative lots follow the close.

    Args:
        lines: as `inventory` gives them.
        closes: session_date, close_idr (adjusted).

    Returns:
        broker_code, r_squared (0 to 1; null below `LEAST_SESSIONS` sessions or for a line that never moves), direction
        (1 with the price, -1 against it), sessions.
    """
    joined = lines.join(closes, on="session_date", how="inner").drop_nulls("close_idr")
    moves = (pl.col("inventory_lots").n_unique() > 1) & (pl.col("close_idr").n_unique() > 1)
    enough = moves & (pl.len() >= LEAST_SESSIONS)
    correlation = pl.corr("inventory_lots", "close_idr")
    return (
        joined.group_by("broker_code")
        .agg(pl.when(enough).then(correlation).alias("correlation"), pl.len().alias("sessions"))
        .select(
            "broker_code",
            (pl.col("correlation") ** 2).alias("r_squared"),
            pl.col("correlation").sign().cast(pl.Int64, strict=False).alias("direction"),
            "sessions",
        )
        .sort("broker_code")
    )


@dataclass(slots=True)
class _Position:
    """Running state of one stock at one broker: lots held since the range began, and what they cost."""

    lots: int = 0
    cost_idr: float = 0.0
    realised_idr: float = 0.0

    def buy(self, lots: int, price: float) -> None:
        # What was sold without ever having been bought here is opening stock; only what exceeds it has a known cost.
        known = min(lots, max(0, self.lots + lots))
        self.lots += lots
        self.cost_idr += known * LOT_SHARES * price

    def sell(self, lots: int, price: float) -> None:
        known = min(lots, max(0, self.lots))
        if known:
            average = self.cost_idr / (self.lots * LOT_SHARES)
            self.realised_idr += known * LOT_SHARES * (price - average)
            self.cost_idr -= known * LOT_SHARES * average
        self.lots -= lots


def positions(daily: pl.DataFrame) -> pl.DataFrame:
    """Return what a broker holds of each stock since the range began, at moving-average cost (B13).

    Net buys of a session enter at its average buy price (B3), net sells leave at its average sell price. What is sold
    beyond what was bought in the range comes from an opening stock that nobody knows: it makes no profit and no cost.

    Args:
        daily: ticker_code, session_date, net_lots, buy_average_idr, sell_average_idr, split-adjusted, in any order.

    Returns:
        ticker_code, inventory_lots, average_cost_idr (null unless something is held), cost_idr, realised_idr.
    """
    found: dict[str, _Position] = {}
    rows = daily.sort("ticker_code", "session_date").select(
        "ticker_code", "net_lots", "buy_average_idr", "sell_average_idr"
    )
    for code, lots, bought_at, sold_at in rows.iter_rows():
        position = found.setdefault(code, _Position())
        if lots and lots > 0 and bought_at is not None:
            position.buy(lots, bought_at)
        elif lots and lots < 0 and sold_at is not None:
            position.sell(-lots, sold_at)
    held = {code: one.lots > 0 for code, one in found.items()}
    return pl.DataFrame(
        {
            "ticker_code": list(found),
            "inventory_lots": [one.lots for one in found.values()],
            "average_cost_idr": [
                one.cost_idr / (one.lots * LOT_SHARES) if held[code] else None for code, one in found.items()
            ],
            "cost_idr": [one.cost_idr if held[code] else None for code, one in found.items()],
            "realised_idr": [one.realised_idr for one in found.values()],
        },
        schema={
            "ticker_code": pl.String,
            "inventory_lots": pl.Int64,
            "average_cost_idr": pl.Float64,
            "cost_idr": pl.Float64,
            "realised_idr": pl.Float64,
        },
    )


def held(positions: pl.DataFrame, closes: pl.DataFrame) -> pl.DataFrame:
    """Return what is held on balance with its value at the close, largest value first (B13).

    Args:
        positions: as `positions` gives them.
        closes: ticker_code, name, close_idr (adjusted).

    Returns:
        ticker_code, name, inventory_lots, average_cost_idr, close_idr, value_idr, unrealised_idr, unrealised_pct,
        realised_idr; only rows with lots above zero.
    """
    value = pl.col("inventory_lots") * LOT_SHARES * pl.col("close_idr")
    return (
        positions.filter(pl.col("inventory_lots") > 0)
        .join(closes, on="ticker_code", how="left")
        .with_columns(value.alias("value_idr"))
        .with_columns((pl.col("value_idr") - pl.col("cost_idr")).alias("unrealised_idr"))
        .with_columns((100 * pl.col("unrealised_idr") / pl.col("cost_idr")).alias("unrealised_pct"))
        .sort("value_idr", "ticker_code", descending=[True, False], nulls_last=True)
    )
