"""From typed rows to `Staged`: the rows that keep every rule of a schema, and those that do not. Pure; reads no page."""

from __future__ import annotations

import polars as pl

from fin_assets.core.contract.schema import dy
from fin_assets.core.contract.source import Staged

RULE = "rule"
"""Column of a quarantine frame: the names of the broken rules, joined by ", "."""


def staged(rows: pl.DataFrame, schema: type[dy.Schema]) -> Staged:
    """Return rows, which have the columns of `schema`, split by its rules and sorted by its primary key."""
    good, refused = split_by_rules(rows, schema)
    grain = schema.primary_key()
    return Staged(frame=good.sort(grain), quarantine=refused.sort([*grain, RULE]))


def split_by_rules(frame: pl.DataFrame, schema: type[dy.Schema]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return (good rows, refused rows) of `frame`, which has the columns of `schema`.

    Refused rows have a further column `rule` with the names of every rule that they break.
    """
    good, failure = schema.filter(frame)
    details = failure.details()
    rules = [name for name in details.columns if name not in frame.columns]
    broken = [pl.when(pl.col(name).cast(pl.String) == "invalid").then(pl.lit(name)) for name in rules]
    label = pl.concat_str(broken, separator=", ", ignore_nulls=True) if broken else pl.lit("")
    return pl.DataFrame(good).select(frame.columns), details.select(*frame.columns, label.alias(RULE))
