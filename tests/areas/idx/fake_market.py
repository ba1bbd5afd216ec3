"""Invented Indonesian sessions: prices and a broker table in which every identity holds, with a few named exceptions.

Only what is invented stands here; `fake_marts` makes the marts of it.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from tests.areas.fake_days import sessions

STOCKS = [
    ("BBCA", "Bank Central Asia Tbk.", 6_500),
    ("BBRI", "Bank Rakyat Indonesia (Persero) Tbk.", 4_300),
    ("BMRI", "Bank Mandiri (Persero) Tbk.", 5_100),
    ("TLKM", "Telkom Indonesia (Persero) Tbk.", 3_900),
    ("ASII", "Astra International Tbk.", 5_600),
    ("GOTO", "GoTo Gojek Tokopedia Tbk.", 62),
    ("ANTM", "Aneka Tambang Tbk.", 2_900),
    ("UNVR", "Unilever Indonesia Tbk.", 1_800),
    ("ADRO", "Alamtri Resources Indonesia Tbk.", 2_100),
    ("SRTG", "Saratoga Investama Sedaya Tbk.", 1_650),
]
MORE = 50
BROKERS = [
    ("YP", "Mirae Asset Sekuritas Indonesia", "local"),
    ("PD", "Indo Premier Sekuritas", "local"),
    ("XL", "Stockbit Sekuritas Digital", "local"),
    ("CC", "Mandiri Sekuritas", "bumn"),
    ("NI", "BNI Sekuritas", "bumn"),
    ("OD", "BRI Danareksa Sekuritas", "bumn"),
    ("AK", "UBS Sekuritas Indonesia", "foreign"),
    ("BK", "J.P. Morgan Sekuritas Indonesia", "foreign"),
    ("RX", "Macquarie Sekuritas Indonesia", "foreign"),
    ("ZP", "Maybank Sekuritas Indonesia", "foreign"),
    ("KZ", "CLSA Sekuritas Indonesia", "foreign"),
    ("YU", "CGS International Sekuritas Indonesia", "foreign"),
]
SMALL_BROKERS = 20
SUSPENDED, NEWCOMER, LEAVER, IDLE, CUT, BROKEN = "SP01", "SP02", "SP03", "SP04", "BBRI", "ANTM"
"""Suspended for the last ten sessions; listed from session 50 on; gone from session 60 on; listed and never traded;
with a list cut to the ten largest on the last session; with a list that does not reconcile on the last session."""
MISSING_LOTS = 700


def stocks() -> list[tuple[str, str, int]]:
    """Return code, name and first price; one name holds characters that markup must escape."""
    return STOCKS + [(f"SP{n:02d}", f"Sampel {n:02d} <B>&Tbk.", 100 + 37 * n) for n in range(MORE)]


def brokers() -> list[tuple[str, str, str]]:
    """Return code, name and type."""
    small = [(f"{chr(65 + n)}{chr(90 - n)}", f"Sekuritas {n:02d}", "local") for n in range(SMALL_BROKERS)]
    return BROKERS + [broker for broker in small if broker[0] not in {code for code, *_ in BROKERS}]


def is_listed(code: str, position: int) -> bool:
    """Return whether a stock is listed on the session at a position."""
    return not (code == NEWCOMER and position < 50) and not (code == LEAVER and position >= 60)


def generate(count: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return prices and flows of the first `count` sessions; the same sessions whatever the count is.

    Prices: session_date, ticker_code, name, previous, open, high, low, close, volume_lots, value, trades,
    foreign_buy_lots, foreign_sell_lots, state. Flows: session_date, ticker_code, broker_code, buy_lots, sell_lots,
    buy_value, sell_value. Lots of 100 shares, rupiah.
    """
    prices, flows = [], []
    codes = [code for code, *_ in brokers()]
    days = sessions()
    for index, (ticker, name, first) in enumerate(stocks()):
        rng = np.random.default_rng(index)
        weights = rng.dirichlet(np.full(len(codes), 0.6)), rng.dirichlet(np.full(len(codes), 0.6))
        close = first
        for position, day in enumerate(days):
            previous, move, size = close, rng.normal(0.0005, 0.018), rng.lognormal(0, 0.5)
            mixed = [0.6 * side + 0.4 * rng.dirichlet(np.full(len(codes), 0.5)) for side in weights]
            wicks = rng.uniform(0, 0.01, 3)
            if position >= count or not is_listed(ticker, position):
                continue
            idle = ticker == IDLE or (ticker == SUSPENDED and position >= len(days) - 10)
            if not idle:
                close = max(50, round(previous * (1 + move)))
            lots = 0 if idle else int(60_000 / (1 + index) * size * 5_000 / first) + 200
            foreign = (int(lots * 0.4 * wicks[0] / 0.01), int(lots * 0.4 * wicks[1] / 0.01))
            opened = None if idle else round(previous * (1 + move / 3))
            prices.append(
                (
                    day,
                    ticker,
                    name,
                    previous,
                    opened,
                    None if idle else round(max(opened or 0, close) * (1 + wicks[1])),
                    None if idle else round(min(opened or close, close) * (1 - wicks[2])),
                    close,
                    lots,
                    lots * 100 * close,
                    0 if idle else lots // 9 + 1,
                    *foreign,
                    "suspended" if ticker == SUSPENDED and idle else "no_trade" if idle else "traded",
                )
            )
            flows += _lists(rng, day, ticker, codes, mixed, lots=lots, price=close)
    return (
        pl.DataFrame(prices, schema=_PRICES, orient="row"),
        pl.DataFrame(flows, schema=_FLOWS, orient="row"),
    )


def _lists(
    rng: np.random.Generator,
    day: date,
    ticker: str,
    codes: list[str],
    mixed: list[np.ndarray],
    *,
    lots: int,
    price: int,
) -> list[tuple[object, ...]]:
    if not lots:
        return []
    bought, sold = (rng.multinomial(lots, side / side.sum()) for side in mixed)
    at = rng.normal(1, 0.002, (2, len(codes)))
    return [
        (day, ticker, code, int(b), int(s), int(b * 100 * price * f), int(s * 100 * price * g))
        for code, b, s, f, g in zip(codes, bought, sold, at[0], at[1], strict=True)
        if b or s
    ]


_PRICES = (
    {"session_date": pl.Date, "ticker_code": pl.String, "name": pl.String}
    | dict.fromkeys(("previous", "open", "high", "low", "close", "volume_lots", "value", "trades"), pl.Int64)
    | dict.fromkeys(("foreign_buy_lots", "foreign_sell_lots"), pl.Int64)
    | {"state": pl.String}
)
_FLOWS = {"session_date": pl.Date, "ticker_code": pl.String, "broker_code": pl.String} | dict.fromkeys(
    ("buy_lots", "sell_lots", "buy_value", "sell_value"), pl.Int64
)
