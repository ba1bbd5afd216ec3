"""Columns of the Indonesian tables."""

from __future__ import annotations

from dashboards.areas.idx import money
from dashboards.ui.tables import (
    DATE,
    INTEGER,
    PERCENT,
    POINTS,
    RATIO,
    SIGNED,
    SIGNED_PERCENT,
    WRAPPED,
    Column,
    dotted,
    link,
    number,
    signed,
    toned,
)

STOCK_PATH, BROKER_PATH = "/idx/stock/", "/idx/broker/"
"""Addresses of the pages of a stock and of a broker, without the code."""
STOCK, BROKER = link(STOCK_PATH), link(BROKER_PATH)
RUPIAH = number(money.rupiah, whole=money.whole)
SIGNED_RUPIAH = signed(money.signed_rupiah, whole=money.whole)
OWNER = dotted(
    {"foreign": "Foreign", "local": "Local", "bumn": "BUMN"},
    {"foreign": "second", "local": "accent", "bumn": "stale"},
)
ACC_DIST = toned(up="Acc", down="Dist")
LIST_STATE = dotted(
    {},
    {
        "reconciled": "complete",
        "bounded": "complete",
        "cut_list": "stale",
        "mismatch": "incomplete",
        "no_broker_table": "missing",
        "no_exchange_row": "blocked",
    },
)


def side(title: str) -> tuple[Column, ...]:
    """Return the columns of the buyers or the sellers of a stock; `title` heads the broker."""
    return (
        Column(field="broker_code", title=title, format=BROKER, width=60),
        Column(field="value_idr", title="Value", format=RUPIAH, width=74),
        Column(field="lots", title="Lot", format=INTEGER, width=84),
        Column(field="average_idr", title="Avg", format=RATIO, width=78),
        Column(field="share_pct", title="Share", format=PERCENT, width=76),
        Column(field="broker_type", title="Type", format=OWNER, width=84),
        Column(field="broker_name", title="Name", width=110, grow=3),
    )


MARKET_STOCKS = (
    Column(field="ticker_code", title="Code", format=STOCK, width=70),
    Column(field="name", title="Name", width=150, grow=4),
    Column(field="close_idr", title="Price", format=INTEGER, width=80),
    Column(field="change_pct", title="Change", format=SIGNED_PERCENT, width=110),
    Column(field="value_idr", title="Value", format=RUPIAH, width=84),
    Column(field="net_foreign_value_idr", title="Net Foreign", format=SIGNED_RUPIAH, width=116),
    Column(field="pressure_pct", title="Top 5", format=SIGNED_PERCENT, width=110),
    Column(field="amount_idr", title="Amount", format=SIGNED_RUPIAH, width=110),
    Column(field="label", title="Top Acc/Dist", format=ACC_DIST, width=112),
    Column(field="buyers", title="Buyers", format=INTEGER, width=70),
    Column(field="sellers", title="Sellers", format=INTEGER, width=70),
)
FIT = (
    Column(field="broker_code", title="Broker", format=BROKER, width=62),
    Column(field="broker_type", title="Type", format=OWNER, width=84),
    Column(field="share_pct", title="Share", format=PERCENT, width=74),
    Column(field="net_lots", title="Net lot", format=SIGNED, width=108),
    Column(field="net_value_idr", title="Net value", format=SIGNED_RUPIAH, width=100),
    Column(field="r_squared", title="R²", format=RATIO, width=54),
    Column(field="moves", title="Moves", width=96),
)
DAYS = (
    Column(field="session_date", title="Session", format=DATE, width=90),
    Column(field="state", title="Trading", width=84),
    Column(field="close_idr", title="Close", format=INTEGER, width=74),
    Column(field="change_pct", title="Change", format=SIGNED_PERCENT, width=100),
    Column(field="value_idr", title="Value", format=RUPIAH, width=78),
    Column(field="net_foreign_value_idr", title="Net Foreign", format=SIGNED_RUPIAH, width=104),
    Column(field="page_net_foreign_value_idr", title="F. NVal", format=SIGNED_RUPIAH, width=96),
    Column(field="foreign_broker_net_value_idr", title="Foreign brokers", format=SIGNED_RUPIAH, width=116),
    Column(field="label", title="Top 5 Acc/Dist", format=ACC_DIST, width=116),
    Column(field="pressure_pct", title="Top 5", format=SIGNED_PERCENT, width=100),
    Column(field="coverage_pct", title="Coverage", format=PERCENT, width=82),
    Column(field="list_state", title="Broker list", format=LIST_STATE, width=122),
)
BROKER_STOCKS = (
    Column(field="ticker_code", title="Code", format=STOCK, width=70),
    Column(field="name", title="Name", width=140, grow=4),
    Column(field="buy_value_idr", title="Bought", format=RUPIAH, width=80),
    Column(field="buy_average_idr", title="B.Avg", format=RATIO, width=80),
    Column(field="sell_value_idr", title="Sold", format=RUPIAH, width=80),
    Column(field="sell_average_idr", title="S.Avg", format=RATIO, width=80),
    Column(field="net_lots", title="Net lot", format=SIGNED, width=116),
    Column(field="net_value_idr", title="Net value", format=SIGNED_RUPIAH, width=106),
    Column(field="share_pct", title="Share of stock", format=PERCENT, width=104),
)
POSITIONS = (
    Column(field="ticker_code", title="Code", format=STOCK, width=58),
    Column(field="inventory_lots", title="Lot", format=INTEGER, width=76),
    Column(field="average_cost_idr", title="Average", format=RATIO, width=78),
    Column(field="close_idr", title="Close", format=INTEGER, width=66),
    Column(field="value_idr", title="Value", format=RUPIAH, width=72),
    Column(field="unrealised_idr", title="Unrealised", format=SIGNED_RUPIAH, width=90),
    Column(field="unrealised_pct", title="%", format=SIGNED_PERCENT, width=88),
    Column(field="realised_idr", title="Realised", format=SIGNED_RUPIAH, width=90),
)
LEAGUE = (
    Column(field="place", title="#", format=INTEGER, width=44),
    Column(field="broker_code", title="Broker", format=BROKER, width=66),
    Column(field="broker_name", title="Name", width=160, grow=4),
    Column(field="broker_type", title="Type", format=OWNER, width=84),
    Column(field="buy_value_idr", title="Bought", format=RUPIAH, width=84),
    Column(field="sell_value_idr", title="Sold", format=RUPIAH, width=84),
    Column(field="net_value_idr", title="Net value", format=SIGNED_RUPIAH, width=108),
    Column(field="share_pct", title="Share", format=PERCENT, width=80),
    Column(field="market_value_idr", title="Exchange", format=RUPIAH, width=90),
)
SCREENED = (
    Column(field="ticker_code", title="Code", format=STOCK, width=64),
    Column(field="name", title="Name", format=WRAPPED, width=130, grow=4),
    Column(field="close_idr", title="Price", format=INTEGER, width=66),
    Column(field="change_pct", title="Change", format=SIGNED_PERCENT, width=92),
    Column(field="value_idr", title="Value", format=RUPIAH, width=72),
    Column(field="label_1", title="Top Acc/Dist", format=ACC_DIST, width=104),
    Column(field="label_5", title="1-week Acc/Dist", format=ACC_DIST, width=104),
    Column(field="label_20", title="1-month Acc/Dist", format=ACC_DIST, width=104),
    Column(field="net_foreign_value_idr", title="Net Foreign", format=SIGNED_RUPIAH, width=92),
    Column(field="streak", title="Net Foreign Buy Streak", format=SIGNED, width=92),
    Column(field="flow_5_idr", title="1-week flow", format=SIGNED_RUPIAH, width=92),
    Column(field="flow_20_idr", title="1-month flow", format=SIGNED_RUPIAH, width=92),
    Column(field="ma10_idr", title="Net Foreign MA10", format=SIGNED_RUPIAH, width=92),
    Column(field="ma20_idr", title="Net Foreign MA20", format=SIGNED_RUPIAH, width=92),
    Column(field="signals", title="Signals", format=WRAPPED, width=170, grow=5),
)
RATES = (
    Column(field="title", title="Signal", width=180, grow=3),
    Column(field="now", title="Stocks now", format=INTEGER, width=84),
    Column(field="expects", title="Expects", width=76),
    Column(field="horizon_sessions", title="After sessions", format=INTEGER, width=98),
    Column(field="hit_rate_pct", title="Hit rate", format=PERCENT, width=80),
    Column(field="base_rate_pct", title="Base rate", format=PERCENT, width=80),
    Column(field="edge_pp", title="Difference", format=POINTS, width=110),
    Column(field="median_excess_pct", title="Median excess", format=SIGNED_PERCENT, width=112),
    Column(field="cases", title="Cases", format=INTEGER, width=70),
)
LISTS_BY_SESSION = (
    Column(field="session_date", title="Session", format=DATE, width=92),
    Column(field="traded", title="Traded", format=INTEGER, width=70),
    Column(field="lists", title="Lists", format=INTEGER, width=64),
    Column(field="reconciled", title="Reconciled", format=INTEGER, width=90),
    Column(field="unreconciled", title="Differ", format=INTEGER, width=66),
    Column(field="cut", title="May be cut", format=INTEGER, width=86),
    Column(field="coverage_pct", title="Coverage", format=PERCENT, width=86),
    Column(field="least_coverage_pct", title="Lowest", format=PERCENT, width=80),
    Column(field="least_ticker", title="Stock", format=STOCK, width=70),
    Column(field="missing_lots", title="Missing, lot", format=INTEGER, width=100),
    Column(field="market_difference_idr", title="Lists less market-wide", format=SIGNED_RUPIAH, width=140),
)
DIFFERING_LISTS = (
    Column(field="ticker_code", title="Code", format=STOCK, width=70),
    Column(field="state", title="List", format=LIST_STATE, width=130),
    Column(field="exchange_lots", title="Exchange, lot", format=INTEGER, width=110),
    Column(field="visible_buy_lots", title="Bought, lot", format=INTEGER, width=100),
    Column(field="visible_sell_lots", title="Sold, lot", format=INTEGER, width=100),
    Column(field="buy_difference_lots", title="Buyers missing, lot", format=INTEGER, width=130),
    Column(field="sell_difference_lots", title="Sellers missing, lot", format=INTEGER, width=130),
    Column(field="buy_difference_idr", title="Buyers missing, Rp", format=RUPIAH, width=130),
    Column(field="coverage_pct", title="Coverage", format=PERCENT, width=86),
)
