"""Style and script of HKEXnews, served by the sandbox itself: nothing is asked for from outside.

The files lie in `static/`; only their addresses and kinds are listed here.
"""

from __future__ import annotations

from importlib import resources
from typing import Final

from fin_assets.sandbox.pages.assets import ICON

_STATIC: Final = resources.files("fin_assets.sandbox.sites.hkex_southbound.pages").joinpath("static")


def _read(name: str) -> str:
    return _STATIC.joinpath(name).read_text(encoding="utf-8")


FILES: Final = {
    "ncms/script/main.js": ("text/javascript", _read("main.js")),
    "ncms/css/main.css": ("text/css", _read("main.css")),
    "ncms/images/favicon.svg": ICON,
}
"""Path below the site's root to (content type, text)."""
