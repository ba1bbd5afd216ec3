"""Types, meanings and rules of the staged tables. A row that breaks a rule goes to quarantine under the rule's name.

Rules here concern rows that a strict parser has already read; what makes a whole page unusable is in `parse.py`.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from fin_assets.core.contract.schema import dy
from fin_assets.sources.hkex_southbound.reading import MOST_PERCENT

MARKETS = ("hk", "sh", "sz")
LANGUAGES = ("en", "zh")
PARTICIPANT_KINDS = ("clearing", "broker", "custodian", "pledgee", "investor", "other")

STOCK_CODE = r"^\d{5}$"


def _one_of(values: tuple[str, ...]) -> dict[str, Any]:
    return {"one_of": lambda column: column.is_in(values)}


class Holdings(dy.Schema):
    """Stock Connect holdings. Grain: session_date, market, stock_code."""

    session_date = dy.Date(primary_key=True, description="Date that the list states; a session of Hong Kong.")
    market = dy.String(
        primary_key=True,
        check=_one_of(MARKETS),
        description="hk: southbound; sh, sz: northbound in Shanghai, Shenzhen.",
    )
    stock_code = dy.String(
        primary_key=True,
        regex=STOCK_CODE,
        description="Five digits. Northbound: the exchange's own number, see a_share_code for the stock's code.",
    )
    stock_name = dy.String(
        nullable=True,
        min_length=1,
        description="Name as printed on the page of the first language; null if unreadable.",
    )
    name_language = dy.String(
        nullable=True, check=_one_of(LANGUAGES), description="Script of stock_name: en or zh; null without a name."
    )
    other_name = dy.String(
        nullable=True, description="Name as printed on the page of the second language; null if only one was collected."
    )
    a_share_code = dy.String(
        nullable=True,
        regex=r"^\d{6}$",
        description="Code of a northbound stock at its own exchange; English pages only.",
    )
    shareholding_shares = dy.Int64(min=0, description="Shares held through Stock Connect at the end of the day.")
    pct_of_issued = dy.Float64(
        nullable=True,
        min=0,
        max=MOST_PERCENT,
        allow_inf=False,
        allow_nan=False,
        description="Percent (0.59 is 0.59 %) as printed, two decimals; null where the page prints none. hk: of issued "
        "shares; sh, sz: of the A shares listed and traded there.",
    )
    observed_at = dy.Datetime(time_zone="UTC", time_unit="us", description="When the page was fetched, UTC.")


class Participants(dy.Schema):
    """Holdings of each CCASS participant in a stock. Grain: session_date, stock_code, line_no."""

    session_date = dy.Date(primary_key=True, description="Date that the result states; a session of Hong Kong.")
    stock_code = dy.String(primary_key=True, regex=STOCK_CODE, description="Five digits.")
    line_no = dy.Int32(primary_key=True, min=1, description="Place on the page, from 1; by holding, largest first.")
    participant_id = dy.String(
        nullable=True, regex=r"^[A-Z]\d{5}$", description="CCASS participant id; null for investors, who have none."
    )
    participant_name = dy.String(description="Name as printed, without the mark of consent; participants rename.")
    participant_kind = dy.String(
        check=_one_of(PARTICIPANT_KINDS),
        description="By the id's letter: A clearing, B broker, C custodian, P pledgee; investor: no id; or other.",
    )
    is_consenting = dy.Bool(description="Whether this is an investor who consents to be named.")
    address = dy.String(description="Address as printed; the site masks those of investors.")
    shareholding_shares = dy.Int64(
        description="Shares held. Below zero only for an intermediary whose deposit of shares is being rectified."
    )
    pct_of_issued = dy.Float64(
        nullable=True,
        min=-MOST_PERCENT,
        max=MOST_PERCENT,
        allow_inf=False,
        allow_nan=False,
        description="Percent of issued_shares as printed, two decimals; null if none is.",
    )
    issued_shares = dy.Int64(
        nullable=True,
        min=1,
        description="Issued shares of all counters as last updated by the site; null if not printed.",
    )
    total_shares = dy.Int64(min=0, description="Shares of this stock in CCASS, from the page's summary.")
    total_participants = dy.Int32(min=0, description="Number of participants with this stock, from the page's summary.")
    intermediaries_shares = dy.Int64(description="Shares of all market intermediaries, from the page's summary.")
    consenting_shares = dy.Int64(min=0, description="Shares of investors who consent, from the page's summary.")
    non_consenting_shares = dy.Int64(min=0, description="Shares of investors who do not, from the page's summary.")
    observed_at = dy.Datetime(time_zone="UTC", time_unit="us", description="When the page was fetched, UTC.")

    @dy.rule()
    def investor_not_negative(cls) -> pl.Expr:  # noqa: N805 - the decorator makes it a class method
        """Allow only an intermediary's account below zero."""
        return ~pl.col("is_consenting") | (pl.col("shareholding_shares") >= 0)

    @dy.rule()
    def summary_adds_up(cls) -> pl.Expr:  # noqa: N805 - the decorator makes it a class method
        """Prove that the summary's parts are its total."""
        parts = pl.col("intermediaries_shares") + pl.col("consenting_shares") + pl.col("non_consenting_shares")
        return parts == pl.col("total_shares")

    @dy.rule()
    def participant_once_a_stock(cls) -> pl.Expr:  # noqa: N805 - the decorator makes it a class method
        """Allow a participant with an id one row a stock and session."""
        grain = ("session_date", "stock_code", "participant_id")
        return pl.col("participant_id").is_null() | (pl.len().over(*grain) == 1)
