"""One search over the codes and names of all areas: word order and case do not matter, any part of a name is found.

Names in scripts without spaces are found by any run of their characters. No query and no page belongs here.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dashboards.ui.area import Area, Search
from dashboards.ui.build_cache import CachedBuild

SHOWN = 12


class Found(NamedTuple):
    """Something to open: its label, its address, and the label of its area."""

    label: str
    path: str
    area: str


@dataclass(frozen=True, slots=True)
class _Entry:
    found: Found
    text: str
    words: tuple[str, ...]


def folded(text: str) -> str:
    """Return a text as it is compared: compatible forms made one, no case, no accents of Latin letters."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    kept = (
        letter
        for at, letter in enumerate(plain)
        if not (unicodedata.combining(letter) and at and plain[at - 1].isascii())
    )
    return unicodedata.normalize("NFC", "".join(kept))


class SearchIndex:
    """All that can be opened of a build; made for each build, kept for all readers."""

    def __init__(self, areas: Sequence[Area]) -> None:
        self._areas = [area for area in areas if area.search is not None]
        self._lock = threading.Lock()
        self._build_id = ""
        self._entries: list[_Entry] = []

    def find(self, build: CachedBuild, text: str) -> list[Found]:
        """Return what has every word of a text in its code or names, the best first: codes, beginnings, then the rest."""
        words = folded(text).split()
        if not words:
            return []
        hits = [
            (_rank(entry, words), at, entry.found)
            for at, entry in enumerate(self._of(build))
            if all(word in entry.text for word in words)
        ]
        return [found for _, _, found in sorted(hits)[:SHOWN]]

    def other(self, text: str) -> str:
        """Return the address for a text that nothing has: a page that names it and offers near codes; empty without one."""
        searches: list[Search] = [area.search for area in self._areas if area.search is not None]
        if not searches or not text.strip():
            return ""
        return next((one for one in searches if one.claims(text)), searches[0]).other(text.strip())

    def _of(self, build: CachedBuild) -> list[_Entry]:
        with self._lock:
            if self._build_id != build.build_id:
                self._entries = [
                    _Entry(Found(label, path, area.label), text := folded(label), tuple(text.split()))
                    for area in self._areas
                    if area.search is not None
                    for label, path in area.search.targets(build).items()
                ]
                self._build_id = build.build_id
            return self._entries


def _rank(entry: _Entry, words: Sequence[str]) -> tuple[int, int]:
    code = entry.words[0] if entry.words else ""
    first = words[0]
    codes = {code, code.lstrip("0")}
    if len(words) == 1 and (first in codes or (first.isdecimal() and first.lstrip("0") in codes)):
        return (0, 0)
    if len(words) == 1 and any(each.startswith(first) for each in codes):
        return (1, 0)
    # Whole beginnings of words before parts within them; a text that begins so before all others.
    inside = sum(1 for word in words if not any(known.startswith(word) for known in entry.words))
    return (2 + inside, 0 if any(known.startswith(first) for known in entry.words[1:2]) else 1)
