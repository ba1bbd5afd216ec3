"""What every source must keep. One function a rule; each takes a source and one of its tables.

Rules about one site's pages belong in that source's own tests.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from types import FunctionType
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import dagster as dg
import polars as pl
import pytest
from dagster._utils.schedules import is_valid_cron_string

from fin_assets import clock
from fin_assets.core.collection.acceptance import (
    Reconciled,
    RowBand,
    StatesItsSession,
    accepted,
    row_band,
    states_sessions,
)
from fin_assets.core.collection.findings import RAW_CHECKS, STAGED_CHECKS, WARNING_CHECKS, raw_checks, staged_checks
from fin_assets.core.contract.calendar import OPEN, every_day
from fin_assets.core.contract.failures import CollectionFailure, HalfTable, StaleDate
from fin_assets.core.contract.source import DateRange, Nothing, NotYet, Parsed, Sibling, Source, Table, Unit, due_at
from fin_assets.core.orchestration.partitions import due_sessions, partitions_of
from fin_assets.settings import SourceSettings
from tests.sources.accepting import answer, situation

Rule = Callable[[Source, Table], None]

SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
NOW = datetime(2026, 3, 24, 4, 0, tzinfo=UTC)
UNITS = {
    "pct",
    "pp",
    "ratio",
    "shares",
    "lots",
    "units",
    "count",
    "no",
    "participants",
    "rows",
    "trades",
    "index",
    "hkd",
    "idr",
    "thb",
    "usd",
    "eur",
}
NOT_CONTENT = {
    "nothing": (b"", "text/html"),
    "blanks": (b" \r\n\t ", "text/html"),
    "JSON": (b'{"error": "busy"}', "application/json"),
    "a file": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "application/pdf"),
    "bytes of no text": (bytes(range(256)) * 8, "application/octet-stream"),
    "a foreign page": (
        b"<!doctype html><html><head><title>Welcome</title></head><body><p>Nothing here.</p></body></html>",
        "text/html; charset=utf-8",
    ),
    "a login page": (
        b"<html><body><form action='/login'><input type='password' name='pw'></form></body></html>",
        "text/html",
    ),
}


def recent_sessions(source: Source, table: Table) -> list[date]:
    """Return the sessions of the last year of a table's history."""
    until = source.end or max(NOW.date(), source.start + timedelta(days=400))
    return table.calendar.sessions(max(source.start, until - timedelta(days=400)), until)


def newest_due(source: Source, table: Table) -> date:
    """Return the newest session that is due, by the clock that sources see."""
    today = clock.now().date()
    days = table.calendar.sessions(source.start, min(today + timedelta(days=1), source.end or today))
    return max(day for day in days if due_at(table, day) <= clock.now())


def unasked(table: str) -> Sibling:
    """Stand in for the siblings of a table that needs none."""
    msg = f"it looks at {table}, which it does not name in its needs"
    raise AssertionError(msg)


def some_unit(source: Source, table: Table) -> Unit:
    """Return a unit to ask for: one that the calendar and the settings tell, or an invented one."""
    if table.needs:
        return Unit(name="XXXX/all/all")
    expected = table.expected(newest_due(source, table), unasked)
    assert isinstance(expected, Sequence)
    return expected[0]


def names_are_snake_case_and_the_source_is_called_as_its_folder(source: Source, table: Table) -> None:
    assert SNAKE.fullmatch(source.name)
    assert SNAKE.fullmatch(table.name)
    assert [each.name for each in source.tables].count(table.name) == 1
    assert source.table(table.name) is table
    with pytest.raises(KeyError, match=table.name):
        source.table("no_such_table")


def it_says_what_it_is_and_whose(source: Source, table: Table) -> None:
    assert source.title
    assert source.description.endswith(".")
    assert table.description.endswith(".")
    assert re.fullmatch(r"team:[a-z-]+|[^@]+@[^@]+", source.owner)
    assert source.link.startswith("https://")


def its_site_has_an_address_by_the_mode_and_a_name_of_its_own(source: Source, table: Table) -> None:
    site = table.site
    assert SNAKE.fullmatch(site.name)
    assert all(each.site == site for each in source.tables if each.site.name == site.name), "one name, two sites"
    assert source.sites.count(site) == 1
    assert site.mode == source.settings.mode
    assert not site.base_url.endswith("/")
    if site.transport != "files":
        parts = urlsplit(site.base_url)
        assert parts.scheme in {"http", "https"}
        assert parts.hostname
        assert not parts.query
        assert not parts.fragment
        assert site.mode == "live" or parts.hostname in {"127.0.0.1", "localhost"}, "generated data come from here"


def its_site_is_asked_politely_and_never_waited_for_without_end(source: Source, table: Table) -> None:
    site = table.site
    assert site.transport in {"browser", "http", "files"}
    assert 0 < site.rate_per_second <= 1_000
    assert 1 <= site.workers <= 32
    assert timedelta(0) < site.request_timeout <= timedelta(minutes=10)
    assert site.per_day is None or site.per_day > 0
    assert ZoneInfo(site.quota_timezone)
    assert inspect.iscoroutinefunction(table.fetch)


def its_schedules_are_valid_in_the_time_zone_of_its_calendar(source: Source, table: Table) -> None:
    assert ZoneInfo(source.timezone)
    assert ZoneInfo(table.calendar.timezone)
    assert ZoneInfo(table.partition_timezone or table.calendar.timezone)
    assert is_valid_cron_string(table.schedules.daily)
    assert is_valid_cron_string(table.schedules.heal)
    for cron in (table.schedules.weekly, table.schedules.intraday):
        assert cron is None or is_valid_cron_string(cron)
    assert table.due > timedelta(days=-1)


def sessions_ascend_within_the_bounds_and_do_not_depend_on_the_question(source: Source, table: Table) -> None:
    sessions, days = table.calendar.sessions, recent_sessions(source, table)
    assert days
    assert days == sorted(set(days))
    middle = days[len(days) // 2]
    assert sessions(days[0], middle) + [day for day in sessions(middle, days[-1]) if day != middle] == days
    assert sessions(middle, middle) == [middle]
    assert sessions(days[-1] + timedelta(days=1), days[0]) == []
    if source.end is not None:
        assert sessions(source.end + timedelta(days=1), source.end + timedelta(days=400)) == []


def every_session_has_a_state_that_says_why_it_is_not_an_ordinary_day(source: Source, table: Table) -> None:
    for day in recent_sessions(source, table):
        state = table.calendar.day_state(day)
        assert state == table.calendar.day_state(day)
        assert SNAKE.fullmatch(state.name)
        assert state.name != "closed", f"{day}: a closed day is no session"
        assert bool(state.reason) == (state != OPEN), f"{day}: {state}"
        assert not state.may_be_empty or state.reason, f"{day}: the reason is stored as the proof"


def partitions_are_exactly_its_sessions(source: Source, table: Table) -> None:
    keys = partitions_of(source, table).get_partition_keys(current_time=NOW)
    zone = ZoneInfo(table.partition_timezone or table.calendar.timezone)
    last = (source.end or NOW.astimezone(zone).date() - timedelta(days=1)).isoformat()
    sessions = table.calendar.sessions(source.start, NOW.date())
    assert keys == [day.isoformat() for day in sessions if day.isoformat() <= last]


def closed_days_and_the_weekends_of_its_calendar_are_no_partitions(source: Source, table: Table) -> None:
    keys = {date.fromisoformat(key) for key in partitions_of(source, table).get_partition_keys(current_time=NOW)}
    sessions = set(table.calendar.sessions(source.start, NOW.date()))
    closed = [day for day in every_day(min(keys), max(keys)) if day not in sessions]
    assert not keys & set(closed)
    assert {day.weekday() for day in keys} <= {day.weekday() for day in sessions}


def a_session_is_due_after_it_is_over_and_only_once(source: Source, table: Table) -> None:
    day = recent_sessions(source, table)[-1]
    moment = due_at(table, day)
    assert moment.astimezone(ZoneInfo(table.partition_timezone or table.calendar.timezone)).date() > day
    assert due_sessions(source, table, since=moment - timedelta(seconds=1), until=moment) == [day]
    assert day not in due_sessions(source, table, since=moment, until=moment + timedelta(days=3))


def every_session_expects_units_and_always_the_same_ones(source: Source, table: Table) -> None:
    if table.needs:
        return
    days = [*recent_sessions(source, table)[-5:], newest_due(source, table)]
    for day in days:
        expected = table.expected(day, unasked)
        assert expected == table.expected(day, unasked)
        assert not isinstance(expected, NotYet), "nothing is waited for"
        if isinstance(expected, Nothing):
            assert day != newest_due(source, table), "a site has at least its present"
            assert expected.reason
            continue
        names = [unit.name for unit in expected]
        assert names
        assert len(names) == len(set(names))
        assert all(name == name.strip() and 0 < len(name) <= 80 for name in names)
        assert all(unit.due is None or unit.due.utcoffset() is not None for unit in expected)


def what_it_needs_stands_before_it_and_is_waited_for_or_closes_it(source: Source, table: Table) -> None:
    earlier = [each.name for each in source.tables[: source.tables.index(table)]]
    assert set(table.needs) <= set(earlier), "the table that names the units is collected before"
    assert [each for group in source.groups() for each in group].count(table) == 1
    [group] = [group for group in source.groups() if table in group]
    assert {each.name for each in group} >= set(table.needs), "it is collected with what it needs"
    if not table.needs:
        return
    day, looked_at = newest_due(source, table), set[str]()

    def siblings(name: str, **found: Any) -> Sibling:
        looked_at.add(name)
        return Sibling(**found)

    waiting = table.expected(day, partial(siblings, state="missing", reason="was never collected"))
    assert isinstance(waiting, NotYet)
    assert "was never collected" in waiting.reason
    assert isinstance(table.expected(day, partial(siblings, state="incomplete", reason="is incomplete")), NotYet)
    closed = table.expected(day, partial(siblings, state="closed", reason="a holiday"))
    assert closed == Nothing("a holiday")
    assert looked_at == set(table.needs)
    needed = source.table(table.needs[0]).schema.create_empty()
    assert isinstance(table.expected(day, partial(siblings, state="complete", frame=needed)), Nothing)


def its_rules_say_what_is_accepted_and_the_session_is_judged_first(source: Source, table: Table) -> None:
    assert all(callable(rule) for rule in table.accept)
    kinds = [type(rule) for rule in table.accept]
    assert len(kinds) == len(set(kinds)) or kinds.count(FunctionType) > 1
    assert {RowBand, Reconciled} & set(kinds) or table.partition == "obtained", "half a table has to be found out"
    assert (Reconciled in kinds) <= bool(table.needs), "what it is compared with comes from another table"
    judged = [kinds.index(kind) for kind in (RowBand, Reconciled) if kind in kinds]
    assert StatesItsSession not in kinds or kinds.index(StatesItsSession) < min(judged, default=len(kinds))


def a_page_of_another_date_is_refused_and_belongs_to_that_date(source: Source, table: Table) -> None:
    day, *_ = (day for day in recent_sessions(source, table) if table.calendar.day_state(day) == OPEN)
    other, unit = day - timedelta(days=7), Unit(name="any")
    assert states_sessions(table) == ("date_is_the_pages_own" in raw_checks(table))
    if not states_sessions(table):
        return
    for covers, said, owner in (
        (DateRange.day(other), str(other), other),
        (DateRange(other, day), f"{other} to {day}", None),
        (None, "no date", None),
    ):
        with pytest.raises(StaleDate, match=f"asked for {day}, the page states {said}") as caught:
            accepted(table, unit, Parsed(rows=3, covers=covers), situation(table, day, answer(b"page")))
        assert (caught.value.belongs_to, caught.value.body) == (owner, b"page")
    [rule] = [rule for rule in table.accept if isinstance(rule, StatesItsSession)]
    of_the_day = Parsed(rows=3, covers=DateRange.day(day))
    assert rule(of_the_day, unit, situation(table, day)) is of_the_day


def rows_that_are_missing_against_other_sessions_are_half_a_table(source: Source, table: Table) -> None:
    band = row_band(table)
    assert (band is None) == ("row_count_in_band" not in staged_checks(table))
    if band is None:
        return
    assert 0 < band.below < 1
    assert band.above > 0
    day = recent_sessions(source, table)[-1]
    known = dict.fromkeys((day - timedelta(days=n) for n in range(1, 11)), 1_000)
    context = situation(table, day, rows=known, unit="any", below=band.below)
    enough, less = (Parsed(rows=round(1_000 * (1 - band.below)) + more, covers=DateRange.day(day)) for more in (1, -1))
    assert accepted(table, Unit(name="any"), enough, context) == enough
    with pytest.raises(HalfTable, match=r"at most \d+% may be missing"):
        accepted(table, Unit(name="any"), less, context)


def what_is_not_content_is_a_typed_failure_and_never_an_empty_table(source: Source, table: Table) -> None:
    unit = some_unit(source, table)
    for what, (body, content_type) in NOT_CONTENT.items():
        fetched = answer(body, content_type)
        if not body.strip() and table.needs:
            # The other table decides whether an empty answer is right.
            parsed = table.parse(fetched, unit)
            assert (parsed.rows, parsed.covers, parsed.empty_reason) == (0, None, None)
            assert any(isinstance(rule, Reconciled) for rule in table.accept)
            continue
        with pytest.raises(CollectionFailure) as caught:
            table.parse(fetched, unit)
        assert str(caught.value), what
        assert caught.value.remedy, what


def nothing_collected_is_an_empty_frame_with_all_columns(source: Source, table: Table) -> None:
    staged = table.stage([], recent_sessions(source, table)[-1])
    assert dict(staged.frame.schema) == dict(pl.Schema(table.schema))
    assert staged.frame.is_empty()
    assert staged.quarantine.is_empty()
    assert "rule" in staged.quarantine.columns


def staged_columns_are_described_and_named_by_their_meaning(source: Source, table: Table) -> None:
    columns = table.schema.columns()
    assert columns
    for name, column in columns.items():
        assert column.description, f"{name} has no description"
        assert SNAKE.fullmatch(name)
        if column.dtype.is_numeric():
            assert UNITS & set(name.split("_")), f"{name}: a number says its unit ({', '.join(sorted(UNITS))})"
        elif isinstance(column.dtype, pl.Datetime):
            assert name.endswith("_at")
        elif column.dtype == pl.Date:
            assert name.endswith("_date")
    assert "session_date" in columns, "every row carries its session"
    assert columns["session_date"].dtype == pl.Date
    assert columns["session_date"].primary_key


def times_are_aware_and_money_is_not_a_float(source: Source, table: Table) -> None:
    for name, column in table.schema.columns().items():
        if isinstance(column.dtype, pl.Datetime):
            assert column.dtype.time_zone, f"{name} has no time zone"
        if re.search(r"_(shares|lots|units|hkd|idr|thb|usd|eur)$", name):
            assert not column.dtype.is_float(), f"{name} counts: integers or decimals"


def its_checks_are_documented_and_none_hides_a_general_one(source: Source, table: Table) -> None:
    assert not set(table.checks) & {*RAW_CHECKS, *STAGED_CHECKS, *WARNING_CHECKS, "fresh", "backlog"}
    for name, check in table.checks.items():
        assert SNAKE.fullmatch(name)
        assert inspect.getdoc(check), f"{name} has no docstring"


def its_parser_version_is_stated(source: Source, table: Table) -> None:
    assert table.parser_version


def names_that_its_settings_choose_by_are_declared_as_filters(source: Source, table: Table) -> None:
    free = {
        name
        for name, field in type(source.settings).model_fields.items()
        if field.annotation == tuple[str, ...] and name not in SourceSettings.model_fields
    }
    declared = {chosen.setting for each in source.tables for chosen in each.filters}
    off = " ".join(source.left_out.values())
    assert all(name in declared or name in off for name in free), "a wrong name would be less work, silently"
    for chosen in table.filters:
        assert chosen.setting in type(source.settings).model_fields
        assert chosen.where(source.name) == f"{chosen.setting} under [sources.{source.name}] in fin.toml"
        if chosen.listed is not None:
            assert chosen.listed.table in table.needs
            assert chosen.listed.column in source.table(chosen.listed.table).schema.columns()


def secrets_do_not_show(source: Source, table: Table) -> None:
    from pydantic import SecretStr

    secrets = {"key": SecretStr("hunter2")}
    settings = source.settings.model_copy(update={"secrets": secrets})
    assert "hunter2" not in repr(settings) + str(settings.model_dump())
    site = replace(table.site, secrets=tuple(secrets.values()))
    assert "hunter2" not in repr(replace(source, settings=settings, tables=(replace(table, site=site),)))


RULES: list[Rule] = [
    names_are_snake_case_and_the_source_is_called_as_its_folder,
    it_says_what_it_is_and_whose,
    its_site_has_an_address_by_the_mode_and_a_name_of_its_own,
    its_site_is_asked_politely_and_never_waited_for_without_end,
    its_schedules_are_valid_in_the_time_zone_of_its_calendar,
    sessions_ascend_within_the_bounds_and_do_not_depend_on_the_question,
    every_session_has_a_state_that_says_why_it_is_not_an_ordinary_day,
    partitions_are_exactly_its_sessions,
    closed_days_and_the_weekends_of_its_calendar_are_no_partitions,
    a_session_is_due_after_it_is_over_and_only_once,
    every_session_expects_units_and_always_the_same_ones,
    what_it_needs_stands_before_it_and_is_waited_for_or_closes_it,
    its_rules_say_what_is_accepted_and_the_session_is_judged_first,
    a_page_of_another_date_is_refused_and_belongs_to_that_date,
    rows_that_are_missing_against_other_sessions_are_half_a_table,
    what_is_not_content_is_a_typed_failure_and_never_an_empty_table,
    nothing_collected_is_an_empty_frame_with_all_columns,
    staged_columns_are_described_and_named_by_their_meaning,
    times_are_aware_and_money_is_not_a_float,
    its_checks_are_documented_and_none_hides_a_general_one,
    its_parser_version_is_stated,
    names_that_its_settings_choose_by_are_declared_as_filters,
    secrets_do_not_show,
]


def loads_in_dagster(source: Source) -> None:
    """Require that Dagster takes the source's assets, checks and schedules."""
    from pathlib import Path

    from fin_assets.definitions import build_definitions
    from fin_assets.settings import Settings

    dg.Definitions.validate_loadable(
        build_definitions(settings=Settings(home=Path("no-such-home")), sources=[source], marts=False)
    )
