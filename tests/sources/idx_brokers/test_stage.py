"""Staged rows: types, order, what goes into quarantine, and pages of one session that contradict each other."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from fin_assets.core.collection.finalize import Attempted, Finalizer
from fin_assets.core.collection.records import raw_unit
from fin_assets.core.collection.row_baseline import RowBaseline
from fin_assets.core.contract.failures import Drift, StaleDate
from fin_assets.core.contract.manifest import PartitionKey, PartitionState
from fin_assets.core.contract.source import Accepted
from fin_assets.core.storage.store import Store
from fin_assets.sources.idx_brokers.failures import Unreconciled
from fin_assets.sources.idx_brokers.lists import parse_broker_summary, parse_members, parse_stock_summary
from fin_assets.sources.idx_brokers.schema import BrokerTrades, StockSummary
from fin_assets.sources.idx_brokers.stage import (
    stage_broker_summary_market,
    stage_broker_trades,
    stage_members,
    stage_stock_summary,
)
from tests.sources.accepting import HTML, accept, answer
from tests.sources.idx_brokers.builders import (
    DAY,
    JSON,
    NOW,
    SAMPLES,
    SOURCE,
    accepted,
    broker,
    envelope,
    listed,
    sample,
    sheet,
    srtg,
    stock,
    traded,
)

SMALL = sheet({"YP": 30, "AK": 20}, {"CC": 50}, kinds={"AK": "foreign", "CC": "bumn"})
BROKER_DAYS = [f"2021-01-{day:02d}" for day in (*range(4, 9), *range(11, 16), *range(18, 23), *range(25, 30))]


@pytest.mark.parametrize(
    ("name", "rows", "traded_count"),
    [("2015-01-02", 510, 367), ("2020-03-23", 687, 525), ("2021-01-19", 719, 641)],
)
def test_recorded_sessions_are_staged_without_a_refused_row(name, rows, traded_count):
    body = sample(f"GetStockSummary_{name}.json").read_bytes()
    staged = stage_stock_summary([listed(parse_stock_summary, body)], session_date=date.fromisoformat(name))
    assert (staged.frame.height, staged.quarantine.height) == (rows, 0)
    assert staged.frame.filter(pl.col("volume_shares") + pl.col("nonregular_volume_shares") > 0).height == traded_count
    assert StockSummary.is_valid(staged.frame)


def test_the_test_session_of_a_saturday_is_quarantined_whole():
    body = sample("GetStockSummary_2021-05-22_SATURDAY-test-session.json").read_bytes()
    staged = stage_stock_summary([listed(parse_stock_summary, body)], session_date=date(2021, 5, 22))
    assert staged.frame.height == 0
    assert staged.frame.schema == StockSummary.create_empty().schema
    assert staged.quarantine.height == 732
    assert staged.quarantine["rule"].unique().to_list() == ["not_a_session"]
    assert staged.quarantine.filter(ticker_code="BBCA")["close_idr"].to_list() == [Decimal(33_000)]


@pytest.mark.parametrize("day", BROKER_DAYS)
def test_every_recorded_day_of_brokers_is_staged(day):
    body = sample(f"broker-summary_market-wide_2021-01/broker-summary-{day}.json").read_bytes()
    staged = stage_broker_summary_market([listed(parse_broker_summary, body)], session_date=date.fromisoformat(day))
    assert staged.quarantine.height == 0
    source = json.loads(body)
    assert staged.frame.height == len(source)
    assert staged.frame["value_idr"].sum() == sum(line["Value"] for line in source)
    assert staged.frame["broker_code"].is_sorted()


def test_the_brokers_of_a_session_have_twice_what_its_stocks_have():
    stocks = stage_stock_summary(
        [listed(parse_stock_summary, sample("GetStockSummary_2021-01-19.json").read_bytes())], session_date=DAY
    ).frame
    body = sample("broker-summary_market-wide_2021-01/broker-summary-2021-01-19.json").read_bytes()
    brokers = stage_broker_summary_market([listed(parse_broker_summary, body)], session_date=DAY).frame
    once = stocks["value_idr"].sum() + stocks["nonregular_value_idr"].sum()
    assert brokers["value_idr"].sum() == pytest.approx(2 * once, rel=0.0005)


def test_the_recorded_members_are_staged_with_the_session_after_which_they_were_fetched():
    body = sample("nichsedge_brokerSearch.json").read_bytes()
    staged = stage_members([listed(parse_members, body)], session_date=DAY)
    assert (staged.frame.height, staged.quarantine.height) == (93, 0)
    assert staged.frame["session_date"].unique().to_list() == [DAY]


def test_what_breaks_a_rule_is_refused_by_its_name():
    rows = [
        traded("GOOD", 500),
        traded("NOVA", 500, Value=0.0),
        traded("FORE", 500, ForeignBuy=600.0),
        stock("toolong9x"),
    ]
    staged = stage_stock_summary([listed(parse_stock_summary, envelope(rows))], session_date=DAY)
    assert staged.frame["ticker_code"].to_list() == ["GOOD"]
    rules = dict(staged.quarantine.select("ticker_code", "rule").iter_rows())
    assert rules == {
        "NOVA": "volume_has_value",
        "FORE": "foreign_within_volume",
        "toolong9x": "ticker_code|regex",
    }


def test_a_list_of_another_date_is_stale_and_not_accepted():
    day = date(2021, 1, 20)
    for name, body, unit in (
        ("stock_summary", envelope([stock("AAAA")]), "all"),
        ("broker_summary_market", envelope([broker("YP", 500)]), "all"),
        ("broker_trades", SMALL.body(), "TEST/all/all"),
    ):
        kind = HTML if name == "broker_trades" else JSON
        with pytest.raises(StaleDate, match=f"{unit}: asked for 2021-01-20, the page states 2021-01-19") as caught:
            accept(SOURCE.table(name), unit, answer(body, kind), day)
        assert caught.value.belongs_to == DAY


def test_broker_rows_carry_both_sides_and_the_totals_of_their_page():
    page = replace(SMALL, foreign="-1.2 M")
    staged = stage_broker_trades([accepted("TEST/all/all", page.body(), coverage_pct=100.0)], session_date=DAY)
    assert staged.quarantine.height == 0
    assert staged.frame["broker_code"].to_list() == ["AK", "CC", "YP"]
    ak, cc, _ = staged.frame.to_dicts()
    assert ak == {
        "session_date": DAY,
        "ticker_code": "TEST",
        "board": "all",
        "investor_type": "all",
        "broker_code": "AK",
        "broker_type_shown": "foreign",
        "buy_lots": 20,
        "buy_lots_step": 1,
        "buy_value_idr": 2_000_000,
        "buy_value_step_idr": 1,
        "buy_average_idr": Decimal("1000.00"),
        "sell_lots": None,
        "sell_lots_step": None,
        "sell_value_idr": None,
        "sell_value_step_idr": None,
        "sell_average_idr": None,
        "total_value_idr": 5_000_000,
        "total_value_step_idr": 1,
        "foreign_investor_net_value_idr": -1_200_000,
        "foreign_investor_net_value_step_idr": 100_000,
        "total_lots": 50,
        "total_lots_step": 1,
        "average_idr": Decimal("1000.00"),
        "is_complete_list": True,
        "visible_buy_lots": 50,
        "visible_sell_lots": 50,
        "observed_at": NOW,
    }
    assert (cc["buy_lots"], cc["sell_lots"], cc["broker_type_shown"]) == (None, 50, "bumn")


def test_the_table_of_srtg_becomes_a_row_a_broker():
    shown, known = srtg()
    staged = stage_broker_trades([accepted("SRTG/all/all", shown.body())], session_date=known.session_date)
    codes = {line[0] for line in (*shown.buy, *shown.sell)}
    assert staged.frame["broker_code"].to_list() == sorted(codes)
    assert staged.frame["buy_lots"].sum() == staged.frame["sell_lots"].sum() == 26_501
    assert staged.frame["is_complete_list"].all()
    assert BrokerTrades.is_valid(staged.frame)


def test_the_recorded_page_is_staged_as_a_list_that_may_be_cut():
    body = sample("ipot_BBCA_20221010_brokersummary_browser-dom.html").read_bytes()
    frame = stage_broker_trades(
        [accepted("BBCA/all/all", body, coverage_pct=87.4)], session_date=date(2022, 10, 10)
    ).frame
    assert not frame["is_complete_list"].any()
    ak = frame.filter(broker_code="AK").row(0, named=True)
    assert (ak["buy_value_idr"], ak["buy_value_step_idr"]) == (254_400_000_000, 100_000_000)
    assert frame["foreign_investor_net_value_idr"].unique().to_list() == [-4_800_000_000]


@pytest.mark.parametrize(
    ("total", "coverage", "complete"), [("55 ", 90.9, False), ("55 ", 100.0, True), ("50 ", None, True)]
)
def test_ten_rows_are_complete_only_if_the_page_or_the_exchange_proves_it(total, coverage, complete):
    ten = {f"A{letter}": 5 for letter in "ABCDEFGHIJ"}
    page = sheet(ten, ten, lots=total)
    frame = stage_broker_trades([accepted("TEST/all/all", page.body(), coverage_pct=coverage)], session_date=DAY).frame
    assert frame["is_complete_list"].unique().to_list() == [complete]


def test_the_same_pages_in_any_order_are_the_same_rows():
    units = [accepted(f"{code}/all/all", SMALL.body()) for code in ("ZZZZ", "AAAA", "MMMM")]
    first = stage_broker_trades(units, session_date=DAY).frame
    assert first.equals(stage_broker_trades(units[::-1], session_date=DAY).frame)
    assert first.select(BrokerTrades.primary_key()).equals(first.select(BrokerTrades.primary_key()).sort(pl.all()))


def test_empty_pages_leave_no_rows():
    empty = accepted("TEST/NG/all", b"", empty_reason="nothing outside of the regular board")
    assert stage_broker_trades([], session_date=DAY).frame.equals(BrokerTrades.create_empty())
    assert stage_broker_trades([empty], session_date=DAY).frame.equals(BrokerTrades.create_empty())
    both = stage_broker_trades([empty, accepted("TEST/RG/all", SMALL.body())], session_date=DAY)
    assert both.frame["board"].unique().to_list() == ["RG"]


def test_pages_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="ticker/board/investor"):
        stage_broker_trades([replace(accepted("TEST/all/all", SMALL.body()), unit="TEST")], session_date=DAY)
    page = answer(replace(SMALL, board="NG").body())
    with pytest.raises(Drift, match="board NG"):
        accept(SOURCE.table("broker_trades"), "TEST/RG/all", page, DAY)


def pages(**sheets):
    """Return units named TICKER__board__investor as keywords allow."""
    return [accepted(name.replace("__", "/"), page.body(), coverage_pct=100.0) for name, page in sheets.items()]


WHOLE, PART, REST = (
    sheet({"YP": 30, "AK": 20}, {"CC": 50}),
    sheet({"YP": 30, "AK": 15}, {"CC": 45}),
    sheet({"AK": 5}, {"CC": 5}),
)


def test_boards_and_investors_that_add_up_are_staged():
    units = pages(TEST__all__all=WHOLE, TEST__RG__all=PART, TEST__NG__all=REST, TEST__all__F=REST, TEST__all__D=PART)
    units.append(accepted("TEST/TN/all", b"", empty_reason="none"))
    assert stage_broker_trades(units, session_date=DAY).frame.height == 3 + 3 + 2 + 2 + 3


def test_boards_that_do_not_add_up_name_every_page_of_that_ticker_alone():
    short = sheet({"AK": 4}, {"CC": 4})
    units = pages(
        BADD__all__all=WHOLE, BADD__RG__all=PART, BADD__NG__all=short, BADD__TN__all=sheet({"ZZ": 1}, {"ZZ": 1}),
        GOOD__all__all=WHOLE, GOOD__RG__all=PART, GOOD__NG__all=REST,
    )  # fmt: skip
    with pytest.raises(Unreconciled) as caught:
        stage_broker_trades(units, session_date=DAY)
    assert set(caught.value.units) == {"BADD/all/all", "BADD/RG/all", "BADD/NG/all", "BADD/TN/all"}
    assert "1 tickers" in str(caught.value)
    assert "BADD: broker" in str(caught.value)


def test_a_part_that_was_proven_empty_counts_as_one_that_was_asked_for():
    with pytest.raises(Unreconciled) as caught:
        stage_broker_trades(missing_a_lot(), session_date=DAY)
    assert set(caught.value.units) == {"TEST/all/all", "TEST/RG/all", "TEST/NG/all", "TEST/TN/all"}


def missing_a_lot() -> list[Accepted]:
    """Return the four boards of a ticker: one lot of the whole is on none of them, and one board is said to be empty."""
    units = pages(TEST__all__all=WHOLE, TEST__RG__all=PART, TEST__NG__all=sheet({"AK": 4}, {"CC": 4}))
    return [*units, accepted("TEST/TN/all", b"", empty_reason="it may all be on the other board")]


def test_a_session_whose_boards_contradict_a_page_proven_empty_is_not_complete(tmp_path):
    key = PartitionKey("idx_brokers", "broker_trades", DAY)
    store, bodies = Store(tmp_path), {"RG": PART, "NG": sheet({"AK": 4}, {"CC": 4}), "all": WHOLE}
    fetched = {unit.unit: answer(bodies[board].body() if (board := unit.unit.split("/")[1]) in bodies else b"")
               for unit in missing_a_lot()}  # fmt: skip
    with store.open_unit_log(key) as unit_log:
        for unit in missing_a_lot():
            unit_log.append(raw_unit(unit.unit, fetched[unit.unit], unit.parsed, attempts=1, seconds=0.1))
        attempted = Attempted(
            before=None, expected=list(fetched), unit_log=unit_log, parsed={}, failures={}, requests=4, seconds=0.4
        )
        table, baseline = SOURCE.table("broker_trades"), RowBaseline((), below=1, above=1)
        result = Finalizer(SOURCE, table, store, baseline).finalize(key, attempted)
    assert result.manifest.state is PartitionState.INCOMPLETE
    assert {unit.unit for unit in result.manifest.unfinished()} == set(fetched)
    assert {unit.error_kind for unit in result.manifest.unfinished()} == {"unreconciled"}


def test_a_page_that_is_stored_twice_is_one_unit_and_its_time_has_an_offset(tmp_path):
    unit = missing_a_lot()[0]
    with Store(tmp_path).open_unit_log(PartitionKey("idx_brokers", "broker_trades", DAY)) as unit_log:
        for _ in range(2):
            unit_log.append(raw_unit(unit.unit, answer(WHOLE.body()), unit.parsed, attempts=1, seconds=0.1))
        [stored] = unit_log.units.values()
    assert stored.unit == unit.unit
    assert stored.fetched_at.utcoffset() is not None


def test_investors_that_do_not_add_up_contradict_themselves():
    with pytest.raises(Unreconciled, match="AK") as caught:
        stage_broker_trades(
            pages(TEST__all__all=WHOLE, TEST__all__F=sheet({"AK": 1}, {"CC": 1}), TEST__all__D=PART), session_date=DAY
        )
    assert len(caught.value.units) == 3


def test_a_part_that_was_not_asked_for_may_be_anything_but_the_others_never_exceed_the_whole():
    assert stage_broker_trades(pages(TEST__all__all=WHOLE, TEST__RG__all=PART), session_date=DAY).frame.height == 6
    with pytest.raises(Unreconciled):
        stage_broker_trades(pages(TEST__all__all=PART, TEST__RG__all=WHOLE), session_date=DAY)


def test_lots_hidden_in_rows_outside_of_the_regular_board_do_not_contradict():
    whole = sheet({"YP": 31}, {"CC": 31}, value="3,150,000 ")
    whole = replace(whole, buy=[("YP", "31 ", "3,150,000 ", "1,000 ")], sell=[("CC", "31 ", "3,150,000 ", "1,000 ")])
    regular = sheet({"YP": 30}, {"CC": 30})
    odd = [("0 ", "75,000 ", "1,000 ")] * 2
    others = [replace(sheet({}, {}), buy=[("YP", *line)], sell=[("CC", *line)], value="75,000 ") for line in odd]
    units = pages(TEST__all__all=whole, TEST__RG__all=regular, TEST__TN__all=others[0], TEST__NG__all=others[1])
    assert stage_broker_trades(units, session_date=DAY).frame.height == 8


def test_pages_that_may_be_cut_are_not_held_against_each_other():
    ten = {f"A{letter}": 5 for letter in "ABCDEFGHIJ"}
    cut = accepted(
        "TEST/RG/all",
        sheet({"YP": 60, **ten}, {"CC": 110}, lots="130 ", more='<a href="?">more</a>').body(),
        coverage_pct=80.0,
    )
    assert stage_broker_trades([*pages(TEST__all__all=WHOLE), cut], session_date=DAY).frame.height == 3 + 12


def test_times_keep_their_instant():
    jakarta = datetime.fromisoformat("2026-03-02T19:00:00+07:00")
    frame = stage_broker_trades([accepted("TEST/all/all", SMALL.body(), fetched_at=jakarta)], session_date=DAY).frame
    assert frame["observed_at"].unique().to_list() == [jakarta.astimezone(UTC)]


def test_the_samples_are_looked_for_beside_the_repository():
    assert SAMPLES.parts[-3:] == ("shared", "samples", "idx")
    rows = [broker("YP", 500), broker("AK", 700)]
    frame = stage_broker_summary_market([listed(parse_broker_summary, envelope(rows))], session_date=DAY).frame
    assert frame["broker_code"].to_list() == ["AK", "YP"]
