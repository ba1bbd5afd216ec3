"""The marts of a small market whose answers are worked out by hand."""

from __future__ import annotations

from datetime import date

from fin_assets.core.collection import row_baseline
from fin_assets.warehouse import manifests
from fin_assets.warehouse.build import BuildResult
from fin_assets.warehouse.reader import Reader
from tests.warehouse.conftest import CLOSED_LEG, SESSIONS
from tests.warehouse.home import Home

Built = tuple[Home, BuildResult]


def test_a_build_publishes_every_mart_and_says_how_many_rows_it_has(built: Built, reader: Reader) -> None:
    _, result = built
    assert result.published
    assert {mart for mart in result.build.marts if not mart.startswith("idx__")} == {
        "hk__daily_holdings",
        "hk__movers",
        "hk__additions_removals",
        "hk__participants_daily",
        "hk__participant_changes",
        "hk__concentration",
        "hk__identities",
        "hk__unusual_changes",
        "ops__partition_health",
        "ops__scrape_cost",
    }
    for mart, rows in result.build.marts.items():
        if mart.startswith("idx__"):
            assert rows == 0, f"{mart} has rows without its source"
            continue
        assert reader.query(f"select count(*) from {mart}").item() == rows > 0, mart  # noqa: S608 - names from the build
    assert reader.query("select build_id from control.build").item() == result.build.id
    assert result.build.sessions["hkex_southbound/holdings"].count == 43


def test_every_column_of_a_mart_has_a_comment_in_the_published_file(reader: Reader) -> None:
    silent = reader.query(
        "select table_name, column_name from duckdb_columns()"
        " where database_name = 'warehouse' and schema_name = 'main'"
        " and coalesce(comment, '') = ''"
    )
    assert silent.rows() == []
    assert (
        reader.query(
            "select count(*) from duckdb_tables() where schema_name = 'main' and coalesce(comment, '') = ''"
        ).item()
        == 0
    )


def test_nothing_published_depends_on_where_the_data_lie_but_the_finest_grain(reader: Reader) -> None:
    views = reader.query("select schema_name, sql from duckdb_views() where not internal and schema_name <> 'main'")
    assert set(views["schema_name"]) == {"history"}
    # Without a session of that source there is no file either.
    assert not any("read_parquet" in sql for sql in views["sql"])


def test_a_missing_reference_day_takes_the_closest_day_before_and_counts_the_gap(reader: Reader) -> None:
    rows = reader.query(
        "select ref_date, base_date, gap_sessions from hk__movers where session_date = ? and stock_code = '00001'"
        " and window_sessions = 1",
        [SESSIONS[41]],
    )
    assert rows.rows() == [(SESSIONS[40], SESSIONS[39], 1)]


def test_a_stock_away_for_more_than_ten_sessions_has_no_base(reader: Reader) -> None:
    rows = reader.query(
        "select window_sessions, base_date, gap_sessions from hk__movers"
        " where session_date = ? and stock_code = '00005'"
        " order by 1",
        [SESSIONS[37]],
    )
    assert rows.rows() == [(1, None, None), (5, None, None), (20, SESSIONS[11], 6)]


def test_a_round_trip_through_a_temporary_counter_adjusts_the_base(reader: Reader) -> None:
    rows = reader.query(
        "select base_date, base_shareholding_shares, adjustment_factor, change_shares from hk__movers"
        " where session_date = ? and stock_code = '00006' and window_sessions = 20",
        [SESSIONS[29]],
    )
    before = 6_000_000 + 1_000 * 9 * (6 % 7 - 3)
    assert rows.rows() == [(SESSIONS[9], before, 0.2, 1_199_000 - round(before * 0.2))]


def test_the_history_of_special_stocks_is_as_simulated(reader: Reader) -> None:
    rows = reader.query(
        "select session_date, stock_code, kind, direction, linked_stock_code, counter_role, counter_ratio,"
        " absent_sessions"
        " from hk__additions_removals order by session_date, stock_code"
    )
    assert rows.rows() == [
        (SESSIONS[6], "00001", "counter_change", "out", "80001", "old", 1.0, None),
        (SESSIONS[6], "00042", "removed", "out", None, None, None, None),
        (SESSIONS[6], "80001", "counter_change", "in", "00001", "new", 1.0, None),
        (SESSIONS[10], "00041", "new", "in", None, None, None, None),
        (SESSIONS[12], "00005", "removed", "out", None, None, None, None),
        (SESSIONS[20], "00006", "counter_change", "out", "02906", "old", 0.2, None),
        (SESSIONS[20], "02906", "counter_change", "in", "00006", "new", 0.2, None),
        (SESSIONS[28], "00001", "counter_change", "in", "80001", "new", 1.0, 0),
        (SESSIONS[28], "00006", "counter_change", "in", "02906", "new", 1.0, 8),
        (SESSIONS[28], "00042", "new", "in", None, None, None, None),
        (SESSIONS[28], "02906", "counter_change", "out", "00006", "old", 1.0, None),
        (SESSIONS[28], "80001", "counter_change", "out", "00001", "old", 1.0, None),
        (SESSIONS[33], "02906", "counter_change", "out", "00006", "residue", None, None),
        (SESSIONS[37], "00005", "returning", "in", None, None, None, 25),
    ]


def test_a_code_that_another_company_has_now_is_compared_with_that_company_only(reader: Reader) -> None:
    rows = reader.query(
        "select identity_no, stock_name, valid_from, valid_to, is_current, reason, absent_sessions, needs_review"
        " from hk__identities where stock_code = '00042' order by 1"
    )
    assert rows.rows() == [
        (1, "OLD COMPANY", None, SESSIONS[5], False, None, None, False),
        (2, "OTHER COMPANY", SESSIONS[28], None, True, "renamed_with_jump", 22, True),
    ]
    compared = reader.query(
        "select count(*), min(base_date) from hk__movers"
        " where stock_code = '00042' and session_date >= ? and base_date is not null",
        [SESSIONS[28]],
    )
    assert compared["min(base_date)"].item() == SESSIONS[28]
    # Codes of temporary counters come back too, and under the same name they are the same company.
    assert reader.query("select distinct stock_code from hk__identities").rows() == [("00042",)]


def test_no_mart_has_a_session_that_is_not_collected(reader: Reader) -> None:
    marts = reader.query(
        "select table_name from duckdb_columns() where database_name = 'warehouse' and schema_name = 'main'"
        " and column_name = 'session_date' and table_name like ?",
        ["hk__%"],
    )["table_name"]
    assert len(marts) > 5
    for mart in marts:
        assert reader.query(f"select max(session_date) from {mart}").item() <= SESSIONS[-2], mart  # noqa: S608 - from the catalog
    rows = reader.query("select count(*) from hk__movers where session_date = ?", [SESSIONS[40]])
    assert rows.item() == 0


def test_shares_that_move_to_the_renminbi_counter_are_no_sale(reader: Reader) -> None:
    rows = reader.query(
        "select stock_code, linked_stock_code, counter_change_shares, change_shares from hk__movers"
        " where session_date = ? and window_sessions = 1 and linked_stock_code is not null order by 1",
        [SESSIONS[28]],
    )
    assert rows.rows() == [
        ("00001", "80001", 58_000, 0),
        # Compared with the session before it left to the temporary counter: adjusted, and no move.
        ("00006", "02906", 0, -12_400),
        ("02906", "00006", -1_199_000, 0),
    ]


def test_a_closed_leg_is_marked_and_judged_by_nobody(reader: Reader) -> None:
    states = reader.query("select distinct day_state from hk__movers where session_date = ?", [CLOSED_LEG])
    assert states.rows() == [("southbound_closed",)]
    assert reader.query("select count(*) from hk__unusual_changes where session_date = ?", [CLOSED_LEG]).item() == 0


def test_concentration_has_its_own_denominators(reader: Reader) -> None:
    # Session 6: 405,000 + 100,600 + 60,000 + 40,000 + 30,000 named, 1,000 unnamed, 1,000,000 issued.
    row = reader.query("select * from hk__concentration where session_date = ? and stock_code = '00001'", [SESSIONS[6]])
    assert row["ccass_shares"].item() == 636_600
    assert row["top5_pct"].item() == 100 * 635_600 / 635_600
    assert row["top10_with_unnamed_pct"].item() == 100 * 636_600 / 636_600
    assert row["ccass_stake_pct"].item() == 63.66
    assert row["southbound_pct"].item() == 10


def test_participants_that_change_are_followed_with_the_date_of_the_change_before(reader: Reader) -> None:
    rows = reader.query(
        "select participant_key, kind, change_shares, is_big_change, previous_change_date from hk__participant_changes"
        " where session_date = ? and stock_code = '00001' order by 1",
        [SESSIONS[6]],
    )
    assert rows.rows() == [
        ("B01451", "increase", 100, False, SESSIONS[5]),
        ("C00019", "increase", 5_000, True, SESSIONS[4]),
        ("NAMED INVESTOR", "entered", 30_000, True, None),
    ]


def test_an_incomplete_session_is_listed_with_its_remedy(reader: Reader) -> None:
    row = reader.query(
        "select state, is_green, why, failure_kinds, mends from ops__partition_health"
        " where table_name = 'holdings' and session_date = ?",
        [SESSIONS[40]],
    )
    assert row.rows() == [
        (
            "incomplete",
            False,
            "1 of 1 units: 1 half_table (hk/en)",
            "1 half_table",
            f"fin run hkex_southbound --table holdings --session {SESSIONS[40]}",
        )
    ]
    cost = reader.query(
        "select requests, requests_per_unit from ops__scrape_cost where table_name = 'holdings' and session_date = ?",
        [SESSIONS[40]],
    )
    assert cost.rows() == [(6, 6.0)]


def test_the_gate_looks_back_as_far_as_the_collection_does(reader: Reader) -> None:
    rows = reader.query("select distinct band_sessions, band_min_sessions from control.tables").rows()
    assert rows == [(row_baseline.SESSIONS, row_baseline.ENOUGH)]
    # The first snapshots have too few before them to be judged.
    judged = reader.query(
        "select count(*) filter (where reference_rows is null) from intermediate.int__snapshots where table_name = 'holdings'"
    )
    assert judged.item() == row_baseline.ENOUGH


def test_a_table_that_no_source_declares_any_more_is_judged_by_the_default_band() -> None:
    row = manifests.declared([], {("gone", "prices", date(2026, 1, 5))}, {}).row(0, named=True)
    assert (row["source"], row["table_name"], row["title"]) == ("gone", "prices", "gone")
    assert (row["row_count_below"], row["row_count_above"]) == (0.02, 0.10)
    assert (row["band_sessions"], row["band_min_sessions"]) == (20, 5)
