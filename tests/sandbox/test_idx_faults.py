"""Every fault on the Indonesian sites, a day whose every page is faulty, and a site that begins to refuse in the middle."""

from __future__ import annotations

import json
from datetime import date, timedelta

import aiohttp
import pytest

from fin_assets.sandbox import Fault, FaultKind, Sandbox
from fin_assets.sandbox.sites.hkex_southbound.options import HKEX
from fin_assets.sandbox.sites.idx_brokers.options import IDX
from fin_assets.sandbox.sites.idx_brokers.site import IdxSite
from tests.sandbox.client import ask
from tests.sandbox.idx_client import BROKERS, STOCKS, broker_table, cells, clearance, listed, rows
from tests.sandbox.test_control import call

DAY, BEFORE, TEXT = date(2026, 11, 19), date(2026, 11, 18), "20261119"
TABLE = "BBCA/all/all:2026-11-19"


def test_refusals_have_their_status_on_both_sites(site: Sandbox) -> None:
    cookie = clearance(site)
    for kind, status in ((FaultKind.RATE_LIMITED, 429), (FaultKind.UNAVAILABLE, 503), (FaultKind.REFUSED, 403)):
        site.set_faults([Fault(kind=kind, match="*:2026-11-19", retry_after=timedelta(seconds=9))])
        for reply in (listed(site, STOCKS, cookie=cookie, date=TEXT), broker_table(site, "BBCA", DAY)):
            assert reply.status == status
            assert reply.headers.get("retry-after") == ("9" if status == 429 else None)


def test_a_captcha_and_a_login_page_stand_in_for_list_and_table(site: Sandbox) -> None:
    cookie = clearance(site)
    for kind, mark in ((FaultKind.CAPTCHA, ".g-recaptcha"), (FaultKind.LOGIN_PAGE, "input[type=password]")):
        site.set_faults([Fault(kind=kind)])
        for reply in (listed(site, STOCKS, cookie=cookie, date=TEXT), broker_table(site, "BBCA", DAY)):
            assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
            assert reply.dom.css(mark)


def test_a_consent_page_is_a_redirect_within_its_site(site: Sandbox) -> None:
    site.set_faults([Fault(kind=FaultKind.CONSENT_PAGE, match="BBCA/*", count=1)])
    reply = broker_table(site, "BBCA", DAY)
    assert reply.status == 302
    assert reply.headers["location"].startswith("/ipot/terms.aspx?return=")
    assert ask(site.url + reply.headers["location"]).dom.css("#btnAcceptTerms")


def test_a_wrong_content_type_is_a_page_where_json_belongs_and_json_where_a_page_belongs(site: Sandbox) -> None:
    cookie = clearance(site)
    site.set_faults([Fault(kind=FaultKind.WRONG_CONTENT_TYPE)])
    assert listed(site, STOCKS, cookie=cookie, date=TEXT).headers["content-type"] == "text/html; charset=utf-8"
    assert broker_table(site, "BBCA", DAY).headers["content-type"] == "application/json; charset=utf-8"


def test_a_reset_and_a_truncated_body_break_on_the_wire(site: Sandbox) -> None:
    cookie = clearance(site)
    site.set_faults([Fault(kind=FaultKind.RESET, match="BBCA/*")])
    with pytest.raises(aiohttp.ClientConnectionError):
        broker_table(site, "BBCA", DAY)
    site.set_faults([Fault(kind=FaultKind.TRUNCATED_BODY)])
    with pytest.raises(aiohttp.ClientPayloadError):
        broker_table(site, "BBCA", DAY)
    site.set_faults([Fault(kind=FaultKind.TRUNCATED_BODY, mode="silent")])
    half = listed(site, STOCKS, cookie=cookie, date=TEXT)
    assert half.headers["content-type"] == "application/json; charset=utf-8"
    with pytest.raises(json.JSONDecodeError):
        json.loads(half.text)


def test_a_half_table_lacks_rows_and_its_footer_states_the_whole(site: Sandbox) -> None:
    whole = broker_table(site, "BBCA", DAY, list="full")
    site.set_faults([Fault(kind=FaultKind.HALF_TABLE, match="BBCA/*")])
    half = broker_table(site, "BBCA", DAY, list="full")
    assert cells(half) == cells(whole)[: len(cells(whole)) // 2]
    assert half.one("tfoot") == whole.one("tfoot")


def test_a_half_list_counts_more_records_than_it_has(site: Sandbox) -> None:
    whole = rows(site, STOCKS, DAY)
    site.set_faults([Fault(kind=FaultKind.HALF_TABLE, match="stock_summary:*")])
    envelope = json.loads(listed(site, STOCKS, date=TEXT).text)
    assert envelope["data"] == whole[: len(whole) // 2]
    assert envelope["recordsTotal"] == len(whole)


@pytest.mark.parametrize(("column", "key"), [("Close", "Close"), ("B.Lot", "Volume"), ("shareholding", "Volume")])
def test_a_renamed_key_is_the_named_one_or_one_that_readers_need(site: Sandbox, column: str, key: str) -> None:
    whole = rows(site, STOCKS, DAY)
    site.set_faults([Fault(kind=FaultKind.RENAMED_COLUMN, match="stock_summary:*", column=column)])
    renamed = rows(site, STOCKS, DAY)
    assert all(key not in row and "FigureX" in row for row in renamed)
    assert [row["FigureX"] for row in renamed] == [row[key] for row in whole]


@pytest.mark.parametrize(("column", "place"), [("S.Val", 7), ("shareholding", 1)])
def test_a_renamed_heading_is_the_named_one_or_the_lots(site: Sandbox, column: str, place: int) -> None:
    site.set_faults([Fault(kind=FaultKind.RENAMED_COLUMN, column=column)])
    headings = [node.text() for node in broker_table(site, "BBCA", DAY).dom.css("thead th")]
    assert headings[place] == "Figure X"
    assert headings.count("Figure X") == 1


def test_a_stale_answer_is_that_of_the_session_before_under_its_own_date(site: Sandbox) -> None:
    list_before, table_before = rows(site, STOCKS, BEFORE), broker_table(site, "BBCA", BEFORE)
    site.set_faults([Fault(kind=FaultKind.STALE_DATE)])
    assert rows(site, STOCKS, DAY) == list_before
    stale = broker_table(site, "BBCA", DAY)
    assert stale.text == table_before.text
    assert stale.field("startDate") == "11/18/2026"


def test_a_missing_panel_is_what_a_day_without_a_session_gives(site: Sandbox) -> None:
    site.set_faults([Fault(kind=FaultKind.MISSING_PANEL)])
    assert rows(site, STOCKS, DAY) == []
    assert broker_table(site, "BBCA", DAY).text == ""
    assert [request.fault for request in site.requests[-2:]] == ["missing_panel", "missing_panel"]


def test_wrong_lots_alter_one_row_and_leave_the_page_whole(site: Sandbox) -> None:
    whole, everything = broker_table(site, "BBCA", DAY), rows(site, STOCKS, DAY)
    site.set_faults([Fault(kind=FaultKind.WRONG_LOTS)])
    wrong = broker_table(site, "BBCA", DAY)
    differing = [
        (i, k) for i, row in enumerate(cells(wrong)) for k, text in enumerate(row) if text != cells(whole)[i][k]
    ]
    assert (0, 1) in differing
    assert set(differing) <= {(0, 1), (0, 3)}, "its lots, and the average that follows"
    assert wrong.one("tfoot") == whole.one("tfoot")
    altered = [(a, b) for a, b in zip(everything, rows(site, STOCKS, DAY), strict=True) if a != b]
    ((before, after),) = altered
    assert {key for key in before if before[key] != after[key]} == {"Volume"}
    assert before["Volume"] == max(row["Volume"] for row in everything)
    assert sum(a != b for a, b in zip(rows(site, BROKERS, DAY), rows(site, BROKERS, DAY), strict=True)) == 0


def test_wrong_lots_mean_nothing_to_the_hkex_pages_and_are_not_used_up_there(site: Sandbox) -> None:
    site.set_faults([Fault(kind=FaultKind.WRONG_LOTS, count=1)])
    assert ask(f"{site.url}{HKEX}/sdw/search/mutualmarket.aspx?t=hk").status == 200
    assert site.faults.listed()[0]["seen"] == 0


def test_a_faulty_day_is_a_glob_over_the_date(site: Sandbox) -> None:
    cookie = clearance(site)
    site.set_faults([Fault(kind=FaultKind.UNAVAILABLE, match="*:2026-11-19")])
    tables = [broker_table(site, code, day).status for day in (BEFORE, DAY) for code in ("BBCA", "TLKM")]
    assert tables == [200, 200, 503, 503]
    statuses = [listed(site, STOCKS, cookie=cookie, date=text).status for text in ("20261118", TEXT, "20261120")]
    assert statuses == [200, 503, 200]


def test_a_fault_of_results_spares_an_empty_answer(site: Sandbox) -> None:
    site.set_faults([Fault(kind=FaultKind.HALF_TABLE, count=1)])
    assert broker_table(site, "BBCA", date(2026, 11, 21)).text == ""
    assert site.faults.listed()[0]["hits"] == 0
    broker_table(site, "BBCA", DAY)
    assert site.faults.listed()[0]["hits"] == 1


def test_a_site_that_begins_to_refuse_in_the_middle_is_one_fault(site: Sandbox) -> None:
    site.set_faults([Fault(kind=FaultKind.RATE_LIMITED, match="*/all/all:*", after=3)])
    codes = site.site(IdxSite).session_facts(DAY).codes[:6]
    assert [broker_table(site, code, DAY).status for code in codes] == [200, 200, 200, 429, 429, 429]


def test_refusing_is_switched_on_changed_and_ended_at_run_time(site: Sandbox) -> None:
    assert broker_table(site, "BBCA", DAY).status == 200
    call(site, "PUT", "faults", [{"kind": "rate_limited", "match": "*/ipot/*", "retry_after_seconds": 1}])
    assert broker_table(site, "BBCA", DAY).status == 429
    call(site, "PUT", "faults", [{"kind": "captcha", "match": "*/ipot/*"}])
    reply = broker_table(site, "BBCA", DAY)
    assert (reply.status, bool(reply.dom.css("#captcha-form"))) == (200, True)
    assert rows(site, STOCKS, DAY), "the other site still answers"
    call(site, "DELETE", "faults")
    assert cells(broker_table(site, "BBCA", DAY))
    log = call(site, "GET", f"requests?key={TABLE}")[1]
    assert [(entry["status"], entry["fault"]) for entry in log] == [
        (200, None),
        (429, "rate_limited"),
        (200, "captcha"),
        (200, None),
    ]


def test_the_start_page_gives_no_cookie_while_it_refuses(site: Sandbox) -> None:
    site.set_faults([Fault(kind=FaultKind.UNAVAILABLE, match="idx:home")])
    reply = ask(f"{site.url}{IDX}/")
    assert (reply.status, "set-cookie" in reply.headers) == (503, False)
    site.set_faults([Fault(kind=FaultKind.CAPTCHA, match="idx:home")])
    assert "set-cookie" not in ask(f"{site.url}{IDX}/").headers
