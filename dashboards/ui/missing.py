"""An address that leads nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from markupsafe import Markup

from dashboards.ui.area import Heading, Site
from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.components import empty_state
from dashboards.ui.theme import Palette
from dashboards.ui.urlstate import Placed


class Missing:
    """The page's content: what was asked for, and the pages that there are."""

    state = None
    tables: Mapping[str, Placed] = MappingProxyType({})
    figures = Markup("")

    def __init__(self, *, path: str, site: Site) -> None:
        links = [
            (area.label if page.label in ("", area.label) else f"{area.label}: {page.label}", page.path)
            for area in site.areas
            for page in area.menu
        ]
        self.view = empty_state("There is no such page", [f"Nothing is served at {path}."], links=links)

    def heading(self) -> Heading:
        """See `area.Content`."""
        return Heading(title="Page not found", status=404)

    def refresh(self, build: CachedBuild) -> None:
        """See `area.Section`. Nothing here depends on a build."""

    def restyle(self, colours: Palette) -> None:
        """See `area.Section`. Everything here follows by style sheet."""
