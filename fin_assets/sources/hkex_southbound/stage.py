"""Accepted pages of one session -> typed rows, sorted by their grain. Pure and deterministic: same pages, same rows.

Which units a session must have, and that all are there, was decided before; nothing is fetched or written here.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from fin_assets.core.contract.failures import Drift
from fin_assets.core.contract.schema import dy
from fin_assets.core.contract.source import Accepted, Staged
from fin_assets.core.contract.staging import staged
from fin_assets.sources.hkex_southbound.parse import HoldingsPage, ParticipantsPage
from fin_assets.sources.hkex_southbound.schema import LANGUAGES, Holdings, Participants

_COMPARED = ("stock_code", "shareholding_shares", "pct_of_issued")


def stage_holdings(units: Sequence[Accepted], *, languages: Sequence[str] = LANGUAGES) -> Staged:
    """Return holdings of a session; columns and rules as `schema.Holdings`.

    Where a market has pages of two languages, rows are those of the language that comes first in `languages`,
    `other_name` is the name on the other page, and both must agree on codes, shares and percents.

    Args:
        units: pages named `market/language` ("hk/en"), in any order; each states the session.
        languages: preference, most preferred first.

    Raises:
        Drift: two pages of a market differ; the first difference is named.
        ValueError: a unit is not named `market/language`.
    """
    by_market: dict[str, list[Accepted]] = {}
    for unit in units:
        market, _, language = unit.unit.partition("/")
        if language not in languages:
            msg = f"{unit.unit!r} is not market/language with a language of {', '.join(languages)}"
            raise ValueError(msg)
        by_market.setdefault(market, []).append(unit)
    frames = []
    for of_market in by_market.values():
        ranked = sorted(of_market, key=lambda unit: languages.index(unit.unit.partition("/")[2]))
        pages: list[HoldingsPage] = [unit.parsed.page for unit in ranked]
        frames.append(_market_rows(pages, ranked[0]))
    return _staged(frames, Holdings)


def stage_participants(units: Sequence[Accepted]) -> Staged:
    """Return the participants of every stock of a session; columns and rules as `schema.Participants`.

    Args:
        units: pages named by five-digit stock code, in any order; each states the session.
    """
    return _staged([_participants_rows(unit.parsed.page, unit) for unit in units], Participants)


def _market_rows(pages: list[HoldingsPage], source: Accepted) -> pl.DataFrame:
    """Rows of the first page, named in both languages."""
    first = pages[0]
    rows = first.rows.with_columns(
        session_date=pl.lit(first.stated_date),
        market=pl.lit(first.market),
        other_name=pl.lit(None, dtype=pl.String),
        observed_at=pl.lit(source.fetched_at, dtype=pl.Datetime("us", "UTC")),
    )
    for second in pages[1:]:
        _require_same(first, second)
        names = second.rows.select(
            "stock_code",
            other_name_second="stock_name",
            a_share_code_second="a_share_code",
            pct_of_issued_second="pct_of_issued",
        )
        rows = rows.join(names, on="stock_code", how="left", maintain_order="left").with_columns(
            other_name=pl.col("other_name_second"),
            pct_of_issued=pl.coalesce("pct_of_issued", "pct_of_issued_second"),
            # Only English names carry it.
            a_share_code=pl.coalesce("a_share_code", "a_share_code_second"),
        )
    return rows.select(Holdings.column_names())


def _require_same(first: HoldingsPage, second: HoldingsPage) -> None:
    """Two languages are two views of one list: a difference means that one page is not what it says."""
    which = f"the {first.page_language} and the {second.page_language} page of {first.market} on {first.stated_date}"
    ours, theirs = (set(page.rows["stock_code"]) for page in (first, second))
    if only := sorted(ours ^ theirs):
        side = first.page_language if only[0] in ours else second.page_language
        raise Drift(f"{which} differ: {only[0]} is only on the {side} page ({len(only)} such stocks)")
    pair = first.rows.select(_COMPARED).join(second.rows.select(_COMPARED), on="stock_code", suffix="_second")
    for column in _COMPARED[1:]:
        # A percent that one page lacks, or shows in a way that is not understood, contradicts nothing.
        different = pair.filter(pl.col(column) != pl.col(f"{column}_second")).sort("stock_code")
        if different.height:
            row = different.row(0, named=True)
            msg = (
                f"{which} differ: {row['stock_code']} has {column} {row[column]} and {row[f'{column}_second']} "
                f"({different.height} such stocks)"
            )
            raise Drift(msg)


def _participants_rows(page: ParticipantsPage, unit: Accepted) -> pl.DataFrame:
    summary = page.summary
    return page.rows.with_columns(
        session_date=pl.lit(page.stated_date),
        stock_code=pl.lit(page.stock_code),
        issued_shares=pl.lit(page.issued_shares, dtype=pl.Int64),
        total_shares=pl.lit(summary.total.shares, dtype=pl.Int64),
        total_participants=pl.lit(summary.total.participants, dtype=pl.Int32),
        intermediaries_shares=pl.lit(summary.market_intermediaries.shares, dtype=pl.Int64),
        consenting_shares=pl.lit(summary.consenting.shares, dtype=pl.Int64),
        non_consenting_shares=pl.lit(summary.non_consenting.shares, dtype=pl.Int64),
        observed_at=pl.lit(unit.fetched_at, dtype=pl.Datetime("us", "UTC")),
    ).select(Participants.column_names())


def _staged(frames: list[pl.DataFrame], schema: type[dy.Schema]) -> Staged:
    return staged(pl.concat(frames) if frames else schema.create_empty(), schema)
