"""The Indonesian pages in a real browser: wide and narrow, light and dark, against the published marts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from playwright.sync_api import TimeoutError as TooLate

from dashboards.areas.idx.money import rupiah, signed_rupiah
from dashboards.ui import formats
from tests.areas.fake_build import publish_build, sessions
from tests.areas.idx.fake_market import BROKEN, SUSPENDED
from tests.e2e.browsing import OVERFLOWING, PATIENCE, expect_mode, opened, profile, published, served, variants

pytestmark = pytest.mark.e2e

LAST = sessions()[-1]
CHARTED = ["/idx", "/idx/stock/BBCA", "/idx/broker/YP"]
PAGES = [*CHARTED, "/idx/screener", "/idx/broker", "/data"]
SHORT = 2_000
EMPTY_PAGES = ["/idx/stock/ZZZZ", "/idx/broker/Q9", f"/idx/stock/{SUSPENDED}?window=5"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("idx-pages")
    publish_build(path / "data")
    return path


@pytest.fixture(scope="module")
def site(home: Path) -> Iterator[str]:
    with served(home) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[BrowserContext]:
    with profile() as context:
        yield context


def click_until(page: Page, canvas: int, at: tuple[float, float], wanted: str) -> None:
    """Click a place of a chart until the address changes: a chart that is still drawn does not answer yet."""
    chart = page.locator("canvas").nth(canvas)
    deadline = time.monotonic() + 2 * PATIENCE / 1000
    while wanted not in page.url and time.monotonic() < deadline:
        # The page may be gone between any two of these.
        with suppress(TooLate):
            box = chart.bounding_box(timeout=SHORT)
            if box is not None:
                place = {"x": box["width"] * at[0], "y": box["height"] * at[1]}
                chart.click(position=place, timeout=SHORT)
            page.wait_for_url(f"**{wanted}*", timeout=SHORT, wait_until="commit")
    assert wanted in page.url


@pytest.mark.parametrize(("width", "mode"), variants((390, "dark")))
def test_every_page_is_whole_at_every_width_and_in_both_modes(
    browser: BrowserContext, site: str, width: int, mode: str
):
    with opened(browser, site, width=width, mode=mode) as watched:
        for path in PAGES + (EMPTY_PAGES if width == 390 else []):
            page = watched.open(path)
            if path in CHARTED:
                expect(page.locator("canvas").first).to_be_visible(timeout=PATIENCE)
            assert page.evaluate(OVERFLOWING) == [], path
            expect_mode(page, mode)
        assert watched.faults == []


def test_the_market_page_says_what_the_marts_say(browser: BrowserContext, site: str, home: Path):
    with opened(browser, site) as watched, published(home) as marts:
        page = watched.open("/idx?window=5")
        value, foreign = marts.execute(
            "select sum(value_idr), sum(net_foreign_value_idr) from idx__market_totals where session_date >= ?",
            [sessions()[-5]],
        ).fetchone()
        up, down = marts.execute(
            "select advancers, decliners from idx__market_totals where session_date = ?", [LAST]
        ).fetchone()
        assert page.locator("[data-kpi=value] .value").inner_text() == rupiah(value)
        assert page.locator("[data-kpi=foreign] .value").inner_text() == signed_rupiah(foreign)
        assert page.locator("[data-kpi=breadth] .value").inner_text() == f"{up} / {down}"
        assert watched.faults == []


def test_the_stock_page_says_what_the_marts_say(browser: BrowserContext, site: str, home: Path):
    with opened(browser, site) as watched, published(home) as marts:
        page = watched.open("/idx/stock/bbca?window=5")
        percent, label = marts.execute(
            "select top5_pct, top5_label from idx__detector where ticker_code = 'BBCA' and window_sessions = 5"
            " and session_date = ?",
            [LAST],
        ).fetchone()
        assert page.title() == "BBCA · Fin Assets"
        assert page.locator("[data-gauge]").get_attribute("data-gauge") == label
        assert formats.signed_percent(percent) in page.locator("[data-gauge]").inner_text()
        assert "5 of 5 sessions" in page.get_by_text("Reconciled with the exchange").inner_text()
        buyer, lots = marts.execute(
            "select broker_code, sum(net_lots) from idx__broker_daily_flow where ticker_code = 'BBCA'"
            " and session_date >= ? group by 1 order by sum(net_value_idr) desc limit 1",
            [sessions()[-5]],
        ).fetchone()
        row = page.locator(f'.tabulator-row:has(a[href="/idx/broker/{buyer}"])', has_text=f"{lots:,}").first
        expect(row).to_be_visible(timeout=PATIENCE)
        assert watched.faults == []


def test_a_tile_a_cell_and_a_bar_open_their_stock(browser: BrowserContext, site: str):
    with opened(browser, site) as watched:
        for canvas, at in ((0, (0.1, 0.3)), (2, (0.45, 0.06)), (4, (0.04, 0.5))):
            page = watched.open("/idx")
            expect(page.locator("canvas").nth(canvas)).to_be_visible(timeout=PATIENCE)
            click_until(page, canvas, at, "/idx/stock/")
            expect(page.locator("[data-kpi=price]")).to_be_visible(timeout=PATIENCE)
        assert watched.faults == []


def test_choices_go_into_the_address_and_come_back_from_it(browser: BrowserContext, site: str):
    with opened(browser, site) as watched:
        page = watched.open("/idx/stock/BBCA")
        page.get_by_role("button", name="60", exact=True).click()
        page.get_by_role("button", name="Gross", exact=True).click()
        page.wait_for_url("**/idx/stock/BBCA?window=60&sides=gross")
        page.reload()
        expect(page.get_by_role("button", name="Gross", exact=True)).to_have_attribute(
            "aria-pressed", "true", timeout=PATIENCE
        )
        expect(page.get_by_text("60 sessions,")).to_be_visible(timeout=PATIENCE)
        assert watched.faults == []


def test_a_date_is_chosen_in_the_calendar(browser: BrowserContext, site: str):
    with opened(browser, site) as watched:
        page = watched.open("/idx")
        page.get_by_label("Choose date").first.click()
        chosen = sessions()[-3]
        page.get_by_role("gridcell", name=str(chosen.day), exact=True).click()
        page.wait_for_url(f"**/idx?asof={chosen}")
        expect(page.get_by_text(formats.day(chosen)).first).to_be_visible(timeout=PATIENCE)
        assert watched.faults == []


def test_stocks_and_brokers_are_searched_from_one_field(browser: BrowserContext, site: str):
    with opened(browser, site) as watched:
        page = watched.open("/idx")
        box = page.get_by_placeholder("Search code or name …")
        box.click()
        box.press_sequentially("mirae")
        page.get_by_role("option", name="YP Mirae").click()
        page.wait_for_url("**/idx/broker/YP")
        expect(page.locator("h1").first).to_have_text("YP Mirae Asset Sekuritas Indonesia", timeout=PATIENCE)


def test_the_screener_narrows_to_a_preset_and_a_row_opens_its_stock(browser: BrowserContext, site: str):
    with opened(browser, site) as watched:
        page = watched.open("/idx/screener")
        page.get_by_label("Preset").click()
        page.get_by_role("menuitem", name="Net Foreign Buy Streak").click()
        page.wait_for_url("**/idx/screener?preset=foreign_streak")
        expect(page.locator("[data-verdict=foreign_streak]")).to_contain_text("base rate", timeout=PATIENCE)
        link = page.locator('.tabulator-row a[href^="/idx/stock/"]').first
        code = link.inner_text()
        link.click()
        page.wait_for_url(f"**/idx/stock/{code}")
        assert watched.faults == []


def test_the_data_page_has_both_exchanges_and_the_lists_that_differ(browser: BrowserContext, site: str):
    with opened(browser, site) as watched:
        page = watched.open("/data")
        expect(page.get_by_text("coverage and reconciliation by session")).to_be_visible(timeout=PATIENCE)
        row = page.locator(".tabulator-row", has=page.locator(f'a[href="/idx/stock/{BROKEN}"]'), has_text="mismatch")
        expect(row).to_be_visible(timeout=PATIENCE)
        assert page.get_by_text("hkex_southbound").count() > 0
        assert watched.faults == []


def test_unknown_codes_get_a_page_and_addresses_without_a_page_lead_to_one(browser: BrowserContext, site: str):
    with opened(browser, site) as watched:
        assert "No stock “ZZZZ”" in watched.open("/idx/stock/ZZZZ").locator("h1").first.inner_text()
        assert "No broker “Q9”" in watched.open("/idx/broker/Q9").locator("h1").first.inner_text()
        assert watched.open("/idx/stock").url == f"{site}/idx/screener"
        assert watched.open("/idx/stock/BBCA/").url == f"{site}/idx/stock/BBCA"


def test_a_broker_table_is_taken_home_as_excel(browser: BrowserContext, site: str):
    with opened(browser, site) as watched:
        page = watched.open("/idx/stock/BBCA?window=5")
        with page.expect_download() as download:
            page.get_by_role("button", name="Excel").first.click()
        assert download.value.suggested_filename.startswith("idx-BBCA-")
        assert download.value.suggested_filename.endswith(f"{LAST}.xlsx")
