"""Hong Kong: what mainland investors hold of Hong Kong stocks through Stock Connect."""

from __future__ import annotations

from urllib.parse import quote
from zoneinfo import ZoneInfo

from dashboards.areas.hk.columns import STOCK_PATH
from dashboards.areas.hk.pages.overview import Overview
from dashboards.areas.hk.pages.stock import Stock
from dashboards.areas.hk.pages.stocks import Stocks
from dashboards.areas.hk.queries import market
from dashboards.areas.hk.words import SOURCE, TABLE
from dashboards.ui.area import Area, Page, Search, Targets
from dashboards.ui.build_cache import CachedBuild


def _targets(build: CachedBuild) -> Targets:
    return {label: STOCK_PATH + label.split(" ", 1)[0] for label in market.search_options(build)}


AREA = Area(
    key="hk",
    label="Hong Kong",
    zone=ZoneInfo("Asia/Hong_Kong"),
    pages=(
        Page("/hk", Overview, label="Overview"),
        Page("/hk/stock", Stocks, label="Stocks"),
        Page("/hk/stock/{code}", Stock, in_menu=False, under="/hk/stock"),
    ),
    search=Search(
        targets=_targets,
        other=lambda text: STOCK_PATH + quote(text),
        claims=lambda text: text.isdigit() or not text.isascii(),
    ),
    sources=(SOURCE,),
    quality=(SOURCE, TABLE),
    export_note="Holdings settle T+2; a change is implied flow, not a trade record.",
    footer="Holdings settle two days after the trade (T+2): a session shows trades of two settlement days before. A change "
    "of a holding is implied flow, not a trade record: deposits, stock lending and corporate actions move holdings too. "
    "Times are Hong Kong time.",
)
