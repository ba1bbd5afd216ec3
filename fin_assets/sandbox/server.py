"""Serves the embedded site over HTTP, and misbehaves on the transport where a fault says so.

What is answered is decided in `site.py`, what goes wrong in `faults.py`; here it happens.
"""

from __future__ import annotations

import asyncio
import hashlib
import signal
import socket
import struct
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote

from aiohttp import web

from fin_assets.sandbox.answers import Answer
from fin_assets.sandbox.config import SandboxConfig
from fin_assets.sandbox.control import Control
from fin_assets.sandbox.faults import Drawn, Fault, FaultBook, FaultKind
from fin_assets.sandbox.formstate import VIEW_STATE_REFUSED, FormStateRefused
from fin_assets.sandbox.market import SandboxError
from fin_assets.sandbox.pages import other
from fin_assets.sandbox.pages.assets import FILES
from fin_assets.sandbox.pages.common import Edits
from fin_assets.sandbox.site import PAGES, HkexSite

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

PREFIX: Final = "/hkexnews"
_SEARCH: Final = f"{PREFIX}/sdw/search/"
_LOG_KEPT: Final = 500_000
_START_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Request:
    """One logged request of a page; `status` is 0 where the connection was reset, `fault` the kinds that hit it."""

    number: int
    method: str
    path: str
    key: str | None
    status: int
    fault: str | None

    @property
    def is_content(self) -> bool:
        """Whether the undisturbed page was sent."""
        return self.status == web.HTTPOk.status_code and self.fault is None


class Sandbox:
    """The embedded site: `async with Sandbox(config) as site`, or `with Sandbox(config).run_in_thread() as site`.

    Args:
        config: what to serve and how; the default is a generated site on a free port.
    """

    def __init__(self, config: SandboxConfig | None = None) -> None:
        self.config = config or SandboxConfig()
        self.faults = FaultBook(self.config.seed)
        self.faults.replace(self.config.faults)
        self._site: HkexSite | None = None
        self._runner: web.AppRunner | None = None
        self._port: int | None = None
        self._log: deque[Request] = deque(maxlen=_LOG_KEPT)
        self._number = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Root of the server.

        Raises:
            SandboxError: it does not run.
        """
        if self._port is None:
            msg = "the sandbox does not run: enter it first (async with, or run_in_thread)"
            raise SandboxError(msg)
        return f"http://{self.config.host}:{self._port}"

    @property
    def base_url(self) -> str:
        """Base address of the HKEX site, for the source's `base_url`."""
        return self.url + PREFIX

    @property
    def site(self) -> HkexSite:
        """The site behind the pages: what tests compare answers with.

        Raises:
            SandboxError: it does not run.
        """
        if self._site is None:
            msg = "the sandbox does not run: enter it first (async with, or run_in_thread)"
            raise SandboxError(msg)
        return self._site

    @property
    def requests(self) -> list[Request]:
        """The page requests since the start or the last clearing, oldest first."""
        with self._lock:
            return list(self._log)

    def clear_requests(self) -> None:
        """Forget the logged requests."""
        with self._lock:
            self._log.clear()

    def served(self) -> Counter[tuple[str, str]]:
        """Count the undisturbed answers to searches by (page path with query, unit key)."""
        return Counter((r.path, r.key) for r in self.requests if r.method == "POST" and r.key and r.is_content)

    def set_faults(self, faults: Iterable[Fault]) -> None:
        """Put these faults in force in place of all others."""
        self.faults.replace(faults)

    async def __aenter__(self) -> Self:
        """Build the data and listen.

        Raises:
            SandboxError: the port is taken, or the dataset cannot be used.
        """
        self._site = HkexSite(self.config)
        self._runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self.config.host, self.config.port, backlog=512).start()
        except OSError as error:
            await self._runner.cleanup()
            where = f"{self.config.host}:{self.config.port}"
            msg = f"sandbox: cannot listen on {where} ({error.strerror}); choose another port with --port"
            raise SandboxError(msg) from error
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening; answers under way are cut off."""
        if self._runner is not None:
            await self._runner.cleanup()
        self._runner = self._port = None

    @contextmanager
    def run_in_thread(self) -> Iterator[Self]:
        """Run the site in a thread of its own, for code that is not asynchronous.

        Raises:
            SandboxError: as on entering it.
        """
        started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

        async def serve() -> None:
            stop = asyncio.Event()
            try:
                async with self:
                    started.set_result((asyncio.get_running_loop(), stop))
                    await stop.wait()
            except BaseException as error:
                if started.done():
                    raise
                started.set_exception(error)

        thread = threading.Thread(target=lambda: asyncio.run(serve()), name="sandbox", daemon=True)
        thread.start()
        loop, stop = started.result(timeout=_START_SECONDS)
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(timeout=_START_SECONDS)

    def serve_forever(self, *, announce: Callable[[str], object] = print) -> None:
        """Serve until SIGINT or SIGTERM; `announce` gets one line once it answers.

        Raises:
            SandboxError: as on entering it.
        """

        async def serve() -> None:
            stop = asyncio.Event()
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, stop.set)
            async with self:
                days = self.site.published("hk")
                announce(f"sandbox: {self.base_url}/ has {len(days)} southbound lists, {days[0]} to {days[-1]}")
                await stop.wait()

        asyncio.run(serve())

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=4 * 1024**2)
        app.router.add_get("/", self._to_index)
        app.router.add_get(f"{PREFIX}/", self._index)
        app.router.add_get(f"{PREFIX}/terms.aspx", self._terms)
        app.router.add_get(_SEARCH + "stocklist.aspx", self._stock_list)
        for path, (content_type, text) in FILES.items():
            app.router.add_get(f"{PREFIX}/{path}", _asset(content_type, text))
        for page in PAGES:
            app.router.add_get(_SEARCH + page, self._page)
            app.router.add_post(_SEARCH + page, self._page)
        Control(self).add_routes(app)
        return app

    async def _to_index(self, _request: web.Request) -> web.Response:
        raise web.HTTPFound(f"{PREFIX}/")

    async def _index(self, _request: web.Request) -> web.Response:
        return _html(other.index((name, str(value)) for name, value in self.facts().items()))

    async def _terms(self, request: web.Request) -> web.Response:
        return _html(other.consent(request.query.get("return", f"{PREFIX}/")))

    async def _stock_list(self, request: web.Request) -> web.Response:
        days = self.site.published("hk")
        listed = self.site.list_of(days[-1])
        asked = request.query.get("shareholdingdate", "")
        for day in reversed(days):
            if f"{day:%Y%m%d}" <= asked:
                listed = self.site.list_of(day)
                break
        return _html(other.stock_list(listed.day.isoformat(), zip(listed.codes, listed.names_en, strict=True)))

    def facts(self) -> dict[str, Any]:
        """Return what this sandbox serves, for the start page and the control API."""
        site, days = self.site, self.site.published("hk")
        return {
            "today": site.today().isoformat(),
            "southbound_lists": len(days),
            "first_list": days[0].isoformat(),
            "newest_list": days[-1].isoformat(),
            "data": str(self.config.dataset) if self.config.dataset else f"generated, seed {self.config.seed}",
        }

    async def _page(self, request: web.Request) -> web.StreamResponse:
        page = request.path.rsplit("/", 1)[-1]
        posted = None
        if request.method == "POST":
            posted = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        try:
            answer = self.site.prepare(page, request.query, posted)
        except FormStateRefused as error:
            return await self._refuse_form(request, str(error))
        drawn = self._draw(request, answer)
        await asyncio.sleep((self._latency(request) + drawn.delay).total_seconds())
        if drawn.fault is None:
            return self._logged(request, answer.key, drawn, _html(answer.render()))
        if drawn.fault.kind is FaultKind.RESET:
            return self._reset(request, answer.key, drawn)
        if drawn.fault.kind is FaultKind.TRUNCATED_BODY:
            return await self._truncate(request, answer, drawn, drawn.fault)
        return self._logged(request, answer.key, drawn, _MISBEHAVIOUR[drawn.fault.kind](drawn.fault, answer, request))

    async def _refuse_form(self, request: web.Request, message: str) -> web.StreamResponse:
        await asyncio.sleep(self._latency(request).total_seconds())
        return self._logged(request, None, Drawn(), _html(other.server_error(message), status=500))

    def _draw(self, request: web.Request, answer: Answer) -> Drawn:
        targets = (request.path_qs, request.path_qs.removeprefix(PREFIX), answer.key)
        return self.faults.draw(method=request.method, targets=targets, has_result=answer.has_result)

    def _latency(self, request: web.Request) -> timedelta:
        least, most = self.config.latency_of(request.path_qs)
        if least == most:
            return least
        digest = hashlib.blake2b(f"{self.config.seed}:{self._number}".encode(), digest_size=4).digest()
        return least + (most - least) * (int.from_bytes(digest) / 2**32)

    def _record(self, request: web.Request, key: str | None, status: int, drawn: Drawn) -> None:
        with self._lock:
            self._number += 1
            fault = "+".join(drawn.kinds) or None
            self._log.append(Request(self._number, request.method, request.path_qs, key, status, fault))

    def _logged(self, request: web.Request, key: str | None, drawn: Drawn, response: web.Response) -> web.Response:
        self._record(request, key, response.status, drawn)
        return response

    def _reset(self, request: web.Request, key: str, drawn: Drawn) -> web.StreamResponse:
        self._record(request, key, 0, drawn)
        if request.transport is not None:
            connection = request.transport.get_extra_info("socket")
            # Linger 0 makes the kernel send RST where closing would end the connection politely.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            request.transport.abort()
        return web.Response()

    async def _truncate(self, request: web.Request, answer: Answer, drawn: Drawn, fault: Fault) -> web.StreamResponse:
        self._record(request, answer.key, web.HTTPOk.status_code, drawn)
        body = answer.render().encode()
        half = body[: len(body) // 2]
        response = web.StreamResponse(headers={"Content-Type": "text/html; charset=utf-8"})
        if fault.mode == "chunked":
            response.enable_chunked_encoding()
        else:
            response.content_length = len(half if fault.mode == "silent" else body)
        await response.prepare(request)
        await response.write(half)
        if fault.mode != "silent" and request.transport is not None:
            request.transport.close()
        return response


def _html(text: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    merged = {"Cache-Control": "private, no-store", **(headers or {})}
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8", headers=merged)


def _asset(content_type: str, text: str) -> Callable[[web.Request], Any]:
    async def serve(_request: web.Request) -> web.Response:
        headers = {"Cache-Control": "public, max-age=3600"}
        return web.Response(text=text, content_type=content_type, charset="utf-8", headers=headers)

    return serve


def _refusal(status: int, title: str, sentence: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return _html(other.status_page(title, sentence), status=status, headers=headers)


def _rate_limited(fault: Fault) -> web.Response:
    wait = str(round(fault.retry_after.total_seconds()))
    return _refusal(429, "Too Many Requests", "Too many requests were made. Come back later.", {"Retry-After": wait})


def _to_terms(request: web.Request) -> web.Response:
    return web.Response(
        status=302, headers={"Location": f"{PREFIX}/terms.aspx?return={quote(request.path_qs, safe='')}"}
    )


_MISBEHAVIOUR: Final[Mapping[FaultKind, Callable[[Fault, Answer, web.Request], web.Response]]] = {
    FaultKind.RATE_LIMITED: lambda fault, _answer, _request: _rate_limited(fault),
    FaultKind.UNAVAILABLE: lambda *_: _refusal(503, "Service Unavailable", "The service is unavailable at the moment."),
    FaultKind.REFUSED: lambda *_: _refusal(403, "Forbidden", "Access to this page was denied."),
    FaultKind.WRONG_CONTENT_TYPE: lambda *_: web.json_response({"error": "temporarily unavailable", "code": 1}),
    FaultKind.CAPTCHA: lambda *_: _html(other.captcha()),
    FaultKind.LOGIN_PAGE: lambda *_: _html(other.login()),
    FaultKind.CONSENT_PAGE: lambda _fault, _answer, request: _to_terms(request),
    FaultKind.FORM_STATE_REFUSED: lambda *_: _html(other.server_error(VIEW_STATE_REFUSED), status=500),
    FaultKind.MISSING_PANEL: lambda _fault, answer, _request: _html(answer.landing()),
    FaultKind.STALE_DATE: lambda _fault, answer, _request: _html(answer.stale()),
    FaultKind.HALF_TABLE: lambda _fault, answer, _request: _html(answer.render(Edits(half=True))),
    FaultKind.RENAMED_COLUMN: lambda fault, answer, _request: _html(answer.render(Edits(renamed=fault.column))),
}
"""The answer of each fault that leaves the transport alone."""


def run(config: SandboxConfig, *, announce: Callable[[str], object] = print) -> None:
    """Serve `config` until SIGINT or SIGTERM, for `fin sandbox` and `python -m fin_assets.sandbox`.

    Raises:
        SandboxError: the port is taken, or the dataset cannot be used.
    """
    Sandbox(config).serve_forever(announce=announce)
