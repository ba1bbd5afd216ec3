"""A generated Indonesian market as staged frames in which every identity holds; for tests and benchmarks of the marts.

Fast enough for ten years of 900 shares: one session is some array operations. Not the sandbox's market: what is staged
from that goes through pages and the parser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import numpy as np
import polars as pl

OBSERVED = datetime(2026, 3, 1, tzinfo=UTC)
INSTANT = pl.Datetime("us", "UTC")
MONEY = pl.Decimal(18, 2)

SUMMARY: dict[str, Any] = {
    "session_date": pl.Date,
    "ticker_code": pl.String,
    "company_name": pl.String,
    "remarks": pl.String,
    "previous_idr": MONEY,
    "open_idr": MONEY,
    "first_trade_idr": MONEY,
    "high_idr": MONEY,
    "low_idr": MONEY,
    "close_idr": MONEY,
    "change_idr": MONEY,
    "bid_idr": MONEY,
    "offer_idr": MONEY,
    "bid_shares": pl.Int64,
    "offer_shares": pl.Int64,
    "volume_shares": pl.Int64,
    "value_idr": pl.Int64,
    "trades": pl.Int64,
    "listed_shares": pl.Int64,
    "tradable_shares": pl.Int64,
    "index_weight_shares": pl.Int64,
    "foreign_buy_shares": pl.Int64,
    "foreign_sell_shares": pl.Int64,
    "nonregular_volume_shares": pl.Int64,
    "nonregular_value_idr": pl.Int64,
    "nonregular_trades": pl.Int64,
    "index_individual": pl.Float64,
    "delisting_date": pl.Date,
    "observed_at": INSTANT,
}
MARKET: dict[str, Any] = {
    "session_date": pl.Date,
    "broker_code": pl.String,
    "broker_name": pl.String,
    "volume_shares": pl.Int64,
    "value_idr": pl.Int64,
    "trades": pl.Int64,
    "observed_at": INSTANT,
}
MEMBERS: dict[str, Any] = {
    "session_date": pl.Date,
    "broker_code": pl.String,
    "broker_name": pl.String,
    "licenses": pl.String,
    "observed_at": INSTANT,
}
TRADES: dict[str, Any] = {
    "session_date": pl.Date,
    "ticker_code": pl.String,
    "board": pl.String,
    "investor_type": pl.String,
    "broker_code": pl.String,
    "broker_type_shown": pl.String,
    "buy_lots": pl.Int64,
    "buy_lots_step": pl.Int64,
    "buy_value_idr": pl.Int64,
    "buy_value_step_idr": pl.Int64,
    "buy_average_idr": MONEY,
    "sell_lots": pl.Int64,
    "sell_lots_step": pl.Int64,
    "sell_value_idr": pl.Int64,
    "sell_value_step_idr": pl.Int64,
    "sell_average_idr": MONEY,
    "total_value_idr": pl.Int64,
    "total_value_step_idr": pl.Int64,
    "foreign_investor_net_value_idr": pl.Int64,
    "foreign_investor_net_value_step_idr": pl.Int64,
    "total_lots": pl.Int64,
    "total_lots_step": pl.Int64,
    "average_idr": MONEY,
    "is_complete_list": pl.Boolean,
    "visible_buy_lots": pl.Int64,
    "visible_sell_lots": pl.Int64,
    "observed_at": INSTANT,
}

_KNOWN = re.findall("..", "AKBBBKCCCPDRDXFSGWHDKKKZLGMGNIODPDRXSQTPXAXCXLYPYUZP")
_FOREIGN = re.findall("..", "AKBKFSGWHDKKKZRXTPXAYPYUZP")
_TYPES = {**dict.fromkeys(_FOREIGN, "foreign"), "CC": "bumn", "NI": "bumn"}


def ticker_codes(count: int) -> list[str]:
    """Return four-letter codes in alphabetical order."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return [f"{letters[n // 676 % 26]}{letters[n // 26 % 26]}{letters[n % 26]}A" for n in range(count)]


def broker_codes(count: int) -> list[str]:
    """Return two-letter codes, well-known ones first."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    others = [f"Q{letter}" for letter in letters] + [f"W{letter}" for letter in letters] + [f"J{x}" for x in letters]
    return sorted([*_KNOWN, *others][:count])


@dataclass(frozen=True)
class Day:
    """The staged frames of one session."""

    summary: pl.DataFrame
    trades: pl.DataFrame
    market: pl.DataFrame
    members: pl.DataFrame


class _Marks(NamedTuple):
    """One value a share."""

    listed: np.ndarray
    traded: np.ndarray
    orders: np.ndarray
    names: np.ndarray
    previous: np.ndarray
    close: np.ndarray


OTHER_GONE, OTHER_FROM = 44, 50
"""Sessions without the code that another company has from then on."""


class IdxMarket:
    """Prices walk from session to session; the same seed gives the same market.

    With `lives`, some shares are special: the last is delisted in session 40, the one before is listed in session 15, the
    third last is split five for one in session 30, the fourth last is suspended in sessions 20 to 29, the fifth last
    changes its name in session 25, the sixth last shows only the ten largest brokers of each side, the seventh last leaves in
    session 44, and from session 50 on its code means another company of three times the shares.
    """

    def __init__(self, *, tickers: int, brokers: int, seed: int = 7, lives: bool = True) -> None:
        self._dice = np.random.default_rng(seed)
        self.codes = np.array(ticker_codes(tickers))
        self.brokers = np.array(broker_codes(brokers))
        self._lives = lives
        self._price = np.round(np.exp(self._dice.normal(7, 1, tickers))) + 60
        self._size = np.exp(self._dice.normal(9.5, 1.3, tickers))
        self._listed = np.round(np.exp(self._dice.normal(22, 1, tickers))).astype(np.int64)
        self._weight = self._dice.gamma(0.8, size=(tickers, brokers)) + 0.05
        self._lean = self._dice.normal(0, 0.6, size=(tickers, brokers))
        self._place = 0

    def next(self, session: date) -> Day:
        """Return the frames of the next session."""
        place, self._place = self._place, self._place + 1
        count = len(self.codes)
        previous = self._price.copy()
        listed = np.ones(count, bool)
        traded = self._dice.random(count) > 0.03
        orders = np.ones(count, bool)
        names = np.char.add("PT ", self.codes).astype(object)
        if self._lives:
            listed[-1], listed[-2] = place < 40, place >= 15
            if place == 30:
                previous[-3] = round(previous[-3] / 5)
                self._listed[-3] *= 5
            traded[-3] = traded[-3] or place == 30
            if 20 <= place < 30:
                traded[-4] = orders[-4] = False
            names[-5] = "PT NEW NAME" if place >= 25 else names[-5]
            listed[-7] = not OTHER_GONE <= place < OTHER_FROM
            if place == OTHER_FROM:
                self._listed[-7] *= 3
            names[-7] = "PT OTHER COMPANY" if place >= OTHER_FROM else names[-7]
        traded &= listed
        drift = np.where(traded, self._dice.normal(0.0003, 0.02, count), 0)
        close = np.where(traded, np.maximum(np.round(previous * np.exp(drift)), 50), previous)
        self._price = close
        buy, sell = self._lots(traded)
        buy_value, sell_value = self._values(buy, sell, close)
        marks = _Marks(listed, traded, orders, names, previous, close)
        summary = self._summary(session, marks, buy.sum(1) * 100, buy_value.sum(1))
        trades = self._trades(session, buy, sell, buy_value, sell_value, summary)
        return Day(summary, trades, *self._lists(session, buy, sell, buy_value, sell_value))

    def _lots(self, traded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return lots bought and sold by share and broker, with equal sums."""
        shape = self._weight.shape
        self._lean = 0.9 * self._lean + self._dice.normal(0, 0.3, shape)
        volume = np.where(traded, self._size * np.exp(self._dice.normal(0, 0.5, shape[0])), 0)
        active = self._dice.random(shape) < 0.75
        sides = []
        for sign in (1, -1):
            share = self._weight * np.exp(sign * self._lean) * active * self._dice.gamma(1.5, size=shape)
            share[:, 0] += 1e-9
            lots = np.floor(share / share.sum(1, keepdims=True) * volume[:, None]).astype(np.int64)
            sides.append(lots)
        buy, sell = sides
        short = buy.sum(1) - sell.sum(1)
        first = np.arange(shape[0]), self._weight.argmax(1)
        buy[first] += np.maximum(-short, 0)
        sell[first] += np.maximum(short, 0)
        return buy, sell

    def _values(self, buy: np.ndarray, sell: np.ndarray, close: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return rupiah bought and sold by share and broker, with equal sums."""
        noise = self._dice.normal(1, 0.004, (2, *buy.shape))
        buy_value = np.round(buy * 100 * close[:, None] * noise[0]).astype(np.int64)
        sell_value = np.round(sell * 100 * close[:, None] * noise[1]).astype(np.int64)
        largest = np.arange(buy.shape[0]), sell.argmax(1)
        sell_value[largest] += buy_value.sum(1) - sell_value.sum(1)
        return buy_value, sell_value

    def _summary(self, session: date, marks: _Marks, volume: np.ndarray, value: np.ndarray) -> pl.DataFrame:
        """Return the stock summary; a part of the whole was negotiated, which the broker tables of board "all" include."""
        listed, traded, orders, names, previous, close = marks
        nonregular = np.where(traded & (self._dice.random(len(volume)) < 0.2), volume // 1000, 0)
        per_share = value / np.maximum(volume, 1)
        nonregular_value = np.round(per_share * nonregular * 100).astype(np.int64)
        regular = volume - nonregular * 100
        foreign = self._dice.uniform(0, 0.6, (2, len(volume)))
        first = np.round((previous + close) / 2)
        frame = pl.DataFrame(
            {
                "session_date": pl.repeat(session, len(volume), eager=True, dtype=pl.Date),
                "ticker_code": self.codes,
                "company_name": names.tolist(),
                "remarks": pl.repeat("--", len(volume), eager=True),
                "previous_idr": previous,
                "open_idr": pl.repeat(None, len(volume), eager=True, dtype=pl.Float64),
                "first_trade_idr": first,
                "high_idr": np.maximum(first, close) + 1,
                "low_idr": np.minimum(first, close) - 1,
                "close_idr": close,
                "change_idr": close - previous,
                "bid_idr": close,
                "offer_idr": close + 1,
                "bid_shares": np.full(len(volume), 10_000),
                "offer_shares": np.full(len(volume), 20_000),
                "volume_shares": regular,
                "value_idr": value - nonregular_value,
                "trades": regular // 5_000 + traded,
                "listed_shares": self._listed,
                "tradable_shares": self._listed,
                "index_weight_shares": self._listed,
                "foreign_buy_shares": (regular * foreign[0]).astype(np.int64) // 100 * 100,
                "foreign_sell_shares": (regular * foreign[1]).astype(np.int64) // 100 * 100,
                "nonregular_volume_shares": nonregular * 100,
                "nonregular_value_idr": nonregular_value,
                "nonregular_trades": (nonregular > 0).astype(np.int64),
                "index_individual": close / 10,
                "delisting_date": pl.repeat(None, len(volume), eager=True, dtype=pl.Date),
                "observed_at": pl.repeat(OBSERVED, len(volume), eager=True, dtype=INSTANT),
                "_listed": listed,
                "_traded": traded,
                "_orders": orders,
            }
        )
        none_without = {"_traded": ["first_trade_idr", "high_idr", "low_idr"], "_orders": ["bid_idr", "offer_idr"]}
        nulled = [pl.when(mark).then(name).alias(name) for mark, columns in none_without.items() for name in columns]
        return frame.filter("_listed").with_columns(nulled).select(list(SUMMARY)).cast(SUMMARY).sort("ticker_code")

    def _trades(
        self,
        session: date,
        buy: np.ndarray,
        sell: np.ndarray,
        buy_value: np.ndarray,
        sell_value: np.ndarray,
        summary: pl.DataFrame,
    ) -> pl.DataFrame:
        rows, columns = np.nonzero(buy + sell)
        foreign = dict(
            summary.select(
                "ticker_code",
                (pl.col("foreign_buy_shares") - "foreign_sell_shares") * pl.col("close_idr").cast(pl.Float64),
            ).iter_rows()
        )
        nets = np.array([int(foreign.get(code, 0)) for code in self.codes])
        sides = {}
        for side, lots, value in (("buy", buy, buy_value), ("sell", sell, sell_value)):
            shown, step = _as_shown(value[rows, columns])
            some = lots[rows, columns]
            sides |= {
                f"{side}_lots": some,
                f"{side}_lots_step": np.ones(len(rows), np.int64),
                f"{side}_value_idr": shown,
                f"{side}_value_step_idr": step,
                f"{side}_average_idr": np.floor(value[rows, columns] / np.maximum(some * 100, 1)),
            }
        total, total_step = _as_shown(buy_value.sum(1))
        net, net_step = _as_shown(nets)
        frame = pl.DataFrame(
            {
                "session_date": pl.repeat(session, len(rows), eager=True, dtype=pl.Date),
                "ticker_code": self.codes[rows],
                "board": pl.repeat("all", len(rows), eager=True),
                "investor_type": pl.repeat("all", len(rows), eager=True),
                "broker_code": self.brokers[columns],
                "broker_type_shown": np.array([_TYPES.get(code, "local") for code in self.brokers])[columns],
                **sides,
                "total_value_idr": total[rows],
                "total_value_step_idr": total_step[rows],
                "foreign_investor_net_value_idr": net[rows],
                "foreign_investor_net_value_step_idr": net_step[rows],
                "total_lots": buy.sum(1)[rows],
                "total_lots_step": np.ones(len(rows), np.int64),
                "average_idr": np.floor(buy_value.sum(1) / np.maximum(buy.sum(1) * 100, 1))[rows],
                "is_complete_list": np.ones(len(rows), bool),
                "observed_at": pl.repeat(OBSERVED, len(rows), eager=True, dtype=INSTANT),
            }
        )
        if self._lives:
            frame = _cut(frame, str(self.codes[-6]))
        none_on = [
            pl.when(pl.col(f"{side}_lots") > 0).then(f"{side}_{rest}").alias(f"{side}_{rest}")
            for side in ("buy", "sell")
            for rest in ("lots", "lots_step", "value_idr", "value_step_idr", "average_idr")
        ]
        sums = [
            pl.col(f"{side}_lots").sum().over("ticker_code").alias(f"visible_{side}_lots") for side in ("buy", "sell")
        ]
        # The codes are in order already: no sorting of 40,000 rows a session.
        return frame.with_columns(sums).with_columns(none_on).select(list(TRADES)).cast(TRADES)

    def _lists(
        self, session: date, buy: np.ndarray, sell: np.ndarray, buy_value: np.ndarray, sell_value: np.ndarray
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        names = [f"{code} SEKURITAS" for code in self.brokers]
        market = pl.DataFrame(
            {
                "session_date": pl.repeat(session, len(names), eager=True, dtype=pl.Date),
                "broker_code": self.brokers,
                "broker_name": names,
                "volume_shares": (buy + sell).sum(0) * 100,
                "value_idr": (buy_value + sell_value).sum(0),
                "trades": (buy + sell).sum(0) // 50,
                "observed_at": pl.repeat(OBSERVED, len(names), eager=True, dtype=INSTANT),
            }
        ).cast(MARKET)
        members = market.select(
            "session_date",
            "broker_code",
            "broker_name",
            pl.lit("Perantara Pedagang Efek").alias("licenses"),
            "observed_at",
        )
        return market, members


def _as_shown(value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return values as the page rounds them, and the step of each."""
    size = np.abs(value)
    step = np.select([size >= 10**9, size >= 10**6], [10**8, 10**5], 1)
    return np.floor_divide(value + step // 2, step) * step, step


def _cut(frame: pl.DataFrame, code: str) -> pl.DataFrame:
    """Leave only the ten largest of each side of one share."""
    mine = pl.col("ticker_code") == code
    cuts = []
    for side in ("buy", "sell"):
        hidden = mine & (pl.col(f"{side}_lots").rank("ordinal", descending=True).over("ticker_code") > 10)
        cuts += [
            pl.when(~hidden).then(f"{side}_{rest}").otherwise(0).alias(f"{side}_{rest}")
            for rest in ("lots", "value_idr")
        ]
    return frame.with_columns(*cuts, (~mine).alias("is_complete_list")).filter(
        (pl.col("buy_lots") > 0) | (pl.col("sell_lots") > 0)
    )
