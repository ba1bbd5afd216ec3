"""Areas are found by looking, their pages answer, and an area is one folder."""

from __future__ import annotations

import ast
import re
import shutil
import socket
import sys
from pathlib import Path

import pytest

import dashboards.areas
from dashboards.app import BadArea, PortTaken, discover, make_server, redirects, routes
from dashboards.ui.area import Site, Visit
from dashboards.ui.build_cache import BuildCache, CachedBuild
from dashboards.ui.missing import Missing
from dashboards.ui.publish_watch import PublishWatch
from dashboards.ui.search import SearchIndex
from dashboards.ui.shell import Shell
from fin_assets.settings import Settings
from tests.areas.visiting import SITE, area, text

DASHBOARDS = Path(dashboards.areas.__file__).parents[1]

NEW_AREA = {
    "__init__.py": '''
"""A minimal area."""
from zoneinfo import ZoneInfo
from dashboards.areas.sample.pages.prices import Prices
from dashboards.ui.area import Area, Page
AREA = Area(key="sample", label="Sample prices", zone=ZoneInfo("UTC"), footer="Nothing here is real.",
            pages=(Page("/sample", Prices, label="Prices"),))
''',
    "pages/__init__.py": "",
    "pages/prices.py": '''
"""A minimal page."""
from dashboards.ui.area import Heading
from dashboards.ui.components import html
from dashboards.ui.page import BasePage
class Prices(BasePage):
    def __init__(self, build, visit):
        super().__init__(build, visit)
        self.refresh(build)
    def shown(self):
        return html("<p>one price</p>")
    def heading(self):
        return Heading(title="Sample prices")
''',
}


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A folder beside the areas with a new one in it; no file of the project changes."""
    for name, source in NEW_AREA.items():
        path = tmp_path / "sample" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    monkeypatch.setattr(dashboards.areas, "__path__", [*dashboards.areas.__path__, str(tmp_path)])
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("dashboards.areas.sample")]:
        del sys.modules[name]
    if hasattr(dashboards.areas, "sample"):
        del dashboards.areas.sample


def test_a_new_area_is_one_folder_and_its_page_answers_in_the_menu(sample: Path, build: CachedBuild, cache: BuildCache):
    areas = discover()
    assert [one.key for one in areas if one.key in {"hk", "idx", "sample", "data"}] == ["hk", "idx", "sample", "data"]
    site = Site(areas=areas)
    assert "/sample" in routes(site, cache, PublishWatch(cache))
    assert any(re.fullmatch(pattern, "/sample/") for pattern, *_ in redirects(areas))
    [new] = [one for one in areas if one.key == "sample"]
    shell = Shell(
        cache, site=site, area=new, active="/sample", make=lambda _: new.pages[0].content(build, Visit(area=new))
    )
    assert "one price" in text(shell._content)
    assert "Sample prices" in shell._heading.object
    other = Shell(cache, site=site, area=areas[0], make=lambda _: Missing(path="/x", site=site))
    assert 'href="/sample"' in text(other.page.header[0])
    assert 'href="/sample"' in text(other._content)


def test_areas_stand_in_order_and_the_first_is_the_start_page():
    assert [one.key for one in SITE.areas if one.key in {"hk", "idx", "data"}] == ["hk", "idx", "data"]
    leads = {pattern: options["url"] for pattern, _, options in redirects(SITE.areas)}
    assert leads["/"] == SITE.areas[0].home
    assert leads[r"/idx/stock/?"] == "/idx/screener"


@pytest.mark.parametrize(
    "path",
    [
        "/hk/",
        "/hk/stock/",
        "/hk/stock/700/",
        "/idx/",
        "/idx/screener/",
        "/idx/broker/",
        "/idx/broker/YP/",
        "/idx/stock/BBCA/",
        "/data/",
    ],
)
def test_a_slash_at_the_end_leads_to_the_page(path: str):
    pattern, _, options = redirects(SITE.areas)[-1]
    found = re.fullmatch(pattern, path)
    assert found is not None
    assert options["url"].format(*found.groups()) == path.rstrip("/")


def test_every_address_that_was_ever_served_is_still_there(cache: BuildCache):
    assert set(list(routes(SITE, cache, PublishWatch(cache)))[:-1]) >= {
        "/hk",
        "/hk/stock",
        "/hk/stock/{code}",
        "/idx",
        "/idx/screener",
        "/idx/broker",
        "/idx/broker/{code}",
        "/idx/stock/{code}",
        "/data",
    }


def test_a_package_without_an_area_and_two_areas_of_one_address_are_refused(sample: Path):
    init = sample / "sample" / "__init__.py"
    whole = init.read_text(encoding="utf-8")
    init.write_text(whole.replace('"/sample"', '"/hk"'), encoding="utf-8")
    with pytest.raises(BadArea, match="same address: /hk"):
        discover()
    for name in [name for name in sys.modules if name.startswith("dashboards.areas.sample")]:
        del sys.modules[name]
    init.write_text('"""Nothing."""', encoding="utf-8")
    shutil.rmtree(sample / "sample" / "__pycache__", ignore_errors=True)
    with pytest.raises(BadArea, match="defines no AREA"):
        discover()


def test_everything_searched_leads_into_its_area_and_the_search_of_all_finds_the_right_one(build: CachedBuild):
    for key in ("hk", "idx"):
        one = area(key)
        assert all(page.path == one.home or page.path.startswith(f"{one.home}/") for page in one.pages)
        assert all(path.startswith(f"{one.home}/") for path in one.search.targets(build).values())
    assert area("idx").search.targets(build)["YP Mirae Asset Sekuritas Indonesia · broker"] == "/idx/broker/YP"
    assert area("idx").search.other("bbca") == "/idx/stock/bbca"
    assert area("idx").search.other("yp") == "/idx/broker/yp"
    everything = SearchIndex(SITE.areas)
    assert everything.other("700") == "/hk/stock/700"
    assert everything.other("TLKM") == "/idx/stock/TLKM"
    assert SearchIndex([]).other("700") == ""
    assert SearchIndex([]).find(build, "700") == []


def test_no_area_imports_another_and_the_kit_imports_none():
    for path in DASHBOARDS.rglob("*.py"):
        parts = path.relative_to(DASHBOARDS).parts
        if parts[0] not in {"ui", "areas"}:
            continue
        own = f"dashboards.areas.{parts[1]}" if parts[0] == "areas" and len(parts) > 2 else None
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("dashboards.areas"):
                assert own is not None, f"{path} imports {node.module}"
                assert node.module == own or node.module.startswith(f"{own}."), f"{path} imports {node.module}"


MARKETS = re.compile(
    r"\b(hk|idx|hkex|hong[ _]kong|jakarta|indonesia|ticker|bumn|accdist|rupiah|southbound)\b", re.IGNORECASE
)


def test_the_kit_and_the_app_name_no_market():
    for path in [DASHBOARDS / "app.py", *(DASHBOARDS / "ui").rglob("*.py"), *(DASHBOARDS / "ui").rglob("*.js")]:
        # Names of fonts are not names of markets.
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "Noto Sans" not in line]
        assert not [line for line in lines if MARKETS.search(line)], path


def test_a_taken_port_is_named_with_the_setting_that_changes_it(settings: Settings):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"127\.0\.0\.1:{port}.*servers\.dashboards_port"):
            make_server(settings, port=port)
