"""A broker page against what the exchange says: exact where the site is exact, within the printed rounding where it is not."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fin_assets.core.contract.failures import HalfTable, StaleDate
from fin_assets.core.contract.source import DateRange, Parsed, Unit
from fin_assets.sources.idx_brokers.failures import EmptyAnswer, LowCoverage, Unreconciled
from fin_assets.sources.idx_brokers.lists import parse_stock_summary
from fin_assets.sources.idx_brokers.parse import parse_broker_page, parse_broker_trades
from fin_assets.sources.idx_brokers.reconcile import (
    TickerDay,
    complete_if_promised,
    facts,
    known_of,
    reconcile_unit,
    require_complete_list,
)
from fin_assets.sources.idx_brokers.stage import stage_stock_summary
from tests.sources.accepting import accept, answer, situation
from tests.sources.idx_brokers.builders import (
    DAY,
    SOURCE,
    Sheet,
    envelope,
    fact,
    listed,
    sample,
    sheet,
    srtg,
    stock,
    traded,
)

TEN = {f"A{letter}": 100 - 5 * place for place, letter in enumerate("ABCDEFGHIJ")}


TRADES = SOURCE.table("broker_trades")


def parsed(page: Sheet, unit: str = "TEST/all/all") -> Parsed:
    return read(page.body(), unit)


def read(body: bytes, unit: str = "TEST/all/all") -> Parsed:
    return parse_broker_trades(answer(body), Unit(name=unit))


def reconciled(page: Sheet, known: TickerDay, unit: str = "TEST/all/all", **more: float) -> Parsed:
    return reconcile_unit(parsed(page, unit), unit, known, **more)


def test_the_transcribed_table_of_srtg_reconciles_to_26_501_lots():
    shown, known = srtg()
    found = parsed(shown, "SRTG/RG/all")
    assert found.covers == DateRange.day(known.session_date)
    assert known.volume_shares == 2_650_100
    page = parse_broker_page(shown.body())
    assert page.visible_lots == (26_501, 26_501)
    assert found.rows == 39
    for unit in ("SRTG/RG/all", "SRTG/all/all"):
        assert reconcile_unit(found, unit, known, min_coverage=1.0).coverage_pct == 100


def test_srtg_without_any_one_of_its_brokers_does_not_reconcile():
    shown, known = srtg()
    unit = "SRTG/all/all"
    for place in (0, 20, len(shown.buy) - 1):
        less = replace(shown, buy=[*shown.buy[:place], *shown.buy[place + 1 :]])
        missing = int(shown.buy[place][1].replace(",", ""))
        with pytest.raises(Unreconciled, match=rf"missing brokers: {missing:,} lots") as caught:
            reconcile_unit(parsed(less, unit), unit, known)
        assert "26,501 lots" in str(caught.value)
        assert f"{26_501 - missing:,} lots" in str(caught.value)


def akpi() -> dict[date, list[list[tuple[str, int, int]]]]:
    """Return code, lots and average of the buyers and of the sellers by day, as transcribed; values were not."""
    days: dict[date, list[list[tuple[str, int, int]]]] = defaultdict(lambda: [[], []])
    with sample("azzindani_transcribed/AKPI_2017-01_long_7days.csv").open() as file:
        for line in csv.DictReader(file):
            side = days[date.fromisoformat(line["Date"])][line["Status"] == "Sell"]
            side.append((line["Broker_Code"], int(line["Lot"]), int(line["Price_Avg"])))
    return dict(days)


def test_the_seven_days_of_akpi_reconcile_to_the_lot():
    days = akpi()
    assert len(days) == 7
    for day, sides in days.items():
        # The averages are cut off, so that they tell values only in round figures.
        rows = [
            [(code, f"{lots} ", f"{lots * 100 * price / 1e6:.1f} M", f"{price} ") for code, lots, price in side]
            for side in sides
        ]
        bought, sold = (sum(lots for _, lots, _ in side) for side in sides)
        assert bought == sold
        value = sum(lots * 100 * price for _, lots, price in sides[0])
        stated = f"{day:%m/%d/%Y}"
        total = f"{value / 1e6:.1f} M"
        page = Sheet(buy=rows[0], sell=rows[1], lots=f"{bought} ", value=total, start=stated, end=stated)
        known = replace(fact(bought, ticker="AKPI"), session_date=day, value_idr=value)
        found = parsed(page, "AKPI/RG/all")
        assert found.covers == DateRange.day(day)
        assert reconcile_unit(found, "AKPI/RG/all", known).coverage_pct == 100
        with pytest.raises(Unreconciled):
            reconcile_unit(found, "AKPI/RG/all", replace(known, volume_shares=(bought + 1) * 100))


def test_the_recorded_page_of_bbca_is_covered_by_what_the_exchange_would_say():
    body = sample("ipot_BBCA_20221010_brokersummary_browser-dom.html").read_bytes()
    day = date(2022, 10, 10)
    found = read(body, "BBCA/all/all")
    known = replace(fact(1_071_300, price=8249, ticker="BBCA"), session_date=day)
    assert reconcile_unit(found, "BBCA/all/all", known).coverage_pct == pytest.approx(100 * 936_784 / 1_071_300)
    with pytest.raises(LowCoverage, match=r"87\.4 %"):
        reconcile_unit(found, "BBCA/all/all", known, min_coverage=0.9)
    with pytest.raises(Unreconciled, match=r"1\.1 M lots"):
        reconcile_unit(found, "BBCA/all/all", replace(known, volume_shares=130_000_000))
    with pytest.raises(Unreconciled, match=r"883\.7 B IDR"):
        reconcile_unit(found, "BBCA/all/all", replace(known, value_idr=900_000_000_000))


def test_a_complete_list_covers_everything():
    page = sheet({"YP": 30, "AK": 20}, {"CC": 50})
    for unit in ("TEST/all/all", "TEST/RG/all"):
        found = reconciled(page, fact(50), unit)
        assert (found.coverage_pct, found.empty_reason, found.rows) == (100.0, None, 2)


@pytest.mark.parametrize("lots", [49, 51])
def test_a_lot_too_few_or_too_many_is_a_mismatch(lots):
    with pytest.raises(Unreconciled):
        reconciled(sheet({"YP": 30, "AK": 20}, {"CC": 50}), fact(lots))


def test_a_mismatch_says_what_is_missing_in_lots_and_rupiah():
    page = sheet({"YP": 30, "AK": 12}, {"CC": 50}, lots="50 ", value="5,000,000 ")
    with pytest.raises(Unreconciled) as caught:
        reconciled(page, fact(50))
    said = str(caught.value)
    assert "TEST/all/all on 2021-01-19: 2 buyers with 42 lots and 4,200,000 IDR" in said
    assert "the exchange has 50 lots and 5,000,000 IDR" in said
    assert "missing brokers: 8 lots, 800,000 IDR" in said
    assert caught.value.retry.times == 1


def test_the_right_lots_at_a_wrong_value_are_a_mismatch():
    page = sheet({"YP": 50}, {"CC": 50})
    wrong = replace(page, buy=[("YP", "50 ", "5,100,000 ", "1,020 ")])
    with pytest.raises(Unreconciled, match="more than was traded"):
        reconciled(wrong, fact(50))


@pytest.mark.parametrize("off", [-400, -100, 100, 400, 20_000, 49_000])
def test_the_right_lots_at_nearly_the_right_value_are_complete(off):
    bought = [("YP", "50 ", f"{5_000_000 + off:,} ", "1,000 ")]
    for page in (
        replace(sheet({"YP": 50}, {"CC": 50}), buy=bought),
        replace(sheet({"YP": 50}, {"CC": 50}), buy=bought, value=f"{5_000_000 + off:,} "),
    ):
        assert reconciled(page, fact(50)).coverage_pct == 100
    with pytest.raises(Unreconciled):
        reconciled(replace(sheet({"YP": 50}, {"CC": 49}), buy=bought), fact(50))


def test_a_value_far_from_the_exchanges_is_refused_wherever_it_stands():
    page = sheet({"YP": 50}, {"CC": 50})
    for off in (-60_000, 60_000):
        value = f"{5_000_000 + off:,} "
        for wrong in (
            replace(page, buy=[("YP", "50 ", value, "1,000 ")]),
            replace(page, sell=[("CC", "50 ", value, "1,000 ")]),
            replace(page, value=value),
        ):
            with pytest.raises(Unreconciled):
                reconciled(wrong, fact(50))


def test_a_cut_list_is_measured_and_not_refused():
    lots = sum(TEN.values())
    page = sheet(TEN, TEN, lots=f"{lots + 100:,} ", value=f"{(lots + 100) * 100_000:,} ")
    found = reconciled(page, fact(lots + 100))
    assert found.coverage_pct == pytest.approx(100 * lots / (lots + 100))
    with pytest.raises(LowCoverage, match=f"{lots:,} lots bought"):
        reconciled(page, fact(lots + 100), min_coverage=0.95)


def test_a_cut_list_that_shows_more_than_was_traded_is_a_mismatch():
    lots = sum(TEN.values())
    with pytest.raises(Unreconciled):
        reconciled(sheet(TEN, TEN, lots=f"{lots - 1:,} "), fact(lots - 1))


def test_exactly_ten_brokers_are_complete_if_they_are_everything():
    assert reconciled(sheet(TEN, TEN), fact(sum(TEN.values())), min_coverage=1.0).coverage_pct == 100


def test_ten_abbreviated_brokers_are_never_called_complete():
    rows = [(code, "1.2 M", "120.0 B", "1,000 ") for code in TEN]
    page = Sheet(buy=rows, sell=rows, lots="12.0 M", value="1,200.0 B", average="1,000 ")
    coverage = reconciled(page, fact(12_000_000)).coverage_pct
    assert coverage is not None
    assert 99 < coverage < 100


def test_ten_brokers_are_not_everything_where_odd_lots_leave_room_for_an_eleventh():
    lots = sum(TEN.values())
    rows = [(code, f"{number:,} ", f"{number / 10:.1f} M", "1,000 ") for code, number in TEN.items()]
    page = Sheet(buy=rows, sell=rows, lots=f"{lots + 5:,} ", value=f"{(lots + 5) / 10:.1f} M", average="1,000 ")
    # An eleventh has five lots outside of the regular board; they are no odd lots of the ten.
    coverage = reconciled(page, fact(lots, outside=500)).coverage_pct
    assert coverage is not None
    assert coverage < 100


def test_ten_brokers_whose_values_are_everything_are_complete_although_odd_lots_are_lost():
    rows = [(code, f"{number:,} ", f"{number * 100_000 + 20_000:,} ", "1,000 ") for code, number in TEN.items()]
    lots = sum(TEN.values())
    page = Sheet(buy=rows, sell=rows, lots=f"{lots + 2:,} ", value=f"{lots * 100_000 + 200_000:,} ", average="1,000 ")
    assert reconciled(page, fact(lots, outside=200)).coverage_pct == 100


def test_abbreviated_lots_reconcile_within_their_steps_and_what_their_values_tell():
    buy = [("YP", "1.2 M", "121.3 B", "1,000 "), ("AK", "100 ", "10,000,000 ", "1,000 ")]
    sell = [("CC", "1.2 M", "121.4 B", "1,000 ")]
    page = Sheet(buy=buy, sell=sell, lots="1.2 M", value="121.4 B", average="1,000 ")
    exchange = replace(fact(1_213_600), value_idr=121_360_000_000)
    assert reconciled(page, exchange).coverage_pct == 100
    # 1.2 M lots alone would allow 1,250,000; the value at that price does not.
    with pytest.raises(Unreconciled):
        reconciled(page, replace(exchange, volume_shares=125_000_000))


def test_outside_of_the_regular_board_each_row_may_hide_less_than_a_lot():
    money = ("50 ", "5,059,000 ", "1,000 ")
    page = Sheet(buy=[("YP", *money)], sell=[("CC", *money)], lots="50 ", value="5,059,000 ", average="1,000 ")
    assert reconciled(page, fact(50, outside=59)).coverage_pct == 100
    with pytest.raises(Unreconciled):
        reconciled(page, replace(fact(50, outside=259), nonregular_value_idr=59_000))
    with pytest.raises(Unreconciled):
        reconciled(page, replace(fact(51), value_idr=5_059_000), "TEST/RG/all")


@pytest.mark.parametrize("board", ["TN", "NG"])
def test_the_other_boards_have_at_most_what_was_traded_outside_of_the_regular_one(board):
    page = sheet({"YP": 7}, {"CC": 7})
    assert reconciled(page, fact(50, outside=1_000), f"TEST/{board}/all").coverage_pct == 100
    with pytest.raises(Unreconciled):
        reconciled(page, fact(50, outside=600), f"TEST/{board}/all")
    with pytest.raises(Unreconciled, match="7 lots"):
        reconciled(sheet({"YP": 7}, {"CC": 3, "AK": 3}), fact(50, outside=1_000), f"TEST/{board}/all")


def test_foreign_and_domestic_lots_are_the_exchanges_on_the_regular_board():
    known = fact(100, buy=3_000, sell=1_000)
    foreign, domestic = sheet({"AK": 30}, {"AK": 10}), sheet({"YP": 70}, {"YP": 90})
    assert reconciled(foreign, known, "TEST/RG/F").coverage_pct == 100
    assert reconciled(domestic, known, "TEST/RG/D").coverage_pct == 100
    with pytest.raises(Unreconciled):
        reconciled(domestic, known, "TEST/RG/F")
    with pytest.raises(Unreconciled):
        reconciled(foreign, known, "TEST/RG/D")


def test_of_all_boards_an_investor_type_is_bounded_by_what_was_traded_outside():
    known = fact(100, outside=500, buy=3_000, sell=1_000)
    assert reconciled(sheet({"AK": 33}, {"AK": 10}), known, "TEST/all/F").coverage_pct == 100
    with pytest.raises(Unreconciled):
        reconciled(sheet({"AK": 36}, {"AK": 10}), known, "TEST/all/F")


def test_an_empty_page_of_a_traded_ticker_is_a_failure():
    for page in (Sheet(), None):
        found = parsed(page) if page else read(b"")
        with pytest.raises(EmptyAnswer, match="50 lots bought and 50 sold, 5,000,000 IDR") as caught:
            reconcile_unit(found, "TEST/all/all", fact(50))
        assert caught.value.kind == "empty_answer"


@pytest.mark.parametrize(
    ("unit", "known"),
    [
        ("TEST/NG/all", fact(50, outside=700)),
        ("TEST/RG/F", fact(50)),
        ("TEST/all/F", fact(50, outside=700)),
        ("TEST/RG/D", fact(50, buy=5_000, sell=5_000)),
        ("TEST/all/all", fact(0, outside=59)),
    ],
)
def test_an_empty_page_is_right_where_the_exchange_leaves_room_for_it(unit, known):
    found = reconcile_unit(read(b"", unit), unit, known)
    assert found.empty_reason
    assert found.coverage_pct is None


def test_a_complete_list_that_falls_short_of_its_own_total_is_half_a_list():
    page = sheet(TEN, TEN)
    require_complete_list(parse_broker_page(page.body()), "TEST/all/all")
    for half in (replace(page, buy=page.buy[:5]), replace(page, sell=page.sell[:9])):
        with pytest.raises(HalfTable, match="its own total is 775 lots"):
            require_complete_list(parse_broker_page(half.body()), "TEST/all/all")


def test_a_complete_list_that_was_promised_and_is_cut_in_half_is_not_accepted():
    whole = sheet(TEN, TEN)
    half = replace(whole, buy=whole.buy[:5])
    unit = Unit(name="TEST/all/all", fact=fact(775))
    for page in (half, replace(whole, sell=whole.sell[:9])):
        promised = answer(page.body(), promised_whole=True)
        with pytest.raises(HalfTable, match=r"the complete list shows .* its own total is 775 lots"):
            complete_if_promised(read(page.body()), unit, situation(TRADES, DAY, promised))
        with pytest.raises(HalfTable, match="its own total is 775 lots"):
            accept(TRADES, unit.name, promised, DAY, fact=unit.fact)
    # What the site did not give as the complete list is left to the exchange's word on it.
    shown = answer(half.body())
    assert complete_if_promised(read(half.body()), unit, situation(TRADES, DAY, shown)) == read(half.body())
    with pytest.raises(LowCoverage):
        accept(TRADES, unit.name, shown, DAY, fact=unit.fact)


def test_a_promised_list_that_is_whole_or_leads_on_is_accepted_for_what_it_shows():
    promised = answer(sheet(TEN, TEN).body(), promised_whole=True)
    assert accept(TRADES, "TEST/all/all", promised, DAY, fact=fact(775)).coverage_pct == 100
    lots = sum(TEN.values())
    cut = sheet(TEN, TEN, lots=f"{lots + 100:,} ", value=f"{(lots + 100) * 100_000:,} ", more='<a href="?">more</a>')
    found = accept(TRADES, "TEST/all/all", answer(cut.body(), promised_whole=True), DAY, fact=fact(lots + 100))
    assert found.coverage_pct == pytest.approx(100 * lots / (lots + 100))


def test_a_broker_page_of_another_date_is_not_accepted_even_if_it_would_reconcile():
    page = answer(sheet({"YP": 50}, {"CC": 50}).body())
    assert accept(TRADES, "TEST/all/all", page, DAY, fact=fact(50)).coverage_pct == 100
    with pytest.raises(StaleDate, match="asked for 2021-01-20, the page states 2021-01-19"):
        accept(TRADES, "TEST/all/all", page, date(2021, 1, 20), fact=fact(50))


def test_an_empty_answer_is_accepted_only_where_the_exchange_leaves_room_for_it():
    found = accept(TRADES, "TEST/NG/all", answer(b""), DAY, fact=fact(50, outside=700))
    assert (found.rows, found.covers, found.closed_reason) == (0, None, None)
    assert found.empty_reason
    with pytest.raises(EmptyAnswer, match="50 lots bought and 50 sold"):
        accept(TRADES, "TEST/all/all", answer(b""), DAY, fact=fact(50))


def test_only_what_was_traded_is_asked_for():
    rows = [
        traded("AAAA", 5_000, ForeignBuy=100.0),
        traded("BBBB", 5_000, ForeignBuy=5_000.0, ForeignSell=5_000.0),
        stock("SUSP"),
        stock("NEGO", NonRegularVolume=300.0, NonRegularValue=30_000.0),
    ]
    frame = stage_stock_summary([listed(parse_stock_summary, envelope(rows))], session_date=DAY).frame
    assert list(facts(frame)) == ["AAAA/all/all", "BBBB/all/all", "NEGO/all/all"]
    assert list(facts(frame, skip={"BBBB"}, tickers=["BBBB", "AAAA"])) == ["AAAA/all/all"]
    assert list(facts(frame, boards=("RG",), investors=("F", "D"))) == ["AAAA/RG/D", "AAAA/RG/F", "BBBB/RG/F"]
    assert list(facts(frame, boards=("TN", "NG"))) == ["NEGO/NG/all", "NEGO/TN/all"]
    assert facts(frame)["NEGO/all/all"].nonregular_value_idr == 30_000
    with pytest.raises(ValueError, match="XX"):
        facts(frame, boards=("XX",))


def test_the_recorded_days_name_exactly_the_traded_tickers():
    for name, day in (("2015-01-02", date(2015, 1, 2)), ("2020-03-23", date(2020, 3, 23)), ("2021-01-19", DAY)):
        body = sample(f"GetStockSummary_{name}.json").read_bytes()
        frame = stage_stock_summary([listed(parse_stock_summary, body)], session_date=day).frame
        wanted = {
            f"{line['StockCode']}/all/all" for line in json.loads(body) if line["Volume"] + line["NonRegularVolume"]
        }
        assert set(facts(frame)) == wanted


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_a_page_that_adds_up_reconciles_and_one_lot_less_does_not(lots, dice):
    codes = [f"{a}{b}" for a in "ABCDEF" for b in "ABCDEF"][: len(lots)]
    shuffled = lots[:]
    dice.shuffle(shuffled)
    page = sheet(dict(zip(codes, lots, strict=True)), dict(zip(codes, shuffled, strict=True)), price=50)
    known = fact(sum(lots), price=50)
    assert reconciled(page, known, "TEST/RG/all").coverage_pct == 100
    with pytest.raises(Unreconciled):
        reconciled(page, fact(sum(lots) + 1, price=50), "TEST/RG/all")


def test_what_the_exchange_lets_a_unit_have_adds_up():
    known = fact(100, outside=250, buy=3_000, sell=1_000)
    everybody, foreign, domestic = (known_of(known, "RG", investor) for investor in ("all", "F", "D"))
    assert foreign.buy_shares + domestic.buy_shares == everybody.buy_shares
    assert foreign.sell_shares + domestic.sell_shares == everybody.sell_shares
    assert known_of(known, "all", "all").buy_shares.low == 10_250
