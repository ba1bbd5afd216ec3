"""One visitor of a site: a browser context with its cookies, its form state and three ways to get a document.

A client is what a source's `fetch.py` is given; `pool` lends it out and owns the browser below it.
Nothing here retries or knows what a page means.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from playwright.async_api import APIResponse, Browser, BrowserContext, Page, Request, Response
from playwright.async_api import Error as PlaywrightError

from fin_assets.core.contract.client import Guard
from fin_assets.core.contract.failures import BrowserLost, CollectionFailure, NetworkFailure, TruncatedBody
from fin_assets.core.contract.source import Fetched
from fin_assets.core.transport.boundary import KEEPS_METHOD, MOST_REDIRECTS, REDIRECTS
from fin_assets.core.transport.client_pool import Answer, SiteClient
from fin_assets.core.transport.limits import require_announced, require_size

if TYPE_CHECKING:
    from fin_assets.core.transport.browser.pool import BrowserPool

EMPTY_REFUSAL = "net::ERR_HTTP_RESPONSE_CODE_FAILURE"
"""How Chromium puts a status of 400 or more that came without a body."""

# The body as base64: what the page's own scripts would be given as text is not the bytes that the site sent.
FETCH_IN_PAGE = """async ([url, headers, patience, most]) => {
    let response;
    try {
        response = await fetch(url, {headers, credentials: 'include', signal: AbortSignal.timeout(patience)});
    } catch (error) {
        return {failed: String(error)};
    }
    const answer = {url: response.url, status: response.status, headers: [...response.headers]};
    try {
        const pieces = [];
        let size = 0;
        for (const reader = response.body?.getReader(); reader;) {
            const {done, value} = await reader.read();
            if (done) break;
            pieces.push(value);
            size += value.length;
            if (size > most) {
                await reader.cancel();
                return {...answer, tooLarge: size};
            }
        }
        const blob = new Blob(pieces);
        const data = await new Promise((done, refuse) => {
            const reader = new FileReader();
            reader.onload = () => done(reader.result);
            reader.onerror = () => refuse(reader.error);
            reader.readAsDataURL(blob);
        });
        return {...answer, body: data.slice(data.indexOf(',') + 1)};
    } catch (error) {
        return {...answer, broken: String(error)};
    }
}"""


class BrowserClient(SiteClient):
    """One visitor: a browser context with its cookies, and what the source remembers of its forms.

    Attributes:
        state: the source's own memory (form state by page path). It lives as long as the cookies do.
        attempt: where the current unit stands.
        limiter: of the host that was asked last; None before the first request.
    """

    ERRORS = (PlaywrightError,)

    def __init__(self, pool: BrowserPool) -> None:
        super().__init__(pool)
        self._pool = pool
        self._context: BrowserContext | None = None
        self._browser: Browser | None = None
        self._cookies: list[Any] = []
        self._units = 0

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None, guard: Guard | None = None) -> Fetched:
        """Ask with the visitor's cookies, without a page. Raises as `post`."""
        return await self._request("GET", url, form=None, headers=headers or {}, guard=guard)

    async def post(
        self,
        url: str,
        *,
        form: Mapping[str, str],
        referer: str | None = None,
        headers: Mapping[str, str] | None = None,
        guard: Guard | None = None,
    ) -> Fetched:
        """Send a form with the visitor's cookies, without a page.

        Args:
            url: absolute address; redirects are followed.
            form: fields, sent url-encoded.
            referer: the page that the form is on.
            headers: further request headers.
            guard: says whether a body is the site's own content; see `answers.judge` for its rank beside the status.

        Raises:
            CollectionFailure: no answer, not a whole one, a refusing status, or what the guard raised.
        """
        sent = dict(headers or {}) | ({"referer": referer} if referer else {})
        return await self._request("POST", url, form=dict(form), headers=sent, guard=guard)

    async def navigate(self, page: Page, url: str, *, guard: Guard | None = None) -> Fetched:
        """Open an address in a page and return the document as it was sent, not as scripts have changed it since."""
        timeout = self._milliseconds
        return await self._document(
            page, url, lambda: page.goto(url, timeout=timeout, wait_until="domcontentloaded"), guard
        )

    async def follow(self, page: Page, action: Callable[[], Awaitable[Any]], *, guard: Guard | None = None) -> Fetched:
        """Do something in a page that makes it load a document (a click, an Enter) and return that document."""

        async def acted() -> Response | None:
            async with page.expect_navigation(timeout=self._milliseconds, wait_until="domcontentloaded") as navigation:
                await action()
            return await navigation.value

        return await self._document(page, page.url, acted, guard)

    async def in_page(
        self, page: Page, url: str, *, headers: Mapping[str, str] | None = None, guard: Guard | None = None
    ) -> Fetched:
        """Ask from inside an open page, as its own scripts do: the browser's own connection, cookies and headers.

        Args:
            page: a page of the same origin as `url`.
            url: absolute address; redirects within the origin are followed.
            headers: further request headers.
            guard: as for `post`.

        Raises:
            CollectionFailure: as `post`.
        """

        async def answer() -> Answer:
            await self._pool.boundary.require(url)
            asked = [url, dict(headers or {}), self._milliseconds, self._pool.limits.body_bytes]
            said = await self._pool.within(page.evaluate(FETCH_IN_PAGE, asked), what=f"asking {url} in a page")
            if "failed" in said:
                msg = f"{url}: asked in a page, no answer came ({said['failed']})"
                raise NetworkFailure(msg)
            if "tooLarge" in said:
                require_size(said["tooLarge"], url, self._pool.limits)
            if "broken" in said:
                msg = f"{url}: the response was cut off ({said['broken']})"
                raise TruncatedBody(msg, status=said["status"])
            received = dict(said["headers"])
            self._pool.boundary.require_host(said["url"], via=[url])
            return Fetched(
                body=base64.b64decode(said["body"]),
                url=said["url"],
                status=said["status"],
                content_type=received.get("content-type", ""),
                transport="in_page",
            ), received

        return await self._judged(url, answer, guard, transport="in_page")

    @asynccontextmanager
    async def page(self) -> AsyncIterator[Page]:
        """Open a page that is closed whatever happens.

        A page per use, because a page that is used again keeps what every document left in it: 400 navigations in one
        page went from 202 to 1,110 MiB, a page for each stayed at 212.

        Raises:
            CollectionFailure: in place of Playwright's own errors from inside the block.
        """
        context = await self._ready()
        try:
            page = await self._pool.within(context.new_page(), what="opening a page")
            page.set_default_timeout(self._milliseconds)
            page.set_default_navigation_timeout(self._milliseconds)
            try:
                yield page
            finally:
                await self._pool.quietly(page.close(), what="closing a page")
        except PlaywrightError as error:
            raise self._pool.translated(error, where="the page") from error

    async def forget(self) -> None:
        """Become a new visitor: no cookies, no form state."""
        await self._drop_context()
        self._cookies = []
        self.state.clear()

    @property
    def _milliseconds(self) -> float:
        return self._pool.request_timeout.total_seconds() * 1000

    async def _request(
        self, method: str, url: str, *, form: dict[str, Any] | None, headers: Mapping[str, str], guard: Guard | None
    ) -> Fetched:
        context = await self._ready()

        async def answer() -> Answer:
            response = await self._followed(context, method, url, form=form, headers=dict(headers))
            try:
                require_announced(response.headers, url, self._pool.limits)
                body = await self._pool.within(response.body(), what=f"reading {url}")
                kind = response.headers.get("content-type", "")
                return Fetched(
                    body=body, url=response.url, status=response.status, content_type=kind, transport="request"
                ), response.headers
            finally:
                # The driver keeps every body until the response is disposed.
                await self._pool.quietly(response.dispose(), what="disposing a response")

        return await self._judged(url, answer, guard, transport="request")

    async def _followed(
        self, context: BrowserContext, method: str, url: str, *, form: dict[str, Any] | None, headers: dict[str, str]
    ) -> APIResponse:
        """Ask, and follow redirects one by one: each address is looked at before it is asked."""
        via = [url]
        while True:
            await self._pool.boundary.require(via[-1], via=via[:-1])
            response = await self._pool.within(
                context.request.fetch(
                    via[-1], method=method, form=form, headers=headers, timeout=self._milliseconds, max_redirects=0
                ),
                what=f"{method} {url}",
            )
            peer = await self._pool.within(response.server_addr(), what=f"reading {url}")
            self._pool.boundary.require_peer(peer["ipAddress"] if peer else None, via[-1], via=via[:-1])
            location = response.headers.get("location")
            if response.status not in REDIRECTS or not location:
                return response
            await self._pool.quietly(response.dispose(), what="disposing a response")
            via.append(urljoin(via[-1], location))
            if len(via) > MOST_REDIRECTS + 1:
                msg = f"{url}: more than {MOST_REDIRECTS} redirects, the last to {via[-1]}"
                raise NetworkFailure(msg)
            if response.status not in KEEPS_METHOD:
                method, form = "GET", None
            if urlsplit(via[-1]).hostname != urlsplit(url).hostname:
                headers = {
                    name: value
                    for name, value in headers.items()
                    if name.lower() != "authorization" and not self._pool.redactor.hides(value)
                }

    async def _require_inside(self, response: Response) -> None:
        """Refuse a document before it is read if another host sent it; a page follows redirects by itself."""
        request: Request | None = response.request
        via: list[str] = []
        while request is not None:
            via.insert(0, request.url)
            request = request.redirected_from
        for position, url in enumerate(via):
            self._pool.boundary.require_host(url, via=via[:position])
        peer = await self._pool.within(response.server_addr(), what=f"reading {response.url}")
        self._pool.boundary.require_peer(peer["ipAddress"] if peer else None, via[-1], via=via[:-1])

    async def _document(
        self, page: Page, url: str, action: Callable[[], Awaitable[Response | None]], guard: Guard | None
    ) -> Fetched:
        async def answer() -> Answer:
            await self._pool.boundary.require(url)
            response = await _first_of(page, action)
            if response is None:
                msg = f"{url} loaded no document"
                raise NetworkFailure(msg)
            await self._require_inside(response)
            require_announced(response.headers, url, self._pool.limits)
            body = await self._pool.within(_body(response), what=f"reading {url}")
            kind = response.headers.get("content-type", "")
            return Fetched(
                body=body, url=response.url, status=response.status, content_type=kind, transport="navigation"
            ), response.headers

        return await self._judged(url, answer, guard, transport="navigation")

    def _translated(self, error: Exception, where: str) -> CollectionFailure:
        if not isinstance(error, PlaywrightError):
            raise error
        return self._pool.translated(error, where=where)

    async def _ready(self) -> BrowserContext:
        browser = self._pool.browser
        if self._context is not None and self._browser is browser:
            return self._context
        if self._context is not None:
            self.abandon()
        try:
            context = await self._pool.within(
                browser.new_context(viewport={"width": 1280, "height": 900}), what="opening a context"
            )
            if self._cookies:
                await self._pool.within(context.add_cookies(self._cookies), what="restoring cookies")
        except PlaywrightError as error:
            raise self._pool.translated(error, where="the browser") from error
        self._context, self._browser, self._units = context, browser, 0
        self._pool.stats.contexts += 1
        return context

    async def used(self) -> None:
        """Count a unit; a worn context is replaced, cookies and form state are kept."""
        self._units += 1
        if self._units >= self._pool.settings.recycle_after_units:
            await self.retire()

    async def retire(self) -> None:
        """Close the context and keep its cookies for the next one."""
        if self._context is None:
            return
        try:
            self._cookies = list(await self._pool.within(self._context.cookies(), what="reading cookies"))
        except (PlaywrightError, BrowserLost):
            self._cookies = []
            self.state.clear()
        await self._drop_context()

    def abandon(self) -> None:
        """Give up a context whose browser died. It took the cookies along: the next unit starts without them."""
        self._context, self._cookies = None, []
        self.state.clear()

    async def _drop_context(self) -> None:
        context, self._context = self._context, None
        if context is not None:
            await self._pool.quietly(context.close(), what="closing a context")


async def _first_of(page: Page, action: Callable[[], Awaitable[Response | None]]) -> Response | None:
    """Run a navigation, but do not wait for its time-out once the document itself has broken off."""
    broken: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    answered: list[Response] = []

    def on_response(response: Response) -> None:
        if response.request.is_navigation_request() and response.frame == page.main_frame:
            answered.append(response)

    def on_failed(request: Request) -> None:
        reason = request.failure or "net::ERR_FAILED"
        # Aborted is what a download and a superseded navigation look like; the navigation itself says which.
        if reason in {"net::ERR_ABORTED", EMPTY_REFUSAL} or broken.done():
            return
        if request.is_navigation_request() and request.frame == page.main_frame:
            broken.set_result(reason)

    page.on("response", on_response)
    page.on("requestfailed", on_failed)
    running: asyncio.Future[Any] = asyncio.ensure_future(action())
    try:
        await asyncio.wait([running, broken], return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            raise PlaywrightError(str(broken.result()))
        error = running.exception()
        if error is not None and EMPTY_REFUSAL in str(error) and answered:
            return answered[-1]
        response: Response | None = running.result()
        return response
    finally:
        page.remove_listener("response", on_response)
        page.remove_listener("requestfailed", on_failed)
        if not running.done():
            running.cancel()
            await asyncio.wait({running})
        broken.cancel()


async def _body(response: Response) -> bytes:
    try:
        return await response.body()
    except PlaywrightError:
        # A refusal without a body has none to read; of an accepted document it would be a loss.
        if response.ok:
            raise
        return b""
