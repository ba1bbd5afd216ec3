"""Tables, a small line chart, and the one document that all benchmarks write to, each its own section."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

DOCUMENT = Path(__file__).parents[2] / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Written by `make bench` (`.venv/bin/python -m tests.bench [name ...]`); each section by the module of its name in
`tests/bench`. Ratios travel between machines, absolute figures do not. Run it on an otherwise idle machine.
"""


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the document: `text` is markdown without a heading; `figures` are SVG files beside the document."""

    title: str
    text: str
    figures: tuple[tuple[str, str], ...] = ()


def machine() -> str:
    """Return one line on where the figures come from."""
    memory = psutil.virtual_memory().total / 2**30
    busy = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, load {busy:.1f} before the start"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a markdown table, the first column left, the others right."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def line_chart(series: dict[str, Sequence[tuple[float, float]]], *, title: str, x: str, y: str) -> str:
    """Return an SVG of lines from zero; readable on a light and on a dark page."""
    width, height, left, top, bottom = 720, 280, 60, 34, 40
    most_x = max(point[0] for points in series.values() for point in points)
    most_y = max(point[1] for points in series.values() for point in points) * 1.15
    colours = ("#2a78d6", "#d97706", "#15803d", "#9333ea")

    def place(point: tuple[float, float]) -> str:
        across = left + point[0] / most_x * (width - left - 150)
        return f"{across:.1f},{height - bottom - point[1] / most_y * (height - top - bottom):.1f}"

    grey = 'fill="#808080" font-family="sans-serif" font-size="12"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{title}">',
        f'<text x="{left}" y="18" {grey} font-weight="bold">{title}</text>',
    ]
    for share in (0, 0.25, 0.5, 0.75, 1):
        level = height - bottom - share * (height - top - bottom) / 1.15
        parts.append(f'<path d="M{left} {level:.1f}H{width - 150}" stroke="#808080" stroke-opacity=".3"/>')
        label = f"{most_y / 1.15 * share:.0f}"
        parts.append(f'<text x="{left - 8}" y="{level + 4:.1f}" text-anchor="end" {grey}>{label}</text>')
    for number, (name, points) in enumerate(series.items()):
        colour = colours[number % len(colours)]
        path = " ".join(place(point) for point in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        end = place(points[-1]).split(",")
        parts.append(f'<text x="{float(end[0]) + 6}" y="{end[1]}" {grey}>{name}</text>')
    parts.append(f'<text x="{left}" y="{height - 12}" {grey}>{x}: 0 to {most_x:.0f}; {y}</text></svg>')
    return "\n".join(parts)


def write(name: str, section: Section) -> None:
    """Replace the section of `name` in the document, or add it at the end."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    block = f"{begin}\n## {section.title}\n\n{section.text.strip()}\n{end}"
    DOCUMENT.parent.mkdir(exist_ok=True)
    text = DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else HEAD
    known = re.compile(re.escape(begin) + r".*?" + re.escape(end), re.DOTALL)
    text = known.sub(lambda _: block, text) if known.search(text) else f"{text.rstrip()}\n\n{block}\n"
    DOCUMENT.write_text(text, encoding="utf-8")
    for file, svg in section.figures:
        path = DOCUMENT.parent / "benchmarks" / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(svg, encoding="utf-8")
