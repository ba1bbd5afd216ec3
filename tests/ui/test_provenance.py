"""What a build says of itself."""

from __future__ import annotations

from datetime import timedelta

from dashboards.ui import provenance
from dashboards.ui.build_cache import CachedBuild
from tests.areas.fake_build import sessions

LAST = sessions()[-1]


def test_the_quality_of_a_page_is_stale_when_later_sessions_are_due(build: CachedBuild):
    days = sessions()
    assert provenance.quality(build, source="hkex_southbound", table="holdings", session=LAST).state == "complete"
    before_the_stale_one = provenance.quality(build, source="hkex_southbound", table="holdings", session=days[44])
    assert before_the_stale_one.state == "stale"
    assert str(days[45]) in before_the_stale_one.sentence
    assert (
        provenance.quality(build, source="hkex_southbound", table="holdings", session=LAST + timedelta(days=1)).state
        == "missing"
    )
