"""Checks on staged rows that only this source can make. Pure; none of them blocks.

What must hold before a page counts is in `reconcile.py`; here is what a session as a whole shows, with numbers for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import partial, update_wrapper

import polars as pl

from fin_assets.core.contract.source import Finding, StagedCheck
from fin_assets.sources.idx_brokers.reconcile import VALUE_TOLERANCE
from fin_assets.sources.idx_brokers.schema import LOT

MARKET_TOLERANCE = 0.01
"""Share of the market's value by which brokers' totals may differ. Measured 2021-01-19: 0.02 % in value; the market-wide list
also counts warrants, rights and funds, 0.9 % in volume. Twice as much would no longer be those."""

UNIVERSE_BAND = 0.05
"""Share by which the number of listed stocks may differ from the session before. A year brings some fifty listings and few
delistings, so that one day moves it by far less than a percent: five percent is a half list and never a market."""

_SIDES = ("buy", "sell")
_NAMED = 5


def brokers_match_market(
    frame: pl.DataFrame, *, session: date, previous: pl.DataFrame | None, siblings: Mapping[str, pl.DataFrame]
) -> Finding:
    """What brokers bought and sold over all tickers is their total of the market, in which every trade counts twice (B2)."""
    del session, previous
    market, summary = siblings.get("broker_summary_market"), siblings.get("stock_summary")
    if market is None or summary is None:
        return Finding(
            passed=True, summary="the market-wide lists of the session are not collected: nothing to compare with"
        )
    rows = frame.filter(pl.col("board") == "all", pl.col("investor_type") == "all")
    traded = summary.filter(pl.col("volume_shares") + pl.col("nonregular_volume_shares") >= LOT)
    lacking = traded.join(rows.filter("is_complete_list"), on="ticker_code", how="anti").height
    if lacking:
        said = (
            f"{lacking} of {traded.height} traded tickers have no complete list of all boards: nothing to compare with"
        )
        return Finding(passed=True, summary=said, numbers={"without_complete_list": lacking})
    ours = (
        rows.with_columns(value=_either("buy_value_idr") + _either("sell_value_idr"))
        .group_by("broker_code")
        .agg(pl.col("value").sum())
    )
    theirs = market.select("broker_code", market_value="value_idr")
    both = ours.join(theirs, on="broker_code", how="full", coalesce=True).with_columns(pl.col(pl.Int64).fill_null(0))
    apart = both.with_columns(gap=pl.col("value") - pl.col("market_value")).sort(
        pl.col("gap").abs(), "broker_code", descending=[True, False]
    )
    total, worst = int(both["market_value"].sum()), apart.row(0, named=True)
    gap, allowed = abs(int(apart["gap"].sum())), MARKET_TOLERANCE * total
    share = 100 * gap / total if total else 0.0
    return Finding(
        passed=gap <= allowed,
        summary=f"{both.height} brokers: {int(both['value'].sum()):,} IDR bought and sold, the exchange has {total:,} "
        f"({share:.2f} % apart); worst is {worst['broker_code']} with {worst['value']:,} against {worst['market_value']:,} IDR",
        numbers={
            "brokers": both.height,
            "gap_idr": gap,
            "gap_pct": round(share, 4),
            "worst_broker": worst["broker_code"],
            "worst_gap_idr": int(worst["gap"]),
        },
    )


def values_match_exchange(
    frame: pl.DataFrame,
    *,
    session: date,
    previous: pl.DataFrame | None,
    siblings: Mapping[str, pl.DataFrame],
    tolerance: float = VALUE_TOLERANCE,
) -> Finding:
    """Each side's value of a complete list is the exchange's value of the stock, within rounding and the tolerance."""
    del session, previous
    summary = siblings.get("stock_summary")
    if summary is None:
        return Finding(
            passed=True, summary="the stock summary of the session is not collected: nothing to compare with"
        )
    rows = frame.filter(
        pl.col("is_complete_list"), pl.col("investor_type") == "all", pl.col("board").is_in(["all", "RG"])
    )
    bounds = [
        _end(f"{side}_value", end, step="_idr").sum().alias(f"{side}_{end}")
        for side in _SIDES
        for end in ("low", "high")
    ]
    pages = rows.group_by("ticker_code", "board").agg(*bounds).join(summary, on="ticker_code")
    outside = pl.when(pl.col("board") == "all").then(pl.col("nonregular_value_idr")).otherwise(0)
    exchange = pl.col("value_idr") + outside
    slack = exchange * tolerance
    wrong = pages.filter(
        pl.any_horizontal(
            (exchange + slack < pl.col(f"{side}_low")) | (exchange - slack > pl.col(f"{side}_high")) for side in _SIDES
        )
    )
    return _of_tickers(wrong, compared=pages.height, what="complete lists", said="differ from the exchange's value")


def averages_agree(
    frame: pl.DataFrame, *, session: date, previous: pl.DataFrame | None, siblings: Mapping[str, pl.DataFrame]
) -> Finding:
    """The printed average, which is cut off to whole rupiah, lies in what value over lots allows (B3)."""
    del session, previous, siblings
    wrong, compared = [], 0
    for side in _SIDES:
        # A row without whole lots has a price that its lots do not tell.
        rows = frame.filter(pl.col(f"{side}_lots") > 0, pl.col(f"{side}_average_idr").is_not_null())
        compared += rows.height
        average = pl.col(f"{side}_average_idr").cast(pl.Float64)
        odd = pl.when(pl.col("board") == "RG").then(0).otherwise(LOT - 1)
        least_shares = (_end(f"{side}_lots", "low") * LOT).clip(1)
        most_shares = _end(f"{side}_lots", "high") * LOT + odd
        least = _end(f"{side}_value", "low", step="_idr") / most_shares
        most = _end(f"{side}_value", "high", step="_idr") / least_shares
        wrong.append(rows.filter((average > most) | (average + 1 < least)).select("ticker_code", "broker_code"))
    return _of_tickers(pl.concat(wrong), compared=compared, what="averages", said="are not value over lots")


def prices_consistent(
    frame: pl.DataFrame, *, session: date, previous: pl.DataFrame | None, siblings: Mapping[str, pl.DataFrame]
) -> Finding:
    """Where the regular board traded, low <= close <= high, all of them stated; the change is close less previous."""
    del session, previous, siblings
    outside = (pl.col("volume_shares") > 0) & ~pl.col("close_idr").is_between(pl.col("low_idr"), pl.col("high_idr"))
    change = pl.col("change_idr") != pl.col("close_idr") - pl.col("previous_idr")
    wrong = frame.filter(outside.fill_null(value=True) | change)
    return _of_tickers(
        wrong, compared=frame.height, what="stocks", said="have a close outside of the day, or another change"
    )


def universe_in_band(
    frame: pl.DataFrame, *, session: date, previous: pl.DataFrame | None, siblings: Mapping[str, pl.DataFrame]
) -> Finding:
    """About as many stocks are listed as in the session before; new and gone ones are named."""
    del session, siblings
    if previous is None or previous.is_empty():
        return Finding(passed=True, summary="the previous session is not collected: nothing to compare with")
    new, gone = (
        one.join(other, on="ticker_code", how="anti")["ticker_code"].sort().to_list()
        for one, other in ((frame, previous), (previous, frame))
    )
    moved = abs(frame.height - previous.height) / previous.height
    names = "".join(f"; {word}: {_some(codes)}" for word, codes in (("new", new), ("gone", gone)) if codes)
    return Finding(
        passed=max(moved, len(gone) / previous.height) <= UNIVERSE_BAND,
        summary=f"{frame.height} stocks, {previous.height} in the session before{names}",
        numbers={"stocks": frame.height, "before": previous.height, "new": len(new), "gone": len(gone)},
    )


def _either(name: str) -> pl.Expr:
    return pl.col(name).fill_null(0)


def _end(name: str, end: str, *, step: str = "") -> pl.Expr:
    """Return the least or the most that a printed number stands for; 0 for a side that is not there."""
    value, class_ = pl.col(f"{name}{step}"), pl.col(f"{name}_step{step}")
    return (value - class_ // 2 if end == "low" else value + class_ - 1).fill_null(0)


def _of_tickers(wrong: pl.DataFrame, *, compared: int, what: str, said: str) -> Finding:
    codes = wrong["ticker_code"].unique().sort().to_list()
    return Finding(
        passed=not codes,
        summary=f"{wrong.height} of {compared} {what} {said} ({_some(codes)})" if codes else f"{compared} {what} agree",
        numbers={"compared": compared, "different": wrong.height},
    )


def _some(codes: list[str]) -> str:
    return ", ".join(codes[:_NAMED]) + (", ..." if len(codes) > _NAMED else "")


STOCK_SUMMARY_CHECKS: dict[str, StagedCheck] = {
    "prices_consistent": prices_consistent,
    "universe_in_band": universe_in_band,
}


def broker_trades_checks(*, value_tolerance: float = VALUE_TOLERANCE) -> dict[str, StagedCheck]:
    """Return the checks of the broker tables; `value_tolerance` is that of `values_match_exchange`, a share (0 to 1)."""
    return {
        "brokers_match_market": brokers_match_market,
        "values_match_exchange": update_wrapper(
            partial(values_match_exchange, tolerance=value_tolerance), values_match_exchange
        ),
        "averages_agree": averages_agree,
    }
