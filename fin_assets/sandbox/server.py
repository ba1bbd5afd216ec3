"""Serves the embedded sites over HTTP, and breaks the transport where a fault asks for it.

What is answered is decided by the sites, what goes wrong in `faults.py`; here it happens. No site is named.
"""

from __future__ import annotations

import asyncio
import hashlib
import signal
import socket
import struct
import threading
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from aiohttp import web

from fin_assets.sandbox.config import SandboxConfig
from fin_assets.sandbox.control import Control
from fin_assets.sandbox.discovery import sites
from fin_assets.sandbox.errors import SandboxError
from fin_assets.sandbox.faults import Drawn, Fault, FaultBook, FaultKind
from fin_assets.sandbox.pages import plain
from fin_assets.sandbox.pages.assets import ICON, ICON_PATH, STYLE, STYLE_PATH
from fin_assets.sandbox.responses import MISBEHAVIOUR, TERMS, asset, content, html, to_terms
from fin_assets.sandbox.site import OpenSite, Site

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from fin_assets.sandbox.rendered import Answer
    from fin_assets.sandbox.site import Handler

SiteT = TypeVar("SiteT", bound=OpenSite)
_LOG_KEPT: Final = 500_000
_START_SECONDS: Final = 120
"""Generating two years of markets takes two seconds; a machine under load takes many times as long."""
_NOT_RUNNING: Final = "the sandbox does not run: enter it first (async with, or run_in_thread)"


@dataclass(frozen=True, slots=True)
class Request:
    """One logged request of a page.

    Attributes:
        number: counts the requests since the start.
        method, path: path with query.
        key: the unit that was asked for; None where the site refused.
        is_unit: whether a unit of data was asked for, not a plain page on the way there.
        status: 0 where the connection was reset.
        fault: the kinds that hit it, joined by a plus sign.
    """

    number: int
    method: str
    path: str
    key: str | None
    is_unit: bool
    status: int
    fault: str | None

    @property
    def is_content(self) -> bool:
        """Whether the undisturbed page was sent."""
        return self.status == web.HTTPOk.status_code and self.fault is None


class Sandbox:
    """The embedded sites: `async with Sandbox(config) as site`, or `with Sandbox(config).run_in_thread() as site`.

    Args:
        config: what to serve and how; the default is generated sites on a free port.
    """

    def __init__(self, config: SandboxConfig | None = None) -> None:
        self.config = config or SandboxConfig()
        self.faults = FaultBook(self.config.seed)
        self.faults.replace(self.config.faults)
        self._open: dict[str, OpenSite] = {}
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
            raise SandboxError(_NOT_RUNNING)
        return f"http://{self.config.host}:{self._port}"

    def site(self, kind: type[SiteT]) -> SiteT:
        """Return the open site of a class: what tests compare answers with.

        Raises:
            SandboxError: it does not run.
        """
        for site in self._open.values():
            if isinstance(site, kind):
                return site
        raise SandboxError(_NOT_RUNNING)

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
        """Count the undisturbed answers that carry a unit of data, by (path with query, unit key)."""
        return Counter((r.path, r.key) for r in self.requests if r.key and r.is_content and r.is_unit)

    def set_faults(self, faults: Iterable[Fault]) -> None:
        """Put these faults in force in place of all others.

        Raises:
            SandboxError: one names a column that no site has.
        """
        self.faults.replace(faults)

    async def __aenter__(self) -> Self:
        """Open the sites and listen.

        Raises:
            SandboxError: the port is taken, a dataset cannot be used, or a fault names a column that no site has.
        """
        context = self.config.context()
        self._open = {name: site.open(context, self.config.options(name)) for name, site in sites().items()}
        self.faults.know_columns(column for site in self._open.values() for column in site.columns)
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
        """Serve until SIGINT or SIGTERM; `announce` gets a line for each site once it answers.

        Raises:
            SandboxError: as on entering it.
        """

        async def serve() -> None:
            stop = asyncio.Event()
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, stop.set)
            async with self:
                for name, site in self._open.items():
                    addresses = " and ".join(f"{self.url}{prefix}/" for prefix in sites()[name].prefixes)
                    announce(f"sandbox: {addresses} {sites()[name].title}: {site.summary()}")
                await stop.wait()

        asyncio.run(serve())

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=4 * 1024**2)
        app.router.add_get("/", self._start_page)
        app.router.add_get(STYLE_PATH, asset(*STYLE))
        # Browsers ask for /favicon.ico where a fragment of a page is opened by itself.
        for path in (ICON_PATH, "/favicon.ico"):
            app.router.add_get(path, asset(*ICON))
        for name, site in self._open.items():
            self._add_site(app, sites()[name], site)
        Control(self).add_routes(app)
        return app

    def _add_site(self, app: web.Application, declared: Site[Any], site: OpenSite) -> None:
        app.add_routes(site.plain_routes())
        for prefix in declared.prefixes:
            app.router.add_get(prefix + TERMS, self._terms)
        for page in site.pages():
            if not declared.prefix_of(page.path):
                msg = f"sandbox: the page {page.path} of {declared.title} lies below none of its prefixes"
                raise SandboxError(msg)
            handler = self._handler(declared, page.answer)
            app.router.add_get(page.path, handler)
            if page.is_form:
                app.router.add_post(page.path, handler)

    def _handler(self, site: Site[Any], answer: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            given = await answer(request)
            if isinstance(given, web.Response):
                return await self._refuse(request, given)
            return await self._respond(request, site, given)

        return serve

    async def _start_page(self, _request: web.Request) -> web.Response:
        sections = [
            plain.Section(sites()[name].title, site.links(), [(key, str(value)) for key, value in site.facts().items()])
            for name, site in self._open.items()
        ]
        return html(plain.start_page(plain.TITLE, sections))

    async def _terms(self, request: web.Request) -> web.Response:
        return html(plain.consent(request.query.get("return", "/")))

    def facts(self) -> dict[str, Any]:
        """Return what this sandbox serves, as JSON values, for the control API."""
        data = self.config.data()
        served = {
            name: {
                "prefixes": list(sites()[name].prefixes),
                "data": data[name],
                "summary": site.summary(),
                **site.facts(),
            }
            for name, site in self._open.items()
        }
        return {"seed": self.config.seed, "sites": served}

    async def _respond(self, request: web.Request, site: Site[Any], answer: Answer) -> web.StreamResponse:
        """Send an answer after its waiting time, as a fault changes it, and log it."""
        drawn = self._draw(request, site, answer)
        await asyncio.sleep((self._latency(request) + drawn.delay).total_seconds())
        fault = drawn.fault
        if fault is None:
            response = content(answer, answer.render())
        elif fault.kind is FaultKind.RESET:
            return self._reset(request, answer, drawn)
        elif fault.kind is FaultKind.TRUNCATED_BODY:
            return await self._truncate(request, answer, drawn, fault)
        elif fault.kind is FaultKind.CONSENT_PAGE:
            response = to_terms(site.prefix_of(request.path), request)
        else:
            response = MISBEHAVIOUR[fault.kind](fault, answer)
        self._record(request, answer, response.status, drawn)
        return response

    async def _refuse(self, request: web.Request, refusal: web.Response) -> web.StreamResponse:
        """Send what the site itself answers to a request that does not carry what it wants, and log it."""
        await asyncio.sleep(self._latency(request).total_seconds())
        self._record(request, None, refusal.status, Drawn())
        return refusal

    def _draw(self, request: web.Request, site: Site[Any], answer: Answer) -> Drawn:
        prefix = site.prefix_of(request.path)
        targets = (request.path_qs, request.path_qs.removeprefix(prefix), answer.unit)
        return self.faults.draw(method=request.method, targets=targets, has_result=answer.has_result, known=site.faults)

    def _latency(self, request: web.Request) -> timedelta:
        least, most = self.config.latency_of(request.path_qs)
        if least == most:
            return least
        digest = hashlib.blake2b(f"{self.config.seed}:{self._number}".encode(), digest_size=4).digest()
        return least + (most - least) * (int.from_bytes(digest) / 2**32)

    def _record(self, request: web.Request, answer: Answer | None, status: int, drawn: Drawn) -> None:
        key, is_unit = (None, False) if answer is None else (answer.unit, answer.is_unit)
        fault = "+".join(drawn.kinds) or None
        with self._lock:
            self._number += 1
            self._log.append(Request(self._number, request.method, request.path_qs, key, is_unit, status, fault))

    def _reset(self, request: web.Request, answer: Answer, drawn: Drawn) -> web.StreamResponse:
        self._record(request, answer, 0, drawn)
        if request.transport is not None:
            connection = request.transport.get_extra_info("socket")
            # Linger 0 makes the kernel send RST where closing would end the connection politely.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            request.transport.abort()
        return web.Response()

    async def _truncate(self, request: web.Request, answer: Answer, drawn: Drawn, fault: Fault) -> web.StreamResponse:
        self._record(request, answer, web.HTTPOk.status_code, drawn)
        body = answer.render().encode()
        half = body[: len(body) // 2]
        response = web.StreamResponse(headers={"Content-Type": f"{answer.content_type}; charset=utf-8"})
        if fault.mode == "chunked":
            response.enable_chunked_encoding()
        else:
            response.content_length = len(half if fault.mode == "silent" else body)
        await response.prepare(request)
        await response.write(half)
        if fault.mode != "silent" and request.transport is not None:
            request.transport.close()
        return response


def run(config: SandboxConfig, *, announce: Callable[[str], object] = print) -> None:
    """Serve `config` until SIGINT or SIGTERM, for `fin sandbox` and `python -m fin_assets.sandbox`.

    Raises:
        SandboxError: as on entering the sandbox.
    """
    Sandbox(config).serve_forever(announce=announce)
