"""Starting Chrome under Selenium, the same for every benchmark."""

from __future__ import annotations

import shutil
from contextlib import ExitStack

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from fin_assets.core.transport.browser import chromium
from fin_assets.core.transport.browser.chromium import find_chromium
from fin_assets.settings import BrowserSettings


def chrome(stack: ExitStack) -> webdriver.Chrome:
    """Return a browser that is closed with the stack. Its chromedriver is on the PATH: `_needs` has looked for it."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(find_chromium(BrowserSettings()).path)
    options.page_load_strategy = "eager"
    for flag in ("--headless=new", *chromium.FLAGS, *(["--no-sandbox"] if chromium.runs_as_root() else [])):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    stack.callback(driver.quit)
    return driver
