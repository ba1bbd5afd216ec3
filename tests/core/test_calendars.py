"""Calendars against facts entered by hand from the exchange's own notices and recorded lists."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path

import pytest

from fin_assets.core.calendars import library
from fin_assets.core.calendars.exchange import get_calendar, load_overrides
from fin_assets.core.calendars.library import UnknownCalendar, cache_folder, library_days
from fin_assets.core.contract.calendar import OPEN, DayState
from fin_assets.sources.hkex_southbound.calendar import ListDay, is_quarter_end_list, southbound_calendar
from fin_assets.sources.hkex_southbound.source import day_state, northbound_sessions

# Weekdays of 2017-03-17..10-31 on which the exchange's page showed no list of its own.
NO_LIST_2017 = [
    "2017-04-04",
    "2017-04-14",
    "2017-04-17",
    "2017-05-01",
    "2017-05-03",
    "2017-05-30",
    "2017-10-02",
    "2017-10-05",
]
# Lists of the same span that were published unchanged, because nothing was finished through the mainland leg.
UNCHANGED_2017 = [
    "2017-04-03", "2017-04-05", "2017-04-06", "2017-05-29", "2017-05-31", "2017-06-01",
    "2017-08-23", "2017-10-03", "2017-10-04", "2017-10-06", "2017-10-09", "2017-10-10",
]  # fmt: skip


def days(texts: list[str]) -> list[date]:
    return [date.fromisoformat(text) for text in texts]


def test_the_recorded_span_of_2017_has_its_155_list_days() -> None:
    listed = southbound_calendar().list_days(date(2017, 3, 17), date(2017, 10, 31))
    assert len(listed) == 155
    assert not set(listed) & set(days(NO_LIST_2017))


def test_exactly_the_twelve_unchanged_lists_of_2017_are_explained() -> None:
    calendar = southbound_calendar()
    listed = calendar.list_days(date(2017, 3, 17), date(2017, 10, 31))
    assert [day for day in listed if calendar.state(day) is not ListDay.OPEN] == days(UNCHANGED_2017)


def test_the_typhoon_of_2017_may_have_a_list_and_need_not() -> None:
    hato = date(2017, 8, 23)
    assert southbound_calendar().state(hato) is ListDay.WEATHER
    assert day_state(hato) == DayState(name="weather", reason="Typhoon Hato, signal 10", may_be_empty=True)
    assert day_state(date(2017, 10, 2)) == DayState.closed("Hong Kong is closed")
    assert not day_state(date(2017, 10, 3)).may_be_empty


def test_hong_kong_and_the_mainland_share_236_sessions_in_2026() -> None:
    hong_kong, mainland = get_calendar("XHKG"), get_calendar("XSHG")
    both = [day for day in hong_kong.sessions(date(2026, 1, 1), date(2026, 12, 31)) if mainland.is_session(day)]
    assert len(both) == 236


def test_national_day_week_of_2026_is_open_in_hong_kong_and_closed_southbound() -> None:
    calendar = southbound_calendar()
    for day in days(["2026-10-02", "2026-10-05", "2026-10-06", "2026-10-07"]):
        assert calendar.state(day) is ListDay.SOUTHBOUND_CLOSED
    assert calendar.state(date(2026, 10, 1)) is ListDay.CLOSED
    assert calendar.state(date(2026, 10, 13)) is ListDay.OPEN


def test_northbound_lists_are_daily_before_2024_08_19_and_quarterly_since() -> None:
    around = northbound_sessions(date(2024, 8, 14), date(2024, 12, 31))
    assert around == days(["2024-08-14", "2024-08-15", "2024-08-16", "2024-09-30", "2024-12-31"])
    assert is_quarter_end_list(date(2026, 3, 31))
    assert not is_quarter_end_list(date(2026, 3, 30))


def test_offsets_count_sessions_and_refuse_to_leave_the_calendar() -> None:
    calendar = get_calendar("XHKG")
    assert calendar.offset(date(2017, 5, 2), -1) == date(2017, 4, 28)
    assert calendar.offset(date(2017, 5, 6), 0) == date(2017, 5, 5)
    with pytest.raises(ValueError, match="lies outside"):
        calendar.offset(date(2015, 1, 5), -10)


def test_every_override_has_a_reason_and_a_link() -> None:
    overrides = load_overrides()
    assert len({(entry.mic, entry.day) for entry in overrides}) == len(overrides) > 0
    assert all(entry.reason and entry.link.startswith("https://") for entry in overrides)


def test_an_unknown_market_is_refused_by_name() -> None:
    with pytest.raises(UnknownCalendar, match="'XHGK'; did you mean"):
        get_calendar("XHGK")


def test_the_calendar_that_never_closes_has_its_weekends() -> None:
    calendar = get_calendar("24/7")
    assert calendar.timezone == "UTC"
    assert len(calendar.sessions(date(2026, 1, 1), date(2026, 12, 31))) == 365
    assert calendar.closes(date(2026, 1, 3)) == datetime(2026, 1, 4, tzinfo=UTC)


def test_opens_closes_and_half_days_are_the_exchanges() -> None:
    calendar = get_calendar("XHKG")
    # Lunar New Year's Eve of 2024: the morning only.
    assert calendar.is_half_day(date(2024, 2, 9))
    assert calendar.closes(date(2024, 2, 9)) == datetime(2024, 2, 9, 4, tzinfo=UTC)
    assert calendar.opens(date(2024, 2, 8)) == datetime(2024, 2, 8, 1, 30, tzinfo=UTC)
    assert calendar.closes(date(2024, 2, 8)) == datetime(2024, 2, 8, 8, tzinfo=UTC)
    with pytest.raises(ValueError, match="2024-02-10 is no session of XHKG"):
        calendar.opens(date(2024, 2, 10))


def test_a_day_that_is_no_session_is_closed_with_the_reason() -> None:
    calendar = get_calendar("XHKG")
    assert calendar.day_state(date(2024, 2, 8)) == OPEN
    assert calendar.day_state(date(2024, 2, 10)) == DayState.closed("no session of XHKG")
    assert calendar.day_state(date(2017, 8, 23)).reason == "Typhoon Hato, signal 10"


def test_a_calendar_is_computed_once_and_read_from_then_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    computed = library_days("XHKG", date(2026, 12, 31))
    (kept,) = cache_folder().iterdir()
    monkeypatch.setattr(library, "_computed", lambda mic, until: pytest.fail(f"{mic} is computed again"))
    assert library_days("XHKG", date(2026, 12, 31)) == computed
    assert len(computed.days) == len(computed.opens) == len(computed.closes)
    assert kept.name == "XHKG-2026-12-31.json"
    for package in ("exchange_calendars", "holidays"):
        assert version(package) in kept.parent.name


def test_a_damaged_calendar_file_is_named_and_computed_again(tmp_path: Path, monkeypatch, caplog) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    right = library_days("24/7", date(2016, 12, 31))
    (kept,) = cache_folder().iterdir()
    short = json.dumps({**json.loads(kept.read_text()), "opens": []})
    for damage in ('{"timezone": "UTC"', '{"timezone": "UTC"}', "[]", "", short):
        kept.write_text(damage)
        caplog.clear()
        assert library_days("24/7", date(2016, 12, 31)) == right
        assert "is damaged and is computed again" in caplog.text
    assert json.loads(kept.read_text())["days"] == right.days


def test_a_place_that_cannot_be_written_to_costs_time_only(tmp_path: Path, monkeypatch, caplog) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(library_days("24/7", date(2016, 12, 31)).days) == 731
    assert caplog.text == ""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    # As where another user owns the folder: no call of it succeeds.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("read_bytes", "mkdir", "write_text", "unlink"):
        monkeypatch.setattr(Path, name, refuse)
    assert len(library_days("24/7", date(2016, 12, 31)).days) == 731
    assert caplog.text == ""
