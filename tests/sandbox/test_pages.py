"""What the pages carry: the structure that readers depend on, in both languages."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import pytest

from fin_assets.sandbox.sites.hkex_southbound.options import HKEX
from fin_assets.sandbox.sites.hkex_southbound.site import HkexSite
from tests.sandbox.client import ask, form_of, page_url, search_holdings, search_participants

if TYPE_CHECKING:
    from fin_assets.sandbox import Sandbox


@pytest.mark.parametrize(
    ("page", "heading", "code_label"),
    [
        ("mutualmarket.aspx?t=hk", "Shareholding Date: 2026/11/20", "Stock Code:"),
        ("mutualmarket_c.aspx?t=hk", "持股日期: 2026/11/20", "股份代號:"),
    ],
)
def test_a_plain_get_shows_the_newest_list_with_its_own_date(
    site: Sandbox, page: str, heading: str, code_label: str
) -> None:
    reply = ask(page_url(site, page))
    assert reply.one("h2.ccass-heading span") == heading
    assert reply.field("today") == "20261121"
    rows = reply.dom.css("#mutualmarket-result tbody tr")
    listed = site.site(HkexSite).list_of(date(2026, 11, 20))
    assert len(rows) == len(listed.codes) > 500
    first = rows[0].css_first("td.col-stock-code")
    assert first is not None
    assert first.css_first("div.mobile-list-heading").text() == code_label
    assert first.css_first("div.mobile-list-body").text() == "    1"


def test_a_row_prints_shares_with_commas_and_percent_with_two_decimals_or_nothing(site: Sandbox) -> None:
    reply = ask(page_url(site, "mutualmarket.aspx?t=hk"))
    listed = site.site(HkexSite).list_of(date(2026, 11, 20))
    shares = [n.text() for n in reply.dom.css("td.col-shareholding .mobile-list-body")]
    percents = [n.text() for n in reply.dom.css("td.col-shareholding-percent .mobile-list-body")]
    assert shares == [f"{held:,}" for held in listed.shares]
    assert percents == ["" if p is None else f"{p / 100:.2f}%" for p in listed.percents]


def test_some_days_leave_percentages_empty_and_some_chinese_lists_print_english_names(site: Sandbox) -> None:
    lists = [site.site(HkexSite).list_of(day) for day in site.site(HkexSite).published("hk")[::20]]
    assert any(p is None for listed in lists for p in listed.percents)
    newest = lists[-1]
    english = [name for name in newest.names_zh if name.isascii()]
    assert 10 < len(english) < 80


def test_names_with_markup_characters_arrive_unharmed(site: Sandbox) -> None:
    reply = ask(page_url(site, "mutualmarket.aspx?t=hk"))
    names = [n.text() for n in reply.dom.css("td.col-stock-name .mobile-list-body")]
    assert names == list(site.site(HkexSite).list_of(date(2026, 11, 20)).names_en)
    assert any("&" in name for name in names)


@pytest.mark.parametrize(("market", "first_digit"), [("sh", "9"), ("sz", "7")])
def test_northbound_codes_are_internal_and_english_names_carry_the_a_share_code(
    site: Sandbox, market: str, first_digit: str
) -> None:
    reply = ask(page_url(site, f"mutualmarket.aspx?t={market}"))
    codes = [n.text().strip() for n in reply.dom.css("td.col-stock-code .mobile-list-body")]
    names = [n.text() for n in reply.dom.css("td.col-stock-name .mobile-list-body")]
    assert len(codes) > 200
    assert all(len(code) == 5 and code[0] == first_digit for code in codes)
    assert all(name.endswith(")") and "(A #" in name and name[-7:-1].isdigit() for name in names)
    chinese = ask(page_url(site, f"mutualmarket_c.aspx?t={market}"))
    assert "(A #" not in chinese.one("#mutualmarket-result tbody")


def test_the_participants_page_states_totals_that_its_rows_sum_to(site: Sandbox) -> None:
    reply = search_participants(site, "2026/11/19", "00700")
    values = [int(n.text().replace(",", "")) for n in reply.dom.css("#pnlResultSummary .shareholding .value")]
    counts = [int(n.text()) for n in reply.dom.css("#pnlResultSummary .number-of-participants .value")]
    assert sum(values[:-1]) == values[-1]
    assert sum(counts[:-1]) == counts[-1]
    issued = int(reply.one(".ccass-search-remarks .summary-value").replace(",", ""))
    assert values[-1] <= issued
    held = [
        int(n.text().replace(",", "")) for n in reply.dom.css("#pnlResultNormal td.col-shareholding .mobile-list-body")
    ]
    ids = [n.text() for n in reply.dom.css("#pnlResultNormal td.col-participant-id .mobile-list-body")]
    names = [n.text() for n in reply.dom.css("#pnlResultNormal td.col-participant-name .mobile-list-body")]
    percents = [n.text() for n in reply.dom.css("#pnlResultNormal td.col-shareholding-percent .mobile-list-body")]
    assert held == sorted(held, reverse=True)
    assert sum(h for h, i in zip(held, ids, strict=True) if i) == values[0]
    assert all(name.startswith("*") == (not i) for name, i in zip(names, ids, strict=True))
    assert percents == [f"{h * 10_000 // issued / 100:.2f}%" for h in held]
    listed = site.site(HkexSite).list_of(date(2026, 11, 19))
    row = listed.find(700)
    assert row is not None
    assert sum(h for h, i in zip(held, ids, strict=True) if i in ("A00003", "A00004")) == listed.shares[row]


def test_every_stock_of_a_list_has_participants_within_its_issued_shares(site: Sandbox) -> None:
    day = date(2026, 3, 31)
    listed = site.site(HkexSite).list_of(day)
    for code, held in zip(listed.codes, listed.shares, strict=True):
        found = site.site(HkexSite).participants_of(code, day)
        assert found is not None
        accounts = sum(h.shares for h in found.holders if h.participant_id.startswith("A"))
        total = sum(h.shares for h in found.holders) + found.hidden_shares
        assert accounts == held
        assert total <= found.issued
        assert 55 <= len(found.holders) <= 320
        assert all(h.shares > 0 for h in found.holders)


def test_the_chinese_participants_page_has_the_same_numbers_under_chinese_labels(site: Sandbox) -> None:
    english = search_participants(site, "2026/11/19", "00005")
    chinese = search_participants(site, "2026/11/19", "00005", page="searchsdw_c.aspx")
    numbers = [
        [n.text() for n in r.dom.css("#pnlResultNormal td.col-shareholding .mobile-list-body")]
        for r in (english, chinese)
    ]
    assert numbers[0] == numbers[1]
    labels = [n.text() for n in chinese.dom.css(".summary-category")]
    assert labels[0] == "市場中介者"
    assert labels[-1] == "總數"


def test_a_click_on_a_heading_sorts_on_the_server(site: Sandbox) -> None:
    reply = search_holdings(site, "2026/11/20", sortBy="shareholding", sortDirection="desc")
    shares = [int(n.text().replace(",", "")) for n in reply.dom.css("td.col-shareholding .mobile-list-body")]
    assert shares == sorted(site.site(HkexSite).list_of(date(2026, 11, 20)).shares, reverse=True)
    assert reply.field("sortBy") == "shareholding"


def test_no_page_names_an_address_outside(site: Sandbox) -> None:
    for page in ("mutualmarket.aspx?t=hk", "mutualmarket_c.aspx?t=sz", "searchsdw.aspx", "searchsdw_c.aspx"):
        dom = ask(page_url(site, page)).dom
        links = [n.attributes.get("src") or n.attributes.get("href") or "" for n in dom.css("[src], [href]")]
        assert links
        assert not [link for link in links if "//" in link]


def test_the_start_page_and_the_stock_list_lead_a_person_on(site: Sandbox) -> None:
    start = ask(f"{site.url}{HKEX}/")
    assert "2026-11-20" in start.text
    for page, count in ((start, 6), (ask(f"{site.url}/"), 8)):
        links = [node.attributes["href"] or "" for node in page.dom.css("li a")]
        assert len(links) == count
        for link in links:
            assert ask(urljoin(site.url, link)).status == 200
    stocks = ask(page_url(site, "stocklist.aspx?sortby=stockcode&shareholdingdate=20260331"))
    codes = [n.text() for n in stocks.dom.css("tbody td:first-child")]
    assert codes == [f"{code:05d}" for code in site.site(HkexSite).list_of(date(2026, 3, 31)).codes]


def test_the_form_carries_every_field_of_the_real_one(site: Sandbox) -> None:
    holdings = form_of(ask(page_url(site, "mutualmarket.aspx?t=hk")))
    assert {
        "__VIEWSTATE",
        "__VIEWSTATEGENERATOR",
        "__EVENTVALIDATION",
        "today",
        "sortBy",
        "sortDirection",
        "alertMsg",
    } < set(holdings)
    participants = form_of(ask(page_url(site, "searchsdw.aspx")))
    assert {"__EVENTTARGET", "__EVENTARGUMENT", "originalShareholdingDate", "txtStockCode", "txtSelPartID"} < set(
        participants
    )
