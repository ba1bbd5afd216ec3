"""Checks of a whole session: what passes, what fails, and what is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fin_assets.sources.idx_brokers.checks import STOCK_SUMMARY_CHECKS, broker_trades_checks
from fin_assets.sources.idx_brokers.lists import parse_broker_summary, parse_stock_summary
from fin_assets.sources.idx_brokers.stage import (
    stage_broker_summary_market,
    stage_broker_trades,
    stage_stock_summary,
)
from tests.sources.idx_brokers.builders import (
    DAY,
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

PAGES = {"AAAA": sheet({"YP": 30, "AK": 20}, {"CC": 50}), "BBBB": sheet({"AK": 10}, {"YP": 10}, price=500)}


def stocks(*rows):
    return stage_stock_summary([listed(parse_stock_summary, envelope(rows))], session_date=DAY).frame


def market(**values):
    rows = [broker(code, value) for code, value in values.items()]
    return stage_broker_summary_market([listed(parse_broker_summary, envelope(rows))], session_date=DAY).frame


def trades(pages=None):
    units = [accepted(f"{code}/all/all", page.body()) for code, page in (pages or PAGES).items()]
    return stage_broker_trades(units, session_date=DAY).frame


SUMMARY = (traded("AAAA", 5_000, 1000), traded("BBBB", 1_000, 500))
TOTALS = {"AK": 2_500_000, "CC": 5_000_000, "YP": 3_500_000}


def judge(name, frame, *, previous=None, **siblings):
    checks = {**broker_trades_checks(), **STOCK_SUMMARY_CHECKS}
    return checks[name](frame, session=DAY, previous=previous, siblings=siblings)


def test_brokers_match_the_market_when_everything_is_counted_twice():
    found = judge(
        "brokers_match_market", trades(), stock_summary=stocks(*SUMMARY), broker_summary_market=market(**TOTALS)
    )
    assert found.passed
    assert found.numbers["gap_idr"] == 0
    assert found.numbers["brokers"] == 3


def test_a_market_apart_names_its_worst_broker():
    totals = {**TOTALS, "CC": 6_000_000, "ZZ": 10_000}
    found = judge(
        "brokers_match_market", trades(), stock_summary=stocks(*SUMMARY), broker_summary_market=market(**totals)
    )
    assert not found.passed
    assert found.numbers["worst_broker"] == "CC"
    assert found.numbers["worst_gap_idr"] == -1_000_000
    assert "5,000,000 against 6,000,000 IDR" in found.summary


def test_the_market_is_not_compared_while_lists_are_lacking_or_cut():
    siblings = {"stock_summary": stocks(*SUMMARY), "broker_summary_market": market(YP=100)}
    part = trades({"AAAA": PAGES["AAAA"]})
    assert "1 of 2 traded tickers" in judge("brokers_match_market", part, **siblings).summary
    cut = trades({**PAGES, "BBBB": replace(PAGES["BBBB"], more='<a href="?">more</a>', lots="11 ")})
    assert "1 of 2 traded tickers" in judge("brokers_match_market", cut, **siblings).summary
    assert "are not collected" in judge("brokers_match_market", trades()).summary


def test_values_match_the_exchange_within_the_steps_of_the_texts():
    assert judge("values_match_exchange", trades(), stock_summary=stocks(*SUMMARY)).passed
    other = (SUMMARY[0], traded("BBBB", 1_000, 500, Value=500_100.0))
    found = judge("values_match_exchange", trades(), stock_summary=stocks(*other))
    assert not found.passed
    assert "BBBB" in found.summary
    assert found.numbers == {"compared": 2, "different": 1}
    assert "is not collected" in judge("values_match_exchange", trades()).summary


def test_a_value_within_the_tolerance_is_no_finding_and_the_tolerance_is_a_setting():
    off = (SUMMARY[0], traded("BBBB", 1_000, 500, Value=500_040.0))
    frame, siblings = trades(), {"stock_summary": stocks(*off)}
    assert judge("values_match_exchange", frame, **siblings).passed
    strict = broker_trades_checks(value_tolerance=0.0)["values_match_exchange"]
    found = strict(frame, session=DAY, previous=None, siblings=siblings)
    assert found.numbers == {"compared": 2, "different": 1}


def test_the_averages_of_srtg_and_of_the_recorded_page_agree_with_value_over_lots():
    shown, known = srtg()
    frame = stage_broker_trades([accepted("SRTG/all/all", shown.body())], session_date=known.session_date).frame
    found = judge("averages_agree", frame)
    assert found.passed
    assert found.numbers["compared"] == len(shown.buy) + len(shown.sell)
    body = sample("ipot_BBCA_20221010_brokersummary_browser-dom.html").read_bytes()
    page = stage_broker_trades([accepted("BBCA/all/all", body)], session_date=DAY.replace(2022, 10, 10)).frame
    assert judge("averages_agree", page).passed


def test_an_average_that_is_not_value_over_lots_is_found():
    wrong = replace(PAGES["BBBB"], buy=[("AK", "10 ", "500,000 ", "501 ")])
    found = judge("averages_agree", trades({**PAGES, "BBBB": wrong}))
    assert not found.passed
    assert found.numbers == {"compared": 5, "different": 1}
    assert "BBBB" in found.summary


@pytest.mark.parametrize("name", ["2015-01-02", "2020-03-23", "2021-01-19"])
def test_the_prices_of_recorded_days_are_consistent(name):
    body = sample(f"GetStockSummary_{name}.json").read_bytes()
    frame = stage_stock_summary([listed(parse_stock_summary, body)], session_date=DAY.fromisoformat(name)).frame
    assert judge("prices_consistent", frame).passed


def test_a_close_outside_of_the_day_and_another_change_are_found():
    frame = stocks(traded("AAAA", 500, Close=101.0, Change=1.0), traded("BBBB", 500, Change=1.0), stock("CCCC"))
    found = judge("prices_consistent", frame)
    assert not found.passed
    assert found.numbers == {"compared": 3, "different": 2}
    assert "AAAA, BBBB" in found.summary


def test_the_universe_may_grow_by_one_and_not_lose_half():
    codes = [f"{a}{b}AA" for a in "ABCDEFGH" for b in "ABCDE"]
    full = stocks(*(stock(code) for code in codes))
    grown = stocks(*(stock(code) for code in [*codes, "NEWC"]))
    half = stocks(*(stock(code) for code in codes[:20]))
    found = judge("universe_in_band", grown, previous=full)
    assert found.passed
    assert "new: NEWC" in found.summary
    lost = judge("universe_in_band", half, previous=full)
    assert not lost.passed
    assert lost.numbers["gone"] == 20
    assert judge("universe_in_band", full).passed
