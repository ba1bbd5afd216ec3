"""Text of sites is text on every page: markup and marked scripts in every text column, looked at behind a login.

The policy of the pages is off here: what it would stop must not even be tried. That pages keep the policy is seen by all
other tests of pages, for which a message of the browser's console is a fault.
"""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from dashboards.ui.guard import hashed
from fin_assets.core.transport.browser.chromium import FLAGS, find_chromium, runs_as_root
from fin_assets.settings import BrowserSettings
from tests.areas.fake_build import publish_build
from tests.areas.visiting import SITE
from tests.e2e.browsing import PATIENCE, served

pytestmark = pytest.mark.e2e

PASSWORD = "correct horse battery"
MARKUP = "=<img src=x onerror=window.hacked=1>"
MARKED = "--x_x--0_0--(window.hacked=2,()=>1)--x_x--0_0--"
CODES = {"/hk/stock/{code}": "700", "/idx/stock/{code}": "BBCA", "/idx/broker/{code}": "YP"}
PATHS = [page.path.replace("{code}", CODES.get(page.path, "")) for area in SITE.areas for page in area.pages]
QUICK = {"/hk/stock/700", "/data"}
"""A page with charts of data, and the one with texts of failures; `make test-all` looks at all."""
EVERY = [path if path in QUICK else pytest.param(path, marks=pytest.mark.slow) for path in PATHS]
PICTURES = """() => {
  const count = (root) => [...root.querySelectorAll("*")].reduce((sum, e) =>
    sum + (e.tagName === "IMG" && e.getAttribute("src") === "x") + (e.shadowRoot ? count(e.shadowRoot) : 0), 0);
  return count(document);
}"""
STILL = 200
"""How long a tooltip may take to come. Unit: milliseconds."""

KEYS = (
    "source",
    "table_name",
    "view_name",
    "file",
    "timezone",
    "mode",
    "build_id",
    "market",
    "board",
    "investor_type",
    "label",
)
"""Columns by which questions choose rows, with words of our own."""
CODE_COLUMNS = {"stock_code": "01150", "linked_stock_code": "02969", "ticker_code": "TLKM", "broker_code": "CC"}
"""Columns of codes, and the one code that becomes markup; the others lead from page to page."""
CHOSEN = (
    "state",
    "kind",
    "direction",
    "day_state",
    "trading_state",
    "participant_kind",
    "broker_type",
    "signal",
    "counter_role",
    "name_language",
)
"""Columns of words that pages know; a part of the rows has one that they do not know."""


def columns(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Return each table with each of its text columns."""
    return connection.execute(
        "select table_schema || '.' || table_name, column_name from information_schema.columns"
        " join information_schema.tables using (table_schema, table_name)"
        " where data_type = 'VARCHAR' and table_type = 'BASE TABLE' order by all"
    ).fetchall()


def spoil(connection: duckdb.DuckDBPyConnection) -> int:
    """Put markup or a marked script into every text column; return the number of columns."""
    spoiled = 0
    for table, column in columns(connection):
        if column in KEYS:
            continue
        if column in CODE_COLUMNS:
            what, where = f"'{MARKUP}'", f"{column} = '{CODE_COLUMNS[column]}'"
        elif column in CHOSEN:
            what, where = f"'{MARKUP}'", "rowid % 7 = 3"
        else:
            what = f"case when hash({column}) % 2 = 0 then '{MARKUP}' || {column} else '{MARKED}' end"
            where = f"{column} is not null"
        connection.execute(f"update {table} set {column} = {what} where {where}")  # noqa: S608 - names of the catalogue
        spoiled += 1
    return spoiled


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile")
    publish_build(path / "data", also=spoil)
    return path


@pytest.fixture(scope="module")
def site(home: Path) -> Iterator[str]:
    with served(home, FIN_DASHBOARDS__PASSWORD=hashed(PASSWORD)) as address:
        yield address


@pytest.fixture(scope="module")
def reader(site: str) -> Iterator[BrowserContext]:
    """A reader who logged in, in a browser that does not keep the policy of the pages."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(BrowserSettings()).path, chromium_sandbox=not runs_as_root(), args=list(FLAGS)
        )
        context = browser.new_context(bypass_csp=True, viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.goto(f"{site}/data")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("h1").first).to_have_text("Data", timeout=PATIENCE)
        page.close()
        yield context
        browser.close()


@pytest.fixture
def page(reader: BrowserContext) -> Iterator[Page]:
    page = reader.new_page()
    yield page
    page.close()


def hacked(page: Page) -> object:
    return page.evaluate("() => window.hacked")


def point_at_everything(page: Page) -> int:
    """Move the pointer over the cells of the first rows, the headings and a grid on every chart; return how many."""
    pointed = 0
    cells = page.locator(".tabulator-row:nth-child(-n+2) .tabulator-cell, .tabulator-col, .chip, [data-kpi]")
    for target in cells.all()[:40]:
        if target.is_visible():
            target.hover(force=True, timeout=PATIENCE)
            pointed += 1
    for canvas in page.locator("canvas").all():
        canvas.scroll_into_view_if_needed(timeout=PATIENCE)
        box = canvas.bounding_box()
        if box is None:
            continue
        for across in (0.2, 0.5, 0.9):
            for down in (0.15, 0.4, 0.7):
                page.mouse.move(box["x"] + box["width"] * across, box["y"] + box["height"] * down)
                pointed += 1
        page.wait_for_timeout(STILL)
    return pointed


@pytest.mark.parametrize("path", EVERY)
def test_no_text_of_a_site_runs_on_a_page_however_it_is_pointed_at_or_clicked(page: Page, site: str, path: str):
    failed: list[str] = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.goto(f"{site}{path}")
    expect(page.locator(".tabulator-row, canvas").first).to_be_visible(timeout=PATIENCE)
    page.wait_for_timeout(3 * STILL)
    assert point_at_everything(page) > 10
    for cell in page.locator(".tabulator-row:first-child .tabulator-cell:first-child").all()[:3]:
        cell.dispatch_event("click")
    page.wait_for_timeout(STILL)
    assert hacked(page) is None
    assert failed == []
    assert page.evaluate(PICTURES) == 0


def test_a_search_shows_markup_as_text(page: Page, site: str):
    page.goto(f"{site}/hk")
    field = page.get_by_role("combobox").first
    field.click(timeout=PATIENCE)
    field.press_sequentially("img")
    option = page.get_by_role("option").first
    expect(option).to_contain_text("<img", timeout=PATIENCE)
    option.hover()
    page.wait_for_timeout(STILL)
    assert hacked(page) is None


@pytest.mark.parametrize("kind", ["CSV", "Excel"])
def test_a_file_behind_a_login_arrives_and_holds_no_formula(page: Page, site: str, kind: str, tmp_path: Path):
    page.goto(f"{site}/hk/stock")
    button = page.get_by_role("button", name=kind).first
    expect(button).to_be_visible(timeout=PATIENCE)
    with page.expect_download(timeout=PATIENCE) as download:
        button.click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    if kind == "CSV":
        rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
        names = {row["stock_name"][:2] for row in rows}
        assert names == {"'=", "'-"}
    else:
        with zipfile.ZipFile(path) as book:
            sheets = [book.read(name).decode() for name in book.namelist() if "worksheets/sheet" in name]
            assert MARKUP[:5].replace("<", "&lt;") in book.read("xl/sharedStrings.xml").decode()
        assert not [sheet for sheet in sheets if "<f>" in sheet or "<hyperlink" in sheet]


def test_a_page_without_a_login_has_nothing(site: str, reader: BrowserContext):
    stranger = reader.browser
    assert stranger is not None
    context = stranger.new_context()
    page = context.new_page()
    answer = page.goto(f"{site}/hk")
    assert answer is not None
    assert answer.status == 401
    expect(page.get_by_label("Password")).to_be_visible()
    context.close()


def test_every_text_column_of_the_build_is_spoiled_or_named(home: Path):
    [build] = (home / "data" / "marts" / "builds").glob("*.duckdb")
    with duckdb.connect(build, read_only=True) as connection:
        for table, column in columns(connection):
            if column in KEYS:
                continue
            total, spoiled = connection.execute(
                f"select count({column}), count(*) filter ({column} like '%img src%' or {column} = ?) from {table}",  # noqa: S608
                [MARKED],
            ).fetchone()
            assert spoiled or total < 4 or column in CODE_COLUMNS, (table, column)
