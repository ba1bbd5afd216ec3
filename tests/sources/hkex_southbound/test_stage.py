"""Raw units of a session become typed rows, the same for the same bytes."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fin_assets.core.contract.failures import Drift, HalfTable, StaleDate
from fin_assets.core.contract.source import Accepted
from fin_assets.core.contract.staging import RULE
from fin_assets.sources.hkex_southbound.calendar import southbound_calendar
from fin_assets.sources.hkex_southbound.schema import Holdings, Participants
from fin_assets.sources.hkex_southbound.stage import stage_holdings, stage_participants
from tests.sources.accepting import accept, answer
from tests.sources.hkex_southbound.builders import (
    FETCHED_AT,
    HOLDINGS,
    PARTICIPANTS,
    SOURCE,
    Holding,
    HoldingsHtml,
    ParticipantsHtml,
    accepted,
)

SAMPLES = Path(__file__).resolve().parents[3].parent / "shared" / "samples" / "hkexnews"
DAY = date(2024, 9, 2)
CHINESE = [
    replace(row, name=name) for row, name in zip(HOLDINGS, ["阿爾法", "貝塔", "甲乙控股", "伽瑪控股"], strict=True)
]


def parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def test_holdings_are_typed_sorted_and_in_schema_order() -> None:
    rows = list(reversed(HOLDINGS))
    units = [
        accepted("sh/en", HoldingsHtml(market="sh", rows=rows).body()),
        accepted("hk/en", HoldingsHtml(rows=rows).body()),
    ]
    staged = stage_holdings(units)
    assert dict(staged.frame.schema) == dict(pl.Schema(Holdings))
    assert staged.frame.select("market", "stock_code").rows() == [
        (market, code) for market in ("hk", "sh") for code in ("00001", "00700", "02888", "09988")
    ]
    assert staged.frame["observed_at"].unique().to_list() == [FETCHED_AT]
    assert staged.quarantine.is_empty()


def test_the_name_on_the_other_page_stands_beside_the_first() -> None:
    units = [
        accepted("hk/zh", HoldingsHtml(language="zh", rows=CHINESE).body()),
        accepted("hk/en", HoldingsHtml().body()),
    ]
    got = stage_holdings(units).frame.select("stock_code", "stock_name", "name_language", "other_name")
    assert got.row(0) == ("00001", "ALPHA HOLDINGS LIMITED", "en", "阿爾法")
    first_chinese = stage_holdings(units, languages=("zh", "en")).frame
    assert first_chinese.select("stock_name", "name_language", "other_name").row(0) == (
        "阿爾法",
        "zh",
        "ALPHA HOLDINGS LIMITED",
    )


def test_one_language_leaves_the_other_name_null() -> None:
    assert stage_holdings([accepted("hk/en", HoldingsHtml().body())]).frame["other_name"].null_count() == len(HOLDINGS)


def test_the_a_share_code_comes_from_whichever_page_has_it() -> None:
    english = Holding("90519", "SPIRITS (A #600519)", "5", "0.01%")
    units = [
        accepted("sh/zh", HoldingsHtml(market="sh", language="zh", rows=[replace(english, name="酒業")]).body()),
        accepted("sh/en", HoldingsHtml(market="sh", rows=[english]).body()),
    ]
    assert stage_holdings(units, languages=("zh", "en")).frame["a_share_code"].to_list() == ["600519"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (CHINESE[:-1], "09988 is only on the en page"),
        ([*CHINESE, Holding("5", "丙", "1", "")], "00005 is only on the zh page"),
        (
            [CHINESE[0], replace(CHINESE[1], shares="1,001"), *CHINESE[2:]],
            "00700 has shareholding_shares 1000 and 1001",
        ),
        ([replace(CHINESE[0], percent="0.01%"), *CHINESE[1:]], "00001 has pct_of_issued 0.59 and 0.01"),
    ],
)
def test_two_languages_that_differ_are_drift_that_names_the_first_difference(rows: list[Holding], message: str) -> None:
    units = [accepted("hk/en", HoldingsHtml().body()), accepted("hk/zh", HoldingsHtml(language="zh", rows=rows).body())]
    with pytest.raises(Drift, match=message):
        stage_holdings(units)


def test_a_percent_that_one_page_lacks_is_taken_from_the_other() -> None:
    chinese = HoldingsHtml(
        language="zh", rows=[replace(CHINESE[0], percent="n.a."), replace(CHINESE[1], percent="0.01%")]
    )
    units = [accepted("hk/en", HoldingsHtml(rows=HOLDINGS[:2]).body()), accepted("hk/zh", chinese.body())]
    assert stage_holdings(units).frame["pct_of_issued"].to_list() == [0.59, 0.01]


def test_a_page_that_states_another_date_is_stale_and_not_accepted() -> None:
    another = HoldingsHtml(day="2024/08/30").body()
    with pytest.raises(StaleDate, match="hk/en: asked for 2024-09-02, the page states 2024-08-30") as caught:
        accept(SOURCE.table("holdings"), "hk/en", answer(another), DAY)
    assert (caught.value.belongs_to, caught.value.body) == (date(2024, 8, 30), another)
    northbound = HoldingsHtml(market="sh", day="2024/08/30").body()
    with pytest.raises(StaleDate, match="sh/en: asked for 2024-09-30, the page states 2024-08-30"):
        accept(SOURCE.table("northbound"), "sh/en", answer(northbound), date(2024, 9, 30))
    with pytest.raises(StaleDate, match="00700: asked for 2024-09-03, the page states 2024-09-02"):
        accept(SOURCE.table("participants"), "00700", answer(ParticipantsHtml().body()), date(2024, 9, 3))


def test_a_page_of_its_session_is_accepted_and_the_page_is_what_is_staged() -> None:
    parsed = accept(SOURCE.table("holdings"), "hk/en", answer(HoldingsHtml().body()), DAY)
    assert (parsed.rows, parsed.closed_reason, parsed.empty_reason) == (len(HOLDINGS), None, None)
    staged = stage_holdings([Accepted(unit="hk/en", parsed=parsed, fetched_at=FETCHED_AT)])
    assert staged.frame["session_date"].unique().to_list() == [DAY]


def test_a_page_under_the_name_of_another_unit_is_drift() -> None:
    with pytest.raises(Drift, match="asked for sh/en"):
        accept(SOURCE.table("northbound"), "sh/en", answer(HoldingsHtml().body()), DAY)
    with pytest.raises(Drift, match="asked for 00005"):
        accept(SOURCE.table("participants"), "00005", answer(ParticipantsHtml().body()), DAY)


def test_a_half_table_is_never_accepted() -> None:
    half = ParticipantsHtml(listed=PARTICIPANTS[:-1]).body()
    with pytest.raises(HalfTable):
        accept(SOURCE.table("participants"), "00700", answer(half), DAY)


def test_units_that_cannot_be_named_are_errors() -> None:
    with pytest.raises(ValueError, match="is not market/language"):
        stage_holdings([replace(accepted("hk/en", HoldingsHtml().body()), unit="hk")])


def test_a_session_that_a_storm_explains_is_closed_by_the_page_of_another_day() -> None:
    storm = date(2024, 9, 6)
    for table, unit, body in (
        ("holdings", "hk/en", HoldingsHtml(day="2024/09/05").body()),
        ("participants", "00700", ParticipantsHtml(day="2024/09/05", original="2024/09/05", bar="2024/09/05").body()),
    ):
        parsed = accept(SOURCE.table(table), unit, answer(body), storm)
        assert parsed.closed_reason is not None
        assert parsed.closed_reason.endswith("; the page states 2024-09-05")
        reason = southbound_calendar().hong_kong.overrides[storm].reason
        assert parsed.closed_reason.startswith(reason)


def test_a_session_without_pages_has_no_rows_and_all_columns() -> None:
    assert stage_holdings([]).frame.schema == pl.Schema(Holdings)
    assert stage_participants([]).frame.schema == pl.Schema(Participants)


def test_participants_carry_the_summary_of_their_page() -> None:
    bodies = {
        code: ParticipantsHtml(code=code, issued=issued).body()
        for code, issued in (("00700", 10_000_000), ("00005", None))
    }
    staged = stage_participants([accepted(code, body) for code, body in bodies.items()])
    assert dict(staged.frame.schema) == dict(pl.Schema(Participants))
    assert staged.frame["stock_code"].to_list() == ["00005"] * 7 + ["00700"] * 7
    assert staged.frame["line_no"].to_list() == [*range(1, 8)] * 2
    last = staged.frame.row(-1, named=True)
    assert (last["issued_shares"], last["total_shares"], last["total_participants"]) == (10_000_000, 841_000, 10)
    assert staged.quarantine.is_empty()


def test_rows_that_break_a_rule_are_in_quarantine_with_its_name() -> None:
    rows = [*HOLDINGS, Holding("5", "DELTA", "1", "")]
    unit = accepted("hk/en", HoldingsHtml(rows=rows).body())
    below = pl.when(pl.col("stock_code") == "00005").then(-1.0).otherwise("pct_of_issued").alias("pct_of_issued")
    page = replace(unit.parsed.page, rows=unit.parsed.page.rows.with_columns(below))
    staged = stage_holdings([replace(unit, parsed=replace(unit.parsed, page=page))])
    assert staged.frame.height == len(HOLDINGS)
    assert staged.quarantine.select("stock_code", RULE).rows() == [("00005", "pct_of_issued|min")]


def test_the_order_in_which_units_arrived_does_not_show() -> None:
    units = [
        accepted("hk/en", HoldingsHtml().body()),
        accepted(
            "hk/zh", HoldingsHtml(language="zh", rows=CHINESE).body(), fetched_at=FETCHED_AT + timedelta(seconds=1)
        ),
        accepted("sh/en", HoldingsHtml(market="sh").body()),
    ]
    assert len({parquet(stage_holdings(order).frame) for order in permutations(units)}) == 1


@settings(max_examples=25, deadline=None)
@given(
    shares=st.lists(
        st.tuples(st.integers(1, 99_999), st.integers(0, 2**62)), min_size=1, max_size=40, unique_by=lambda x: x[0]
    ),
)
def test_the_same_bytes_give_the_same_file_and_every_share_of_the_page(shares: list[tuple[int, int]]) -> None:
    rows = [Holding(f"{code:5d}", f"STOCK {code}", f"{held:,}", "0.10%") for code, held in shares]
    unit = accepted("hk/en", HoldingsHtml(rows=rows).body())
    once, again = stage_holdings([unit]).frame, stage_holdings([unit]).frame
    assert parquet(once) == parquet(again)
    assert dict(once.select("stock_code", "shareholding_shares").rows()) == {
        f"{code:05d}": held for code, held in shares
    }


def test_the_recorded_pages_are_staged_without_a_refused_row() -> None:
    names = {
        "hk/zh": "mutualmarket_c_t-hk_20190125_zh-Hant_server.html",
        "sh/zh": "mutualmarket_c_t-sh_20190125_zh-Hant_server.html",
    }
    if not SAMPLES.exists():
        pytest.skip("the recordings are not at hand (../shared/samples/hkexnews)")
    units = [accepted(unit, (SAMPLES / name).read_bytes()) for unit, name in names.items()]
    staged = stage_holdings(units)
    assert dict(staged.frame.group_by("market").len().rows()) == {"hk": 564, "sh": 845}
    assert staged.quarantine.is_empty()
    people = accepted("00700", (SAMPLES / "searchsdw_00700_20251108_result_browser-dom.html").read_bytes())
    participants = stage_participants([people])
    assert (participants.frame.height, participants.quarantine.height) == (408, 0)
