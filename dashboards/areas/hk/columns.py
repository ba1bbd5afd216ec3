"""Columns of the Hong Kong tables."""

from __future__ import annotations

import polars as pl

from dashboards.ui.tables import COMPACT, DATE, DECIMAL, INTEGER, PERCENT, POINTS, SIGNED, SIGNED_PERCENT, Column, link

STOCK_PATH = "/hk/stock/"
"""Address of a stock's page, without its code."""
STOCK = link(STOCK_PATH)


def joined_name() -> pl.Expr:
    """Return both names of a stock in one column `name`."""
    return pl.concat_str([pl.col("stock_name"), pl.col("other_name")], separator=" ", ignore_nulls=True).alias("name")


MOVERS = (
    Column(field="stock_code", title="Code", format=STOCK, width=70),
    Column(field="name", title="Name", width=140, grow=4),
    Column(field="shareholding_shares", title="Holding, shares", format=INTEGER, width=130),
    Column(field="pct_of_issued", title="% of issued", format=PERCENT, width=96),
    Column(field="change_shares", title="Change, shares", format=SIGNED, width=140),
    Column(field="change_pct", title="Change, %", format=SIGNED_PERCENT, width=110),
    Column(field="change_pp", title="Change, pp", format=POINTS, width=110),
    Column(field="base_date", title="Base date", format=DATE, width=96),
    Column(field="gap_sessions", title="Gap", format=INTEGER, width=60),
)
LISTED = (
    Column(field="session_date", title="Session", format=DATE, width=88),
    Column(field="what", title="What", width=124),
    Column(field="stock_code", title="Code", format=STOCK, width=62),
    Column(field="stock_name", title="Name", width=120, grow=2),
    Column(field="change_shares", title="Shares", format=SIGNED, width=118),
    Column(field="counter", title="Other counter", width=130, grow=2),
)
UNUSUAL = (
    Column(field="stock_code", title="Code", format=STOCK, width=70),
    Column(field="stock_name", title="Name", width=180, grow=2),
    Column(field="change_pp", title="Change, pp", format=POINTS, width=110),
    Column(field="change_shares", title="Change, shares", format=SIGNED, width=140),
    Column(field="robust_z", title="z", format=DECIMAL, width=70),
    Column(field="largest_in_sessions", title="Largest in sessions", format=INTEGER, width=130),
    Column(field="observations", title="Observations", format=INTEGER, width=100),
)
HELD = (
    Column(field="stock_code", title="Code", format=STOCK, width=76),
    Column(field="name", title="Name", width=140, grow=4),
    Column(field="shareholding_shares", title="Holding, shares", format=INTEGER, width=140),
    Column(field="pct_of_issued", title="% of issued", format=PERCENT, width=104),
    Column(field="change_1_pp", title="1 session", format=POINTS, width=116),
    Column(field="change_5_pp", title="5 sessions", format=POINTS, width=116),
    Column(field="change_20_pp", title="20 sessions", format=POINTS, width=116),
)
HISTORY = (
    Column(field="session_date", title="Session", format=DATE, width=100),
    Column(field="shareholding_shares", title="Holding, shares", format=INTEGER, width=130),
    Column(field="pct_of_issued", title="% of issued", format=PERCENT, width=100),
    Column(field="change_shares", title="Change, shares", format=SIGNED, width=140),
    Column(field="change_pp", title="Change, pp", format=POINTS, width=110),
    Column(field="robust_z", title="z", format=DECIMAL, width=70),
    Column(field="base_date", title="Base date", format=DATE, width=100),
    Column(field="day_state", title="Day", width=130),
)
PARTICIPANTS = (
    Column(field="participant_id", title="Id", width=72),
    Column(field="participant_name", title="Name", width=170, grow=3),
    Column(field="participant_kind", title="Kind", width=84),
    Column(field="shareholding_shares", title="Holding", format=COMPACT, width=84),
    Column(field="holding_pct", title="% of issued", format=PERCENT, width=92),
    Column(field="change_pp", title="Change, pp", format=POINTS, width=104),
)
BIG_CHANGES = (
    Column(field="session_date", title="Session", format=DATE, width=92),
    Column(field="participant_name", title="Name", width=150, grow=2),
    Column(field="kind", title="What", width=84),
    Column(field="change_pp", title="Change, pp", format=POINTS, width=104),
    Column(field="previous_change_date", title="Changed before", format=DATE, width=106),
)
