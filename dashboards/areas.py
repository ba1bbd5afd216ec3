"""The areas that the pages fall into: their name, their pages, what is searched in them, and what stands at their foot.

Only what every page of an area has in common belongs here. An area never asks for data itself, except for what can be
searched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from dashboards.queries import hk, idx
from dashboards.store import Snapshot

Targets = dict[str, str]
"""What the search field offers, and the address each choice leads to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A group of pages.

    Attributes:
        key: stands in no address; marks the area in the header.
        label: its name in the header.
        home: the address of its first page.
        pages: (key, label, address) of its pages; empty if it has one only.
        placeholder: of the search field.
        targets: what can be searched, given a build.
        other: the address for a text that is none of the targets.
        footer: plain text under every page.
    """

    key: str
    label: str
    home: str
    pages: tuple[tuple[str, str, str], ...] = ()
    placeholder: str
    targets: Callable[[Snapshot], Targets]
    other: Callable[[str], str]
    footer: str


def _hk_targets(snapshot: Snapshot) -> Targets:
    return {label: f"/hk/stock/{label.split(' ', 1)[0]}" for label in hk.search_options(snapshot)}


def _idx_targets(snapshot: Snapshot) -> Targets:
    tickers = {
        f"{code} {name or ''}".strip(): f"/idx/stock/{code}" for code, name in idx.ticker_names(snapshot).iter_rows()
    }
    brokers = {
        f"{code} {name or ''} · broker".replace("  ", " "): f"/idx/broker/{code}"
        for code, name in idx.broker_names(snapshot).iter_rows()
    }
    return tickers | brokers


def _both(snapshot: Snapshot) -> Targets:
    return _hk_targets(snapshot) | _idx_targets(snapshot)


def _hk_other(text: str) -> str:
    return f"/hk/stock/{quote(text)}"


def _idx_other(text: str) -> str:
    # Brokers have two letters, tickers four and more.
    return f"/idx/broker/{quote(text)}" if idx.looks_like_broker(text) else f"/idx/stock/{quote(text)}"


def _either(text: str) -> str:
    return _hk_other(text) if not text.isascii() or text.isdigit() else _idx_other(text)


HONG_KONG = Area(
    key="hk",
    label="Hong Kong",
    home="/hk",
    pages=(("overview", "Overview", "/hk"), ("stocks", "Stocks", "/hk/stock")),
    placeholder="Search code or name …",
    targets=_hk_targets,
    other=_hk_other,
    footer="Holdings settle two days after the trade (T+2): a session shows trades of two settlement days before. A change "
    "of a holding is implied flow, not a trade record: deposits, stock lending and corporate actions move holdings too. "
    "Times are Hong Kong time.",
)
INDONESIA = Area(
    key="idx",
    label="Indonesia",
    home="/idx",
    pages=(
        ("market", "Market", "/idx"),
        ("screener", "Screener", "/idx/screener"),
        ("brokers", "Brokers", "/idx/broker"),
    ),
    placeholder="Search stock or broker …",
    targets=_idx_targets,
    other=_idx_other,
    footer="A broker executes orders and is not the owner: funds and families trade through many brokers, and one broker "
    "serves thousands of clients. Net Foreign is what foreign investors bought less what they sold; the flow of foreign "
    "brokers is another figure. 1 lot is 100 shares. Nothing here is advice. Times are Jakarta time (WIB).",
)
DATA = Area(
    key="data",
    label="Data",
    home="/data",
    placeholder="Search code or name …",
    targets=_both,
    other=_either,
    footer="Only complete and closed sessions are green. Times are Hong Kong time.",
)
AREAS = (HONG_KONG, INDONESIA, DATA)
