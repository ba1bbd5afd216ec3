"""A minimal area over the marts of the small sources. The tests put its folder beside the areas of the project."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from dashboards.areas.small.page import Closes
from dashboards.ui.area import Area, Page

AREA = Area(
    key="small",
    label="Small sources",
    zone=ZoneInfo("UTC"),
    footer="Nothing here is real.",
    sources=("rates", "trades", "navs"),
    pages=(Page("/small", Closes, label="Latest"),),
)
