"""Plain HTTP: a pool of clients over one connection pool, with cookies, HTTP/2 and four timeouts. No page, no browser.

`httpx2` sends; for a site that looks at the TLS handshake `curl_cffi` presents a browser's. Both sit behind `_Sender`.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, Self
from urllib.parse import urljoin, urlsplit

import httpx2
from curl_cffi.const import CurlECode
from curl_cffi.requests import AsyncSession
from curl_cffi.requests.exceptions import RequestException

from fin_assets.core.contract.client import Guard
from fin_assets.core.contract.failures import (
    CircuitOpen,
    CollectionFailure,
    Drift,
    NetworkFailure,
    TruncatedBody,
    WrongContentType,
)
from fin_assets.core.contract.limits import Limits
from fin_assets.core.contract.source import Fetched
from fin_assets.core.transport.boundary import KEEPS_METHOD, MOST_REDIRECTS, REDIRECTS, Boundary
from fin_assets.core.transport.client_pool import Answer, ClientPool, SiteClient
from fin_assets.core.transport.limits import SAMPLE, require_announced, require_size
from fin_assets.core.transport.redaction import Redactor

if TYPE_CHECKING:
    from fin_assets.core.transport.host_limiter import BreakerRule
    from fin_assets.core.transport.quota import DailyQuota

CONNECT = timedelta(seconds=10)
"""A server that is up answers a handshake within a second; the request's own time limit is for its answer."""

_VIA = "fin_via"
"""The addresses that were asked for one answer, in the extensions of its requests."""

logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs whole addresses, with what is secret in them

_CUT_OFF = {CurlECode.PARTIAL_FILE, CurlECode.BAD_CONTENT_ENCODING, CurlECode.HTTP2_STREAM}
_WRONG_ADDRESS = {CurlECode.URL_MALFORMAT, CurlECode.UNSUPPORTED_PROTOCOL}


class _Sender(Protocol):
    """Sends requests of all clients of a site. `errors` are what `send` raises beside typed failures."""

    errors: tuple[type[Exception], ...]

    def visitor(self) -> Any:
        """Return the cookies of a new visitor."""
        ...

    async def send(
        self, visitor: Any, method: str, url: str, *, headers: Mapping[str, str], form: Mapping[str, str] | None
    ) -> Answer:
        """Send one request and return its whole answer."""
        ...

    def translated(self, error: Exception, where: str) -> CollectionFailure:
        """Return the typed failure of one of `errors`."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class _Httpx:
    errors: tuple[type[Exception], ...] = (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError)

    def __init__(
        self, *, workers: int, timeout: timedelta, limits: Limits, boundary: Boundary, redactor: Redactor
    ) -> None:
        self._limits, self._boundary, self._redactor = limits, boundary, redactor
        seconds = timeout.total_seconds()
        self._timeout = httpx2.Timeout(connect=CONNECT.total_seconds(), read=seconds, write=seconds, pool=seconds)
        connections = httpx2.Limits(max_connections=workers, max_keepalive_connections=workers)
        # One transport for all visitors: they share connections, and each has a cookie jar of its own.
        self._transport = httpx2.AsyncHTTPTransport(http2=True, limits=connections)

    def visitor(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            transport=self._transport,
            timeout=self._timeout,
            follow_redirects=True,
            max_redirects=MOST_REDIRECTS,
            trust_env=False,
            event_hooks={"request": [self._before], "response": [self._after]},
        )

    async def _before(self, request: httpx2.Request) -> None:
        """Look at each address before it is asked, also at those of redirects."""
        via, url = request.extensions[_VIA], str(request.url)
        await self._boundary.require(url, via=via)
        if via and _host(via[0]) != _host(url):
            for name in _with_secrets(request.headers, self._redactor):
                del request.headers[name]
        via.append(url)

    async def _after(self, response: httpx2.Response) -> None:
        """Look at who answered before the body is read: a name may have got another address meanwhile."""
        peer = response.extensions["network_stream"].get_extra_info("server_addr")
        via = response.request.extensions[_VIA]
        self._boundary.require_peer(str(peer[0]) if peer else None, via[-1], via=via[:-1])

    async def send(
        self,
        visitor: httpx2.AsyncClient,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None,
    ) -> Answer:
        sent = dict(form) if form else None
        asked = visitor.stream(method, url, headers=dict(headers), data=sent, extensions={_VIA: []})
        async with asked as response:
            received = {name.lower(): value for name, value in response.headers.items()}
            # In pieces of at most a MiB after decompression, so that a small answer cannot become a huge one.
            body = await _whole(response.aiter_bytes(), url, received, self._limits)
        return _fetched(body, str(response.url), response.status_code, received), received

    def translated(self, error: Exception, where: str) -> CollectionFailure:
        said = f"{where}: {type(error).__name__}: {error}"
        begun = "without sending a response" not in str(error)
        if isinstance(error, httpx2.DecodingError | httpx2.RemoteProtocolError) and begun:
            return TruncatedBody(f"{where}: the response was cut off ({error})")
        if isinstance(error, httpx2.InvalidURL | httpx2.UnsupportedProtocol):
            return Drift(said)
        return NetworkFailure(said)

    async def close(self) -> None:
        await self._transport.aclose()


class _Curl:
    errors: tuple[type[Exception], ...] = (RequestException,)

    def __init__(
        self,
        *,
        workers: int,
        timeout: timedelta,
        browser: str,
        limits: Limits,
        boundary: Boundary,
        redactor: Redactor,
    ) -> None:
        self._workers, self._timeout, self._browser = workers, timeout, browser
        self._limits, self._boundary, self._redactor = limits, boundary, redactor
        self._sessions: list[AsyncSession[Any]] = []

    def visitor(self) -> AsyncSession[Any]:
        session: AsyncSession[Any] = AsyncSession(
            max_clients=1,
            impersonate=self._browser,
            timeout=(CONNECT.total_seconds(), self._timeout.total_seconds()),
            allow_redirects=False,
            trust_env=False,
        )
        self._sessions.append(session)
        return session

    async def send(
        self,
        visitor: AsyncSession[Any],
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None,
    ) -> Answer:
        sent, via = dict(headers), [url]
        while True:
            await self._boundary.require(via[-1], via=via[:-1])
            asked = visitor.stream(
                method,  # type: ignore[arg-type]  # one of two literals of this module
                via[-1],
                headers=sent,
                data=dict(form) if form else None,
            )
            async with asked as response:
                self._boundary.require_peer(response.primary_ip, via[-1], via=via[:-1])
                received = {name.lower(): value or "" for name, value in response.headers.items()}
                body = await _whole(response.aiter_content(), via[-1], received, self._limits)
            target = received.get("location") if response.status_code in REDIRECTS else None
            if not target:
                return _fetched(body, response.url, response.status_code, received), received
            via.append(urljoin(via[-1], target))
            if len(via) > MOST_REDIRECTS + 1:
                raise NetworkFailure(f"{url}: more than {MOST_REDIRECTS} redirects, the last to {via[-1]}")
            if response.status_code not in KEEPS_METHOD:
                method, form = "GET", None
            if _host(via[0]) != _host(via[-1]):
                sent = {name: sent[name] for name in sent.keys() - _with_secrets(sent, self._redactor)}

    def translated(self, error: Exception, where: str) -> CollectionFailure:
        code = getattr(error, "code", None)
        if code in _CUT_OFF:
            return TruncatedBody(f"{where}: the response was cut off ({error})")
        if code in _WRONG_ADDRESS:
            return Drift(f"{where}: {error}")
        return NetworkFailure(f"{where}: {error}")

    async def close(self) -> None:
        for session in self._sessions:
            await session.close()


def _host(url: str) -> str | None:
    return urlsplit(url).hostname


def _with_secrets(headers: Mapping[str, str], redactor: Redactor) -> set[str]:
    """Return the headers that only the site itself may get, not another host that it redirects to."""
    return {name for name, value in headers.items() if name.lower() == "authorization" or redactor.hides(value)}


async def _whole(pieces: AsyncIterator[bytes], url: str, headers: Mapping[str, str], limits: Limits) -> bytes:
    """Return a body that comes in pieces.

    Raises:
        OverLimit: more is announced than is read, or more comes.
    """
    require_announced(headers, url, limits)
    body = bytearray()
    async for piece in pieces:
        body += piece
        require_size(len(body), url, limits, body=bytes(body[:SAMPLE]))
    return bytes(body)


def _fetched(body: bytes, url: str, status: int, headers: Mapping[str, str]) -> Fetched:
    return Fetched(body=body, url=url, status=status, content_type=headers.get("content-type", ""), transport="http")


class HttpClient(SiteClient):
    """One visitor over plain HTTP, with its own cookies."""

    def __init__(self, pool: HttpPool, sender: _Sender) -> None:
        super().__init__(pool)
        self._sender = sender
        self._visitor = sender.visitor()

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None, guard: Guard | None = None) -> Fetched:
        """Ask for an address, as `contract.client.Client.get` says."""
        return await self._request("GET", url, headers=headers or {}, form=None, guard=guard)

    async def post(
        self,
        url: str,
        *,
        form: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        guard: Guard | None = None,
    ) -> Fetched:
        """Send a form, url-encoded. Raises as `get`."""
        return await self._request("POST", url, headers=headers or {}, form=form, guard=guard)

    async def forget(self) -> None:
        """Become a new visitor: no cookies, no state."""
        self._visitor = self._sender.visitor()
        self.state.clear()

    async def _request(
        self, method: str, url: str, *, headers: Mapping[str, str], form: Mapping[str, str] | None, guard: Guard | None
    ) -> Fetched:
        async def answer() -> Answer:
            try:
                return await self._sender.send(self._visitor, method, url, headers=headers, form=form)
            except self._sender.errors as error:
                raise self._sender.translated(error, f"{method} {url}") from error

        return await self._judged(url, answer, guard, transport="http")


class HttpPool(ClientPool):
    """Clients of one site over plain HTTP.

    Args:
        impersonate: browser whose TLS handshake is presented, as `curl_cffi` names it; None for Python's own.
        workers, rate_per_second, request_timeout, breaker, quota: as in `ClientPool`.
    """

    def __init__(
        self,
        *,
        workers: int,
        rate_per_second: float,
        request_timeout: timedelta,
        impersonate: str | None = None,
        breaker: BreakerRule | None = None,
        quota: DailyQuota | None = None,
    ) -> None:
        super().__init__(
            workers=workers,
            rate_per_second=rate_per_second,
            request_timeout=request_timeout,
            breaker=breaker,
            quota=quota,
        )
        self._impersonate = impersonate
        self._sender: _Sender | None = None
        self._idle: asyncio.LifoQueue[HttpClient] = asyncio.LifoQueue()

    async def __aenter__(self) -> Self:
        """Make the clients; nothing is asked yet."""
        sender: _Sender
        common: dict[str, Any] = {
            "workers": self.workers,
            "timeout": self.request_timeout,
            "limits": self.limits,
            "boundary": self.boundary,
            "redactor": self.redactor,
        }
        sender = _Httpx(**common) if self._impersonate is None else _Curl(browser=self._impersonate, **common)
        self._sender = sender
        for _ in range(self.workers):
            self._idle.put_nowait(HttpClient(self, sender))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections, also while being cancelled."""
        if self._sender is not None:
            await asyncio.shield(self._sender.close())
            self._sender = None

    @asynccontextmanager
    async def client(self) -> AsyncIterator[HttpClient]:
        """Lend a client for one attempt at one unit.

        Raises:
            CircuitOpen: the pool is not open.
        """
        if self._sender is None:
            msg = "the HTTP clients are closed"
            raise CircuitOpen(msg)
        client = await self._idle.get()
        try:
            yield client
        finally:
            self._idle.put_nowait(client)


def require_json(fetched: Fetched) -> None:
    """Return if an answer looks like JSON; a guard for sites that send pages where they refuse.

    Raises:
        CollectionFailure: a page came; the failure names its kind.
        WrongContentType: something else came.
    """
    from fin_assets.core.transport.blocked import classify_blocked_page

    start = fetched.body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start == b"<":
        raise classify_blocked_page(fetched.body, wanted="a JSON answer")
    if start not in {b"{", b"["}:
        raise WrongContentType(f"{fetched.url}: the answer begins with {start!r} and is no JSON", body=fetched.body)
