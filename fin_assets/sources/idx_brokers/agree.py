"""Do the pages of one session agree with each other? All boards are RG + TN + NG, and everybody is foreign + domestic.

Per broker, ticker and side, in the intervals that printed numbers stand for: a lot outside of the regular board may hide up
to 99 shares, an abbreviated number its step. Pages that may be cut say nothing about brokers that they do not show.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from fin_assets.sources.idx_brokers.failures import Unreconciled
from fin_assets.sources.idx_brokers.parse import split_unit
from fin_assets.sources.idx_brokers.reconcile import VALUE_LIMIT
from fin_assets.sources.idx_brokers.schema import LOT

_PARTS = {"board": ("RG", "TN", "NG"), "investor_type": ("F", "D")}
_PLACE = {"board": 1, "investor_type": 2}
_SIDES = ("buy", "sell")
_NAMED = 3
"""Contradictions that a message tells in full."""


def require_parts_agree(frame: pl.DataFrame, units: Sequence[str]) -> None:
    """Return if every broker's whole is the sum of its parts.

    A sum is proven only if every part was asked for in this session; a part that was not asked for may be anything, so that
    the others must only not exceed the whole.

    Args:
        frame: rows as `schema.BrokerTrades`.
        units: all units of the session, also those that are proven to be empty.

    Raises:
        Unreconciled: with the units of every ticker that contradicts itself.
    """
    split = [split_unit(unit) for unit in units]
    wrong: dict[str, str] = {}
    for dimension, parts in _PARTS.items():
        other = next(name for name in _PARTS if name != dimension)
        for value in sorted({unit[_PLACE[other]] for unit in split}):
            asked = {unit[_PLACE[dimension]] for unit in split if unit[_PLACE[other]] == value}
            if "all" not in asked or not asked & set(parts):
                continue
            pages = frame.filter(pl.col(other) == value)
            for row in _contradictions(pages, dimension, parts, all_parts=asked >= set(parts)).iter_rows(named=True):
                wrong.setdefault(row["ticker_code"], _said(row, dimension, parts))
    if wrong:
        told = "; ".join(list(wrong.values())[:_NAMED]) + ("; ..." if len(wrong) > _NAMED else "")
        names = tuple(unit for unit, (ticker, *_) in zip(units, split, strict=True) if ticker in wrong)
        raise Unreconciled(f"{len(wrong)} tickers contradict themselves: {told}", units=names)


def _contradictions(frame: pl.DataFrame, dimension: str, parts: tuple[str, ...], *, all_parts: bool) -> pl.DataFrame:
    """Return a row a ticker, broker and side whose parts cannot be its whole."""
    key = ["ticker_code"]
    # Where one page may be cut, what it lacks is not zero.
    comparable = frame.filter(pl.col("is_complete_list").all().over(key), (pl.col(dimension) == "all").any().over(key))
    is_whole, is_part = pl.col(dimension) == "all", pl.col(dimension).is_in(parts)
    sums = [
        pl.col(f"{side}_{measure}_{end}").filter(chosen).sum().alias(f"{name}_{side}_{measure}_{end}")
        for side in _SIDES
        for measure in ("shares", "value")
        for end in ("low", "high")
        for name, chosen in (("whole", is_whole), ("parts", is_part))
    ]
    grouped = (
        comparable.lazy()
        .with_columns(bound for side in _SIDES for bound in _bounds(side))
        .group_by(*key, "broker_code")
        .agg(*sums)
    )
    wrong = []
    for side in _SIDES:
        ends = {
            f"{name}_{end}": pl.col(f"{name}_{side}_shares_{end}")
            for name in ("whole", "parts")
            for end in ("low", "high")
        }
        broken = pl.any_horizontal(_broken(f"{side}_{measure}", all_parts=all_parts) for measure in ("shares", "value"))
        wrong.append(grouped.filter(broken).select(*key, "broker_code", side=pl.lit(side), **ends))
    return pl.concat(wrong).sort(*key, "broker_code", "side").collect()


def _broken(what: str, *, all_parts: bool) -> pl.Expr:
    # Lots agree exactly, values as the tables of one site do.
    slack = VALUE_LIMIT if what.endswith("_value") else 0.0
    too_much = pl.col(f"parts_{what}_low") > pl.col(f"whole_{what}_high") * (1 + slack)
    too_little = pl.col(f"parts_{what}_high") < pl.col(f"whole_{what}_low") * (1 - slack)
    return too_much | too_little if all_parts else too_much


def _bounds(side: str) -> list[pl.Expr]:
    """Return least and most of shares and value that a side's printed figures stand for; a missing side is 0."""
    lots, lots_step = pl.col(f"{side}_lots"), pl.col(f"{side}_lots_step")
    value, value_step = pl.col(f"{side}_value_idr"), pl.col(f"{side}_value_step_idr")
    odd = pl.when(pl.col("board") == "RG").then(0).otherwise(LOT - 1)
    return [
        ((lots - lots_step // 2) * LOT).alias(f"{side}_shares_low"),
        ((lots + lots_step - 1) * LOT + odd).alias(f"{side}_shares_high"),
        (value - value_step // 2).alias(f"{side}_value_low"),
        (value + value_step - 1).alias(f"{side}_value_high"),
    ]


def _said(row: dict[str, object], dimension: str, parts: tuple[str, ...]) -> str:
    whole, part = (int(str(row[f"{name}_low"])) // LOT for name in ("whole", "parts"))
    kind = "boards" if dimension == "board" else "investors"
    return (
        f"{row['ticker_code']}: broker {row['broker_code']} ({row['side']}) has {whole:,} lots with all {kind} "
        f"and {part:,} with {' + '.join(parts)}"
    )
