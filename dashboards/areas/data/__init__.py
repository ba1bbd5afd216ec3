"""Data: what is complete, what is not and why, for every source, and what every column means."""

from __future__ import annotations

from dashboards.areas.data.pages.data import Data
from dashboards.ui.area import Area, Page
from dashboards.ui.formats import UTC

AREA = Area(
    key="data",
    label="Data",
    zone=UTC,
    pages=(Page("/data", Data, label="Data"),),
    footer="Only complete and closed sessions are green. Times of a source are those of its market, all others UTC.",
    order=1,
)
