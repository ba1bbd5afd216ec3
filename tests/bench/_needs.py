"""What benchmarks need beside the environment, looked for before anything is measured: what cannot run is named and left out."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TypeVar

from fin_assets.core.transport.browser.chromium import BrowserMissing, find_chromium
from fin_assets.settings import settings

Way = TypeVar("Way")


def lacks(need: str) -> str | None:
    """Return what to do about a need that is not met, or None: `chromium`, `chromedriver`, or the name of a module."""
    if need == "chromium":
        try:
            find_chromium(settings().browser)
        except BrowserMissing as error:
            return f"{error}: make browser"
        return None
    if need == "chromedriver":
        # Left to itself Selenium would ask hosts outside for one.
        return None if shutil.which(need) else "no chromedriver on the PATH: apt-get install chromium-driver, as root"
    return None if find_spec(need) else f"no package {need} in the environment: make install"


def possible(ways: Sequence[Way], needs: Mapping[Way, Sequence[str]]) -> tuple[list[Way], dict[Way, str]]:
    """Return the ways that can run, and those that cannot, each with what it lacks."""
    left_out: dict[Way, str] = {}
    for way in ways:
        lacking = [why for need in needs.get(way, ()) if (why := lacks(need))]
        if lacking:
            left_out[way] = lacking[0]
    return [way for way in ways if way not in left_out], left_out


def told(left_out: Mapping[str, str]) -> str:
    """Return a paragraph that names what was left out, to stand under a table; empty if nothing was."""
    if not left_out:
        return ""
    return "\n\nLeft out: " + "; ".join(f"{name} ({why})" for name, why in left_out.items()) + "."
