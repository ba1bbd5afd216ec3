"""Filters that a reader writes: `Value > 10B, Change < 0, Signals ~ streak`. No widgets here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import polars as pl

CONDITION = re.compile(r"^(?P<column>[^<>=!~]+?)\s*(?P<sign><=|>=|!=|<|>|=|~)\s*(?P<value>[^<>=!~]+)$")
NUMBER = re.compile(r"^(?P<digits>[+\-\u2212]?\d+(?:\.\d+)?)\s*(?P<scale>[a-z]*)\s*%?(?:\s*pp)?$", re.IGNORECASE)
SCALES = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "bn": 1e9, "t": 1e12, "tn": 1e12}


class BadFilter(ValueError):
    """A condition cannot be read; the message quotes it and says what can be written."""


def condition(text: str, *, titles: Mapping[str, str], schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """Return what a filter keeps: all of its conditions, separated by commas. An empty filter keeps everything.

    Args:
        text: conditions `column sign value`. The column is a title or a field in any case, the sign one of < <= > >= = !=
            or ~ (contains); numbers may end in K, M, B or T. Without a sign: a word that some text of the row contains.
        titles: heading by field, of the columns that can be asked for.
        schema: of the frame that is filtered.

    Raises:
        BadFilter: a condition names no column, or compares it with what it cannot hold.
    """
    kept = [_condition(part.strip(), titles, schema) for part in text.split(",") if part.strip()]
    return pl.all_horizontal(kept) if kept else pl.lit(value=True)


def _condition(part: str, titles: Mapping[str, str], schema: Mapping[str, pl.DataType]) -> pl.Expr:
    found = CONDITION.match(part)
    if found is None:
        if re.search(r"[<>=!~]", part):
            msg = f"“{part}”: write a column, one of < <= > >= = != ~, and a value"
            raise BadFilter(msg)
        texts = [field for field in titles if schema[field] == pl.String]
        return pl.any_horizontal([_contains(field, part) for field in texts])
    field = _field(found["column"], part, titles)
    sign, value = found["sign"], found["value"].strip()
    return _text(field, sign, value, part) if schema[field] == pl.String else _number(field, sign, value, part)


def _field(name: str, part: str, titles: Mapping[str, str]) -> str:
    wanted = " ".join(name.split()).casefold()
    for field, title in titles.items():
        if wanted in {field.casefold(), title.casefold()}:
            return field
    msg = f"“{part}”: no column “{name}”; there are {_listed(titles.values())}"
    raise BadFilter(msg)


def _contains(field: str, value: str) -> pl.Expr:
    return pl.col(field).str.to_lowercase().str.contains(value.lower(), literal=True).fill_null(value=False)


def _text(field: str, sign: str, value: str, part: str) -> pl.Expr:
    if sign == "~":
        return _contains(field, value)
    same = pl.col(field).str.to_lowercase() == value.lower()
    if sign in {"=", "!="}:
        return (same if sign == "=" else ~same).fill_null(value=sign == "!=")
    msg = f"“{part}”: the column holds text, which can be compared with =, != and ~"
    raise BadFilter(msg)


def _number(field: str, sign: str, value: str, part: str) -> pl.Expr:
    read = NUMBER.match(value)
    scale = SCALES.get(read["scale"].casefold()) if read else None
    if read is None or scale is None or sign == "~":
        msg = f"“{part}”: the column holds numbers; compare it with a number, such as 2.5, -3 or 10B, by < <= > >= = !="
        raise BadFilter(msg)
    number = float(read["digits"].replace("\u2212", "-")) * scale
    column = pl.col(field)
    compared = {
        "<": column < number,
        "<=": column <= number,
        ">": column > number,
        ">=": column >= number,
        "=": column == number,
        "!=": column != number,
    }
    return compared[sign].fill_null(value=False)


def _listed(titles: Iterable[str]) -> str:
    return ", ".join(titles)
