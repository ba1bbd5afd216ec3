"""Draw the layers of the packages from `[tool.importlinter]` and the imports of the code.

    python scripts/architecture.py              writes docs/img/architecture.svg
    python scripts/architecture.py --check      fails if that file is not what the code says now

Rows are the layers of pyproject.toml; a package that has no layer there stands one row above what it imports. The texts are
the first sentences of the packages' docstrings. An arrow that follows from others is left out, so that few remain. The
picture depends on no count of lines or files: it changes when an arrow or a package does.
"""

from __future__ import annotations

import argparse
import ast
import sys
import textwrap
import tomllib
from collections import defaultdict
from html import escape
from pathlib import Path
from typing import Any

import grimp
from arrows import Arrow, Box, NoWay, Way, route

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs/img/architecture.svg"
ROOTS = ("fin_assets", "dashboards")

COLUMNS = ((24, 216), (276, 230), (542, 356), (934, 262))
"""Left edge and width of each column. Unit: pixels, as of all sizes here."""

PLACES = {
    "fin_assets.cli": (0, 1),
    "fin_assets.commands": (0, 1),
    "fin_assets.code_location": (2, 2),
    "fin_assets.definitions": (1, 2),
    "fin_assets.discovery": (1, 1),
    "fin_assets.sources": (1, 1),
    "fin_assets.sandbox": (0, 0),
    "fin_assets.warehouse": (3, 3),
    "fin_assets.core": (2, 2),
    "fin_assets.settings": (2, 2),
    "fin_assets.clock": (2, 2),
    "fin_assets.hosts": (0, 1),
    "dashboards": (3, 3),
}
"""First and last column of each package. Rows come from the code."""

FRAMES = ("fin_assets.core", "dashboards")
"""Packages whose parts are drawn one by one, with a frame around them."""

WEIGHTS = ((6, "heavy"), (3, "medium"), (1, "light"))
"""From how many used modules on an arrow is drawn how wide."""

LABELS = {"light": "1 or 2", "medium": "3 to 5", "heavy": "6 or more"}

WIDTH, TOP, GAP, PADDING, LINE, NAME = 1220, 36, 38, 8, 16, 18
"""Of the picture; above the first row; between rows; inside a box; of a line of text; of a name."""

SHORTCUT = 128
"""A part of a frame that leaves room beside it for arrows is so much narrower than its column."""

NARROW = frozenset({"fin_assets.core.calendars"})

CHARACTER, TITLE_CHARACTER = 6.8, 7.8
"""Width that a character of the small text and of a frame's title takes, at most."""

MOST_LINES = 3
"""A text that takes more lines loses what stands behind its last commas."""

STYLE = """
svg { color-scheme: light dark; font-family: ui-sans-serif, system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
.ground { fill: #ffffff; } .band { fill: #f3f5f8; } .frame { fill: none; stroke: #9aa5b4; stroke-dasharray: 5 4; }
.box { fill: #ffffff; stroke: #5b6b80; } .core { fill: #e8f0fb; stroke: #3b6db0; } .pages { fill: #eaf6ee; stroke: #3d8557; }
.name { font-size: 15px; font-weight: 650; fill: #17202c; } .text { font-size: 12.5px; fill: #435062; }
.title { font-size: 12.5px; font-weight: 650; fill: #5b6b80; }
.arrow { fill: none; stroke: #66768c; stroke-linejoin: round; } .head { fill: #66768c; }
.light { stroke-width: 1.3; } .medium { stroke-width: 2.8; } .heavy { stroke-width: 5; }
@media (prefers-color-scheme: dark) {
  .ground { fill: #0f141b; } .band { fill: #161d27; } .frame { stroke: #5a6778; }
  .box { fill: #1b2430; stroke: #8b9bb0; } .core { fill: #182c47; stroke: #6ea0e6; } .pages { fill: #16301f; stroke: #69b585; }
  .name { fill: #eef2f7; } .text { fill: #b9c4d2; } .title { fill: #97a5b8; }
  .arrow { stroke: #93a3b8; } .head { fill: #93a3b8; }
}
""".strip()


class Unplaced(Exception):
    """A package has no place in the picture."""


def package_of(module: str) -> str | None:
    """Return the package that a module belongs to in the picture; None for a package that only holds others."""
    parts = module.split(".")
    if parts[-1] == "__main__" and parts[0] == "dashboards":
        return "dashboards.app"
    depth = 3 if parts[:2] == ["fin_assets", "core"] else 2
    return ".".join(parts[:depth]) if len(parts) >= depth else None


def contracts() -> list[dict[str, Any]]:
    """Return the contracts of the import linter."""
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    return list(tool["importlinter"]["contracts"])


def layers() -> list[list[str]]:
    """Return the packages of each layer of pyproject.toml, the highest first."""
    layer_names = next(each["layers"] for each in contracts() if each["type"] == "layers")
    return [[package_of(name.strip()) or name.strip() for name in layer.split("|")] for layer in layer_names]


def rules() -> list[str]:
    """Return the names of the contracts that are no layers."""
    return [each["name"] for each in contracts() if each["type"] != "layers"]


def imports() -> dict[Arrow, int]:
    """Return which package imports which, with the number of the other's modules that it uses."""
    graph = grimp.build_graph(*ROOTS, exclude_type_checking_imports=True, cache_dir=None)
    used: dict[Arrow, set[str]] = defaultdict(set)
    for module in graph.modules:
        for other in graph.find_modules_directly_imported_by(module):
            pair = package_of(module), package_of(other)
            if pair[0] and pair[1] and pair[0] != pair[1]:
                used[pair[0], pair[1]].add(other)
    return {pair: len(used[pair]) for pair in sorted(used)}


def essential(arrows: dict[Arrow, int]) -> dict[Arrow, int]:
    """Leave out each arrow that follows from others: a package may use what is below what it uses."""
    below = defaultdict(set)
    for upper, lower in arrows:
        below[upper].add(lower)

    def reaches(upper: str, lower: str) -> bool:
        return any(each == lower or reaches(each, lower) for each in below[upper])

    return {
        (upper, lower): weight
        for (upper, lower), weight in arrows.items()
        if not any(reaches(other, lower) for other in below[upper] - {lower})
    }


def rows(arrows: dict[Arrow, int]) -> dict[str, int]:
    """Return the row of each package: its layer, or the one above all that it imports.

    Raises:
        Unplaced: a package has no layer and imports nothing that has one.
    """
    row = {package: number for number, layer in enumerate(layers()) for package in layer}
    packages = {package for arrow in arrows for package in arrow}
    while missing := packages - row.keys():
        used = {package: {lower for upper, lower in arrows if upper == package} for package in missing}
        ready = {
            package: min(row[lower] for lower in used[package]) - 1
            for package in missing
            if _all_in(row, used[package])
        }
        if not ready:
            raise Unplaced(f"{', '.join(sorted(missing))}: add it to the layers of [tool.importlinter]")
        row |= ready
    return row


def _all_in(row: dict[str, int], packages: set[str]) -> bool:
    return bool(packages) and packages <= row.keys()


def sentence(package: str) -> str:
    """Return the first sentence of a package's docstring."""
    path = ROOT.joinpath(*package.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = " ".join((ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split())
    return text.split(". ")[0].rstrip(".").replace("`", "")


def wrapped(text: str, width: float) -> list[str]:
    """Return a text in lines of a width; a long one loses what stands behind its last commas."""
    while len(lines := textwrap.wrap(text, int(width / CHARACTER))) > MOST_LINES and "," in text:
        text = text.rpartition(",")[0]
    return lines


def place(package: str) -> tuple[float, float]:
    """Return the left edge and the width of a package's box.

    Raises:
        Unplaced: `PLACES` does not have it.
    """
    frame = next((frame for frame in FRAMES if package.startswith(f"{frame}.")), None)
    columns = PLACES.get(frame or package)
    if columns is None:
        raise Unplaced(f"{package} has no place in the picture: add it to PLACES of scripts/architecture.py")
    left = COLUMNS[columns[0]][0]
    width = sum(COLUMNS[columns[1]]) - left
    inset = 12 if frame else 0
    return left + inset, width - 2 * inset - (SHORTCUT if package in NARROW else 0)


def boxes(row: dict[str, int]) -> list[Box]:
    """Return the boxes, from the upper left to the lower right."""
    text = {package: wrapped(sentence(package), place(package)[1] - 2 * PADDING) for package in row}
    found, top = [], float(TOP)
    for number in range(max(row.values()) + 1):
        here = sorted((package for package in row if row[package] == number), key=place)
        height = 2 * PADDING + NAME + LINE * max(len(text[package]) for package in here)
        for package in here:
            left, width = place(package)
            found.append(Box(package, tuple(text[package]), left, top, width, height))
        top += height + GAP
    return found


def titles(boxes_: list[Box]) -> list[Box]:
    """Return where the titles of the frames stand."""
    found = []
    for frame in FRAMES:
        left, top, _, _ = around(frame, boxes_)
        found.append(Box(frame, (), left + 10, top + 2, len(frame) * TITLE_CHARACTER, 18))
    return found


def around(frame: str, boxes_: list[Box]) -> tuple[float, float, float, float]:
    """Return left edge, top, width and height of a frame."""
    inside = [box for box in boxes_ if box.package.startswith(f"{frame}.")]
    first, last = COLUMNS[PLACES[frame][0]], COLUMNS[PLACES[frame][1]]
    top = min(box.top for box in inside) - 24
    return first[0], top, sum(last) - first[0], max(box.bottom for box in inside) + 7 - top


def draw(boxes_: list[Box], arrows: dict[Arrow, int], ways: dict[Arrow, Way]) -> str:
    """Return the picture as SVG."""
    bottom = max(box.bottom for box in boxes_)
    height = bottom + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" role="img" aria-labelledby="title">',
        '<title id="title">The packages in layers: each imports only packages below it</title>',
        f"<style>\n{STYLE}\n</style>",
        _rectangle("ground", 0, 0, WIDTH, height, radius=0),
        *_bands(boxes_),
        *(_frame(frame, boxes_) for frame in FRAMES),
        *(_arrow(ways[arrow], arrows[arrow]) for arrow in sorted(ways)),
        *(_box(box) for box in boxes_),
        *_legend(bottom),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _rectangle(kind: str, left: float, top: float, width: float, height: float, *, radius: float = 6) -> str:
    return f'<rect class="{kind}" x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" rx="{radius:g}"/>'


def _bands(boxes_: list[Box]) -> list[str]:
    tops: dict[float, float] = {}
    for box in boxes_:
        tops[box.top] = max(tops.get(box.top, 0), box.height)
    return [_rectangle("band", 8, top - 8, WIDTH - 16, height + 16) for top, height in tops.items()]


def _frame(frame: str, boxes_: list[Box]) -> str:
    left, top, width, height = around(frame, boxes_)
    return (
        _rectangle("frame", left, top, width, height, radius=10)
        + f'<text class="title" x="{left + 14:g}" y="{top + 16:g}">{frame}</text>'
    )


def _box(box: Box) -> str:
    frame = next((frame for frame in FRAMES if box.package.startswith(f"{frame}.")), "")
    kind = {"fin_assets.core": "box core", "dashboards": "box pages"}.get(frame, "box")
    name = box.package.removeprefix(f"{frame}." if frame else "fin_assets.")
    left = box.left + PADDING
    lines = "".join(
        f'<text class="text" x="{left:g}" y="{box.top + PADDING + NAME + LINE * n + 12:g}">{escape(line)}</text>'
        for n, line in enumerate(box.lines)
    )
    return (
        _rectangle(kind, box.left, box.top, box.width, box.height)
        + f'<text class="name" x="{left:g}" y="{box.top + PADDING + 13:g}">{name}</text>{lines}'
    )


def _arrow(way: Way, weight: int) -> str:
    kind = next(name for least, name in WEIGHTS if weight >= least)
    x, y = way[-1]
    points = " ".join(f"{a:g},{b:g}" for a, b in [*way[:-1], (x, y - 8)])
    return (
        f'<polyline class="arrow {kind}" points="{points}"/>'
        f'<path class="head" d="M{x - 5.5:g} {y - 10:g}h11L{x:g} {y - 0.5:g}z"/>'
    )


def _legend(bottom: float) -> list[str]:
    """Return the explanation of the arrows and the other rules of the linter, in the lower right corner."""
    left, width = COLUMNS[-1]
    told = [
        ("title", "How to read it"),
        *(("text", line) for line in wrapped("An arrow means “imports”. All arrows point down.", width)),
        *(
            ("text", line)
            for line in wrapped("A package may import all that its arrows lead to, also through others.", width)
        ),
        *((name, f"uses {label} of its modules") for name, label in LABELS.items()),
        ("text", ""),
        ("title", "The linter also checks"),
        *(
            ("text", line)
            for rule in rules()
            for line in textwrap.wrap(
                rule, int(width / CHARACTER), initial_indent="\u2022 ", subsequent_indent="\u2003"
            )
        ),
    ]
    top = bottom - LINE * 1.15 * len(told) + 8
    parts = [_rectangle("ground", left - 14, top - 24, width + 24, bottom - top + 34, radius=10)]
    for number, (kind, text) in enumerate(told):
        y = top + LINE * 1.15 * number
        if kind in LABELS:
            parts.append(f'<polyline class="arrow {kind}" points="{left},{y - 4:g} {left + 30},{y - 4:g}"/>')
        x, look = (left + 40, "text") if kind in LABELS else (left, kind)
        parts.append(f'<text class="{look}" x="{x}" y="{y:g}">{escape(text)}</text>')
    return parts


def picture() -> str:
    """Return what docs/img/architecture.svg must hold.

    Raises:
        Unplaced: a package has no place.
        NoWay: an arrow cannot pass the boxes.
    """
    arrows = essential(imports())
    found = boxes(rows(arrows))
    return draw(found, arrows, route(found, arrows, titles(found)))


def main() -> int:
    """Run the script and return its exit code."""
    parser = argparse.ArgumentParser(description="Draw the layers of the packages from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the picture is out of date")
    arguments = parser.parse_args()
    try:
        drawn = picture()
    except (NoWay, Unplaced) as error:
        print(error, file=sys.stderr)
        return 1
    if arguments.check:
        if PICTURE.is_file() and PICTURE.read_text(encoding="utf-8") == drawn:
            return 0
        print("docs/img/architecture.svg is out of date: python scripts/architecture.py", file=sys.stderr)
        return 1
    PICTURE.write_text(drawn, encoding="utf-8")
    print(PICTURE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
