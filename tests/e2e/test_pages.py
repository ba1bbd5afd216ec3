"""Every page in a real browser: wide and narrow, light and dark, against the numbers of the published marts."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from playwright.sync_api import BrowserContext, expect

from dashboards.ui import formats
from tests.areas.fake_build import publish_build, sessions
from tests.e2e.browsing import OVERFLOWING, PATIENCE, expect_mode, opened, profile, published, served, variants

pytestmark = pytest.mark.e2e

PAGES = ["/hk", "/hk/stock", "/hk/stock/00700", "/data"]
EMPTY_PAGES = ["/hk/stock/99999", "/nowhere/at-all"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pages")
    publish_build(path / "data", count=79)
    return path


@pytest.fixture(scope="module")
def site(home: Path) -> Iterator[str]:
    with served(home) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[BrowserContext]:
    with profile() as context:
        yield context


@pytest.mark.parametrize(("width", "mode"), variants((1440, "light")))
def test_every_page_is_whole_at_every_width_and_in_both_modes(
    browser: BrowserContext, site: str, width: int, mode: str
):
    with opened(browser, site, width=width, mode=mode) as watched:
        for path in PAGES + (EMPTY_PAGES if width == 390 else []):
            page = watched.open(path)
            if path in {"/hk", "/hk/stock/00700", "/data"}:
                expect(page.locator("canvas").first).to_be_visible(timeout=PATIENCE)
            assert page.evaluate(OVERFLOWING) == [], path
            expect_mode(page, mode)
        assert watched.faults == []


def test_the_overview_says_what_the_marts_say(browser: BrowserContext, site: str, home: Path):
    with opened(browser, site) as watched, published(home) as marts:
        page = watched.open("/hk?window=5")
        last = marts.execute("select max(session_date) from hk__movers").fetchone()[0]
        held = marts.execute("select count(*) from hk__daily_holdings where session_date = ?", [last]).fetchone()[0]
        up, down, most = marts.execute(
            "select count(*) filter (where change_shares > 0), count(*) filter (where change_shares < 0),"
            " max(change_pp) from hk__movers where window_sessions = 5 and session_date = ?",
            [last],
        ).fetchone()
        assert page.locator("[data-kpi=held] .value").inner_text() == formats.integer(held)
        assert page.locator("[data-kpi=breadth] .value").inner_text() == f"{up} / {down}"
        assert page.locator("[data-kpi=rise] .value").inner_text() == formats.points(most)
        assert formats.day(last) in page.locator(".chips").first.inner_text()


def test_the_stock_page_says_what_the_marts_say_and_takes_codes_without_zeros(
    browser: BrowserContext, site: str, home: Path
):
    with opened(browser, site) as watched, published(home) as marts:
        shares, percent = marts.execute(
            "select shareholding_shares, pct_of_issued from hk__daily_holdings where stock_code = '00005'"
            " order by session_date desc limit 1"
        ).fetchone()
        page = watched.open("/hk/stock/5")
        assert page.locator("h1").first.inner_text() == "00005 HSBC HOLDINGS"
        assert page.title() == "00005 HSBC HOLDINGS · Fin Assets"
        assert page.locator("[data-kpi=holding] .hint").inner_text() == formats.integer(shares)
        assert page.locator("[data-kpi=pct] .value").inner_text() == formats.percent(percent)
        assert watched.faults == []


def test_choices_go_into_the_address_and_a_bar_opens_its_stock(browser: BrowserContext, site: str):
    with opened(browser, site) as watched:
        page = watched.open("/hk?count=5")
        page.get_by_role("button", name="Top", exact=True).click()
        page.wait_for_url("**/hk?side=top&count=5")
        page.go_back()
        page.wait_for_url("**/hk?count=5")
        pressed = page.get_by_role("button", name="Both", exact=True)
        expect(pressed).to_have_attribute("aria-pressed", "true", timeout=PATIENCE)
        page.get_by_role("button", name="Top", exact=True).click()
        page.wait_for_url("**/hk?side=top&count=5")
        page.wait_for_function("() => !document.title.includes('Panel')")
        chart = page.locator("canvas").first
        expect(chart).to_be_visible()
        code = page.locator("[data-kpi=rise] .hint").inner_text().split(" ")[0]
        deadline = time.monotonic() + 30
        while "/hk/stock/" not in page.url and time.monotonic() < deadline:
            box = chart.bounding_box()
            assert box is not None
            # The chart redraws after the choice; the first bar then begins right of the names.
            page.mouse.click(box["x"] + box["width"] * 0.45, box["y"] + 20)
            page.wait_for_timeout(300)
        assert page.url == f"{site}/hk/stock/{code}"


def test_a_stock_is_searched_from_the_keyboard_by_its_chinese_name_and_back_is_where_one_was(
    browser: BrowserContext, site: str
):
    with opened(browser, site, height=700) as watched:
        page = watched.open("/data?unknown=1")
        expect(page.locator("[data-remarks]")).to_contain_text("unknown=1", timeout=PATIENCE)
        expect(page.locator(".tabulator-row").first).to_be_visible(timeout=PATIENCE)
        assert len(re.findall(rb"/Type\s*/Page\b", page.pdf())) > 1, "printing gives the whole page"
        page.wait_for_function("() => document.documentElement.scrollHeight > 1400")
        page.keyboard.press("/")
        box = page.get_by_role("combobox", name="Search all codes and names")
        expect(box).to_be_focused()
        page.keyboard.type("建設")
        expect(page.get_by_role("option", name="00939")).to_be_visible(timeout=PATIENCE)
        page.keyboard.press("ArrowDown")
        page.evaluate("() => scrollTo(0, 500)")
        page.keyboard.press("Enter")
        page.wait_for_url("**/hk/stock/00939")
        expect(page.locator("h1").first).to_have_text("00939 CCB", timeout=PATIENCE)
        page.go_back()
        page.wait_for_function("() => scrollY > 300", timeout=PATIENCE)
        assert watched.faults == []


def test_the_chosen_mode_is_kept_on_the_next_page(browser: BrowserContext, site: str):
    with opened(browser, site, mode="light") as watched:
        page = watched.open("/data")
        page.get_by_label("Toggle theme").click()
        expect(page.locator("h1").first).to_have_css("color", "rgb(230, 235, 240)", timeout=PATIENCE)
        page = watched.open("/hk/stock")
        expect(page.locator("h1").first).to_have_css("color", "rgb(230, 235, 240)", timeout=PATIENCE)
        assert watched.faults == []


def test_an_unknown_code_and_an_unknown_page_get_a_page_of_their_own(browser: BrowserContext, site: str):
    with opened(browser, site) as watched:
        page = watched.open("/hk/stock/99999")
        assert "No stock “99999”" in page.locator("h1").first.inner_text()
        expect(page.get_by_text("fin status hkex_southbound")).to_be_visible()
        page = watched.open("/nowhere")
        for path in ("/nowhere", "/hk/stock/99999", "/hk/stock/99999?window=5"):
            with pytest.raises(HTTPError, match="404"):
                urlopen(site + path, timeout=30)  # noqa: S310 - our own server
        assert page.locator("h1").first.inner_text() == "Page not found"


def test_a_slash_at_the_end_and_the_bare_address_lead_to_the_pages(browser: BrowserContext, site: str):
    with opened(browser, site) as watched:
        assert watched.open("/").url == f"{site}/hk"
        assert watched.open("/hk/stock/700/").url == f"{site}/hk/stock/700"
        assert watched.faults == []


def test_a_table_is_taken_home_as_excel(browser: BrowserContext, site: str):
    with opened(browser, site) as watched:
        page = watched.open("/hk")
        with page.expect_download() as download:
            page.get_by_role("button", name="Excel").first.click()
        assert download.value.suggested_filename.endswith(".xlsx")
        assert str(sessions()[78]) in download.value.suggested_filename


def test_a_new_build_shows_a_notice_and_new_content_without_a_reload(browser: BrowserContext, tmp_path: Path):
    with served(tmp_path) as site, opened(browser, site) as watched:
        page = watched.open("/hk?window=5")
        assert page.locator("h1").first.inner_text() == "No data yet"
        page.evaluate("() => { window.sameDocument = true }")
        publish_build(tmp_path / "data", count=79)
        expect(page.locator("[data-notice=new-build]")).to_be_visible(timeout=PATIENCE)
        expect(page.locator(".chips").first).to_contain_text(formats.day(sessions()[78]))
        build = publish_build(tmp_path / "data", count=80)
        expect(page.locator("[data-notice=new-build]")).to_contain_text(build.id, timeout=PATIENCE)
        expect(page.locator(".chips").first).to_contain_text(formats.day(sessions()[79]))
        assert page.evaluate("() => window.sameDocument") is True
        assert "window=5" in page.url
        assert watched.faults == []
