"""What every source must keep. One function a rule; each takes a source and one of its tables.

Rules about one site's pages belong in that source's own tests.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import polars as pl
import pytest
from dagster._utils.schedules import is_valid_cron_string

from fin_assets.core.collection.finalize import RAW_CHECKS, STAGED_CHECKS
from fin_assets.core.contract.failures import CollectionFailure
from fin_assets.core.contract.source import Source, Table
from fin_assets.core.orchestration.partitions import due_at, due_sessions, partitions_of

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
    return table.sessions(max(source.start, until - timedelta(days=400)), until)


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
    assert re.match(r"https?://", source.base_url)
    assert not source.base_url.endswith("/")


def its_schedules_are_valid_in_its_own_time_zone(source: Source, table: Table) -> None:
    assert ZoneInfo(source.timezone)
    assert is_valid_cron_string(source.schedule)
    assert is_valid_cron_string(source.heal_schedule)
    assert table.published_after > timedelta(days=-1)


def sessions_ascend_within_the_bounds_and_do_not_depend_on_the_question(source: Source, table: Table) -> None:
    days = recent_sessions(source, table)
    assert days
    assert days == sorted(set(days))
    middle = days[len(days) // 2]
    assert table.sessions(days[0], middle) + [day for day in table.sessions(middle, days[-1]) if day != middle] == days
    assert table.sessions(middle, middle) == [middle]
    assert table.sessions(days[-1] + timedelta(days=1), days[0]) == []


def partitions_are_exactly_its_sessions(source: Source, table: Table) -> None:
    keys = partitions_of(source, table).get_partition_keys(current_time=NOW)
    zone = ZoneInfo(source.partition_timezone or source.timezone)
    last = (source.end or NOW.astimezone(zone).date() - timedelta(days=1)).isoformat()
    assert keys == [day.isoformat() for day in table.sessions(source.start, NOW.date()) if day.isoformat() <= last]


def a_session_is_due_after_it_is_over_and_only_once(source: Source, table: Table) -> None:
    day = recent_sessions(source, table)[-1]
    moment = due_at(source, table, day)
    assert moment.astimezone(ZoneInfo(source.partition_timezone or source.timezone)).date() > day
    assert due_sessions(source, table, since=moment - timedelta(seconds=1), until=moment) == [day]
    assert day not in due_sessions(source, table, since=moment, until=moment + timedelta(days=3))


def every_session_expects_units_and_always_the_same_ones(source: Source, table: Table) -> None:
    if table.units_from is not None:
        earlier = [each.name for each in source.tables[: source.tables.index(table)]]
        assert table.units_from.table in earlier, "the table that names the units is collected before"
        return
    for day in recent_sessions(source, table)[-5:]:
        units = table.units(day)
        assert units
        assert len(units) == len(set(units))
        assert units == table.units(day)
        assert all(unit == unit.strip() and len(unit) <= 80 for unit in units)


def what_is_not_content_is_a_typed_failure_and_never_an_empty_table(source: Source, table: Table) -> None:
    day = recent_sessions(source, table)[-1]
    unit = table.units(day)[0] if table.units_from is None else "XXXX/all/all"
    for what, (body, content_type) in NOT_CONTENT.items():
        if not body.strip() and table.units_from is not None:
            # Whether an empty answer is right is told by the other table.
            assert table.parse(body, content_type, unit, day).rows == 0
            continue
        with pytest.raises(CollectionFailure) as caught:
            table.parse(body, content_type, unit, day)
        assert str(caught.value), what
        assert caught.value.remedy, what


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


def its_checks_are_documented_and_none_hides_one_of_the_house(source: Source, table: Table) -> None:
    assert not set(table.checks) & {*RAW_CHECKS, *STAGED_CHECKS, "fresh", "backlog"}
    for name, check in table.checks.items():
        assert SNAKE.fullmatch(name)
        assert inspect.getdoc(check), f"{name} says nothing of itself"


def its_parser_version_is_stated(source: Source, table: Table) -> None:
    assert table.parser_version


def secrets_do_not_show(source: Source, table: Table) -> None:
    from pydantic import SecretStr

    settings = source.settings.model_copy(update={"secrets": {"key": SecretStr("hunter2")}})
    assert "hunter2" not in repr(settings) + str(settings.model_dump())


RULES: list[Rule] = [
    names_are_snake_case_and_the_source_is_called_as_its_folder,
    it_says_what_it_is_and_whose,
    its_schedules_are_valid_in_its_own_time_zone,
    sessions_ascend_within_the_bounds_and_do_not_depend_on_the_question,
    partitions_are_exactly_its_sessions,
    a_session_is_due_after_it_is_over_and_only_once,
    every_session_expects_units_and_always_the_same_ones,
    what_is_not_content_is_a_typed_failure_and_never_an_empty_table,
    staged_columns_are_described_and_named_by_their_meaning,
    times_are_aware_and_money_is_not_a_float,
    its_checks_are_documented_and_none_hides_one_of_the_house,
    its_parser_version_is_stated,
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
