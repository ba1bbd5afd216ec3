"""Indonesia: which brokers bought and sold which shares, and what foreign investors did."""

from __future__ import annotations

from urllib.parse import quote
from zoneinfo import ZoneInfo

from dashboards.areas.idx.columns import BROKER_PATH, STOCK_PATH
from dashboards.areas.idx.pages.broker import Broker
from dashboards.areas.idx.pages.brokers import Brokers
from dashboards.areas.idx.pages.market import Market
from dashboards.areas.idx.pages.screener import Screener
from dashboards.areas.idx.pages.stock import Stock
from dashboards.areas.idx.quality import ListQuality
from dashboards.areas.idx.queries import market
from dashboards.areas.idx.words import SOURCE, TABLE
from dashboards.ui.area import Area, Page, Search, Targets
from dashboards.ui.build_cache import CachedBuild


def _targets(build: CachedBuild) -> Targets:
    stocks = {
        f"{code} {name or ''}".strip(): STOCK_PATH + code for code, name in market.ticker_names(build).iter_rows()
    }
    brokers = {
        f"{code} {name or ''} · broker".replace("  ", " "): BROKER_PATH + code
        for code, name in market.broker_names(build).iter_rows()
    }
    return stocks | brokers


def _other(text: str) -> str:
    return (BROKER_PATH if market.looks_like_broker(text) else STOCK_PATH) + quote(text)


AREA = Area(
    key="idx",
    label="Indonesia",
    zone=ZoneInfo("Asia/Jakarta"),
    pages=(
        Page("/idx", Market, label="Market"),
        Page("/idx/screener", Screener, label="Screener"),
        Page("/idx/broker", Brokers, label="Brokers"),
        Page("/idx/broker/{code}", Broker, in_menu=False, under="/idx/broker"),
        Page("/idx/stock/{code}", Stock, in_menu=False),
    ),
    redirects={"/idx/stock": "/idx/screener"},
    search=Search(
        targets=_targets,
        other=_other,
        claims=lambda text: text.isascii() and not text.isdigit(),
    ),
    sources=(SOURCE,),
    quality=(SOURCE, TABLE),
    sections=(ListQuality,),
    export_note="1 lot is 100 shares; a broker is not the owner; ranges are summed first and divided last.",
    footer="A broker executes orders and is not the owner: funds and families trade through many brokers, and one broker "
    "serves thousands of clients. Net Foreign is what foreign investors bought less what they sold; the flow of foreign "
    "brokers is another figure. 1 lot is 100 shares. Nothing here is advice. Times are Jakarta time (WIB).",
)
