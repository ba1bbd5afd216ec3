"""What an area of the dashboards is: its pages, what is searched in it, and what its pages have in common.

An area is a package in `dashboards.areas` that defines `AREA`; `dashboards.app` finds it there. No area is named here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from zoneinfo import ZoneInfo

from markupsafe import Markup
from panel.viewable import Viewable

from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.theme import Palette
from dashboards.ui.urlstate import UrlState

Targets = dict[str, str]
"""What the search field offers, and the address that each choice leads to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """The title line of a page. `title` and `subtitle` are plain text, `chips` markup from `components.chip`."""

    title: str
    subtitle: str = ""
    chips: tuple[Markup, ...] = ()


class Section(Protocol):
    """A part of a page that an area contributes."""

    @property
    def view(self) -> Viewable:
        """The content."""
        ...

    def refresh(self, build: CachedBuild) -> None:
        """Show another build, with the reader's choices kept."""
        ...

    def restyle(self, colours: Palette) -> None:
        """Draw what CSS cannot reach in other colours."""
        ...


class Content(Section, Protocol):
    """The content of a page. Its choices, if it has any, stand in the address."""

    @property
    def state(self) -> UrlState | None:
        """The reader's choices."""
        ...

    def heading(self) -> Heading:
        """Return the title line for what is shown now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What can be searched in an area.

    Attributes:
        placeholder: of the search field.
        targets: what is offered, given a build.
        other: the address for a text that is none of the targets.
        claims: whether a text looks like a code or name of this area; asked where all areas are searched at once.
    """

    placeholder: str
    targets: Callable[[CachedBuild], Targets]
    other: Callable[[str], str]
    claims: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of an area.

    Attributes:
        path: its address; `{code}` stands for a code or name.
        content: makes the content for one visit.
        label: its name in the area's menu.
        in_menu: whether it stands there.
        under: path of the menu's page that is marked while this one is shown.
    """

    path: str
    content: Callable[[CachedBuild, Visit], Content]
    label: str = ""
    in_menu: bool = True
    under: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A group of pages.

    Attributes:
        key: marks the area in the header; stands in no address.
        label: its name in the header.
        zone: in which its times are written.
        pages: the first in the menu is the area's home.
        footer: plain text under every page.
        search: None searches all areas.
        sources: whose data the pages show; none means all of a build.
        quality: source and table whose state stands on the pages.
        export_note: what an exported file says about its figures.
        sections: parts that the area contributes to a page about all data.
        redirects: addresses without a page of their own, and where they lead.
        order: areas stand in the header by this, then by label.
    """

    key: str
    label: str
    zone: ZoneInfo
    pages: tuple[Page, ...]
    footer: str
    search: Search | None = None
    sources: tuple[str, ...] = ()
    quality: tuple[str, str] | None = None
    export_note: str = ""
    sections: tuple[Callable[[CachedBuild, Visit], Section], ...] = ()
    redirects: Mapping[str, str] = field(default_factory=dict)
    order: int = 0

    @property
    def menu(self) -> tuple[Page, ...]:
        """The pages of the menu."""
        return tuple(page for page in self.pages if page.in_menu)

    @property
    def home(self) -> str:
        """The address of the area's first page."""
        return self.menu[0].path


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What surrounds every page: all areas in order, and the address of the Dagster UI."""

    areas: tuple[Area, ...] = ()
    dagster: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request for a page: the text matched by `{code}`, and the query of the address."""

    area: Area
    code: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    site: Site = field(default_factory=Site)


def search_of(area: Area | None, areas: Sequence[Area]) -> Search | None:
    """Return the search of an area, or one over all areas; None if there is nothing to search."""
    if area is not None and area.search is not None:
        return area.search
    searches = [one.search for one in areas if one.search is not None]
    if not searches:
        return None

    def targets(build: CachedBuild) -> Targets:
        return {label: path for search in searches for label, path in search.targets(build).items()}

    def other(text: str) -> str:
        return next((search for search in searches if search.claims(text)), searches[0]).other(text)

    return Search(placeholder="Search code or name …", targets=targets, other=other, claims=lambda _text: True)
