"""Types, meanings and rules of the staged tables. A row that breaks a rule goes to quarantine under the rule's name.

Rules here concern single rows that a strict parser has already read; what makes a whole page unusable is in `page.py`,
`parse.py` and `lists.py`, what several pages must agree on in `stage.py` and `reconcile.py`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import polars as pl

from fin_assets.core.contract.schema import dy

BOARDS = ("all", "RG", "TN", "NG")
"""all: every board; RG: regular; TN: cash; NG: negotiated."""
INVESTORS = ("all", "F", "D")
"""all: everybody; F: foreign investors; D: domestic ones."""
BROKER_TYPES = ("foreign", "local", "bumn")

TICKER, BROKER = r"^[A-Z0-9]{4,8}(-[A-Z0-9]{1,2})?$", r"^[A-Z][A-Z0-9]$"
LOT = 100
"""Shares in a lot."""
NOT_A_SESSION = "not_a_session"


def _one_of(values: tuple[str, ...]) -> dict[str, Any]:
    return {"one_of": lambda column: column.is_in(values)}


def _price(description: str, *, nullable: bool = False, least: int | None = 0) -> dy.Decimal:
    return dy.Decimal(precision=18, scale=2, nullable=nullable, min=least, description=description)


def _count(description: str, *, nullable: bool = False) -> dy.Int64:
    return dy.Int64(min=0, nullable=nullable, description=description)


def _weight(description: str) -> dy.Decimal:
    return dy.Decimal(precision=18, scale=4, nullable=True, min=0, description=description)


def _session() -> dy.Date:
    return dy.Date(primary_key=True, description="Date that the answer states; a session in Jakarta.")


def _observed() -> dy.Datetime:
    return dy.Datetime(time_zone="UTC", time_unit="us", description="When it was fetched, UTC.")


def _ticker() -> dy.String:
    return dy.String(primary_key=True, regex=TICKER, description="Ticker, mostly four letters.")


def _broker() -> dy.String:
    return dy.String(primary_key=True, regex=BROKER, description="Code of the exchange member, two characters.")


class StockSummary(dy.Schema):
    """The exchange's list of stocks of a session. Grain: session_date, ticker_code."""

    session_date = _session()
    ticker_code = _ticker()
    company_name = dy.String(
        nullable=True, min_length=1, description="Name as the exchange prints it; null if unreadable."
    )
    remarks = dy.String(nullable=True, description="The exchange's coded notes on listing, sector and special marks.")
    previous_idr = _price("Closing price before, adjusted by the exchange for splits and rights, rupiah.")
    open_idr = _price("Opening price, rupiah; null in most rows: the exchange sends 0.", nullable=True)
    first_trade_idr = _price("Price of the first trade, rupiah; null where the exchange sends 0.", nullable=True)
    high_idr = _price("Highest price, rupiah; null where nothing was traded.", nullable=True)
    low_idr = _price("Lowest price, rupiah; null where nothing was traded.", nullable=True)
    close_idr = _price("Closing price, rupiah; the one before where nothing was traded.")
    change_idr = _price("close_idr less previous_idr, rupiah.", least=None)
    bid_idr = _price("Best bid at the close, rupiah; null if there is none.", nullable=True)
    offer_idr = _price("Best offer at the close, rupiah; null if there is none.", nullable=True)
    bid_shares = _count("Shares at the best bid; null if unreadable.", nullable=True)
    offer_shares = _count("Shares at the best offer; null if unreadable.", nullable=True)
    volume_shares = _count("Shares traded on the regular board.")
    value_idr = _count("Value traded on the regular board, rupiah.")
    trades = _count("Trades on the regular board; null if unreadable.", nullable=True)
    listed_shares = _count("Listed shares; null if unreadable.", nullable=True)
    tradable_shares = _weight("Tradable shares; null if unreadable.")
    index_weight_shares = _weight("Shares that weigh in the index, at times with a fraction; null if unreadable.")
    foreign_buy_shares = _count("Shares that foreign investors bought on the regular board.")
    foreign_sell_shares = _count("Shares that foreign investors sold on the regular board.")
    nonregular_volume_shares = _count("Shares traded on the cash and the negotiated board together; odd lots occur.")
    nonregular_value_idr = _count("Value traded on the cash and the negotiated board together, rupiah.")
    nonregular_trades = _count(
        "Trades on the cash and the negotiated board together; null if unreadable.", nullable=True
    )
    index_individual = dy.Float64(
        nullable=True, description="The exchange's index of this stock alone, points; null if unreadable."
    )
    delisting_date = dy.Date(nullable=True, description="Announced date of delisting; null if there is none.")
    observed_at = _observed()

    @dy.rule()
    def volume_has_value(cls) -> pl.Expr:  # noqa: N805 - the decorator makes it a class method
        """Require volume and value together, on each kind of board."""
        regular = (pl.col("volume_shares") == 0) == (pl.col("value_idr") == 0)
        return regular & ((pl.col("nonregular_volume_shares") == 0) == (pl.col("nonregular_value_idr") == 0))

    @dy.rule()
    def foreign_within_volume(cls) -> pl.Expr:  # noqa: N805 - the decorator makes it a class method
        """Allow foreign investors no more than was traded."""
        most = pl.col("volume_shares") + pl.col("nonregular_volume_shares")
        return (pl.col("foreign_buy_shares") <= most) & (pl.col("foreign_sell_shares") <= most)


class BrokerSummaryMarket(dy.Schema):
    """Each broker's total over the whole market, bought plus sold: every trade counts twice. Grain: session_date, broker_code."""

    session_date = _session()
    broker_code = _broker()
    broker_name = dy.String(
        nullable=True, min_length=1, description="Name as the exchange prints it; null if unreadable."
    )
    volume_shares = _count(
        "Shares bought plus shares sold; warrants, rights and funds included; null if unreadable.", nullable=True
    )
    value_idr = _count("Value bought plus value sold, rupiah.")
    trades = _count("Trades, each side counted; null if unreadable.", nullable=True)
    observed_at = _observed()


class Members(dy.Schema):
    """The exchange's members as they were on the day of the session; the site shows no past. Grain: session_date, broker_code."""

    session_date = dy.Date(primary_key=True, description="Session after which the list was fetched.")
    broker_code = _broker()
    broker_name = dy.String(
        nullable=True, min_length=1, description="Name as the exchange prints it; null if unreadable."
    )
    licenses = dy.String(
        nullable=True,
        min_length=1,
        description="Licences as the exchange prints them, in Indonesian, joined by commas; null if unreadable.",
    )
    observed_at = _observed()


class BrokerTrades(dy.Schema):
    """What each broker bought and sold of a stock. Grain: session_date, ticker_code, board, investor_type, broker_code.

    A `step` is how the site rounded: 1 if printed in full, 100,000,000 for "254.4 B"; the truth lies from half a step below
    the value to less than a whole step above.
    """

    session_date = _session()
    ticker_code = _ticker()
    board = dy.String(
        primary_key=True, check=_one_of(BOARDS), description="all, RG (regular), TN (cash) or NG (negotiated)."
    )
    investor_type = dy.String(
        primary_key=True, check=_one_of(INVESTORS), description="all, F (foreign investors) or D (domestic ones)."
    )
    broker_code = _broker()
    broker_type_shown = dy.String(
        nullable=True,
        check=_one_of(BROKER_TYPES),
        description="What the page paints the broker as: foreign, local or bumn (state-owned).",
    )
    buy_lots = _count(
        "Lots bought, 100 shares each; null: see is_complete_list. An odd lot counts as 0.", nullable=True
    )
    buy_lots_step = _count("Step of buy_lots, lots.", nullable=True)
    buy_value_idr = _count("Value bought, rupiah; null: see is_complete_list.", nullable=True)
    buy_value_step_idr = _count("Step of buy_value_idr, rupiah.", nullable=True)
    buy_average_idr = _price("Average price bought, rupiah, cut off by the site, not rounded.", nullable=True)
    sell_lots = _count("Lots sold, 100 shares each; null: see is_complete_list. An odd lot counts as 0.", nullable=True)
    sell_lots_step = _count("Step of sell_lots, lots.", nullable=True)
    sell_value_idr = _count("Value sold, rupiah; null: see is_complete_list.", nullable=True)
    sell_value_step_idr = _count("Step of sell_value_idr, rupiah.", nullable=True)
    sell_average_idr = _price("Average price sold, rupiah, cut off by the site, not rounded.", nullable=True)
    total_value_idr = _count(
        "The page's total value of the stock, rupiah; the same in each of its rows.", nullable=True
    )
    total_value_step_idr = _count("Step of total_value_idr, rupiah.", nullable=True)
    foreign_investor_net_value_idr = dy.Int64(
        nullable=True,
        description="The page's net value bought by foreign INVESTORS, rupiah; not the net of foreign brokers.",
    )
    foreign_investor_net_value_step_idr = _count("Step of foreign_investor_net_value_idr, rupiah.", nullable=True)
    total_lots = _count("The page's total lots of the stock; the same in each of its rows.", nullable=True)
    total_lots_step = _count("Step of total_lots, lots.", nullable=True)
    average_idr = _price("The page's average price of the stock, rupiah, cut off.", nullable=True)
    is_complete_list = dy.Bool(
        description="True: every broker is listed, a null side is 0. False: the list may be cut to the ten largest of each "
        "side, a null side was not visible."
    )
    visible_buy_lots = _count("Sum of buy_lots over the page, lots.")
    visible_sell_lots = _count("Sum of sell_lots over the page, lots.")
    observed_at = _observed()

    @dy.rule()
    def bought_or_sold(cls) -> pl.Expr:  # noqa: N805 - the decorator makes it a class method
        """Require at least one side in each row."""
        return pl.col("buy_lots").is_not_null() | pl.col("sell_lots").is_not_null()

    @dy.rule()
    def sides_are_whole(cls) -> pl.Expr:  # noqa: N805 - the decorator makes it a class method
        """Require of a side lots and value with their steps, or none of them."""
        figures = ("lots", "lots_step", "value_idr", "value_step_idr")
        return pl.all_horizontal(
            pl.col(f"{side}_{first}").is_null() == pl.col(f"{side}_{second}").is_null()
            for side in ("buy", "sell")
            for first, second in pairwise(figures)
        )
