"""The page and the picture of the architecture against the code."""

from __future__ import annotations

import importlib
import re
import sys
from graphlib import TopologicalSorter
from itertools import combinations, pairwise

import pytest

from fin_assets.core.contract import calendar, client, source
from tests.arch.tree import ROOT, relative

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGES = sorted(path.parent for path in (ROOT / "fin_assets" / "core").glob("*/__init__.py"))


@pytest.fixture(scope="module")
def script():
    """The script that draws the picture."""
    sys.path.insert(0, str(ROOT / "scripts"))
    yield importlib.import_module("architecture")
    sys.path.remove(str(ROOT / "scripts"))


@pytest.fixture(scope="module")
def drawing(script):
    """The boxes, the arrows' ways and the titles of the frames."""
    arrows = script.essential(script.imports())
    boxes = script.boxes(script.rows(arrows))
    titles = script.titles(boxes)
    return boxes, script.route(boxes, arrows, titles), titles


def test_the_picture_is_what_the_code_says_now(script) -> None:
    committed = script.PICTURE.read_text(encoding="utf-8")
    assert committed == script.picture(), "out of date: python scripts/architecture.py"


def test_the_picture_needs_no_font_and_no_file_from_elsewhere(script) -> None:
    committed = script.PICTURE.read_text(encoding="utf-8")
    assert not re.search(r"@import|@font-face|href=|url\(", committed)
    assert "prefers-color-scheme: dark" in committed


def test_no_package_imports_in_a_circle(script) -> None:
    below: dict[str, set[str]] = {}
    for upper, lower in script.imports():
        below.setdefault(upper, set()).add(lower)
    assert len(below) > 10
    # Raises CycleError, which names the circle.
    list(TopologicalSorter(below).static_order())


def test_every_arrow_points_to_a_lower_row(drawing) -> None:
    boxes, ways, _ = drawing
    top = {box.package: box.top for box in boxes}
    assert len(ways) > 15
    assert all(top[upper] < top[lower] for upper, lower in ways)


def test_the_arrows_that_are_left_out_follow_from_those_that_are_drawn(script) -> None:
    every = script.imports()
    drawn = set(script.essential(every))
    reached = set(drawn)
    while more := {(a, d) for a, b in reached for c, d in drawn if b == c} - reached:
        reached |= more
    assert drawn < set(every) <= reached


def test_nothing_in_the_picture_covers_anything_else(drawing) -> None:
    from arrows import touches

    boxes, ways, titles = drawing
    for one, other in combinations(boxes, 2):
        beside = one.right <= other.left or other.right <= one.left
        assert beside or one.bottom < other.top or other.bottom < one.top, f"{one.package} covers {other.package}"
    for arrow, way in ways.items():
        for segment in pairwise(way):
            assert not [box.package for box in (*boxes, *titles) if touches(segment, box)], arrow


def test_a_package_without_a_place_is_named(script) -> None:
    with pytest.raises(script.Unplaced, match=r"fin_assets\.alerts has no place"):
        script.place("fin_assets.alerts")


def test_the_page_names_every_package_of_core() -> None:
    assert PACKAGES
    assert not [name for path in PACKAGES if f"`{(name := relative(path))}`" not in PAGE]


def test_every_package_that_the_page_names_exists() -> None:
    """Paths are looked for in test_docs; this is about the names in the table of layers."""
    named = re.findall(r"`((?:fin_assets|dashboards)(?:[/.]\w+)*)`", PAGE)
    assert len(named) > 20
    for name in named:
        path = ROOT / (name if "/" in name else name.replace(".", "/"))
        assert path.exists(), name
        assert path.is_file() or (path / "__init__.py").is_file(), f"{name} is no package"


def test_every_member_that_the_page_gives_to_the_contract_exists() -> None:
    table = PAGE.split("## The contract", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", table, flags=re.MULTILINE)
    assert len(rows) == 10
    for name, members in rows:
        kind = next(vars(module)[name] for module in (source, client, calendar) if name in vars(module))
        known = {*vars(kind), *getattr(kind, "__annotations__", {})}
        assert set(re.findall(r"`(\w+)`", members)) <= known, name
