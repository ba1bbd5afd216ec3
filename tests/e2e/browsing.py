"""Dashboards in a process of their own, looked at through a real browser: what the tests of pages share."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import duckdb
import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Response, expect, sync_playwright

from dashboards.ui.theme import palette
from fin_assets.core.transport.browser.chromium import FLAGS, find_chromium, runs_as_root
from fin_assets.settings import BrowserSettings

ROOT = Path(__file__).resolve().parents[2]
START_DEADLINE = 60
PATIENCE = 60_000
"""How long a page may take on a busy machine. Unit: milliseconds."""


def variants(*often: tuple[int, str]) -> list[Any]:
    """Return all widths and modes; those that are not named are slow. A market's pages bring one, `make test-all` all."""
    every = [(1440, "light"), (390, "dark"), (1440, "dark"), (390, "light")]
    return [each if each in often else pytest.param(*each, marks=pytest.mark.slow) for each in every]


OVERFLOWING = """() => {
  const found = [];
  const walk = (node) => {
    for (const e of node.querySelectorAll('*')) {
      const style = getComputedStyle(e);
      const scrolls = ['auto', 'scroll'].includes(style.overflowX) && e.scrollWidth > e.clientWidth + 1;
      if (scrolls && !String(e.className).includes('tabulator')) found.push(`${e.tagName}.${e.className}`);
      if (e.shadowRoot) walk(e.shadowRoot);
    }
  };
  walk(document);
  const root = document.documentElement;
  return root.scrollWidth > root.clientWidth ? ['the document', ...found] : found;
}"""
"""Boxes that scroll sideways. Tables may, within themselves; the page may not."""


@contextmanager
def served(home: Path, **environment: str) -> Iterator[str]:
    """Serve the dashboards of a home in a process of their own; give their address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (home / "dashboards.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dashboards", "--port", str(port)],
            cwd=ROOT,
            env={**os.environ, "FIN_HOME": str(home), **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/", process, home / "dashboards.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            finally:
                process.kill()  # a process that has ended takes no harm; one that hangs must not stay


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_DEADLINE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urlopen(url, timeout=30) as answer:  # noqa: S310 - our own server
                assert answer.status == 200
                return
        except HTTPError as error:
            if error.code != 401:  # a login stands before the start page
                raise
            return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the dashboards did not start: {log.read_text()}")


@contextmanager
def profile() -> Iterator[BrowserContext]:
    """One profile for all tests: a fresh one compiles the pages' scripts again, which takes longer than the pages."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(BrowserSettings()).path, chromium_sandbox=not runs_as_root(), args=list(FLAGS)
        )
        yield browser.new_context()
        browser.close()


class Watched:
    """A browser page, and everything that went wrong on it."""

    def __init__(self, page: Page, site: str) -> None:
        self.page = page
        self.site = site
        self.faults: list[str] = []
        allowed = (site, f"blob:{site}", "data:", site.replace("http", "ws"))
        page.on("console", self._told)
        page.on("pageerror", lambda error: self._fault(str(error)))
        page.on(
            "request", lambda asked: None if asked.url.startswith(allowed) else self._fault(f"outside: {asked.url}")
        )
        page.on("response", self._answered)

    def _told(self, message: ConsoleMessage) -> None:
        # What the browser says of a status is judged by the answer itself.
        if message.type in {"error", "warning"} and not message.text.startswith("Failed to load resource: the server"):
            self._fault(message.text)

    def _answered(self, answer: Response) -> None:
        # A page itself says in words that nothing has its code.
        if answer.status >= 400 and not (answer.status == 404 and answer.request.is_navigation_request()):
            self._fault(f"{answer.status}: {answer.url}")

    def _fault(self, what: str) -> None:
        self.faults.append(what)

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.site}{path}")
        expect(self.page.locator("#fin-first")).to_have_count(0, timeout=PATIENCE)
        expect(self.page.locator("h1").first).to_be_visible(timeout=PATIENCE)
        return self.page


def expect_mode(page: Page, mode: str) -> None:
    """Return once the heading wears the text colour of the mode."""
    colour = palette(dark=mode == "dark").text.lstrip("#")
    wanted = ", ".join(str(int(colour[at : at + 2], 16)) for at in (0, 2, 4))
    expect(page.locator("h1").first).to_have_css("color", f"rgb({wanted})", timeout=PATIENCE)


@contextmanager
def opened(
    browser: BrowserContext, site: str, *, width: int = 1440, mode: str = "light", height: int = 1000
) -> Iterator[Watched]:
    """A page of a reader who was never here before and whose system is light or dark."""
    browser.clear_cookies()
    page = browser.new_page()
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=mode)
    try:
        yield Watched(page, site)
    finally:
        page.close()


@contextmanager
def published(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The file that people open."""
    with duckdb.connect(home / "data" / "warehouse.duckdb", read_only=True) as connection:
        yield connection
