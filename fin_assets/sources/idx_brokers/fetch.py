"""Reaching the exchange's lists and IndoPremier's broker tables. The only file of this source that touches the network.

The exchange stands behind a gate that knows browsers: its start page is opened as a person does, and its lists are asked
for from inside a page. The broker tables need no page. What an answer says is decided by `parse.py`, `lists.py` and
`reconcile.py`; here only whether it is the site's own, and where the rest of it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from fin_assets.core.contract.client import Attempt
from fin_assets.core.contract.failures import (
    CaptchaPage,
    CollectionFailure,
    Drift,
    HalfTable,
    LoginWall,
    MissingPanel,
    Refused,
    WrongContentType,
)
from fin_assets.core.contract.source import Fetched, Unit
from fin_assets.core.contract.text import read_json, read_text
from fin_assets.core.transport.blocked import classify_blocked_page
from fin_assets.sources.idx_brokers.page import BROKER_PAGE, open_page, require_broker_page
from fin_assets.sources.idx_brokers.parse import MORE, split_unit

if TYPE_CHECKING:
    from playwright.async_api import Page

    from fin_assets.core.transport.browser.client import BrowserClient

Fetch = Callable[["BrowserClient", Unit, date], Awaitable[Fetched]]
Ask = Callable[[str], Awaitable[Fetched]]

STOCK_SUMMARY = "/primary/TradingSummary/GetStockSummary?length={length}&start={start}&date={date:%Y%m%d}"
BROKER_SUMMARY = "/primary/TradingSummary/GetBrokerSummary?length={length}&start={start}&date={date:%Y%m%d}"
MEMBERS = "/primary/MemberParticipants/GetBrokerSearch?length={length}&start={start}"

BROKER_TABLE = "/module/saham/include/data-brokersummary.php"
STOCK_PAGE = "/ipotnews/newsSmartSearch.php"

WHOLE = 9999
"""Asked for at once. The exchange has served that, and at times no more than 50 whatever was asked."""

MOST_PAGES = 60
"""Of 50 rows each: three times the exchange's companies. More means that the list does not end."""

NOT_UNDERSTOOD = (MissingPanel, WrongContentType, Drift, HalfTable)
"""After these the last try goes another way: a document that is opened, a request from inside the stock's page."""

LINKS_OF_A_WALL = 12
"""A captcha, a login or a gate has a handful of links; the sites' own pages have dozens, and a login box among them."""

AS_A_SCRIPT = {"X-Requested-With": "XMLHttpRequest"}
"""How the pages' own scripts ask."""

_ROWS = re.compile(r'"data"\s*:\s*(?=\[)')


def json_fetcher(base_url: str, path_template: str) -> Fetch:
    """Return the fetch of one of the exchange's lists; its one unit is `all`.

    A visitor's first list is asked for from inside the start page. After that its own requests are tried once; the gate
    lets them through or does not, and is asked accordingly from then on. `Fetched.transport` says which way it was.

    `Fetched.body` is the exact answer where one holds the whole list. If the site caps its pages, it is an envelope of
    `recordsTotal`, `recordsFiltered` and `data`, whose rows are character for character those of the pages.

    Args:
        base_url: of the site, without a slash at the end.
        path_template: one of `STOCK_SUMMARY`, `BROKER_SUMMARY`, `MEMBERS`.
    """
    gate = _Gate()

    async def fetch(client: BrowserClient, unit: Unit, session: date) -> Fetched:
        del unit

        def address(start: int) -> str:
            return base_url + path_template.format(length=WHOLE, start=start, date=session)

        if _needs_another_way(client.attempt):
            return await _as_documents(client, base_url, address)
        if gate.lets_requests_through is not False and client.state.get(base_url):
            try:
                whole = await _whole(lambda url: client.get(url, headers=AS_A_SCRIPT, guard=_own_list), address)
            except (CaptchaPage, LoginWall):
                raise
            except Refused:
                # If they were let through before, the gate's cookie has run out: the start page gives a new one.
                gate.lets_requests_through = None if gate.lets_requests_through else False
            else:
                gate.lets_requests_through = True
                return whole
        return await _inside_the_site(client, base_url, address)

    return fetch


def broker_fetcher(base_url: str) -> Fetch:
    """Return the fetch of broker tables below `base_url`; units are `ticker/board/investor`, as BBCA/all/F.

    The page shows ten brokers of each side and may have a link to all of them: that is followed, and its answer is the
    unit's. If the link is the page's own address with something added, that is added at once from then on, so that a unit
    costs one request; where that gives no table, the page is asked for as before.
    """
    learned = _Learned()

    async def fetch(client: BrowserClient, unit: Unit, session: date) -> Fetched:
        ticker, board, investor = split_unit(unit.name)
        asked = {
            "code": ticker,
            "start": f"{session:%m/%d/%Y}",
            "end": f"{session:%m/%d/%Y}",
            "fd": investor,
            "board": board,
        }
        shown_on = f"{base_url}{STOCK_PAGE}?{urlencode({'code': ticker})}"
        if _needs_another_way(client.attempt):
            async with client.page() as page:
                await client.navigate(page, shown_on, guard=_not_refused)
                ask_inside = _inside(client, page, _own_table)
                return await _complete(ask_inside, base_url, asked, _Learned(), cut_will_do=True)

        async def ask(url: str) -> Fetched:
            return await client.get(url, headers={"referer": shown_on, **AS_A_SCRIPT}, guard=_own_table)

        return await _complete(ask, base_url, asked, learned)

    return fetch


@dataclass(slots=True)
class _Gate:
    """Whether requests without a page are answered; None until that has been tried."""

    lets_requests_through: bool | None = None


@dataclass(slots=True)
class _Learned:
    """What a link to the complete list has added to the page's own address."""

    more: dict[str, str] = field(default_factory=dict)


def _needs_another_way(attempt: Attempt) -> bool:
    return attempt.last and isinstance(attempt.previous, NOT_UNDERSTOOD)


async def _inside_the_site(client: BrowserClient, base_url: str, address: Callable[[int], str]) -> Fetched:
    async with client.page() as page:
        await _visit(client, page, base_url)
        return await _whole(_inside(client, page, _own_list), address)


async def _as_documents(client: BrowserClient, base_url: str, address: Callable[[int], str]) -> Fetched:
    """Open the list itself in a page, as its address typed by a person."""
    async with client.page() as page:
        await _visit(client, page, base_url)
        return await _whole(lambda url: client.navigate(page, url, guard=_own_list), address)


async def _visit(client: BrowserClient, page: Page, base_url: str) -> None:
    """Open the start page: the gate gives the visitor its cookie there."""
    await client.navigate(page, f"{base_url}/", guard=_not_refused)
    client.state[base_url] = "visited"


def _inside(client: BrowserClient, page: Page, guard: Callable[[Fetched], None]) -> Ask:
    async def ask(url: str) -> Fetched:
        return await client.in_page(page, url, headers=AS_A_SCRIPT, guard=guard)

    return ask


async def _whole(ask: Ask, address: Callable[[int], str]) -> Fetched:
    """Return the whole list, asking on where a page of it was cut short.

    Raises:
        HalfTable: the list changed between two pages.
        CollectionFailure: what `ask` raises.
    """
    first = await ask(address(0))
    pages = [_read(first)]
    total, have = pages[0].total, pages[0].count
    while total is not None and 0 < have < total and len(pages) < MOST_PAGES:
        further = _read(await ask(address(have)))
        if further.total != total:
            msg = f"{first.url}: the list grew from {total} to {further.total} rows while it was read"
            raise HalfTable(msg, body=first.body, status=first.status)
        if not further.count:
            break
        pages.append(further)
        have += further.count
    if len(pages) == 1:
        return first
    rows = ", ".join(page.rows for page in pages)
    return replace(first, body=f'{{"recordsTotal": {total}, "recordsFiltered": {total}, "data": [{rows}]}}'.encode())


@dataclass(frozen=True, slots=True)
class _ListPage:
    """One answer of a list: the text between the brackets of its rows, their count, and how many there are in all."""

    rows: str = ""
    count: int = 0
    total: int | None = None


def _read(fetched: Fetched) -> _ListPage:
    """Return what is needed to ask on. An answer of another shape has no total: what it is, the parser says."""
    try:
        text = read_text(fetched.body, content_type=fetched.content_type, utf8_first=True).text
        envelope: Any = read_json(text, wanted="the list", body=fetched.body)
    except CollectionFailure:
        return _ListPage()
    if not isinstance(envelope, dict) or not isinstance(envelope.get("recordsTotal"), int):
        return _ListPage()
    place = _ROWS.search(text)
    if place is None or not isinstance(envelope.get("data"), list):
        return _ListPage()
    rows, end = json.JSONDecoder().raw_decode(text, place.end())
    return _ListPage(text[place.end() + 1 : end - 1].strip(), len(rows), envelope["recordsTotal"])


async def _complete(
    ask: Ask, base_url: str, asked: dict[str, str], learned: _Learned, *, cut_will_do: bool = False
) -> Fetched:
    """Return the complete table, marked as promised to be whole, or the one that is shown if the site offers no more.

    Args:
        ask: sends one request.
        base_url: of the site.
        asked: query of the page.
        learned: what is known of the link to the complete table; kept up to date.
        cut_will_do: be content with what is shown if there is a link and nothing behind it.

    Raises:
        MissingPanel: there is nothing behind the link.
        CollectionFailure: what `ask` raises.
    """
    table = base_url + BROKER_TABLE
    if learned.more:
        whole = await ask(_address(table, asked | learned.more))
        if _has_table(whole):
            return replace(whole, promised_whole=True)
        shown = await ask(_address(table, asked))
        if not _has_table(shown):
            # There is none either way: that says nothing about the link.
            return shown
        learned.more = {}
    else:
        shown = await ask(_address(table, asked))
    link = _link_to_more(shown)
    if link is None:
        return shown
    whole = await ask(link)
    if not _has_table(whole):
        if cut_will_do:
            return shown
        msg = f"{shown.url}: the page offers the complete list, and {link} gives no table"
        raise MissingPanel(msg, body=whole.body, status=whole.status)
    learned.more = _added(link, table, asked)
    return replace(whole, promised_whole=True)


def _address(page: str, query: dict[str, str]) -> str:
    # The site's own scripts send the dates with their slashes.
    return f"{page}?{urlencode(query, safe='/')}"


def _link_to_more(shown: Fetched) -> str | None:
    """Return the address of the complete list, if there is a link to it that stays on the site."""
    if b"<a" not in shown.body.lower():
        return None
    for link in open_page(shown.body, content_type=shown.content_type).html.css("a"):
        href = (link.attributes.get("href") or "").strip()
        if MORE.match(link.text()) and href and not href.startswith("#"):
            address = urljoin(shown.url, href)
            if urlsplit(address)[:2] == urlsplit(shown.url)[:2]:
                return address
    return None


def _added(link: str, page: str, asked: dict[str, str]) -> dict[str, str]:
    """Return what the link has that was not asked; nothing if it is another page, or asks for something else."""
    parts, query = urlsplit(link), dict(parse_qsl(urlsplit(link).query, keep_blank_values=True))
    same_page = parts.path == urlsplit(page).path
    if not same_page or any(query.get(name) != value for name, value in asked.items()):
        return {}
    return {name: value for name, value in query.items() if name not in asked}


def _has_table(fetched: Fetched) -> bool:
    return b"table-summary" in fetched.body.lower()


def _own_table(fetched: Fetched) -> None:
    """Return if the answer is the broker table or the site's word that there is none."""
    if not urlsplit(fetched.url).path.endswith(BROKER_TABLE) and not _has_table(fetched):
        # Led away, as to terms that name this page as the one to come back to.
        raise classify_blocked_page(fetched.body, wanted=BROKER_PAGE)
    require_broker_page(fetched.body, content_type=fetched.content_type)


def _own_list(fetched: Fetched) -> None:
    """Return if the answer may be a list; a page is named for what it is."""
    if fetched.body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<":
        raise classify_blocked_page(fetched.body, wanted="the exchange's list")


def _not_refused(fetched: Fetched) -> None:
    """Return if a page that is opened on the way lets us pass; what else it shows does not matter."""
    if fetched.body.lower().count(b"<a ") > LINKS_OF_A_WALL:
        return
    verdict = classify_blocked_page(fetched.body, wanted="the site's own page")
    if isinstance(verdict, Refused):
        raise verdict
