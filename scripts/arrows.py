"""Ways of arrows between boxes that stand in rows: down, across between two rows, down. Knows no packages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

PORT = 26
"""Least distance between two arrows that run down side by side. Unit: pixels, as of all numbers here."""

LANES = (14, 19, 24)
"""Where arrows may run across, from the lower edge of the row above."""

MARGIN = 6
"""How far an arrow stays away from a box beside it."""

CORNER = 14
"""How far from its corners an arrow leaves or meets a box."""

BEND, CROSSING, ALONGSIDE, ASIDE = 60, 400, 2000, 0.25
"""What makes a way longer than it is: a bend, a crossing, a piece beside another arrow, a pixel off the middle of a box."""

Point = tuple[float, float]
Segment = tuple[Point, Point]
Way = list[Point]
Arrow = tuple[str, str]


class NoWay(Exception):
    """An arrow cannot be drawn without touching a box."""


@dataclass(frozen=True, slots=True)
class Box:
    """A package in the picture: its text in lines, and its rectangle."""

    package: str
    lines: tuple[str, ...]
    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The right edge."""
        return self.left + self.width

    @property
    def middle(self) -> float:
        """Half-way between left and right."""
        return self.left + self.width / 2

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.top + self.height


def route(boxes: Sequence[Box], arrows: Iterable[Arrow], titles: Sequence[Box]) -> dict[Arrow, Way]:
    """Return the way of each arrow from an upper to a lower box; none touches a box or a title.

    Raises:
        NoWay: there is none.
    """
    by_name = {box.package: box for box in boxes}

    def length(arrow: Arrow) -> tuple[float, Arrow]:
        upper, lower = by_name[arrow[0]], by_name[arrow[1]]
        return abs(upper.middle - lower.middle) + lower.top - upper.bottom, arrow

    # Short arrows first; the first time an arrow sees those before it, later all others.
    chosen: dict[Arrow, Way] = {}
    for upper, lower in sorted(arrows, key=length) * 3:
        taken = [segment for other, way in chosen.items() if other != (upper, lower) for segment in pairwise(way)]
        chosen[upper, lower] = _best(by_name[upper], by_name[lower], taken, boxes, titles)
    return chosen


def _best(upper: Box, lower: Box, taken: Sequence[Segment], boxes: Sequence[Box], titles: Sequence[Box]) -> Way:
    """Return the way that is easiest to read beside those that are taken."""
    best: tuple[float, Way] | None = None
    for length, way in sorted((_length(way, upper, lower), way) for way in _ways(upper, lower, boxes)):
        if best is not None and length >= best[0]:
            break
        segments = list(pairwise(way))
        if any(touches(segment, box) for segment in segments for box in (*boxes, *titles)):
            continue
        cost = length + sum(
            CROSSING * crosses(segment, other) + ALONGSIDE * _alongside(segment, other)
            for segment in segments
            for other in taken
        )
        if best is None or cost < best[0]:
            best = cost, way
    if best is None:
        raise NoWay(f"no way from {upper.package} to {lower.package} passes all boxes")
    return best[1]


def _ways(upper: Box, lower: Box, boxes: Sequence[Box]) -> list[Way]:
    """Return straight ways, and those with one piece across in a gap between rows, whatever they touch."""
    starts, ends = _ports(upper), _ports(lower)
    shared_middle = (max(upper.left, lower.left) + min(upper.right, lower.right)) / 2
    straight = [
        [(x, upper.bottom), (x, lower.top)]
        for x in {*starts, *ends, shared_middle}
        if all(box.left + CORNER <= x <= box.right - CORNER for box in (upper, lower))
    ]
    bent = [
        [(start, upper.bottom), (start, gap + lane), (end, gap + lane), (end, lower.top)]
        for gap in {box.bottom for box in boxes if upper.bottom <= box.bottom < lower.top}
        for lane in LANES
        for start in starts
        for end in ends
        if abs(start - end) > 1
    ]
    return straight + bent


def _length(way: Way, upper: Box, lower: Box) -> float:
    """Return the length of a way with its bends and its distance from the middles of the boxes."""
    length = sum(abs(b[0] - a[0]) + abs(b[1] - a[1]) for a, b in pairwise(way)) + BEND * (len(way) - 2)
    return length + ASIDE * (abs(way[0][0] - upper.middle) + abs(way[-1][0] - lower.middle))


def _ports(box: Box) -> list[float]:
    count = max(1, int((box.width - 2 * CORNER) // PORT))
    return [round(box.middle + (n - (count - 1) / 2) * PORT, 1) for n in range(count)]


def touches(segment: Segment, box: Box) -> bool:
    """Return whether a piece runs through a box or closely beside it; one that ends at its edge does not."""
    (x1, y1), (x2, y2) = segment
    aside = max(x1, x2) <= box.left - MARGIN or min(x1, x2) >= box.right + MARGIN
    return not aside and min(y1, y2) < box.bottom and max(y1, y2) > box.top


def crosses(one: Segment, other: Segment) -> bool:
    """Return whether two pieces cross."""
    if _upright(one) == _upright(other):
        return False
    upright, level = (one, other) if _upright(one) else (other, one)
    return _within(upright[0][0], level[0][0], level[1][0]) and _within(level[0][1], upright[0][1], upright[1][1])


def _alongside(one: Segment, other: Segment) -> bool:
    """Return whether two pieces run side by side closer than they should."""
    if _upright(one) != _upright(other):
        return False
    across, along, least = (0, 1, PORT) if _upright(one) else (1, 0, LANES[1] - LANES[0])
    (a, b), (c, d) = sorted((one[0][along], one[1][along])), sorted((other[0][along], other[1][along]))
    return abs(one[0][across] - other[0][across]) < least and min(b, d) > max(a, c)


def _upright(segment: Segment) -> bool:
    return segment[0][0] == segment[1][0]


def _within(value: float, one: float, other: float) -> bool:
    return min(one, other) < value < max(one, other)
