"""What the tests of this folder are given."""

from __future__ import annotations

from tests.areas.fixtures import build, cache, home, marts, settings

__all__ = ["build", "cache", "home", "marts", "settings"]
