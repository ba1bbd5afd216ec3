"""The shell without a browser: what stands around every page, and what a new build does to it."""

from __future__ import annotations

from dashboards.areas.hk.pages.overview import Overview
from dashboards.ui import formats
from dashboards.ui.build_cache import BuildCache, CachedBuild
from dashboards.ui.shell import Shell
from fin_assets.settings import Settings
from tests.areas.fake_build import publish_build, sessions
from tests.areas.visiting import SITE, area, opened, text


def overview(build: CachedBuild, **query: str) -> Overview:
    return opened(build, "/hk", **query)


def test_without_any_build_every_page_says_what_to_run(tmp_path):
    shell = Shell(BuildCache(Settings(home=tmp_path)), site=SITE, area=area("hk"), active="/hk", make=overview)
    shown = text(shell._content)
    assert "Nothing has been published yet" in shown
    assert "make demo" in shown


def test_a_first_build_fills_a_page_that_was_open_before_it(tmp_path):
    shell = Shell(BuildCache(Settings(home=tmp_path)), site=SITE, area=area("hk"), active="/hk", make=overview)
    publish_build(tmp_path / "data", count=30)
    shell.poll()
    assert shell._notice.visible
    assert formats.day(sessions()[29]) in shell._heading.object


def test_a_new_build_shows_a_notice_and_new_content_and_keeps_the_choices(tmp_path):
    publish_build(tmp_path / "data", count=79)
    bodies = []

    def make(build: CachedBuild) -> Overview:
        bodies.append(overview(build, window="5"))
        return bodies[-1]

    shell = Shell(BuildCache(Settings(home=tmp_path)), site=SITE, area=area("hk"), active="/hk", make=make)
    assert not shell._notice.visible
    assert formats.day(sessions()[78]) in shell._heading.object
    shell.poll()
    assert not shell._notice.visible
    build = publish_build(tmp_path / "data", count=80)
    shell.poll()
    assert shell._notice.visible
    assert build.id in text(shell._notice)
    assert formats.day(sessions()[79]) in shell._heading.object
    assert len(bodies) == 1
    assert bodies[0].state.window == 5
