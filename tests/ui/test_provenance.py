"""What a build says of itself: quality of sessions, sources, and whether data are generated."""

from __future__ import annotations

import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

from dashboards.ui import provenance
from dashboards.ui.build_cache import BuildCache, CachedBuild
from dashboards.ui.page import MIXED_SUFFIX
from dashboards.ui.shell import Shell
from fin_assets.settings import Settings
from tests.areas.fake_build import MIXED, WITHOUT_MODES, WITHOUT_TABLES, publish_build, sessions
from tests.areas.visiting import SITE, area, opened

LAST = sessions()[-1]
PAGES = {"hk": "/hk", "idx": "/idx", "data": "/data"}


def published(home: Path, also: str) -> BuildCache:
    publish_build(home / "data", also=also)
    return BuildCache(Settings(home=home))


def heading(cache: BuildCache, key: str) -> str:
    one = area(key)
    shell = Shell(cache, site=SITE, area=one, make=lambda build: opened(build, PAGES[key]))
    return shell._heading.object


def test_the_quality_of_a_page_is_stale_when_later_sessions_are_due(build: CachedBuild):
    days = sessions()

    def quality(session):
        return provenance.quality(build, source="hkex_southbound", table="holdings", session=session)

    assert quality(LAST).state == "complete"
    before_the_stale_one = quality(days[44])
    assert before_the_stale_one.state == "stale"
    assert str(days[45]) in before_the_stale_one.sentence
    assert quality(LAST + timedelta(days=1)).state == "missing"


def test_the_source_of_a_page_and_its_mode_come_from_the_build(build: CachedBuild):
    assert provenance.origin(build, ("hkex_southbound",)) == "HKEX Stock Connect, embedded sandbox"
    assert provenance.origin(build, ("unknown",)) == "unknown"
    assert provenance.is_generated(build, ("idx_brokers",))
    assert not provenance.is_mixed(build)


def test_pages_of_generated_data_are_labelled_and_a_plain_build_warns_of_nothing(cache: BuildCache):
    for key in PAGES:
        assert provenance.GENERATED in heading(cache, key)
        assert provenance.MIXED not in heading(cache, key)


def test_a_build_of_generated_and_live_data_warns_on_every_page(tmp_path: Path):
    cache = published(tmp_path, MIXED)
    for key in PAGES:
        assert provenance.MIXED in heading(cache, key)
    assert provenance.GENERATED in heading(cache, "hk")
    assert provenance.GENERATED not in heading(cache, "idx")
    assert provenance.GENERATED in heading(cache, "data")
    assert "IDX broker flow, live" in heading(cache, "idx")


def test_files_from_a_mixed_build_are_labelled_in_their_name_and_in_excel(tmp_path: Path):
    build = published(tmp_path, MIXED).build()
    assert build is not None
    page = opened(build, "/hk/stock")
    csv, excel = page.files(lambda: "hk-holdings", page._table)
    with zipfile.ZipFile(excel.callback()) as book:
        words = book.read("xl/sharedStrings.xml").decode()
    assert provenance.MIXED in words
    assert provenance.GENERATED in words
    assert build.build_id in words
    csv.callback()
    assert csv.filename == f"hk-holdings{MIXED_SUFFIX}.csv"
    assert excel.filename == f"hk-holdings{MIXED_SUFFIX}.xlsx"


@pytest.mark.parametrize("also", [WITHOUT_MODES, WITHOUT_TABLES])
def test_builds_that_do_not_state_a_mode_can_be_read(tmp_path: Path, also: str):
    cache = published(tmp_path, also)
    build = cache.build()
    assert build is not None
    assert not provenance.is_mixed(build)
    for key in PAGES:
        assert "<h1>" in heading(cache, key)
        assert provenance.GENERATED not in heading(cache, key)
    assert provenance.origin(build, ("idx_brokers",)) in {"IDX broker flow", "idx_brokers"}
