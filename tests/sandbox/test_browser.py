"""A person's way through the pages, in a real browser: the banner, the date, the button, the result."""

from __future__ import annotations

import os
import shutil
from datetime import date
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from fin_assets.sandbox.sites.idx_brokers.options import IDX, IPOT
from fin_assets.sandbox.sites.idx_brokers.site import IdxSite
from tests.sandbox.client import page_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fin_assets.sandbox import Sandbox

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = os.environ.get("FIN_BROWSER__EXECUTABLE") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield found
        found.close()


class Visit:
    """A page that collects what went wrong and what was asked from elsewhere."""

    def __init__(self, page: Page, own: str) -> None:
        self.page, self.complaints = page, list[str]()
        page.set_default_timeout(15_000)
        page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith((own, "data:")) else self.complaints.append(r.url))


@pytest.fixture
def visit(browser: Browser, site: Sandbox) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    made = Visit(context.new_page(), site.url)
    yield made
    context.close()
    assert made.complaints == []


def test_the_banner_covers_the_button_until_it_is_accepted_and_does_not_come_back(visit: Visit, site: Sandbox) -> None:
    page = visit.page
    page.goto(page_url(site, "mutualmarket.aspx?t=hk"))
    page.wait_for_selector("#onetrust-banner-sdk")
    with pytest.raises(PlaywrightTimeout):
        page.click("#btnSearch", timeout=500)
    page.click("#onetrust-accept-btn-handler")
    page.fill("#txtShareholdingDate", "2026/03/29")
    page.click("#btnSearch")
    page.wait_for_function("document.querySelector('h2.ccass-heading span').textContent.includes('2026/03/27')")
    assert page.locator("#onetrust-banner-sdk").count() == 0
    assert page.locator("#mutualmarket-result tbody tr").count() > 500
    assert "OptanonAlertBoxClosed" in {cookie["name"] for cookie in page.context.cookies()}


def test_a_person_searches_a_stock_with_the_date_picker_in_chinese(visit: Visit, site: Sandbox) -> None:
    page = visit.page
    page.goto(page_url(site, "searchsdw_c.aspx"))
    page.click("#onetrust-reject-all-handler")
    assert page.get_attribute("#txtShareholdingDate", "readonly") is not None
    page.click("#txtShareholdingDate")
    for part, value in (("year", "2026"), ("month", "3"), ("day", "27")):
        page.select_option(f"#date-picker select.{part}", value)
    page.click("#set-btn")
    assert page.input_value("#txtShareholdingDate") == "2026/03/27"
    page.fill("#txtStockCode", "00700")
    page.click("#btnSearch")
    page.wait_for_selector("#pnlResultNormal")
    assert page.inner_text(".ccass-search-total .summary-category") == "總數"
    assert page.input_value("#originalShareholdingDate") == "2026/03/27"


def test_a_bad_date_is_refused_by_the_page_itself_and_one_out_of_range_by_the_site(visit: Visit, site: Sandbox) -> None:
    page = visit.page
    page.goto(page_url(site, "mutualmarket.aspx?t=sh"))
    page.click("#onetrust-accept-btn-handler")
    page.fill("#txtShareholdingDate", "29/03/2026")
    page.click("#btnSearch")
    assert "yyyy/mm/dd" in page.inner_text(".alert-box")
    page.fill("#txtShareholdingDate", "2019/01/25")
    page.click("#btnSearch")
    page.wait_for_function("document.querySelector('.alert-box').textContent.includes('2024/07/02')")
    assert page.locator("#pnlResult").count() == 0


def test_a_click_on_a_heading_sorts_the_table(visit: Visit, site: Sandbox) -> None:
    page = visit.page
    page.goto(page_url(site, "mutualmarket.aspx?t=hk"))
    page.click("#onetrust-accept-btn-handler")
    with page.expect_navigation():
        page.click("th.col-shareholding")
    shares = page.locator("td.col-shareholding .mobile-list-body").all_inner_texts()
    values = [int(text.replace(",", "")) for text in shares]
    assert values == sorted(values, reverse=True)


def test_a_phone_shows_labels_beside_values_and_does_not_scroll_sideways(visit: Visit, site: Sandbox) -> None:
    page = visit.page
    page.set_viewport_size({"width": 390, "height": 844})
    for name in ("mutualmarket.aspx?t=hk", "searchsdw.aspx"):
        page.goto(page_url(site, name))
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.goto(page_url(site, "mutualmarket.aspx?t=hk"))
    assert page.locator("td.col-stock-code .mobile-list-heading").first.is_visible()


def test_the_lists_of_indonesia_are_fetched_from_within_their_start_page(visit: Visit, site: Sandbox) -> None:
    page = visit.page
    page.goto(f"{site.url}{IDX}/")
    address = "/idx/primary/TradingSummary/GetStockSummary?length=9999&start=0&date=20261119"
    found = page.evaluate("address => fetch(address).then(answer => answer.json())", address)
    assert (
        found["recordsTotal"] == len(found["data"]) == len(site.site(IdxSite).session_facts(date(2026, 11, 19)).codes)
    )
    page.context.clear_cookies()
    assert page.evaluate("address => fetch(address).then(answer => answer.status)", address) == 403
    assert [text for text in visit.complaints if "403" not in text] == []
    visit.complaints.clear()


def test_a_person_asks_for_another_board_and_opens_the_complete_list_of_a_stock(visit: Visit, site: Sandbox) -> None:
    page = visit.page
    page.goto(f"{site.url}{IPOT}/ipotnews/newsSmartSearch.php?code=BBCA")
    page.fill("#startDateBrokerSummary", "11/16/2026")
    page.select_option("#boardBrokerSummary", "RG")
    page.click("button.btn-xs-input")
    page.wait_for_selector("#boardBrokerSummary option[selected][value=RG]", state="attached")
    assert page.input_value("#startDateBrokerSummary") == "11/16/2026"
    assert page.locator("table.table-summary tbody tr").count() == 10
    page.click("a.more")
    page.wait_for_url("**list=full")
    assert page.locator("table.table-summary tbody tr").count() > 30
