"""Filters that a reader writes."""

from __future__ import annotations

import polars as pl
import pytest

from dashboards.ui.filters import BadFilter, condition

FRAME = pl.DataFrame(
    {
        "code": ["BBCA", "TLKM", "00700"],
        "name": ["Bank Central Asia", "Telkom", "騰訊控股 TENCENT"],
        "value_idr": [12_000_000_000, 900_000, None],
        "change_pct": [-1.5, 2.5, 0.0],
        "signals": ["Streak, Big Acc", None, "Stealth"],
    }
)
TITLES = {"code": "Code", "name": "Name", "value_idr": "Value", "change_pct": "Change", "signals": "Signals"}


def kept(text: str) -> list[str]:
    return FRAME.filter(condition(text, titles=TITLES, schema=FRAME.schema))["code"].to_list()


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("", ["BBCA", "TLKM", "00700"]),
        ("Value > 10B", ["BBCA"]),
        ("value>=900k", ["BBCA", "TLKM"]),
        ("VALUE_IDR <= 1m", ["TLKM"]),
        ("change < 0", ["BBCA"]),
        ("change >= \u22121.5 %, change < 1", ["BBCA", "00700"]),
        ("Change = 0", ["00700"]),
        ("Change != 0", ["BBCA", "TLKM"]),
        ("Signals ~ streak", ["BBCA"]),
        ("signals != Stealth", ["BBCA", "TLKM"]),
        ("code = tlkm", ["TLKM"]),
        ("central", ["BBCA"]),
        ("騰訊", ["00700"]),
        ("acc, value > 1", ["BBCA"]),
        (".*", []),
    ],
)
def test_a_filter_keeps_the_rows_of_all_its_conditions(text: str, codes: list[str]):
    assert kept(text) == codes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("price > 5", "no column “price”; there are Code, Name, Value, Change, Signals"),
        ("Value > much", "“Value > much”: the column holds numbers"),
        ("Value > 5 x", "holds numbers"),
        ("Value ~ 5", "holds numbers"),
        ("Name > 5", "the column holds text"),
        ("Value >", "write a column"),
        ("> 5", "write a column"),
        ("1 < Value < 5", "write a column"),
    ],
)
def test_what_cannot_be_read_is_quoted_with_what_can(text: str, said: str):
    with pytest.raises(BadFilter, match=said.replace("(", "\\(")):
        kept(text)
