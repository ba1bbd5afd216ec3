"""Style and icon of the pages that all sites share, served by the sandbox itself: nothing is asked for from outside."""

from __future__ import annotations

from importlib import resources
from typing import Final

_STATIC: Final = resources.files("fin_assets.sandbox.pages").joinpath("static")

STYLE_PATH: Final = "/static/plain.css"
ICON_PATH: Final = "/static/favicon.svg"
STYLE: Final = ("text/css", _STATIC.joinpath("plain.css").read_text(encoding="utf-8"))
ICON: Final = ("image/svg+xml", _STATIC.joinpath("favicon.svg").read_text(encoding="utf-8"))
"""(content type, text)."""
