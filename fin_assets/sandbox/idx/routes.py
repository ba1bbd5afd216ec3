"""The addresses of the Indonesian sites, and the check that stands before idx.co.id's lists."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiohttp import web

from fin_assets.sandbox.idx.answers import IDX, IPOT
from fin_assets.sandbox.idx.site import COOKIE, LISTS
from fin_assets.sandbox.pages import ipot, other
from fin_assets.sandbox.responses import html

if TYPE_CHECKING:
    from fin_assets.sandbox.idx.answers import TableAnswer
    from fin_assets.sandbox.idx.site import IdxSite
    from fin_assets.sandbox.server import Sandbox

FOLDERS: Final = ("TradingSummary", "StockData", "MemberParticipants")
BASES: Final = ("primary", "umbraco/Surface")
"""The present addresses and the older ones."""
NEWS: Final = f"{IPOT}/ipotnews/newsSmartSearch.php"


class IdxRoutes:
    """The handlers, bound to a sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    @property
    def _site(self) -> IdxSite:
        return self._sandbox.idx

    def add_routes(self, app: web.Application) -> None:
        """Add both sites to an application."""
        app.router.add_get(IDX, self._to_home)
        app.router.add_get(f"{IDX}/", self.home)
        for base in BASES:
            app.router.add_get(f"{IDX}/{base}/{{folder}}/{{endpoint}}", self.listed)
        app.router.add_get(ipot.MODULE, self.table)
        app.router.add_get(NEWS, self.news)

    async def _to_home(self, _request: web.Request) -> web.Response:
        raise web.HTTPFound(f"{IDX}/")

    async def home(self, request: web.Request) -> web.StreamResponse:
        """Answer the start page and give the visitor the cookie that the lists want."""
        return await self._sandbox.respond(request, self._site.home())

    async def listed(self, request: web.Request) -> web.StreamResponse:
        """Answer one page of a list; without the cookie a challenge."""
        folder, endpoint = request.match_info["folder"], request.match_info["endpoint"]
        if endpoint not in LISTS or folder not in FOLDERS:
            raise web.HTTPNotFound
        if request.cookies.get(COOKIE) != self._site.cookie:
            refusal = html(other.challenge(), status=403, headers={"cf-mitigated": "challenge"})
            return await self._sandbox.refuse(request, refusal)
        return await self._sandbox.respond(request, self._site.listed(endpoint, request.query))

    async def table(self, request: web.Request) -> web.StreamResponse:
        """Answer a broker table."""
        site, query = self._site, request.query
        answer: TableAnswer
        if query.get("start") == query.get("end"):
            answer = site.table(query)
        else:
            # A range may take a session's work many times over; other visitors are served meanwhile.
            answer = await asyncio.to_thread(site.table, query)
        return await self._sandbox.respond(request, answer)

    async def news(self, request: web.Request) -> web.StreamResponse:
        """Answer the page of a stock."""
        return await self._sandbox.respond(request, self._site.news(request.query))
