"""What an area of the dashboards is: its pages, what is searched in it, and what its pages have in common.

An area is a package in `dashboards.areas` that defines `AREA`; `dashboards.app` finds it there. No area is named here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from zoneinfo import ZoneInfo

from markupsafe import Markup
from panel.viewable import Viewable

from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.theme import Palette
from dashboards.ui.urlstate import Placed, UrlState

Targets = dict[str, str]
"""What the search field offers, and the address that each choice leads to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """The title line of a page. `title` and `subtitle` are plain text, `chips` markup from `components.chip`.

    `status` is what HTTP says of the page: 404 where nothing has the code of the address.
    """

    title: str
    subtitle: str = ""
    chips: tuple[Markup, ...] = ()
    status: int = 200


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
    """The content of a page. Its choices stand in the address."""

    @property
    def state(self) -> UrlState | None:
        """The reader's choices; None for a page that no address leads to."""
        ...

    @property
    def tables(self) -> Mapping[str, Placed]:
        """The tables whose order and page stand in the address, by key; the main table's is empty."""
        ...

    @property
    def figures(self) -> Markup:
        """The key figures, for the first HTML of the page."""
        ...

    def heading(self) -> Heading:
        """Return the title line for what is shown now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What can be searched in an area.

    Attributes:
        targets: what is offered, given a build.
        other: the address for a text that is none of the targets.
        claims: whether a text looks like a code or name of this area; asked where no area has it.
    """

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
        search: what can be found of it.
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
