"""Calendars against days on which exchanges are known to have traded, in both directions.

A day with trades is a session, and a weekday between the first and the last of them without trades is none. The recordings
are used where they are present. A list from elsewhere: `FIN_TRADED_DAYS=FILE`, one ISO date a line, `FIN_TRADED_MIC` names
the exchange (XIDX without it).
"""

from __future__ import annotations

import csv
import io
import json
import lzma
import os
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from fin_assets.core.calendars.exchange import get_calendar, weekdays
from fin_assets.sources.hkex_southbound.calendar import ListDay, southbound_calendar

SAMPLES = Path(__file__).parents[3] / "shared/samples"
TEST_SATURDAY = date(2021, 5, 22)
"""A test session that the exchange served as if it were a trading day."""

ANNOUNCED = {
    2015: 244, 2016: 246, 2017: 238, 2018: 240, 2019: 245, 2020: 242,
    2021: 247, 2022: 246, 2023: 239, 2024: 237, 2025: 236, 2026: 239,
}  # fmt: skip
"""Trading days of Jakarta by year: the exchange's own counts in its yearly calendars and reports."""

KNOWN = {
    # The exchange decided to trade on holidays and joint leave, or to close.
    "2015-12-09": False, "2015-12-24": False, "2016-06-01": True, "2017-02-15": False, "2017-04-19": False,
    "2017-06-01": False, "2018-06-11": False, "2018-06-19": False, "2018-06-20": True, "2018-06-27": True,
    "2020-05-22": False, "2020-05-26": True, "2020-10-28": False, "2020-12-09": False, "2020-12-24": False,
    "2020-12-28": True, "2020-12-31": False, "2021-12-24": True, "2022-04-29": False, "2022-05-06": False,
    "2023-06-28": False, "2023-06-30": False, "2024-11-27": False, "2025-08-18": False,
}  # fmt: skip


def wrong(traded: Iterable[date], *, mic: str = "XIDX") -> list[str]:
    """Return the days on which a calendar and a list of trading days differ, in words."""
    known = sorted(set(traded))
    calendar = get_calendar(mic)
    closed = [f"{day} has trades and is no session" for day in known if not calendar.is_session(day)]
    without = set(weekdays(known[0], known[-1])) - set(known)
    return closed + [f"{day} is a session and has no trades" for day in sorted(without) if calendar.is_session(day)]


def sample(name: str) -> Path:
    path = SAMPLES / name
    if not path.exists():
        pytest.skip(f"the recording is not there: {name}")
    return path


def test_every_recorded_trading_day_is_a_session_and_no_other_weekday_is() -> None:
    text = lzma.decompress(sample("idx/idx_daily_all_tickers_2019-2021.csv.xz").read_bytes())
    frame = pl.read_csv(io.BytesIO(text), columns=["Date", "Volume"]).filter(pl.col("Volume") > 0)
    traded = {date.fromisoformat(day[:10]) for day in frame["Date"].unique()}
    assert wrong(traded) == [f"{TEST_SATURDAY} has trades and is no session"]
    assert len(traded) == 735


@pytest.mark.parametrize("name", ["wg_SRTG.csv", "wg_GOTO.csv"])
def test_every_day_of_a_shares_recorded_history_is_a_session_and_no_other_is(name: str) -> None:
    with sample(f"idx/{name}").open() as file:
        days = {date.fromisoformat(row["date"][:10]) for row in csv.DictReader(file)}
    assert wrong(days - {TEST_SATURDAY}) == []


@pytest.mark.parametrize("day", ["2015-01-02", "2020-03-23", "2021-01-19"])
def test_a_recorded_list_lies_on_a_session(day: str) -> None:
    path = sample(f"idx/GetStockSummary_{day}.json")
    rows = json.loads(path.read_text())
    traded = [row for row in (rows["data"] if isinstance(rows, dict) else rows) if row["Volume"]]
    assert len(traded) > 200
    assert get_calendar("XIDX").is_session(date.fromisoformat(day))


@pytest.mark.parametrize("day", KNOWN)
def test_days_that_the_exchange_decided_about_are_as_it_decided(day: str) -> None:
    assert get_calendar("XIDX").is_session(date.fromisoformat(day)) is KNOWN[day]


@pytest.mark.parametrize("year", ANNOUNCED)
def test_a_year_has_as_many_sessions_as_the_exchange_counted(year: int) -> None:
    assert len(get_calendar("XIDX").sessions(date(year, 1, 1), date(year, 12, 31))) == ANNOUNCED[year]


def test_every_recorded_southbound_day_is_a_list_day_and_no_other_weekday_is() -> None:
    with sample("hkexnews/southbound_day_marks_20170317-20171031.csv").open() as file:
        marks = {date.fromisoformat(row[0]): row[1] for row in csv.reader(file) if row[0][:1].isdigit()}
    calendar = southbound_calendar()
    listed = {day for day, mark in marks.items() if mark == "1"}
    assert len(listed) == 155
    assert [
        day for day in marks if (calendar.state(day) is not ListDay.CLOSED) != (day in listed) and day.weekday() < 5
    ] == []


def test_a_list_of_dates_from_elsewhere_agrees_with_the_calendar() -> None:
    path = os.environ.get("FIN_TRADED_DAYS")
    if path is None:
        pytest.skip("FIN_TRADED_DAYS names no file")
    lines = Path(path).read_text().split()
    assert wrong(map(date.fromisoformat, lines), mic=os.environ.get("FIN_TRADED_MIC", "XIDX")) == []


def test_a_day_missing_on_either_side_is_named() -> None:
    days = get_calendar("XIDX").sessions(date(2026, 3, 2), date(2026, 3, 31))
    assert wrong([day for day in days if day != date(2026, 3, 3)]) == ["2026-03-03 is a session and has no trades"]
    assert wrong([*days, date(2026, 3, 20)]) == ["2026-03-20 has trades and is no session"]
