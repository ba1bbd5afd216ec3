"""Rows of any session date in partitions by the day they were obtained: what changes, and in which order does not matter."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fin_assets.warehouse.build import drain, run
from fin_assets.warehouse.declarations import observed_tables, staged_tables
from fin_assets.warehouse.paths import WarehouseError
from fin_assets.warehouse.reader import Reader
from tests.warehouse.home import Home
from tests.warehouse.observed_home import (
    DATES,
    OBTAINED,
    PROJECT,
    Build,
    Row,
    observed_home,
    row,
    stage,
)


@pytest.fixture(autouse=True)
def clock_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Freeze the clock after the last partition."""
    monkeypatch.setenv("FIN_CLOCK", "2026-03-01T00:00:00+00:00")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home of one partition: two codes on the first two session dates."""
    home = observed_home(tmp_path)
    stage(home, {0: [row(0, "A", 1.0, 0), row(0, "B", 2.0, 0), row(1, "A", 3.0, 0), row(1, "B", 4.0, 0)]})
    return home


@pytest.fixture
def build(home: Home) -> Build:
    """That home, built."""
    build = Build(home)
    assert build().reason == "first build"
    return build


def test_the_first_build_takes_up_every_session_date_and_counts_them(build: Build) -> None:
    assert build.changed() == set(DATES[:2])
    sessions = build.rows("select table_name, session_date, ordinal, day_state from control.business_sessions")
    assert sessions == [("closes", DATES[0], 1, "open"), ("closes", DATES[1], 2, "open")]
    expected = build.rows("select session_date from control.expected_sessions")
    assert [day for (day,) in expected] == OBTAINED, "partitions are expected on the days they are obtained"


def test_only_dates_whose_values_changed_are_taken_up(home: Home, build: Build) -> None:
    stage(home, {1: [row(0, "A", 1.0, 5), row(1, "A", 3.5, 5), row(2, "A", 7.0, 5), row(1, "B", 4.0, 5)]})
    made = build()
    assert (made.full_refresh, made.changed, made.files) == (False, 2, 1)
    assert build.changed() == {DATES[1], DATES[2]}
    assert build.rows("select session_date, total from sums where code = 'A'") == [
        (DATES[0], 1.0),
        (DATES[1], 4.5),
        (DATES[2], 11.5),
    ]


def test_equal_rows_seen_again_change_nothing(home: Home, build: Build) -> None:
    stage(home, {1: [row(0, "A", 1.0, 5), row(1, "B", 4.0, 5)]})
    made = build()
    assert (made.changed, made.idle) == (0, False)
    assert build.rows("select max(observed_at) from history.quotes__closes")[0][0] == row(0, "A", 1.0, 5).observed_at


def test_an_older_observation_that_arrives_late_changes_nothing(home: Home, build: Build) -> None:
    stage(home, {1: [row(0, "A", 9.0, -5), row(1, "B", 9.0, -1)]})
    assert build().changed == 0
    assert build.rows("select max(close_hkd) from history.quotes__closes") == [(4.0,)]


def test_a_value_that_becomes_unknown_is_a_change(home: Home, build: Build) -> None:
    stage(home, {1: [row(0, "A", None, 5)]})
    build()
    assert build.changed() == {DATES[0]}
    stage(home, {2: [row(0, "A", None, 6)]})
    assert build().changed == 0


def test_an_excluded_observation_leaves_what_would_be_without_it(home: Home, build: Build) -> None:
    before = build.everything()
    stage(home, {1: [row(0, "A", 99.0, 5), row(1, "B", 4.0, 5)]})
    build()
    assert build.changed() == {DATES[0]}
    stage(home, {1: None})
    made = build()
    assert (made.full_refresh, build.changed()) == (False, {DATES[0]})
    assert build.everything() == before
    stage(home, {1: [row(0, "A", 99.0, 5), row(1, "B", 4.0, 5)]})
    build()
    assert build.changed() == {DATES[0]}


def test_a_partition_that_is_staged_again_takes_up_only_what_differs(home: Home, build: Build) -> None:
    stage(home, {0: [row(0, "A", 1.0, 0), row(0, "B", 2.5, 0), row(1, "A", 3.0, 0), row(1, "B", 4.0, 0)]})
    made = build()
    assert (made.full_refresh, build.changed()) == (False, {DATES[0]})


def test_a_date_that_has_no_row_any_more_makes_a_full_refresh(home: Home, build: Build) -> None:
    stage(home, {1: [row(5, "A", 1.0, 5)]})
    assert not build().full_refresh
    stage(home, {1: None})
    assert build().reason == "1 session dates have no row any more"
    assert build().idle


def test_what_a_killed_build_found_to_have_changed_is_taken_up_again(home: Home, build: Build) -> None:
    stage(home, {1: [row(0, "A", 5.0, 5)]})
    build(killed=True)
    stage(home, {2: [row(1, "A", 6.0, 6)]})
    made = build()
    assert (made.full_refresh, build.changed()) == (False, {DATES[0], DATES[1]})
    assert build.rows("select total from sums where code = 'A'") == [(5.0,), (11.0,)]


def test_the_newest_of_two_observations_at_one_instant_does_not_depend_on_the_order(tmp_path: Path) -> None:
    found = []
    for name, order in (("one", (0, 1)), ("other", (1, 0))):
        home = observed_home(tmp_path / name)
        build = Build(home)
        for place in order:
            stage(home, {place: [row(0, "A", float(place), 0)]})
            build()
        found.append(build.rows("from history.quotes__closes"))
    assert found[0] == found[1]


def test_an_observation_table_does_not_mix_with_those_by_session(build: Build) -> None:
    project = build.home.settings.home / "project"
    assert staged_tables(project) == {}
    (table,) = observed_tables(project)
    assert (table.source, table.key, table.values) == ("quotes", ("session_date", "code"), ["close_hkd", "note"])


@pytest.mark.parametrize("key", ["[code]", "[session_date, observed_at]", "[session_date, isin]"])
def test_a_key_that_cannot_be_one_is_refused(tmp_path: Path, key: str) -> None:
    home = observed_home(tmp_path)
    path = home.settings.home / "project/models/sources/quotes.yml"
    path.write_text(PROJECT.replace("[session_date, code]", key))
    with pytest.raises(WarehouseError, match=r"quotes\.closes: the key of its observations must name session_date"):
        observed_tables(home.settings.home / "project")


def test_a_damaged_staged_file_is_named_and_nothing_is_merged(home: Home, build: Build) -> None:
    before = build.everything()
    stage(home, {1: [row(0, "A", 5.0, 5)]})
    (staged,) = (path for path in (home.data / "staged").rglob(f"{OBTAINED[1]}-*.parquet"))
    content = staged.read_bytes()
    staged.write_bytes(b"no parquet")
    with pytest.raises(WarehouseError, match=r"checksum differs.* fin reparse quotes --table closes"):
        build()
    staged.write_bytes(content)
    assert build().changed == 1
    assert build.everything() != before


def test_the_published_build_answers_what_was_known_at_an_instant(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    stage(home, {1: [row(0, "A", 1.5, 5)], 2: [row(0, "A", 1.7, 9), row(2, "A", 8.0, 9)]})

    def stream(*_: object, **__: object) -> Iterator[object]:
        yield from ()

    monkeypatch.setattr("fin_assets.warehouse.dbt.stream", stream)
    drain(run(home.settings, home.sources, home.store, project=home.settings.home / "project"))
    reader = Reader(home.data)
    assert reader.query("select count(*) from history.quotes__closes").item() == 5
    at = datetime(2026, 1, 5, tzinfo=UTC)
    asked = "select close_hkd from quotes__closes_as_of(?) where session_date = ? and code = 'A'"
    known = [
        reader.query(asked, [at + timedelta(hours=hour), DATES[0]])["close_hkd"].to_list() for hour in (-1, 0, 6, 9)
    ]
    assert known == [[], [1.0], [1.5], [1.7]]
    assert reader.query("select count(*) from quotes__closes_as_of('2026-01-05 05:00:00+00')").item() == 4


# Any partitions, revisions, exclusions and ends of builds, in any order.

ROWS = st.lists(
    st.builds(
        row,
        day=st.integers(0, len(DATES) - 1),
        code=st.sampled_from("AB"),
        close=st.sampled_from([None, 1.0, 2.0, 0.1]),
        hour=st.integers(0, 4),
        note=st.sampled_from([None, "x"]),
    ),
    min_size=1,
    max_size=5,
)
STEPS = st.lists(
    st.tuples(
        st.dictionaries(st.integers(0, 4), st.one_of(st.none(), ROWS), min_size=1, max_size=2),
        st.sampled_from(["build", "build", "build", "killed", "none"]),
    ),
    min_size=1,
    max_size=6,
)


def effective(partitions: Iterable[list[Row] | None]) -> dict[tuple[date, str], tuple[object, ...]]:
    """Return the newest values of each key, found without SQL."""
    newest: dict[tuple[date, str], Row] = {}

    def order(each: Row) -> tuple[object, ...]:
        return (each.observed_at, each.close_hkd is not None, each.close_hkd or 0, each.note is not None)

    for each in (each for rows in partitions for each in rows or ()):
        key = (each.session_date, each.code)
        if key not in newest or order(each) > order(newest[key]):
            newest[key] = each
    return {key: (each.close_hkd, each.note) for key, each in newest.items()}


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_increments_equal_a_full_refresh_in_any_order(steps: list[tuple[dict[int, list[Row] | None], str]]) -> None:
    with tempfile.TemporaryDirectory() as root:
        home = observed_home(Path(root))
        build = Build(home)
        build()
        partitions: dict[int, list[Row] | None] = {}
        built: dict[tuple[date, str], tuple[object, ...]] = {}
        killed = False
        for changes, then in steps:
            stage(home, changes)
            partitions |= changes
            if then == "none":
                continue
            made = build(killed=then == "killed")
            now = effective(partitions.values())
            differ = {day for day, code in {*built, *now} if built.get((day, code)) != now.get((day, code))}
            if not made.full_refresh and not killed:
                assert build.changed() == differ
            assert made.full_refresh or differ <= build.changed()
            built, killed = now, then == "killed"
        build()
        grown = build.everything()
        assert {(day, code): values for day, code, *values in grown["closes"]} == {
            key: list(values) for key, values in effective(partitions.values()).items()
        }
        assert build(full_refresh=True).reason == "asked for"
        assert build.everything() == grown
        other = Build(home)
        other()
        assert other.everything() == grown
