"""A given history of the exchange's daily list: CSV, plain or packed with gzip or xz.

Columns `Date,StockCode,Previous,OpenPrice,High,Low,Close,Volume,Value,Frequency,ForeignSell,ForeignBuy`, shares and
rupiah. The sessions are the dates of the file, a test session on a Saturday included. What the file lacks (names, listed
shares, the order book) is filled in plainly; nothing was traded outside the regular market. Only reading and refusing a
file belongs here.
"""

from __future__ import annotations

import gzip
import io
import lzma
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from fin_assets.sandbox.context import last_at_or_before
from fin_assets.sandbox.errors import SandboxError
from fin_assets.sandbox.sites.idx_brokers.market import LOT, Security, SessionFacts, no_crossings, tick

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from fin_assets.sandbox.sites.idx_brokers.market import Ints

COLUMNS: Final = (
    "Date", "StockCode", "Previous", "OpenPrice", "High", "Low", "Close", "Volume", "Value", "Frequency", "ForeignSell",
    "ForeignBuy",
)  # fmt: skip
_NUMBERS: Final = COLUMNS[2:]
_FIRST_DATA_LINE: Final = 2
_LISTED_TIMES: Final = 5
"""Listed shares are invented: this multiple of the largest day's volume."""
_LEAST_LISTED: Final = 500_000_000
_REMARK: Final = "--U-210000000000--------------"


def _packed(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
        if path.suffix == ".xz":
            return lzma.decompress(raw)
        return gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, lzma.LZMAError, EOFError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        msg = (
            f"IDX dataset {path}: cannot be read ({said}); give an existing .csv, .csv.gz or .csv.xz with --idx-dataset"
        )
        raise SandboxError(msg) from error


def _read(path: Path) -> pl.DataFrame:
    header = f"its header must be {','.join(COLUMNS)}"
    numbers = dict.fromkeys(_NUMBERS, pl.Int64)
    try:
        frame = pl.read_csv(
            io.BytesIO(_packed(path)), schema_overrides={**numbers, "Date": pl.Date, "StockCode": pl.String}
        )
    except pl.exceptions.PolarsError as error:
        msg = f"IDX dataset {path}: a value does not fit ({str(error).splitlines()[0]}); {header}"
        raise SandboxError(msg) from error
    missing = [column for column in COLUMNS if column not in frame.columns]
    if missing:
        msg = f"IDX dataset {path}, line 1: column {missing[0]} is missing; {header}"
        raise SandboxError(msg)
    if not frame.height:
        msg = f"IDX dataset {path}: no rows below the header; give a file with at least one session"
        raise SandboxError(msg)
    return frame.select(COLUMNS)


def _check(path: Path, frame: pl.DataFrame) -> None:
    volume, high, low = pl.col("Volume"), pl.col("High"), pl.col("Low")
    vwap = pl.col("Value") / volume
    rules: dict[str, tuple[pl.Expr, str]] = {
        "Date": (pl.col("Date").is_not_null(), "a date like 2021-01-19"),
        "StockCode": (pl.struct("Date", "StockCode").is_first_distinct(), "a code that is unique within its date"),
        "Previous": (pl.min_horizontal(_NUMBERS) >= 0, "the first of a row of whole numbers, 0 or more"),
        "Volume": (volume % LOT == 0, f"a multiple of {LOT} shares, as on the regular market"),
        "Value": ((volume == 0) | vwap.is_between(low, high), "between volume x low and volume x high"),
        "ForeignBuy": (
            (pl.col("ForeignBuy") % LOT == 0) & (pl.col("ForeignBuy") <= volume),
            "whole lots of the volume",
        ),
        "ForeignSell": (
            (pl.col("ForeignSell") % LOT == 0) & (pl.col("ForeignSell") <= volume),
            "whole lots of the volume",
        ),
    }
    for column, (holds, rule) in rules.items():
        bad = frame.with_row_index("line", offset=_FIRST_DATA_LINE).filter(holds.fill_null(value=False).not_())
        if bad.height:
            first = bad.row(0, named=True)
            more = f" and {bad.height - 1} more" if bad.height > 1 else ""
            where = f"IDX dataset {path}, line {first['line']}, column {column}"
            msg = f"{where}: {first[column]!r} is not {rule}; correct that line{more}"
            raise SandboxError(msg)


def _with_listed(frame: pl.DataFrame) -> pl.DataFrame:
    """Add `listed`: invented shares, multiplied at a split, which shows in a reference price of 1/k of the last close."""
    ratio = pl.col("Close").shift(1).over("StockCode") / pl.col("Previous")
    whole = pl.when((ratio > 1.8) & ((ratio / ratio.round() - 1).abs() < 0.02)).then(ratio.round()).otherwise(1)  # noqa: PLR2004
    largest = pl.col("Volume").max().over("StockCode") * _LISTED_TIMES
    base = pl.max_horizontal(largest // LOT * LOT, pl.lit(_LEAST_LISTED))
    factor = whole.fill_null(1).fill_nan(1).cum_prod().over("StockCode").cast(pl.Int64)
    return frame.with_columns(listed=base * factor)


class DatasetIdx:
    """Sessions as a file has them.

    Args:
        path: the CSV, plain, .gz or .xz.

    Raises:
        SandboxError: the file cannot be read or a value does not fit; names file, line and column.
    """

    def __init__(self, path: Path) -> None:
        frame = _read(path)
        _check(path, frame)
        frame = _with_listed(frame.sort("Date", "StockCode"))
        self.codes: Sequence[str] = frame["StockCode"].unique().sort().to_list()
        starts = frame.select(pl.col("Date").rle().struct.unnest())
        self.sessions: Sequence[date] = starts["value"].to_list()
        ends = np.cumsum(starts["len"].to_numpy()).tolist()
        self._rows = {day: (end - size, end) for day, size, end in zip(self.sessions, starts["len"], ends, strict=True)}
        number = {code: k for k, code in enumerate(self.codes)}
        self._stock = frame["StockCode"].replace_strict(number, return_dtype=pl.Int64).to_numpy()
        self._columns = {name: frame[name].to_numpy() for name in (*_NUMBERS, "listed")}
        first = frame.group_by("StockCode").agg(pl.col("Date").min())
        self._first: dict[str, date] = dict(first.iter_rows())

    def on(self, day: date) -> SessionFacts:
        """Return one of `sessions`."""
        start, end = self._rows[day]
        stock = self._stock[start:end]
        column: dict[str, Ints] = {name: values[start:end] for name, values in self._columns.items()}
        codes = [self.codes[k] for k in stock.tolist()]
        close, traded = column["Close"], column["Volume"] > 0
        step, depth = tick(close), (close * 37 + stock * 11) % 900 * LOT + LOT
        return SessionFacts(
            day=day,
            stock=stock,
            codes=codes,
            names=[_name(code) for code in codes],
            remarks=[_REMARK] * len(codes),
            previous=column["Previous"],
            first_trade=column["OpenPrice"],
            high=column["High"],
            low=column["Low"],
            close=close,
            volume=column["Volume"],
            value=column["Value"],
            trades=column["Frequency"],
            index=np.round(close / 10, 1),
            offer=np.where(traded, close + step, 0),
            offer_shares=np.where(traded, depth, 0),
            bid=np.where(traded, close, 0),
            bid_shares=np.where(traded, depth, 0),
            listed=column["listed"],
            tradable=column["listed"],
            foreign_buy=column["ForeignBuy"],
            foreign_sell=column["ForeignSell"],
            delisting=[""] * len(codes),
            crossings=no_crossings(),
        )

    def securities(self, day: date) -> list[Security]:
        """Return what is on the list of `day`, or of the last session before it."""
        session = last_at_or_before(self.sessions, day)
        if session is None:
            return []
        facts = self.on(session)
        return [
            Security(code, _name(code), self._first[code], shares, "Utama")
            for code, shares in zip(facts.codes, facts.listed.tolist(), strict=True)
        ]


def _name(code: str) -> str:
    return f"Emiten {code} Tbk."
