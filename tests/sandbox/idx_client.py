"""Asking the embedded Indonesian sites, for tests that are not asynchronous."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fin_assets.sandbox.sites.idx_brokers.options import IDX, IPOT
from tests.sandbox.client import Reply, ask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fin_assets.sandbox import Sandbox

STOCKS, BROKERS = "TradingSummary/GetStockSummary", "TradingSummary/GetBrokerSummary"
MODULE = "module/saham/include/data-brokersummary.php"


def clearance(site: Sandbox) -> str:
    """The cookie that the start page gives."""
    return ask(f"{site.url}{IDX}/").headers["set-cookie"].split(";")[0]


def listed(site: Sandbox, path: str, *, cookie: str | None = None, base: str = "primary", **query: object) -> Reply:
    """One answer of idx.co.id; without `cookie` the start page is visited first."""
    given = clearance(site) if cookie is None else cookie
    return ask(f"{site.url}{IDX}/{base}/{path}?{urlencode(query)}", headers={"Cookie": given})


def rows(site: Sandbox, path: str, day: date, **query: object) -> list[dict[str, Any]]:
    """The data rows of a session."""
    envelope: Mapping[str, Any] = json.loads(listed(site, path, date=f"{day:%Y%m%d}", **query).text)
    return envelope["data"]


def broker_table(site: Sandbox, code: str, day: date, *, end: date | None = None, **query: str) -> Reply:
    """One answer of the broker table; `fd`, `board` and `list` as query."""
    asked = {"code": code, "start": f"{day:%m/%d/%Y}", "end": f"{end or day:%m/%d/%Y}", "fd": "all", "board": "all"}
    return ask(f"{site.url}{IPOT}/{MODULE}?{urlencode({**asked, **query})}")


def cells(reply: Reply) -> list[list[str]]:
    """The text of the table's cells, trailing blanks kept."""
    return [[cell.text() for cell in row.css("td")] for row in reply.dom.css("table.table-summary tbody tr")]
