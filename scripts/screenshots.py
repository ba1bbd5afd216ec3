"""Take pictures of a running demo: every dashboard page, light and dark, wide and narrow, and the Dagster asset graph.

    python scripts/screenshots.py --out shots       every page, light and dark, wide and narrow, as PNG
    python scripts/screenshots.py --readme          the README's pictures, as WebP files in docs/img

Needs the dashboards and the Dagster UI to be up (`make demo`).
"""

from __future__ import annotations

import argparse
import base64
import sys
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, sync_playwright

from fin_assets.core.transport.browser.chromium import FLAGS, BrowserMissing, find_chromium, runs_as_root
from fin_assets.settings import Settings, SettingsError, load

README_PICTURES = Path(__file__).resolve().parent.parent / "docs/img"
PAGES = {
    "overview": "/hk",
    "stocks": "/hk/stock",
    "stock": "/hk/stock/{stock}",
    "idx-market": "/idx",
    "idx-stock": "/idx/stock/{ticker}?window=60",
    "idx-screener": "/idx/screener",
    "idx-brokers": "/idx/broker",
    "idx-broker": "/idx/broker/{broker}",
    "data": "/data",
}
CODES = {"stock": "/hk/stock", "ticker": "/idx/screener", "broker": "/idx/broker"}
"""Where the code of a page that is about one thing comes from, if none is given: the first of this list."""
WIDE, NARROW = (1440, 900), (390, 844)
README_PAGES = {"overview": "light", "stock": "dark", "idx-market": "light", "idx-stock": "dark", "data": "light"}
WEBP_QUALITY = 80
PATIENCE = 30_000
SETTLE = 1_500
"""Charts fade in; there is no event for the end of it. Unit: milliseconds."""

OVERLAP = 100
"""What two pictures of one page share, because the header lies across the top. Unit: pixels."""


def dashboards(browser: Browser, site: str, out: Path, *, codes: dict[str, str], full: bool) -> list[Path]:
    """Shoot every page in both modes and both widths. A code that is not given is the first of its list.

    The window keeps its size: what a reader sees at once is one picture, and `full` scrolls a window further for each.
    """
    made = []
    for mode in ("light", "dark"):
        for name, (width, height) in (("wide", WIDE), ("narrow", NARROW)):
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=mode,
                device_scale_factor=1 if name == "wide" else 2,
            )
            page = context.new_page()
            codes = _completed(page, site, codes)
            for title, path in PAGES.items():
                _open(page, site + path.format(**codes))
                made += _shoot_page(page, out, f"{title}-{name}-{mode}", full=full)
            context.close()
    return made


def _shoot_page(page: Page, out: Path, title: str, *, full: bool) -> list[Path]:
    """Shoot a page window by window from its top to its end; without `full` the first window only."""
    made: list[Path] = []
    top, step = 0, page.evaluate("() => innerHeight") - OVERLAP
    while True:
        page.evaluate("(top) => scrollTo({top, behavior: 'instant'})", top)
        if made:
            page.wait_for_timeout(SETTLE)
        made.append(out / (f"{title}-{len(made) + 1}.png" if full else f"{title}.png"))
        page.screenshot(path=made[-1])
        reached = page.evaluate("() => scrollY + innerHeight >= document.documentElement.scrollHeight - 1")
        if not full or reached:
            return made
        top += step


def readme_pictures(browser: Browser, site: str, dagster: str, out: Path, *, codes: dict[str, str]) -> list[Path]:
    """Shoot what the README shows: both markets, a stock of each in the dark, the data page and the asset graph."""
    made = []
    for title, mode in README_PAGES.items():
        context = browser.new_context(viewport={"width": WIDE[0], "height": WIDE[1]}, color_scheme=mode)
        page = context.new_page()
        codes = _completed(page, site, codes)
        _open(page, site + PAGES[title].format(**codes))
        made.append(_write_webp(page, out / f"{title}.webp"))
        context.close()
    context = browser.new_context(viewport={"width": WIDE[0], "height": WIDE[1]})
    page = context.new_page()
    _open_graph(page, dagster)
    made.append(_write_webp(page, out / "dagster-assets.webp"))
    context.close()
    return made


def _write_webp(page: Page, path: Path) -> Path:
    """Write what the window shows as WebP, which is a third of a PNG. Playwright has no option for it, Chromium has."""
    session = page.context.new_cdp_session(page)
    shot = session.send("Page.captureScreenshot", {"format": "webp", "quality": WEBP_QUALITY})
    path.write_bytes(base64.b64decode(shot["data"]))
    return path


def _open_graph(page: Page, dagster: str) -> None:
    # The page polls without end: there is no moment without a request to wait for.
    page.goto(f"{dagster}/asset-groups", timeout=PATIENCE)
    page.get_by_text("Materialize all").first.wait_for(timeout=PATIENCE)
    page.wait_for_timeout(4 * SETTLE)
    # The states of the groups are fetched one after the other.
    page.get_by_text("fetching statuses").first.wait_for(state="detached", timeout=PATIENCE)
    page.wait_for_timeout(SETTLE)


def asset_graph(browser: Browser, dagster: str, out: Path) -> Path:
    """Shoot the global asset lineage of the Dagster UI."""
    context = browser.new_context(viewport={"width": 1600, "height": 1000})
    page = context.new_page()
    _open_graph(page, dagster)
    path = out / "dagster-assets.png"
    page.screenshot(path=path)
    context.close()
    return path


def _open(page: Page, url: str) -> None:
    page.goto(url, timeout=PATIENCE)
    page.locator("h1").first.wait_for(timeout=PATIENCE)
    # A text whose font is still on its way is not drawn at all.
    page.evaluate("() => document.fonts.ready.then(() => true)")
    page.wait_for_timeout(SETTLE)


def _completed(page: Page, site: str, codes: dict[str, str]) -> dict[str, str]:
    """Return the codes with the first of its list for each that is missing."""
    found = dict(codes)
    for name, path in CODES.items():
        if name not in found:
            _open(page, site + path)
            found[name] = page.locator(".tabulator-row a").first.inner_text(timeout=PATIENCE)
    return found


def main() -> int:
    """Run the script and return its exit code."""
    parser = argparse.ArgumentParser(description="Pictures of a running demo: pages and the Dagster asset graph.")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", type=Path, help="directory for the pictures; made if it is not there")
    where.add_argument("--readme", action="store_true", help="make the README's pictures again")
    for name, path in CODES.items():
        parser.add_argument(f"--{name}", help=f"whose page is shot; default: the first on {path}")
    parser.add_argument("--window", action="store_true", help="the first window of each page only")
    parser.add_argument("--no-dagster", action="store_true", help="leave the Dagster UI out")
    arguments = parser.parse_args()
    try:
        settings = load()
        executable = find_chromium(settings.browser).path
    except (SettingsError, BrowserMissing) as error:
        print(error, file=sys.stderr)
        return 1
    return _shoot(settings, executable, arguments)


def _shoot(settings: Settings, executable: Path, arguments: argparse.Namespace) -> int:
    out = README_PICTURES if arguments.readme else arguments.out
    out.mkdir(parents=True, exist_ok=True)
    site = f"http://127.0.0.1:{settings.servers.dashboards_port}"
    dagster = f"http://127.0.0.1:{settings.servers.dagster_port}"
    codes = {name: value for name in CODES if (value := getattr(arguments, name))}
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=executable, chromium_sandbox=not runs_as_root(), args=list(FLAGS)
            )
            if arguments.readme:
                made = readme_pictures(browser, site, dagster, out, codes=codes)
            else:
                made = dashboards(browser, site, out, codes=codes, full=not arguments.window)
                if not arguments.no_dagster:
                    made.append(asset_graph(browser, dagster, out))
            browser.close()
    except Error as error:
        reason = error.message.splitlines()[0]
        print(
            f"No pictures of {site} and {dagster}: {reason}. Start both with `make demo` and try again.",
            file=sys.stderr,
        )
        return 1
    for path in made:
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
