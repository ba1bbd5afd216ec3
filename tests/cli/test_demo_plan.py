"""Which sessions the demo collects of each table: enough for the windows of its marts, few enough for three minutes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from fin_assets.commands.demo import LEAST_SESSIONS, _sessions
from fin_assets.core.collection.expected_units import Wanted
from fin_assets.core.contract.expecting import each, present_only
from fin_assets.core.contract.source import Unit
from tests.core.fakes import TABLE, FakeSite, fake_source

NAMED = ("list",)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch):
    """Say how many units the newest session has."""

    def say(count: int) -> None:
        monkeypatch.setattr(
            "fin_assets.core.collection.expected_units.wanted",
            lambda *_args, **_kwargs: Wanted(units={f"T{number}": Unit(name=f"T{number}") for number in range(count)}),
        )

    return say


@pytest.mark.parametrize(
    ("units", "needs", "sessions"),
    [(1, (), 50), (50, (), 6), (900, (), LEAST_SESSIONS), (58, NAMED, 25), (900, NAMED, LEAST_SESSIONS)],
)
def test_a_table_with_many_units_is_shown_over_fewer_sessions(site, many, units: int, needs, sessions: int) -> None:
    many(units)
    source = fake_source(site, needs=needs)
    assert len(_sessions(source, source.table(TABLE), 50)) == sessions


def test_of_a_history_that_is_over_the_newest_sessions_are_shown_or_all(site: FakeSite, many) -> None:
    many(1)
    found = fake_source(site)
    over = replace(found, start=date(2026, 1, 5), end=date(2026, 1, 30))
    table = over.table(TABLE)
    assert _sessions(over, table, 3) == [date(2026, 1, 28), date(2026, 1, 29), date(2026, 1, 30)]
    assert len(_sessions(over, table, None)) == 20


def test_of_what_a_site_shows_of_the_present_alone_one_session_is_shown(site, many) -> None:
    many(1)
    table = fake_source(site).table(TABLE)
    expected = present_only(TABLE, each(["a"]), calendar=table.calendar, due=table.due)
    source = fake_source(site, expected=expected)
    assert _sessions(source, source.table(TABLE), 50) == [date(2026, 3, 23)]
