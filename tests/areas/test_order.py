"""Sessions stand in one order wherever an area lists them."""

from __future__ import annotations

import pytest

from dashboards.areas.hk.queries import market as hk
from dashboards.areas.idx.queries import market as idx
from dashboards.areas.idx.queries import stock
from dashboards.ui.build_cache import CachedBuild
from tests.areas.fake_days import sessions


@pytest.mark.parametrize("listed", [hk.sessions, idx.sessions, lambda build: stock.sessions(build, "BBCA")])
def test_sessions_are_listed_oldest_first(build: CachedBuild, listed):
    assert listed(build) == sessions()
