"""The addresses of HKEXnews."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

from fin_assets.sandbox.pages import plain
from fin_assets.sandbox.responses import asset, html
from fin_assets.sandbox.site import Page
from fin_assets.sandbox.sites.hkex_southbound.formstate import FormStateRefused
from fin_assets.sandbox.sites.hkex_southbound.options import HKEX
from fin_assets.sandbox.sites.hkex_southbound.pages import other
from fin_assets.sandbox.sites.hkex_southbound.pages.assets import FILES
from fin_assets.sandbox.sites.hkex_southbound.pages.common import SITE_NAME

if TYPE_CHECKING:
    from fin_assets.sandbox.rendered import Answer
    from fin_assets.sandbox.sites.hkex_southbound.site import HkexSite

SEARCH: Final = f"{HKEX}/sdw/search/"
PAGES: Final = ("mutualmarket.aspx", "mutualmarket_c.aspx", "searchsdw.aspx", "searchsdw_c.aspx")
LINKS: Final = (
    (f"{SEARCH}mutualmarket.aspx?t=hk", "Southbound holdings"),
    (f"{SEARCH}mutualmarket_c.aspx?t=hk", "港股通持股"),
    (f"{SEARCH}mutualmarket.aspx?t=sh", "Northbound, Shanghai"),
    (f"{SEARCH}mutualmarket.aspx?t=sz", "Northbound, Shenzhen"),
    (f"{SEARCH}searchsdw.aspx", "Participants of a stock"),
    (f"{SEARCH}searchsdw_c.aspx", "股份參與者"),
)


class HkexRoutes:
    """The handlers, bound to a site."""

    def __init__(self, site: HkexSite) -> None:
        self._site = site

    def pages(self) -> list[Page]:
        """Return the search pages."""
        return [Page(path=SEARCH + page, answer=self._page, is_form=True) for page in PAGES]

    def plain_routes(self) -> list[web.RouteDef]:
        """Return the start page, the list of stocks, style and script."""
        files = [web.get(f"{HKEX}/{path}", asset(kind, text)) for path, (kind, text) in FILES.items()]
        return [
            web.get(f"{HKEX}/", self._start_page),
            web.get(f"{SEARCH}stocklist.aspx", self._stock_list),
            *files,
        ]

    async def _page(self, request: web.Request) -> Answer | web.Response:
        page = request.path.rsplit("/", 1)[-1]
        posted = None
        if request.method == "POST":
            posted = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        try:
            return self._site.prepare(page, request.query, posted)
        except FormStateRefused as error:
            return html(other.server_error(str(error)), status=500)

    async def _start_page(self, _request: web.Request) -> web.Response:
        facts = [(name, str(value)) for name, value in self._site.facts().items()]
        return html(plain.start_page(SITE_NAME["en"], [plain.Section("Pages", LINKS, facts)]))

    async def _stock_list(self, request: web.Request) -> web.Response:
        days = self._site.published("hk")
        listed = self._site.list_of(days[-1])
        asked = request.query.get("shareholdingdate", "")
        for day in reversed(days):
            if f"{day:%Y%m%d}" <= asked:
                listed = self._site.list_of(day)
                break
        return html(other.stock_list(listed.day.isoformat(), zip(listed.codes, listed.names_en, strict=True)))
