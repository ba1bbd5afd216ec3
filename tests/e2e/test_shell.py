"""The frame of every page in windows of the sizes that people have; the window never grows to the content."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from dashboards.ui.shell import SCRIPTS
from tests.areas.fake_build import publish_build
from tests.areas.visiting import SITE
from tests.e2e.browsing import PATIENCE, opened, profile, served

pytestmark = pytest.mark.e2e

SIZES = [(1366, 768), (1440, 900), (1920, 1080), (390, 844)]
CODES = {"/hk/stock/{code}": "700", "/idx/stock/{code}": "BBCA", "/idx/broker/{code}": "YP"}
PATHS = [page.path.replace("{code}", CODES.get(page.path, "")) for area in SITE.areas for page in area.pages]
HOSTILE = "<img src=x onerror=window.hacked=1>"
HOSTILE_NAMES = f"""
update intermediate.idx_prices set company_name = '{HOSTILE}' || ticker_code;
update hk__daily_holdings set stock_name = '{HOSTILE}' || stock_code;
update ops__partition_health set why = '{HOSTILE}' where why is not null;
"""  # noqa: S608 - a constant
STILL = 400
"""How long a page must keep its height to count as laid out. Unit: milliseconds."""

DEEP = """
  const all = [];
  const walk = (root) => { for (const e of root.querySelectorAll('*')) { all.push(e); if (e.shadowRoot) walk(e.shadowRoot); } };
  walk(document);
  const box = (e) => {
    const r = e.getBoundingClientRect();
    return {left: r.left + scrollX, right: r.right + scrollX, top: r.top + scrollY, bottom: r.bottom + scrollY};
  };
  const seen = (e) => { const r = e.getBoundingClientRect(); return r.width > 0 && r.height > 0; };
"""
FRAME = f"""() => {{ {DEEP}
  const cards = all.filter((e) => e.classList.contains('card') && seen(e)).map(box);
  const footer = box(all.find((e) => e.tagName === 'FOOTER'));
  const faults = [];
  for (const [i, a] of cards.entries()) for (const b of cards.slice(i + 1)) {{
    const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (across > 1 && down > 1) faults.push(['cards overlap', a, b]);
  }}
  for (const card of cards) if (card.bottom > footer.top + 1) faults.push(['the footer lies across a card', card, footer]);
  const page = document.documentElement;
  if (footer.bottom > page.scrollHeight + 1) faults.push(['the footer lies outside of the document', footer]);
  for (const e of all) {{
    const style = getComputedStyle(e);
    if (['auto', 'scroll'].includes(style.overflowY) && e.scrollHeight > e.clientHeight + 1 && e !== page
        && seen(e) && !e.closest('.tabulator')) faults.push(['a box scrolls inside the page', e.className]);
  }}
  return {{faults, cards: cards.length}};
}}"""
COVERED = f"""() => {{ {DEEP}
  const faults = [];
  const buttons = all.filter((e) => e.tagName === 'BUTTON' && seen(e) && !e.disabled);
  for (const button of buttons) {{
    button.scrollIntoView({{block: 'center', inline: 'center', behavior: 'instant'}});
    const r = button.getBoundingClientRect();
    const at = [r.left + r.width / 2, r.top + r.height / 2];
    let hit = document.elementFromPoint(...at);
    while (hit && hit.shadowRoot) {{
      const inner = hit.shadowRoot.elementFromPoint(...at);
      if (!inner || inner === hit) break;
      hit = inner;
    }}
    if (!hit || !button.contains(hit)) faults.push([button.textContent || button.ariaLabel, hit && hit.outerHTML.slice(0, 120)]);
  }}
  scrollTo(0, 0);
  return {{faults, buttons: buttons.length}};
}}"""
CONTRAST = """(e) => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const linear = (v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const grounds = [];
  for (let n = e; n; n = n.parentElement || (n.getRootNode().host)) {
    const [r, g, b, a = 1] = numbers(getComputedStyle(n).backgroundColor);
    if (a > 0) grounds.push([r, g, b, a]);
    if (a === 1) break;
  }
  const ground = grounds.reverse().reduce((under, [r, g, b, a]) =>
    [r, g, b].map((v, i) => v * a + (under ? under[i] : 255) * (1 - a)), null);
  const [low, high] = [luminance(numbers(getComputedStyle(e).color)), luminance(ground)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}"""
POOR = f"""() => {{ {DEEP}
  const own = (e) => [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.textContent.trim());
  const faint = (e) => {{ for (let n = e; n; n = n.parentElement || n.getRootNode().host) {{
    if (Number(getComputedStyle(n).opacity) < 1 || n.disabled) return true; }} return false; }};
  return all.filter((e) => seen(e) && own(e) && !['SCRIPT', 'STYLE', 'OPTION'].includes(e.tagName) && !faint(e)
    && !e.closest('a[id=fin-skip]') && window.contrast(e) < 4.5).map((e) => [e.className, e.textContent.slice(0, 40)]);
}}"""
HOVERED = 250
"""How long a control takes to change its colours. Unit: milliseconds."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shell")
    publish_build(path / "data", also=HOSTILE_NAMES)
    return path


@pytest.fixture(scope="module")
def site(home: Path) -> Iterator[str]:
    with served(home) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[BrowserContext]:
    with profile() as context:
        yield context


def laid_out(page: Page) -> None:
    """Return once the document keeps its height."""
    height, waited = -1, 0
    while waited < PATIENCE:
        now = page.evaluate("() => document.documentElement.scrollHeight")
        if now == height:
            return
        height = now
        page.wait_for_timeout(STILL)
        waited += STILL


@pytest.mark.parametrize("path", PATHS)
def test_nothing_lies_across_anything_in_windows_of_real_sizes(browser: BrowserContext, site: str, path: str):
    with opened(browser, site, width=SIZES[0][0], height=SIZES[0][1]) as watched:
        page = watched.open(path)
        expect(page.locator("footer")).to_be_visible(timeout=PATIENCE)
        expect(page.locator(".tabulator-row").first).to_be_visible(timeout=PATIENCE)
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            laid_out(page)
            frame = page.evaluate(FRAME)
            assert frame["faults"] == [], (width, height)
            assert frame["cards"] > 0
            covered = page.evaluate(COVERED)
            assert covered["faults"] == [], (width, height)
            assert covered["buttons"] > 0
        assert page.evaluate("() => document.documentElement.scrollHeight > innerHeight"), "the document scrolls"
        assert page.evaluate("() => window.hacked") is None
        assert watched.faults == []


def test_a_column_of_the_height_of_the_window_would_be_noticed(browser: BrowserContext, site: str):
    with opened(browser, site, width=1366, height=768) as watched:
        page = watched.open("/hk/stock")
        expect(page.locator(".tabulator-row").first).to_be_visible(timeout=PATIENCE)
        laid_out(page)
        page.evaluate(f"""() => {{ {DEEP}
          const column = all.find((e) => e.classList.contains('main-content')).firstElementChild;
          column.style.cssText = 'height: 600px !important; min-height: 0 !important; flex: none !important';
          for (const e of all.filter((e) => e.tagName === 'FOOTER')) e.getRootNode().host.style.marginTop = '-400px';
        }}""")
        assert page.evaluate(FRAME)["faults"]


def test_names_stay_text_under_the_pointer(browser: BrowserContext, site: str):
    with opened(browser, site, height=900) as watched:
        for path, column, cut in (
            ("/idx/screener", "name", False),
            ("/hk/stock", "name", True),
            ("/data", "why", False),
        ):
            page = watched.open(path)
            cell = page.locator(f'.tabulator-cell[tabulator-field="{column}"]', has_text="<img").first
            expect(cell).to_be_visible(timeout=PATIENCE)
            laid_out(page)
            cell.hover(timeout=PATIENCE)
            if cut:
                expect(page.locator(".tabulator-tooltip").first).to_contain_text(HOSTILE, timeout=PATIENCE)
            page.wait_for_timeout(STILL)
            assert page.evaluate("() => window.hacked") is None
        assert watched.faults == []


@pytest.mark.parametrize("mode", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_every_text_can_be_read_and_every_control_under_the_pointer(browser: BrowserContext, site: str, mode: str):
    with opened(browser, site, mode=mode, height=900) as watched:
        page = watched.open("/hk")
        button = page.get_by_role("button", name="Top", exact=True)
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true", timeout=PATIENCE)
        for one in page.get_by_role("button").filter(visible=True).all():
            if one.is_enabled() and one.inner_text():
                one.hover()
                page.wait_for_timeout(HOVERED)
                assert one.evaluate(CONTRAST) >= 4.5, one.inner_text()
        page.mouse.move(2, 2)
        page.wait_for_timeout(STILL)
        assert button.evaluate(CONTRAST) >= 4.5
        page.evaluate(f"() => {{ window.contrast = {CONTRAST} }}")
        assert page.evaluate(POOR) == []


def asked(address: str) -> tuple[bytes, Message]:
    """Return what the server answers to a browser that takes compressed bodies."""
    request = Request(address, headers={"Accept-Encoding": "gzip"})  # noqa: S310 - our own server
    with urlopen(request, timeout=PATIENCE / 1000) as answer:  # noqa: S310 - as above
        return answer.read(), answer.headers


def test_the_first_html_has_title_and_figures_and_asks_for_no_unused_script(site: str):
    body, headers = asked(f"{site}/hk")
    assert headers["Content-Encoding"] == "gzip"
    page = gzip.decompress(body).decode()
    first = page[page.index('id="fin-first"') :]
    assert "<h1>Hong Kong southbound holdings</h1>" in first
    assert "Stocks held" in first
    assert "<title>Hong Kong southbound holdings · Fin Assets</title>" in page
    assert "echarts.min.js" in page
    assert "echarts-gl" not in page
    for face in re.findall(r"url\('(/assets/fonts/[^']+)'\)", page):
        font, kept = asked(site + face)
        assert font[:4] == b"wOF2"
        assert "immutable" in kept["Cache-Control"]
    assert page.count("@font-face") == 4
    assert "bokeh-gl" not in page


def test_files_are_compressed_and_browsers_keep_them(site: str):
    page = gzip.decompress(asked(f"{site}/hk")[0]).decode()
    files = sorted(set(re.findall(r'(?:src|href)="(/?(?:static|assets)/[^"]+\.(?:js|css)[^"]*)"', page)))
    assert len(files) > 8
    for file in files:
        body, headers = asked(f"{site}/{file.lstrip('/')}")
        assert headers["Content-Encoding"] == "gzip" or len(body) < 2_000, file
        versioned = "v=" in file or "@" in file
        assert ("immutable" in headers["Cache-Control"]) == versioned, file


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_script_is_on_the_page_and_browsers_may_keep_it(site: str, script: str):
    with urlopen(f"{site}/data", timeout=PATIENCE / 1000) as answer:  # noqa: S310 - our own server
        assert re.search(rf'<script nonce=\w+ +src="{re.escape(script)}"></script>', answer.read().decode())
    with urlopen(site + script, timeout=PATIENCE / 1000) as answer:  # noqa: S310 - our own server
        age = re.search(r"max-age=(\d+)", answer.headers["Cache-Control"])
        assert age is not None
        assert int(age[1]) >= 31_536_000


RESIZED = """() => {
  const box = document.createElement("div");
  box.style.cssText = "width: 300px; height: 200px";
  document.body.append(box);
  const chart = echarts.init(box);
  const zr = chart.getZr(), resize = zr.resize;
  let drawn = 0;
  zr.resize = (...given) => { drawn += 1; return resize.apply(zr, given); };
  const counts = [];
  chart.resize();
  counts.push(drawn);
  box.style.width = "400px";
  chart.resize();
  counts.push(drawn, chart.getWidth());
  chart.dispose();
  box.remove();
  return counts;
}"""


def test_a_chart_is_drawn_again_only_when_its_box_has_another_size(browser: BrowserContext, site: str):
    with opened(browser, site) as watched:
        assert watched.open("/hk").evaluate(RESIZED) == [0, 1, 400]
