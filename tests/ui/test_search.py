"""One search over everything."""

from __future__ import annotations

import pytest

from dashboards.areas.hk import AREA
from dashboards.ui.area import Area, Search
from dashboards.ui.build_cache import BuildCache, CachedBuild
from dashboards.ui.publish_watch import PublishWatch
from dashboards.ui.search import SearchIndex
from fin_assets.settings import Settings
from tests.areas.fake_build import publish_build
from tests.areas.visiting import SITE

NAMES = (
    "00423 DRAGON FOREST EXPRESSWAY 龍林高速",
    "00700 TENCENT 騰訊控股",
    "K-CHANGE กองทุนเปิดเค โกรท",
    "MBUL Établissements Bulan",
    "07007 FOREST TENT",
)
FUNDS = Area(
    key="x",
    label="Everything",
    zone=AREA.zone,
    pages=AREA.pages,
    footer="",
    search=Search(
        targets=lambda _build: {name: f"/x/{name.split()[0]}" for name in NAMES},
        other=lambda text: f"/x/{text}",
        claims=lambda _text: True,
    ),
)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("forest dragon", ["00423"]),
        ("DRAGON forest", ["00423"]),
        ("dRaG eXp", ["00423"]),
        ("700", ["00700", "07007"]),
        ("0700", ["00700", "07007"]),
        ("訊控", ["00700"]),
        ("高速", ["00423"]),
        ("เค", ["K-CHANGE"]),
        ("โกรท", ["K-CHANGE"]),
        ("k-change", ["K-CHANGE"]),
        ("etablissements", ["MBUL"]),
        ("forest", ["07007", "00423"]),
        ("<img>", []),
        ("  ", []),
    ],
)
def test_word_order_case_and_script_do_not_matter(build: CachedBuild, text: str, codes: list[str]):
    found = [one.path.removeprefix("/x/") for one in SearchIndex([FUNDS]).find(build, text)]
    assert sorted(found) == sorted(codes)
    assert found[:1] == codes[:1], "the best first"


def test_a_code_of_another_area_is_found_from_everywhere(build: CachedBuild):
    index = SearchIndex(SITE.areas)
    assert index.find(build, "bbca")[0].path == "/idx/stock/BBCA"
    assert index.find(build, "yp")[0].path == "/idx/broker/YP"
    assert index.find(build, "5")[0].path == "/hk/stock/00005"
    assert {one.area for one in index.find(build, "a")} <= {area.label for area in SITE.areas}
    assert index.other("zzzz") == "/idx/stock/zzzz"
    assert index.other(" ") == ""


class Page:
    """A document that keeps the callbacks that it gets."""

    def __init__(self) -> None:
        self.told: list[object] = []
        self.leaves: list[object] = []

    def add_next_tick_callback(self, callback: object) -> None:
        self.told.append(callback)

    def on_session_destroyed(self, callback: object) -> None:
        self.leaves.append(callback)


def test_open_pages_are_notified_of_a_publish_once_and_only_then(tmp_path):
    publish_build(tmp_path / "data", count=30)
    watch = PublishWatch(BuildCache(Settings(home=tmp_path)))
    stays, left = Page(), Page()
    for page in (stays, left):
        watch.add(page, page.told.clear)
    watch.look()
    assert stays.told == []
    left.leaves[0](None)
    assert watch.open_pages == 1
    publish_build(tmp_path / "data", count=31)
    watch.look()
    watch.look()
    assert len(stays.told) == 1
    assert left.told == []
