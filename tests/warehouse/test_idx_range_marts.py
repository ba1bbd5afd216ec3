"""Table macros of the published build: the detector and the concentration over any range, with the SQL of the marts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.areas.idx import measures
from fin_assets.warehouse.reader import Reader

SESSIONS = [date(2026, 3, 2) + timedelta(days=n) for n in range(6)]
FLOW = """
create table idx__broker_daily_flow (
    session_date date, ticker_code varchar, board varchar, investor_type varchar, broker_code varchar,
    buy_lots bigint, sell_lots bigint, net_lots bigint, buy_value_idr bigint, sell_value_idr bigint, net_value_idr bigint,
    lots_step bigint, is_censored boolean
)
"""
WINDOWS = """
with calendar as (
    select list(session_date order by session_date) as sessions from idx__market_totals
),

chosen as (
    select d.*, sessions[greatest(list_position(sessions, d.session_date) - d.window_sessions + 1, 1)] as first_session
    from idx__detector as d
    cross join calendar
    where list_position(sessions, d.session_date) in (3, 22, 40, 84)
)
"""
"""Rows of the mart at the start, in the middle and at the end of the history, with the first session of their window."""


@pytest.fixture(scope="module")
def macros(idx_reader: Reader) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published macros in a database of their own, over an empty table of broker lists."""
    definitions = idx_reader.query(
        "select function_name as name, function_type as kind, parameters, macro_definition as body from duckdb_functions()"
        " where database_name = 'warehouse' and not internal order by function_type, name"
    )
    connection = duckdb.connect()
    connection.execute(FLOW)
    connection.execute("create schema reference")
    bounds = idx_reader.query("select * from reference.detector_bounds")
    connection.register("bounds", bounds.to_arrow())
    connection.execute("create table reference.detector_bounds as select * from bounds")
    for name, kind, parameters, body in definitions.iter_rows():
        table = "table" if kind == "table_macro" else ""
        # The catalog does not tell defaults.
        listed = ", ".join("on_board := 'all'" if each == "on_board" else each for each in parameters)
        connection.execute(f"create macro {name}({listed}) as {table} ({body})")
    yield connection
    connection.close()


amounts = st.one_of(st.none(), st.integers(0, 50), st.integers(0, 10**9))
rows = st.lists(
    st.fixed_dictionaries(
        {
            "session_date": st.sampled_from(SESSIONS),
            "broker_code": st.sampled_from([f"{a}{b}" for a in "ABCDE" for b in "XYZW"]),
            "buy_lots": amounts,
            "sell_lots": amounts,
            "buy_value_idr": amounts,
            "sell_value_idr": amounts,
            "lots_step": st.sampled_from([1, 1, 1, 1000]),
            "is_censored": st.sampled_from([False, False, True]),
        }
    ),
    min_size=1,
    max_size=60,
    unique_by=lambda row: (row["session_date"], row["broker_code"]),
)


def fill(connection: duckdb.DuckDBPyConnection, found: list[dict[str, Any]]) -> None:
    """Put lists of one share into the table, beside those of another share, board and investor that must not count."""
    connection.execute("delete from idx__broker_daily_flow")
    kept = [
        {"ticker_code": "AAAA", "board": "all", "investor_type": "all", **row}
        | {
            "net_lots": (row["buy_lots"] or 0) - (row["sell_lots"] or 0),
            "net_value_idr": (row["buy_value_idr"] or 0) - (row["sell_value_idr"] or 0),
        }
        for row in found
    ]
    other = [
        {**row, **change} for row in kept for change in ({"ticker_code": "B"}, {"board": "NG"}, {"investor_type": "F"})
    ]
    types = {name: pl.Int64 for name in kept[0] if name.endswith(("lots", "idr", "step"))}
    connection.register("found", pl.DataFrame(kept + other, schema_overrides=types).to_arrow())
    connection.execute("insert into idx__broker_daily_flow by name select * from found")


@settings(deadline=None)
@given(found=rows, first=st.integers(0, 5), length=st.integers(0, 5))
def test_the_detector_of_any_range_is_that_of_the_page(
    macros: duckdb.DuckDBPyConnection, found: list[dict[str, Any]], first: int, length: int
) -> None:
    fill(macros, found)
    start, end = SESSIONS[first], SESSIONS[min(first + length, 5)]
    answer = macros.execute("select * from idx_detector(?, ?, ?)", ["AAAA", start, end]).pl()
    brokers = macros.execute("select * from idx_broker_flow(?, ?, ?)", ["AAAA", start, end]).pl()
    expected = measures.detector(brokers, bounds=measures.Bounds())
    inside = [row for row in found if start <= row["session_date"] <= end]
    if not inside:
        assert answer.is_empty()
        return
    row = answer.row(0, named=True)
    assert (row["first_date"], row["last_date"]) == (
        min(one["session_date"] for one in inside),
        max(one["session_date"] for one in inside),
    )
    assert row["sessions_used"] == len({one["session_date"] for one in inside})
    assert row["is_censored"] == any(one["is_censored"] for one in inside)
    assert row["has_rounded_lots"] == any(one["lots_step"] > 1 for one in inside)
    assert (row["buyers"], row["sellers"], row["breadth"]) == (
        expected.buyers,
        expected.sellers,
        expected.buyers - expected.sellers,
    )
    # Equal to the last bit: whole numbers are summed, and each ratio is one division.
    assert (row["net_lots"], row["net_value_idr"], row["average_idr"]) == (
        expected.net_lots,
        expected.net_value_idr,
        expected.average_idr,
    )
    for top in expected.tops:
        name = f"top{top.brokers}"
        seen = tuple(row[f"{name}_{part}"] for part in ("lots", "pct", "amount_idr", "label"))
        assert seen == (top.pressure_lots, top.percent, top.amount_idr, top.label)


@settings(deadline=None)
@given(found=rows)
def test_the_concentration_of_any_range_follows_by_hand(
    macros: duckdb.DuckDBPyConnection, found: list[dict[str, Any]]
) -> None:
    fill(macros, found)
    row = (
        macros.execute("select * from idx_concentration(?, ?, ?)", ["AAAA", SESSIONS[0], SESSIONS[-1]])
        .pl()
        .row(0, named=True)
    )
    for side in ("buy", "sell"):
        summed: dict[str, int] = {}
        for one in found:
            summed[one["broker_code"]] = summed.get(one["broker_code"], 0) + (one[f"{side}_lots"] or 0)
        total = sum(summed.values())
        assert row[f"{side}_lots"] == total
        if total:
            assert row[f"{side}_hhi"] == pytest.approx(sum((lots / total) ** 2 for lots in summed.values()), abs=1e-6)
            largest = sum(sorted(summed.values())[-3:])
            assert row[f"top3_{side}_pct"] == pytest.approx(100 * largest / total, abs=1e-4)
        else:
            assert row[f"{side}_hhi"] is None


def test_the_macro_gives_the_marts_row_for_each_window(idx_reader: Reader) -> None:
    marts = idx_reader.query(WINDOWS + "select * from chosen")  # noqa: S608 - constants
    answers = idx_reader.query(
        WINDOWS + "select chosen.session_date, chosen.window_sessions, answer.* from chosen,"  # noqa: S608 - constants
        " idx_detector(chosen.ticker_code, chosen.first_session, chosen.session_date, on_board := chosen.board) as answer"
    )
    shared = [name for name in marts.columns if name in answers.columns]
    assert len(shared) >= 41
    key = ["session_date", "ticker_code", "board", "window_sessions"]
    assert set(marts["window_sessions"]) == {1, 5, 20}
    assert answers.select(shared).sort(key).equals(marts.select(shared).sort(key))


def test_the_concentration_of_one_session_is_the_marts_row(idx_reader: Reader) -> None:
    marts = idx_reader.query("select * from idx__sides_concentration using sample 40 rows (reservoir, 7)")
    for row in marts.iter_rows(named=True):
        arguments = [row["ticker_code"], row["session_date"], row["session_date"], row["board"]]
        answer = idx_reader.query("select * from idx_concentration(?, ?, ?, on_board := ?)", arguments).row(
            0, named=True
        )
        assert answer == {name: row[name] for name in answer}


def test_scalar_macros_are_the_marts_expressions(idx_reader: Reader) -> None:
    different = idx_reader.query(
        "select count(*) from idx__detector"
        " where idx_pressure_pct(top5_lots, net_lots) is distinct from top5_pct"
        " or idx_pressure_label(top5_pct) is distinct from top5_label"
    )
    assert different.item() == 0


def test_every_macro_has_a_comment_and_names_no_database(idx_reader: Reader) -> None:
    found = idx_reader.query(
        "select distinct function_name, comment, macro_definition from duckdb_functions()"
        " where database_name = 'warehouse' and not internal"
    )
    assert set(found["function_name"]) == {
        "idx_broker_flow",
        "idx_concentration",
        "idx_detector",
        "idx_pressure_label",
        "idx_pressure_pct",
    }
    assert all(found["comment"])
    assert not found["macro_definition"].str.contains(r"\bbuild\.").any()
