"""The marts over 155 recorded southbound lists of 2017, against facts that were read off the lists by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from fin_assets.sources.hkex_southbound.calendar import southbound_calendar
from fin_assets.warehouse.reader import Reader
from tests.warehouse.home import Home, real_days

SAMPLE = Path(__file__).parents[3] / "shared/samples/hkexnews/southbound_daily_20170317-20171031.csv.gz"
UNCHANGED = (
    *(date(2017, 4, day) for day in (3, 5, 6)),
    *(date(2017, 5, day) for day in (29, 31)),
    date(2017, 6, 1),
    date(2017, 8, 23),
    *(date(2017, 10, day) for day in (3, 4, 6, 9, 10)),
)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """A reader of the marts over the recorded lists."""
    if not SAMPLE.exists():
        pytest.skip(f"the recorded lists are not there: {SAMPLE.name}")
    days = real_days(SAMPLE)
    calendar = southbound_calendar()
    home = Home(tmp_path_factory.mktemp("real"), sorted(days), day_state=lambda day: calendar.state(day).value)
    for day, frame in days.items():
        home.stage("holdings", day, frame)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIN_CLOCK", "2017-11-02T00:00:00+00:00")
        home.build()
    return Reader(home.data)


def test_every_recorded_list_is_there_with_all_its_rows(reader: Reader) -> None:
    found = dict(reader.query("select session_date, count(*) from hk__daily_holdings group by 1").rows())
    assert found == {day: frame.height for day, frame in real_days(SAMPLE).items()}
    assert len(found) == 155
    assert reader.query("select count(*) from hk__daily_holdings where not is_complete").item() == 0


def test_the_two_consolidations_of_2017_are_counter_changes_and_no_sales(reader: Reader) -> None:
    rows = reader.query(
        "select session_date, stock_code, linked_stock_code, counter_role, counter_ratio, round(observed_ratio, 3),"
        " counter_confidence"
        " from hk__additions_removals where kind = 'counter_change' order by session_date, stock_code"
    ).rows()
    assert rows == [
        (date(2017, 6, 6), "00198", "02969", "old", 0.2, 0.2, "high"),
        (date(2017, 6, 6), "02969", "00198", "new", 0.2, 0.2, "high"),
        (date(2017, 6, 20), "00198", "02969", "new", 1.0, 1.0, "high"),
        (date(2017, 6, 20), "02969", "00198", "old", 1.0, 1.0, "high"),
        (date(2017, 6, 21), "02969", "00198", "residue", None, None, "high"),
        (date(2017, 7, 11), "02969", "00198", "residue", None, None, "high"),
        (date(2017, 8, 14), "00931", "02981", "old", 0.1, 0.101, "high"),
        (date(2017, 8, 14), "02981", "00931", "new", 0.1, 0.101, "high"),
        (date(2017, 8, 28), "00931", "02981", "new", 1.0, 0.991, "high"),
        (date(2017, 8, 28), "02981", "00931", "old", 1.0, 0.991, "high"),
        (date(2017, 8, 29), "02981", "00931", "residue", None, None, "high"),
        (date(2017, 9, 18), "02981", "00931", "residue", None, None, "high"),
    ]
    kinds = dict(reader.query("select kind, count(*) from hk__additions_removals group by 1").rows())
    assert kinds == {"new": 38, "removed": 6, "counter_change": 12}


@pytest.mark.parametrize("measure", ["change_shares", "change_pct", "change_pp"])
def test_2168_is_the_top_decrease_of_the_second_of_may_by_every_measure(reader: Reader, measure: str) -> None:
    rows = reader.query(
        "select stock_code, change_shares from hk__movers where session_date = '2017-05-02' and window_sessions = 1"  # noqa: S608 - a name from the list above
        f" order by {measure} limit 1"
    )
    assert rows.rows() == [("02168", -55_437_000)]


def test_a_holding_is_compared_in_shares_of_one_size_across_a_consolidation(reader: Reader) -> None:
    row = reader.query(
        "select base_date, base_shareholding_shares, adjustment_factor, change_shares from hk__movers"
        " where stock_code = '00198' and session_date = '2017-06-27' and window_sessions = 20"
    )
    assert row.rows() == [(date(2017, 5, 29), 150_272_000, 0.2, 35_916_800 - 30_054_400)]


def test_no_company_of_2017_is_taken_for_another_one_of_its_code(reader: Reader) -> None:
    assert reader.query("select stock_code, stock_name, valid_from from hk__identities").rows() == []


def test_the_twelve_unchanged_lists_are_explained_and_not_stale(reader: Reader) -> None:
    states = dict(reader.query("select distinct session_date, day_state from hk__daily_holdings").rows())
    assert [day for day, state in sorted(states.items()) if state != "open"] == sorted(UNCHANGED)
    assert reader.query("select distinct state from ops__partition_health where table_name = 'holdings'").rows() == [
        ("complete",)
    ]


def test_only_the_index_review_lists_are_far_longer_than_the_ones_before_and_they_pass(reader: Reader) -> None:
    longest = reader.query(
        "select session_date from ops__partition_health where table_name = 'holdings'"
        " order by rows_vs_reference_pct desc nulls last limit 1"
    ).item()
    assert date(2017, 9, 6) <= longest <= date(2017, 9, 29)
