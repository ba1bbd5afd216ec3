"""Every fault as a client sees it, and how often it hits."""

from __future__ import annotations

import time
from datetime import date, timedelta

import aiohttp
import pytest

from fin_assets.sandbox import Fault, FaultKind, Latency, Sandbox, SandboxConfig, SandboxError
from fin_assets.sandbox.faults import NEEDS_RESULT, FaultBook
from fin_assets.sandbox.sites.hkex_southbound.options import HKEX
from fin_assets.sandbox.sites.hkex_southbound.site import HkexSite
from tests.sandbox.client import ask, page_url, search_holdings, search_participants

DAY, SLASHED = date(2026, 11, 19), "2026/11/19"


def on_search(kind: FaultKind, **values: object) -> Fault:
    return Fault(kind=kind, method="POST", **values)  # type: ignore[arg-type]


def test_a_slow_answer_is_the_whole_page_later(site: Sandbox) -> None:
    site.set_faults([on_search(FaultKind.SLOW, delay=timedelta(seconds=0.3))])
    begun = time.monotonic()
    reply = search_holdings(site, SLASHED)
    assert time.monotonic() - begun >= 0.3
    assert reply.one("h2.ccass-heading span").endswith(SLASHED)


def test_a_rate_limit_says_how_long_to_wait(site: Sandbox) -> None:
    site.set_faults([on_search(FaultKind.RATE_LIMITED, retry_after=timedelta(seconds=7))])
    reply = search_holdings(site, SLASHED)
    assert (reply.status, reply.headers["retry-after"]) == (429, "7")


@pytest.mark.parametrize(("kind", "status"), [(FaultKind.UNAVAILABLE, 503), (FaultKind.REFUSED, 403)])
def test_refusals_have_their_status_and_no_content(site: Sandbox, kind: FaultKind, status: int) -> None:
    site.set_faults([on_search(kind)])
    reply = search_holdings(site, SLASHED)
    assert reply.status == status
    assert not reply.dom.css("#form1")


def test_a_reset_connection_ends_without_a_byte(site: Sandbox) -> None:
    site.set_faults([on_search(FaultKind.RESET)])
    with pytest.raises(aiohttp.ClientConnectionError):
        search_holdings(site, SLASHED)
    assert (site.requests[-1].status, site.requests[-1].fault) == (0, "reset")


@pytest.mark.parametrize("mode", ["length", "chunked"])
def test_a_truncated_body_breaks_the_promise_of_its_headers(site: Sandbox, mode: str) -> None:
    site.set_faults([on_search(FaultKind.TRUNCATED_BODY, mode=mode)])
    with pytest.raises(aiohttp.ClientPayloadError):
        search_holdings(site, SLASHED)


def test_a_silently_truncated_body_keeps_the_promise_and_ends_in_the_middle(site: Sandbox) -> None:
    whole = search_holdings(site, SLASHED)
    site.set_faults([on_search(FaultKind.TRUNCATED_BODY, mode="silent")])
    half = search_holdings(site, SLASHED)
    assert half.text == whole.text[: len(half.text)]
    assert 0.4 < len(half.text) / len(whole.text) < 0.6
    assert "</html>" not in half.text


def test_a_wrong_content_type_is_json(site: Sandbox) -> None:
    site.set_faults([on_search(FaultKind.WRONG_CONTENT_TYPE)])
    reply = search_participants(site, SLASHED, "00700")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json; charset=utf-8")


def test_a_captcha_and_a_login_page_come_with_status_200_and_without_the_form(site: Sandbox) -> None:
    for kind, mark in (
        (FaultKind.CAPTCHA, "#captcha-form .g-recaptcha"),
        (FaultKind.LOGIN_PAGE, "input[type=password]"),
    ):
        site.set_faults([on_search(kind)])
        reply = search_holdings(site, SLASHED)
        assert reply.status == 200
        assert reply.dom.css(mark)
        assert not reply.dom.css("#form1, #pnlResult")


def test_a_consent_page_is_a_redirect_to_terms_that_lead_back(site: Sandbox) -> None:
    site.set_faults([Fault(kind=FaultKind.CONSENT_PAGE, count=1)])
    reply = ask(page_url(site, "mutualmarket.aspx?t=hk"))
    assert reply.status == 302
    terms = ask(site.url + reply.headers["location"])
    assert terms.dom.css("#btnAcceptTerms")
    assert terms.dom.css_first("form").attributes["action"] == "/hkexnews/sdw/search/mutualmarket.aspx"


def test_a_refused_form_state_is_an_error_page_for_a_post_only(site: Sandbox) -> None:
    site.set_faults([Fault(kind=FaultKind.FORM_STATE_REFUSED)])
    reply = search_holdings(site, SLASHED)
    assert reply.status == 500
    assert "Validation of viewstate MAC failed" in reply.text


def test_a_missing_panel_is_the_landing_page(site: Sandbox) -> None:
    site.set_faults([on_search(FaultKind.MISSING_PANEL)])
    for reply in (search_holdings(site, SLASHED), search_participants(site, SLASHED, "00700")):
        assert reply.dom.css("#form1")
        assert not reply.dom.css("#pnlResult, #pnlResultNormal")
        assert reply.field("alertMsg")


def test_a_half_table_is_well_formed_and_lacks_the_second_half_of_its_rows(site: Sandbox) -> None:
    site.set_faults([on_search(FaultKind.HALF_TABLE)])
    reply = search_holdings(site, SLASHED)
    listed = site.site(HkexSite).list_of(DAY)
    codes = [int(n.text()) for n in reply.dom.css("td.col-stock-code .mobile-list-body")]
    assert codes == list(listed.codes[: (len(listed.codes) + 1) // 2])
    assert reply.text.rstrip().endswith("</html>")
    table = search_participants(site, SLASHED, "00700")
    found = site.site(HkexSite).participants_of(700, DAY)
    assert found is not None
    assert len(table.dom.css("#pnlResultNormal tbody tr")) == (len(found.holders) + 1) // 2


@pytest.mark.parametrize("column", ["stock-code", "shareholding", "shareholding-percent"])
def test_a_renamed_column_has_another_class_and_heading_in_head_and_cells(site: Sandbox, column: str) -> None:
    site.set_faults([on_search(FaultKind.RENAMED_COLUMN, column=column)])
    dom = search_holdings(site, SLASHED).dom
    assert not dom.css(f"#mutualmarket-result .col-{column}")
    assert dom.css_first("th.col-figure-x").text().strip() == "Figure X"
    assert len(dom.css("td.col-figure-x")) == len(site.site(HkexSite).list_of(DAY).codes)


def test_a_stale_page_is_that_of_the_list_day_before_under_its_own_date(site: Sandbox) -> None:
    site.set_faults([on_search(FaultKind.STALE_DATE)])
    reply = search_holdings(site, SLASHED)
    assert reply.one("h2.ccass-heading span") == "Shareholding Date: 2026/11/18"
    assert reply.field("originalShareholdingDate") == SLASHED
    table = search_participants(site, SLASHED, "00700")
    assert table.field("originalShareholdingDate") == "2026/11/18"
    site.set_faults([])
    assert table.one("#pnlResultNormal tbody") == search_participants(site, "2026/11/18", "00700").one(
        "#pnlResultNormal tbody"
    )


def test_a_count_ends_a_fault_and_the_next_answer_is_whole(site: Sandbox) -> None:
    site.set_faults([on_search(FaultKind.UNAVAILABLE, count=2)])
    assert [search_holdings(site, SLASHED).status for _ in range(4)] == [503, 503, 200, 200]


def test_a_pattern_hits_its_unit_only(site: Sandbox) -> None:
    site.set_faults(
        [
            Fault(kind=FaultKind.UNAVAILABLE, match="hk:2026-11-1[78]"),
            Fault(kind=FaultKind.REFUSED, match="*searchsdw*"),
        ]
    )
    assert [search_holdings(site, f"2026/11/{day}").status for day in (16, 17, 18, 19)] == [200, 503, 503, 200]
    assert ask(page_url(site, "searchsdw.aspx")).status == 403
    assert ask(f"{site.url}{HKEX}/ncms/css/main.css").status == 200


def test_a_share_of_requests_is_hit_and_the_same_seed_hits_the_same_ones() -> None:
    def pattern(seed: int) -> list[bool]:
        book = FaultBook(seed)
        book.replace([Fault(kind=FaultKind.UNAVAILABLE, share=0.2)])
        return [book.draw(method="GET", targets=("x",), has_result=True).fault is not None for _ in range(2000)]

    assert pattern(1) == pattern(1) != pattern(2)
    assert 340 < sum(pattern(1)) < 460


def test_slowness_adds_to_another_fault_and_of_the_others_the_first_wins() -> None:
    book = FaultBook(7)
    slow = Fault(kind=FaultKind.SLOW, delay=timedelta(seconds=1))
    book.replace([slow, Fault(kind=FaultKind.CAPTCHA), slow, Fault(kind=FaultKind.RESET)])
    drawn = book.draw(method="GET", targets=("x",), has_result=True)
    assert (drawn.delay, drawn.fault and drawn.fault.kind) == (timedelta(seconds=2), FaultKind.CAPTCHA)
    assert [entry["hits"] for entry in book.listed()] == [1, 1, 1, 0]


def test_a_request_without_a_result_does_not_use_up_a_fault_of_results() -> None:
    book = FaultBook(7)
    book.replace([Fault(kind=kind, count=1) for kind in NEEDS_RESULT])
    assert book.draw(method="GET", targets=("x",), has_result=False).fault is None
    assert book.draw(method="GET", targets=("x",), has_result=True).fault is not None


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        ({"kind": "slowly"}, "kind = 'slowly' must be one of slow, "),
        ({}, "kind = None must be one of"),
        ({"kind": "slow", "secs": 1}, "unknown key 'secs'; known are .*delay_seconds"),
        ({"kind": "slow", "share": 2}, "share = 2 must be a number from 0 to 1"),
        ({"kind": "slow", "share": "half"}, "wrong type"),
        ({"kind": "slow", "delay_seconds": "3"}, "must be a number of seconds"),
        ({"kind": "captcha", "count": 0}, "count = 0 must be a whole number from 1"),
        ({"kind": "truncated_body", "mode": "odd"}, "mode = 'odd' must be length, chunked or silent"),
        ({"kind": "renamed_column", "column": 3}, "column = 3 must be the name of a column"),
        ({"kind": "reset", "method": "PUT"}, "method = 'PUT' must be GET or POST"),
    ],
)
def test_a_fault_that_means_nothing_is_refused_with_the_key_that_is_wrong(
    raw: dict[str, object], complaint: str
) -> None:
    with pytest.raises(SandboxError, match=complaint):
        Fault.from_mapping(raw)


def test_a_fault_survives_its_written_form() -> None:
    fault = Fault(kind=FaultKind.RATE_LIMITED, match="hk:*", share=0.5, count=3, retry_after=timedelta(seconds=1.5))
    assert Fault.from_mapping(fault.to_mapping()) == fault


def test_latency_is_fixed_or_a_range_by_path_and_the_first_match_wins() -> None:
    slow = Latency(match="*searchsdw*", least=timedelta(seconds=0.1), most=timedelta(seconds=0.2))
    config = SandboxConfig(
        start=date(2026, 3, 2), end=date(2026, 3, 31), latencies=(slow,), latency=timedelta(seconds=0.05)
    )
    assert config.latency_of("/hkexnews/sdw/search/searchsdw.aspx") == (slow.least, slow.most)
    with Sandbox(config).run_in_thread() as site:
        took = []
        for page in ("searchsdw.aspx", "mutualmarket.aspx?t=hk"):
            begun = time.monotonic()
            ask(page_url(site, page))
            took.append(time.monotonic() - begun)
    assert took[0] >= 0.1
    assert took[1] >= 0.05
