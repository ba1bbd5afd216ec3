"""The kit that pages of every area are made of. Code for one market does not belong here."""

from __future__ import annotations

from pathlib import Path

STATIC = Path(__file__).with_name("static")
"""The files that the browser loads."""
STATIC_PATH = "assets"
"""Where they are served."""
