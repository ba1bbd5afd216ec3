"""The addresses of the Indonesian sites, and the check of the cookie before idx.co.id's lists."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiohttp import web

from fin_assets.sandbox.responses import html
from fin_assets.sandbox.site import Page
from fin_assets.sandbox.sites.idx_brokers.options import IDX, IPOT
from fin_assets.sandbox.sites.idx_brokers.pages import ipot, other

if TYPE_CHECKING:
    from fin_assets.sandbox.sites.idx_brokers.answers import ListAnswer, PageAnswer, TableAnswer
    from fin_assets.sandbox.sites.idx_brokers.site import IdxSite

FOLDERS: Final = ("TradingSummary", "StockData", "MemberParticipants")
BASES: Final = ("primary", "umbraco/Surface")
"""The present addresses and the older ones."""
NEWS: Final = f"{IPOT}/ipotnews/newsSmartSearch.php"
COOKIE: Final = "cf_clearance"
LINKS: Final = (
    (f"{IDX}/", "Jakarta: market-wide lists"),
    (f"{NEWS}?code=BBCA", "Jakarta: broker table of a stock"),
)


class IdxRoutes:
    """The handlers, bound to the sites."""

    def __init__(self, site: IdxSite) -> None:
        self._site = site

    def pages(self) -> list[Page]:
        """Return the start page, the lists, the broker table and the page of a stock."""
        lists = [Page(path=f"{IDX}/{base}/{{folder}}/{{endpoint}}", answer=self._listed) for base in BASES]
        return [
            Page(path=f"{IDX}/", answer=self._home),
            *lists,
            Page(path=ipot.MODULE, answer=self._table),
            Page(path=NEWS, answer=self._news),
        ]

    def plain_routes(self) -> list[web.RouteDef]:
        """Return the redirect to the start page."""
        return [web.get(IDX, self._to_home)]

    async def _to_home(self, _request: web.Request) -> web.Response:
        raise web.HTTPFound(f"{IDX}/")

    async def _home(self, _request: web.Request) -> PageAnswer:
        """Answer the start page, which gives the visitor the cookie that the lists want."""
        return self._site.home()

    async def _listed(self, request: web.Request) -> ListAnswer | web.Response:
        """Answer one page of a list; without the cookie a challenge."""
        folder, endpoint = request.match_info["folder"], request.match_info["endpoint"]
        if endpoint not in self._site.lists or folder not in FOLDERS:
            raise web.HTTPNotFound
        if request.cookies.get(COOKIE) != self._site.cookie:
            return html(other.challenge(), status=403, headers={"cf-mitigated": "challenge"})
        return self._site.listed(endpoint, request.query)

    async def _table(self, request: web.Request) -> TableAnswer:
        """Answer a broker table."""
        query = request.query
        if query.get("start") == query.get("end"):
            return self._site.table(query)
        # A range may take a session's work many times over; other visitors are served meanwhile.
        return await asyncio.to_thread(self._site.table, query)

    async def _news(self, request: web.Request) -> PageAnswer:
        """Answer the page of a stock."""
        return self._site.news(request.query)
