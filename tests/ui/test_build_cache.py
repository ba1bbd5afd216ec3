"""Which build a reader sees, and what is remembered of it."""

from __future__ import annotations

from dashboards.areas.hk.queries import market
from dashboards.ui.build_cache import BuildCache, CachedBuild
from fin_assets.settings import Settings
from tests.areas.fake_build import publish_build, sessions

LAST = sessions()[-1]


def test_a_build_stays_on_its_build_while_another_is_published(tmp_path):
    first = publish_build(tmp_path / "data", count=70)
    cache = BuildCache(Settings(home=tmp_path))
    before = cache.build()
    second = publish_build(tmp_path / "data", count=80)
    after = cache.build()
    assert before is not None
    assert after is not None
    assert (before.build_id, after.build_id) == (first.id, second.id)
    assert market.sessions(before)[-1] == sessions()[69]
    assert market.sessions(after)[-1] == sessions()[79]


def test_an_answer_is_remembered_for_its_build_and_its_parameters(build: CachedBuild):
    assert market.movers(build, session=LAST, window=5) is market.movers(build, session=LAST, window=5)
    assert market.movers(build, session=LAST, window=5) is not market.movers(build, session=LAST, window=20)


def test_nothing_published_is_no_build_and_no_error(tmp_path):
    cache = BuildCache(Settings(home=tmp_path))
    assert cache.build() is None
    assert cache.current_id() is None
