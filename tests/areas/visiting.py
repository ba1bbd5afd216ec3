"""Pages opened without a browser, and the text that stands on them."""

from __future__ import annotations

from typing import Any

import panel as pn

from dashboards.app import discover
from dashboards.ui.area import Area, Site, Visit
from dashboards.ui.build_cache import CachedBuild

DAGSTER = "http://127.0.0.1:3000"
SITE = Site(areas=discover(), dagster=DAGSTER)


def area(key: str) -> Area:
    """Return an area by its key."""
    return next(one for one in SITE.areas if one.key == key)


def opened(build: CachedBuild, path: str, *, code: str = "", **query: str) -> Any:
    """Return the content of the page at a path as an area declares it: `/idx/stock/{code}`."""
    for one in SITE.areas:
        for page in one.pages:
            if page.path == path:
                return page.content(build, Visit(area=one, code=code, query=query, site=SITE))
    msg = f"no area has a page {path}"
    raise LookupError(msg)


def text(view: pn.viewable.Viewable) -> str:
    """Return all markup below a view."""
    return " ".join(str(pane.object) for pane in view.select(pn.pane.HTML))
