"""A plain HTTP client for the embedded site, for tests that are not asynchronous."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
from selectolax.lexbor import LexborHTMLParser

from fin_assets.sandbox.sites.hkex_southbound.options import HKEX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fin_assets.sandbox import Sandbox


@dataclass(frozen=True)
class Reply:
    """One answer: status, headers with lower-case names, body."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def dom(self) -> LexborHTMLParser:
        """The parsed document."""
        return LexborHTMLParser(self.text)

    def one(self, selector: str) -> str:
        """Text of the only element that matches, stripped."""
        (node,) = self.dom.css(selector)
        return node.text().strip()

    def field(self, name: str) -> str | None:
        """Value of a form field."""
        (node,) = self.dom.css(f'input[name="{name}"]')
        return node.attributes.get("value")


def ask(
    url: str,
    data: Mapping[str, str] | None = None,
    *,
    timeout: float = 10,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """GET, or POST if there is form data; redirects are not followed. Raises what aiohttp raises."""

    async def go() -> Reply:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout)) as session,
            session.request(
                "GET" if data is None else "POST", url, data=data, headers=headers, allow_redirects=False
            ) as response,
        ):
            text = await response.text()
            return Reply(response.status, {k.lower(): v for k, v in response.headers.items()}, text)

    return asyncio.run(go())


def page_url(site: Sandbox, page: str) -> str:
    """Address of a page such as `mutualmarket.aspx?t=hk`."""
    return f"{site.url}{HKEX}/sdw/search/{page}"


def form_of(reply: Reply) -> dict[str, str]:
    """All fields of the page's form, as a browser would send them."""
    nodes = reply.dom.css("#form1 input[name]")
    return {
        n.attributes["name"] or "": n.attributes.get("value") or ""
        for n in nodes
        if n.attributes.get("type") != "submit"
    }


def search_holdings(site: Sandbox, day: str, *, page: str = "mutualmarket.aspx?t=hk", **changes: str) -> Reply:
    """Get the page, put a date into its form and press the button."""
    url = page_url(site, page)
    return ask(url, {**form_of(ask(url)), "txtShareholdingDate": day, "btnSearch": "Search", **changes})


def search_participants(site: Sandbox, day: str, code: str, *, page: str = "searchsdw.aspx", **changes: str) -> Reply:
    """Get the page, put date and code into its form and post it as the search link does."""
    url = page_url(site, page)
    filled = {"__EVENTTARGET": "btnSearch", "txtShareholdingDate": day, "txtStockCode": code}
    return ask(url, {**form_of(ask(url)), **filled, **changes})
