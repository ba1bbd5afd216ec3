"""Checks on staged rows that only this source can make. Pure; none of them blocks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from fin_assets.core.contract.source import Finding
from fin_assets.sources.hkex_southbound.calendar import ListDay, southbound_calendar

UNCHANGED_SHARE = 0.95
"""A list counts as unchanged above this share of equal holdings. Measured in 2017: 88.7 % of holdings change on a normal
day, and at most 0.4 % on the twelve days without settlement, so anything between 0.2 and 0.99 would tell them apart."""

ALLOWED_PP = 0.05
"""H1: published and recomputed percent may differ by this many percentage points."""


def unchanged_from_yesterday(
    frame: pl.DataFrame, *, session: date, previous: pl.DataFrame | None, siblings: Mapping[str, pl.DataFrame]
) -> Finding:
    """An unchanged list is explained by a closed mainland leg or a storm; otherwise it is suspected to be a stale copy."""
    del siblings
    if previous is None or previous.is_empty():
        return Finding(passed=True, summary="the previous list is not collected: nothing to compare with")
    both = frame.join(previous, on=["market", "stock_code"], how="inner", suffix="_before")
    equal = both.filter(pl.col("shareholding_shares") == pl.col("shareholding_shares_before")).height
    share = equal / both.height if both.height else 0.0
    state = southbound_calendar().state(session)
    explained = state in {ListDay.SOUTHBOUND_CLOSED, ListDay.WEATHER}
    unchanged = share > UNCHANGED_SHARE
    summary = f"{equal} of {both.height} holdings are those of the list before"
    if unchanged:
        summary += f"; the calendar explains it: {state.value}" if explained else "; no calendar explains it"
    return Finding(
        passed=explained or not unchanged,
        summary=summary,
        numbers={"equal": equal, "compared": both.height, "day": state.value},
    )


def pct_matches_list_before(
    frame: pl.DataFrame, *, session: date, previous: pl.DataFrame | None, siblings: Mapping[str, pl.DataFrame]
) -> Finding:
    """The percent of issued follows from the holding and the issued shares that the list before implied (H1)."""
    del session, siblings
    if previous is None or previous.is_empty():
        return Finding(passed=True, summary="the previous list is not collected: nothing to compare with")
    both = frame.join(previous, on=["market", "stock_code"], how="inner", suffix="_before").filter(
        pl.col("pct_of_issued").is_not_null()
        & (pl.col("pct_of_issued_before") > 0)
        & (pl.col("shareholding_shares_before") > 0)
    )
    expected = pl.col("pct_of_issued_before") * pl.col("shareholding_shares") / pl.col("shareholding_shares_before")
    # Both percents are rounded to 0.01, and the older one is scaled with the holding.
    rounding = 0.01 * (1 + pl.col("shareholding_shares") / pl.col("shareholding_shares_before"))
    return _percent_finding(
        both.filter((expected - pl.col("pct_of_issued")).abs() > ALLOWED_PP + rounding), compared=both.height
    )


def pct_matches_issued(
    frame: pl.DataFrame, *, session: date, previous: pl.DataFrame | None, siblings: Mapping[str, pl.DataFrame]
) -> Finding:
    """The published percent equals the holding over the issued shares on the same page, within 0.05 points (H1)."""
    del session, previous, siblings
    known = frame.filter(pl.col("pct_of_issued").is_not_null() & (pl.col("issued_shares") > 0))
    expected = 100 * pl.col("shareholding_shares") / pl.col("issued_shares")
    return _percent_finding(
        known.filter((expected - pl.col("pct_of_issued")).abs() > ALLOWED_PP), compared=known.height
    )


def holding_within_issued(
    frame: pl.DataFrame, *, session: date, previous: pl.DataFrame | None, siblings: Mapping[str, pl.DataFrame]
) -> Finding:
    """No participant holds more than all issued shares; around a split the site's issued figure may lag (H1)."""
    del session, previous, siblings
    known = frame.filter(pl.col("issued_shares").is_not_null())
    wrong = known.filter(pl.col("shareholding_shares") > pl.col("issued_shares"))
    codes = wrong.get_column("stock_code").unique().sort().to_list()
    summary = (
        f"{wrong.height} holdings exceed the issued shares ({', '.join(codes[:5])})"
        if codes
        else f"{known.height} holdings within issued shares"
    )
    return Finding(passed=not codes, summary=summary, numbers={"compared": known.height, "above": wrong.height})


def pct_within_issued(
    frame: pl.DataFrame, *, session: date, previous: pl.DataFrame | None, siblings: Mapping[str, pl.DataFrame]
) -> Finding:
    """No more than all issued shares are held, by the published percent; around a split the site's issued figure may lag (H1)."""
    del session, previous, siblings
    wrong = frame.filter(pl.col("pct_of_issued") > 100).get_column("stock_code").sort().to_list()  # noqa: PLR2004 - percent
    told = f"{len(wrong)} percents are above 100 ({', '.join(wrong[:5])})"
    known = frame["pct_of_issued"].count()
    return Finding(
        passed=not wrong,
        summary=told if wrong else f"{known} percents within issued shares",
        numbers={"compared": known, "above": len(wrong)},
    )


def _percent_finding(wrong: pl.DataFrame, *, compared: int) -> Finding:
    codes = wrong.get_column("stock_code").unique().sort().to_list()
    sample = ", ".join(codes[:5]) + (", ..." if len(codes) > 5 else "")  # noqa: PLR2004
    return Finding(
        passed=not codes,
        summary=f"{wrong.height} of {compared} percents differ by more than {ALLOWED_PP} points ({sample}): "
        "issued shares changed, or the page is wrong"
        if codes
        else f"{compared} percents match",
        numbers={"compared": compared, "different": wrong.height},
    )


HOLDINGS_CHECKS = {
    "unchanged_from_yesterday": unchanged_from_yesterday,
    "pct_matches_issued": pct_matches_list_before,
    "pct_within_issued": pct_within_issued,
}
NORTHBOUND_CHECKS = {"pct_matches_issued": pct_matches_list_before, "pct_within_issued": pct_within_issued}
PARTICIPANTS_CHECKS = {"pct_matches_issued": pct_matches_issued, "holding_within_issued": holding_within_issued}
