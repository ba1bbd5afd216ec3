"""Ranges of sessions as a reader chooses them."""

from __future__ import annotations

from datetime import date, timedelta

from dashboards.ui import session_range

DAYS = [date(2026, 3, 2) + timedelta(days=n) for n in range(5)]


def test_a_range_is_sessions_up_to_the_chosen_day() -> None:
    found = session_range.resolve(DAYS, window=2, since=None, asof=DAYS[3])
    assert found is not None
    assert found.sessions == (DAYS[2], DAYS[3])
    weekend = session_range.resolve(DAYS, window=1, since=None, asof=date(2026, 3, 9))
    assert weekend is not None
    assert weekend.end == DAYS[-1]
    assert session_range.resolve([], window=5, since=None, asof=None) is None


def test_a_custom_range_begins_on_its_day_and_never_is_empty() -> None:
    found = session_range.resolve(DAYS, window=session_range.CUSTOM, since=DAYS[1], asof=None)
    assert found is not None
    assert (found.start, found.end, len(found.sessions)) == (DAYS[1], DAYS[4], 4)
    turned = session_range.resolve(DAYS, window=session_range.CUSTOM, since=DAYS[4], asof=DAYS[2])
    assert turned is not None
    assert turned.sessions == (DAYS[2],)
    early = session_range.resolve(DAYS, window=20, since=None, asof=date(2020, 1, 1))
    assert early is not None
    assert early.sessions == (DAYS[0],)
