"""Table macros of the published build: the detector and the concentration over any range, with the SQL of the marts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    connection.execute("create schema intermediate")
    connection.execute("create table intermediate.int_idx__identities (ticker_code varchar, valid_from date)")
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


class ByHand(NamedTuple):
    """The detector (B4 to B8), computed again broker by broker. Of each top: lots, percent, amount, label."""

    buyers: int
    sellers: int
    net_lots: int
    net_value_idr: int
    average_idr: float | None
    tops: dict[int, tuple[int, float | None, float | None, str | None]]


def by_hand(brokers: list[tuple[int, int]]) -> ByHand:
    """Compute the detector of (net lots, net value) of each broker."""
    ranked = sorted(((value, lots) for lots, value in brokers), reverse=True)
    bought = [lots for value, lots in ranked if (value, lots) > (0, 0)]
    sold = [lots for value, lots in reversed(ranked) if (value, lots) < (0, 0)]
    net_lots, net_value = sum(bought), sum(value for _, value in brokers if value > 0)
    average = net_value / (100 * net_lots) if net_lots else None
    tops = {}
    for count in (1, 3, 5, 10):
        pressure = sum(bought[:count]) + sum(sold[:count])
        percent = 100 * pressure / net_lots if net_lots else None
        tops[count] = (pressure, percent, None if average is None else 100 * pressure * average, label(percent))
    return ByHand(len(bought), len(sold), net_lots, net_value, average, tops)


def label(percent: float | None) -> str | None:
    """Return the label of a pressure (B8)."""
    if percent is None or abs(percent) < 6:
        return None if percent is None else "Neutral"
    size = "Small" if abs(percent) < 12.5 else "Normal" if abs(percent) < 20 else "Big"
    return f"{size} {'Acc' if percent > 0 else 'Dist'}"


def one_list(*net: tuple[int, int]) -> list[dict[str, Any]]:
    """Return a broker list of one session with (net lots, net value) of each broker."""
    return [
        {"session_date": SESSIONS[0], "broker_code": f"{chr(65 + n // 26)}{chr(65 + n % 26)}", "lots_step": 1,
         "is_censored": False, "buy_lots": max(lots, 0), "sell_lots": max(-lots, 0), "buy_value_idr": max(value, 0),
         "sell_value_idr": max(-value, 0)}
        for n, (lots, value) in enumerate(net)
    ]  # fmt: skip


def test_the_published_top_1_of_bbca_comes_out_to_the_last_digit(macros: duckdb.DuckDBPyConnection) -> None:
    # Published for BBCA, 2026-08-18 to 2026-09-16: the largest buyer, the largest seller and the net volume.
    each = (4_543_128 - 2_819_329) // 40
    rest = 4_543_128 - 2_819_329 - 40 * each
    lots = [2_819_329, *[each] * 40, rest, -1_583_794, *[-(4_543_128 - 1_583_794) // 40] * 40]
    fill(macros, one_list(*((net, 10_000 * net) for net in lots)))
    found = macros.execute(
        "select net_lots, top1_lots, top1_pct, top1_label from idx_detector('AAAA', ?, ?)", [SESSIONS[0], SESSIONS[0]]
    ).fetchone()
    assert found == (4_543_128, 1_235_535, pytest.approx(27.19569, abs=5e-6), "Big Acc")


def test_net_value_decides_the_side_and_the_rank_and_lots_are_added_with_their_signs(
    macros: duckdb.DuckDBPyConnection,
) -> None:
    # A bought more lots than it sold and received more than it paid; B paid more than C for fewer lots.
    a, b, c = (3_000, -1_200_000_000), (750_000, 113_000_000_000), (777_000, 110_000_000_000)
    rest = (-1_530_000, -221_800_000_000)
    fill(macros, one_list(a, b, c, rest))
    found = macros.execute(
        "select buyers, sellers, net_lots, net_sell_lots, top1_lots, top3_lots from idx_detector('AAAA', ?, ?)",
        [SESSIONS[0], SESSIONS[0]],
    ).fetchone()
    assert found == (2, 2, 1_527_000, 1_527_000, 750_000 - 1_530_000, 0)


def test_average_and_amount_divide_sums_and_never_average_averages(macros: duckdb.DuckDBPyConnection) -> None:
    fill(macros, one_list((10, 600_000), (30, 2_400_000), (-40, -3_000_000)))
    found = macros.execute(
        "select buyers, sellers, net_value_idr, average_idr, top1_lots, top1_amount_idr from idx_detector('AAAA', ?, ?)",
        [SESSIONS[0], SESSIONS[0]],
    ).fetchone()
    assert found == (2, 1, 3_000_000, 3_000_000 / (100 * 40), 30 - 40, 100 * -10 * 750)


@pytest.mark.parametrize(
    ("percent", "said"),
    [
        (5.8933845, "Neutral"),
        (6.73, "Small Acc"),
        (-11.679724, "Small Dist"),
        (12.5, "Normal Acc"),
        (-20.0, "Big Dist"),
        (0.0, "Neutral"),
        (None, None),
    ],
)
def test_labels_follow_their_bounds(macros: duckdb.DuckDBPyConnection, percent: float | None, said: str | None) -> None:
    assert macros.execute("select idx_pressure_label(?)", [percent]).fetchone() == (said,)
    assert label(percent) == said


@settings(deadline=None, max_examples=50)
@given(found=rows, first=st.integers(0, 5), length=st.integers(0, 5))
def test_the_detector_of_any_range_is_the_one_by_hand(
    macros: duckdb.DuckDBPyConnection, found: list[dict[str, Any]], first: int, length: int
) -> None:
    fill(macros, found)
    start, end = SESSIONS[first], SESSIONS[min(first + length, 5)]
    answer = macros.execute("select * from idx_detector(?, ?, ?)", ["AAAA", start, end]).pl()
    brokers = macros.execute("select * from idx_broker_flow(?, ?, ?)", ["AAAA", start, end]).pl()
    nets = brokers.select(pl.col("net_lots", "net_value_idr").fill_null(0)).rows()
    expected = by_hand(nets)
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
    for count, top in expected.tops.items():
        assert tuple(row[f"top{count}_{part}"] for part in ("lots", "pct", "amount_idr", "label")) == top


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
    assert len(shared) == 38
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
