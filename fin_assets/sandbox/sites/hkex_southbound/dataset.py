"""A given dataset: southbound lists from a CSV file.

Columns `date,stock_code,name_zh,shareholding,pct_of_issued_fraction` (a fraction: 0.0059 is 0.59 %; empty where the
page leaves it empty). The list days are the dates in the file. Only reading and refusing a file belongs here.
"""

from __future__ import annotations

from functools import lru_cache
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from fin_assets.sandbox.errors import SandboxError
from fin_assets.sandbox.sites.hkex_southbound.market import DayList

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

COLUMNS: Final = ("date", "stock_code", "name_zh", "shareholding", "pct_of_issued_fraction")
_MAX_CODE: Final = 99_999
_FIRST_DATA_LINE: Final = 2
_TRUSTED_PERCENT: Final = 20
"""Below 0.20 % two decimals are too coarse to tell the issued shares from."""
_SAME_ISSUE: Final = 1.4
"""Implied issued shares that differ by more belong to another share class size: a split or a consolidation."""


def _refuse(path: Path, frame: pl.DataFrame, bad: pl.Expr, column: str, rule: str) -> None:
    hits = frame.with_row_index("line", offset=_FIRST_DATA_LINE).filter(bad.fill_null(value=True))
    if hits.height:
        first = hits.row(0, named=True)
        more = f" and {hits.height - 1} more" if hits.height > 1 else ""
        where = f"dataset {path}, line {first['line']}, column {column}"
        msg = f"{where}: {first[column]!r} is not {rule}; correct that line{more}"
        raise SandboxError(msg)


def _read(path: Path) -> pl.DataFrame:
    try:
        text = pl.read_csv(path, infer_schema=False)
    except FileNotFoundError as error:
        msg = f"dataset {path}: no such file; give an existing .csv or .csv.gz with --dataset"
        raise SandboxError(msg) from error
    except (pl.exceptions.PolarsError, OSError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        msg = f"dataset {path}: not a readable CSV ({first}); its header must be {','.join(COLUMNS)}"
        raise SandboxError(msg) from error
    missing = [column for column in COLUMNS if column not in text.columns]
    if missing:
        msg = f"dataset {path}, line 1: column {missing[0]} is missing; the header must be {','.join(COLUMNS)}"
        raise SandboxError(msg)
    if not text.height:
        msg = f"dataset {path}: no rows below the header; give a file with at least one list day"
        raise SandboxError(msg)
    return text.select(COLUMNS)


def _typed(path: Path, text: pl.DataFrame) -> pl.DataFrame:
    percent = pl.col("pct_of_issued_fraction")
    fraction = pl.when(percent == "").then(None).otherwise(percent).cast(pl.Float64, strict=False)
    code, shares = (
        pl.col("stock_code").cast(pl.Int64, strict=False),
        pl.col("shareholding").cast(pl.Int64, strict=False),
    )
    day = pl.col("date").str.to_date("%Y-%m-%d", strict=False)
    given = percent.is_not_null() & (percent != "")
    _refuse(path, text, day.is_null(), "date", "a date like 2017-03-17")
    _refuse(path, text, ~code.is_between(1, _MAX_CODE), "stock_code", f"a whole number from 1 to {_MAX_CODE}")
    _refuse(path, text, pl.col("name_zh").fill_null("") == "", "name_zh", "a name")
    _refuse(path, text, ~(shares >= 0), "shareholding", "a whole number of shares, 0 or more")
    _refuse(
        path,
        text,
        given & ~fraction.is_between(0, 1).fill_null(value=False),
        "pct_of_issued_fraction",
        "a fraction from 0 to 1",
    )
    frame = text.select(
        day=day, code=code, name="name_zh", shares=shares, percent=(fraction * 10_000).round(0).cast(pl.Int64)
    )
    twice = text.with_columns(twice=pl.struct(code, day).is_first_distinct().not_())
    _refuse(path, twice, pl.col("twice"), "stock_code", "unique within its date")
    return frame.sort("day", "code")


class DatasetMarket:
    """Southbound lists as a file has them; both languages print the file's name.

    Args:
        path: the CSV, plain or gzipped.

    Raises:
        SandboxError: the file cannot be read or a value does not fit; names file, line and column.
    """

    def __init__(self, path: Path) -> None:
        frame = _typed(path, _read(path))
        self._frames = {key[0]: part for key, part in frame.partition_by("day", as_dict=True).items()}
        self.days: Sequence[date] = sorted(self._frames)
        self._history = frame
        self._issued_of = lru_cache(maxsize=None)(self._implied_issued)

    def on(self, day: date) -> DayList:
        """Return the list of one of `days`."""
        columns: dict[str, list[Any]] = self._frames[day].to_dict(as_series=False)
        names = columns["name"]
        return DayList(day, columns["code"], names, names, columns["shares"], columns["percent"])

    def issued(self, code: int, day: date) -> int:
        """Return issued shares that fit the file's percentages: constant until a split or consolidation."""
        return self._issued_of(code)[day]

    def _implied_issued(self, code: int) -> dict[date, int]:
        rows = self._history.filter(pl.col("code") == code).select("day", "shares", "percent").rows()
        told = [
            (day, shares * 10_000 // percent)
            for day, shares, percent in rows
            if percent and percent >= _TRUSTED_PERCENT
        ]
        if not told:
            told = [
                (day, max(shares * 10_000 // (percent or 1), shares * 4, 1_000_000))
                for day, shares, percent in rows[:1]
            ]
        spells: list[list[tuple[date, int]]] = [[told[0]]]
        for day, value in told[1:]:
            level = median(v for _, v in spells[-1])
            if max(value / level, level / value) > _SAME_ISSUE:
                spells.append([])
            spells[-1].append((day, value))
        starts = [(spell[0][0], int(median(v for _, v in spell)) // 1000 * 1000) for spell in spells]
        largest = {day: shares for day, shares, _ in rows}
        found = {}
        for day, shares in largest.items():
            level = next((value for start, value in reversed(starts) if start <= day), starts[0][1])
            found[day] = max(level, shares)
        return found
