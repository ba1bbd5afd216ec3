"""How many rows a unit should have (H6)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from fin_assets.core.collection.row_baseline import RowBaseline
from fin_assets.core.contract.failures import HalfTable

DAYS = [date(2024, 9, 2) + timedelta(days=n) for n in range(40)]


def reference(counts: dict[date, int]) -> RowBaseline:
    found = RowBaseline([], below=0.02, above=0.10)
    for day, rows in counts.items():
        found.add("hk/en", day, rows)
    return found


def test_the_band_is_around_the_median_of_the_trailing_twenty() -> None:
    found = reference(dict.fromkeys(DAYS[:25], 500) | {DAYS[30]: 9000})
    edge = found.judge("hk/en", DAYS[25], 490)
    assert (edge.median, edge.sessions, edge.short, edge.in_band) == (500, 20, False, True)
    assert found.judge("hk/en", DAYS[25], 489).short
    assert found.judge("hk/en", DAYS[25], 550).in_band
    assert not found.judge("hk/en", DAYS[25], 551).in_band


def test_the_first_sessions_are_judged_by_those_that_follow() -> None:
    found = reference(dict.fromkeys(DAYS[1:8], 500))
    assert found.judge("hk/en", DAYS[0], 250).short


def test_fewer_than_five_sessions_judge_nothing() -> None:
    found = reference(dict.fromkeys(DAYS[:4], 500))
    judged = found.judge("hk/en", DAYS[4], 1)
    assert (judged.median, judged.in_band, judged.short) == (None, True, False)


def test_a_session_is_no_reference_for_itself_nor_for_another_quarter() -> None:
    found = reference({DAYS[0]: 500} | {DAYS[0] - timedelta(days=200 + n): 400 for n in range(10)})
    assert found.judge("hk/en", DAYS[0], 500).sessions == 0


def test_a_short_unit_is_a_half_table_with_the_numbers_in_the_message() -> None:
    found = reference(dict.fromkeys(DAYS[:20], 500))
    with pytest.raises(
        HalfTable, match=r"250 rows; the median of 20 complete sessions is 500, and at most 2%"
    ) as raised:
        found.require_whole("hk/en", DAYS[20], 250, body=b"page")
    assert raised.value.body == b"page"
