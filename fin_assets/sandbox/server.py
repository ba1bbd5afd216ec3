"""Serves the embedded sites over HTTP, and misbehaves on the transport where a fault says so.

What is answered is decided in `site.py` and `idx/site.py`, what goes wrong in `faults.py`; here it happens.
"""

from __future__ import annotations

import asyncio
import hashlib
import signal
import socket
import struct
import threading
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Self

from aiohttp import web

from fin_assets.sandbox.answers import Answer
from fin_assets.sandbox.config import SandboxConfig
from fin_assets.sandbox.control import Control
from fin_assets.sandbox.faults import Drawn, Fault, FaultBook, FaultKind
from fin_assets.sandbox.formstate import FormStateRefused
from fin_assets.sandbox.idx.answers import IDX, IPOT
from fin_assets.sandbox.idx.routes import IdxRoutes
from fin_assets.sandbox.idx.site import IdxSite
from fin_assets.sandbox.market import SandboxError
from fin_assets.sandbox.pages import other
from fin_assets.sandbox.pages.assets import FILES
from fin_assets.sandbox.responses import MISBEHAVIOUR, asset, content, html
from fin_assets.sandbox.site import PAGES, HkexSite

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

PREFIX: Final = "/hkexnews"
_SEARCH: Final = f"{PREFIX}/sdw/search/"
_LOG_KEPT: Final = 500_000
_START_SECONDS: Final = 30
_NOT_RUNNING: Final = "the sandbox does not run: enter it first (async with, or run_in_thread)"
_NO_UNITS: Final = (":home", ":page")
"""Ends of the keys of pages that carry no unit of data."""


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

    @property
    def is_unit(self) -> bool:
        """Whether a unit of data was asked for, not a plain page."""
        if self.path.startswith(PREFIX):
            return self.method == "POST"
        return self.key is not None and not self.key.endswith(_NO_UNITS)


class Sandbox:
    """The embedded sites: `async with Sandbox(config) as site`, or `with Sandbox(config).run_in_thread() as site`.

    Args:
        config: what to serve and how; the default is a generated site on a free port.
    """

    def __init__(self, config: SandboxConfig | None = None) -> None:
        self.config = config or SandboxConfig()
        self.faults = FaultBook(self.config.seed)
        self.faults.replace(self.config.faults)
        self._site: HkexSite | None = None
        self._idx: IdxSite | None = None
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

    @property
    def base_url(self) -> str:
        """Base address of the HKEX site, for the source's `base_url`."""
        return self.url + PREFIX

    @property
    def idx_url(self) -> str:
        """Base address of idx.co.id's lists."""
        return self.url + IDX

    @property
    def ipot_url(self) -> str:
        """Base address of IndoPremier's broker tables."""
        return self.url + IPOT

    @property
    def site(self) -> HkexSite:
        """The HKEX site behind the pages: what tests compare answers with.

        Raises:
            SandboxError: it does not run.
        """
        if self._site is None:
            raise SandboxError(_NOT_RUNNING)
        return self._site

    @property
    def idx(self) -> IdxSite:
        """The Indonesian sites behind the pages.

        Raises:
            SandboxError: it does not run.
        """
        if self._idx is None:
            raise SandboxError(_NOT_RUNNING)
        return self._idx

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
        """Count the undisturbed answers by (path with query, unit key): searches of HKEX, lists and tables of the others."""
        return Counter((r.path, r.key) for r in self.requests if r.key and r.is_content and r.is_unit)

    def set_faults(self, faults: Iterable[Fault]) -> None:
        """Put these faults in force in place of all others."""
        self.faults.replace(faults)

    async def __aenter__(self) -> Self:
        """Build the data and listen.

        Raises:
            SandboxError: the port is taken, or the dataset cannot be used.
        """
        self._site, self._idx = HkexSite(self.config), IdxSite(self.config)
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
        """Serve until SIGINT or SIGTERM; `announce` gets a line for each street once it answers.

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
                announce(f"sandbox: {self.idx_url}/ and {self.ipot_url}/ have Indonesia, {self.config.idx_data}")
                await stop.wait()

        asyncio.run(serve())

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=4 * 1024**2)
        app.router.add_get("/", self._to_index)
        app.router.add_get(f"{PREFIX}/", self._index)
        for site in (PREFIX, IDX, IPOT):
            app.router.add_get(f"{site}/terms.aspx", self._terms)
        app.router.add_get(_SEARCH + "stocklist.aspx", self._stock_list)
        # Browsers ask for it where a fragment of a page is opened by itself.
        app.router.add_get("/favicon.ico", asset(*FILES["ncms/images/favicon.svg"]))
        for path, (content_type, text) in FILES.items():
            app.router.add_get(f"{PREFIX}/{path}", asset(content_type, text))
        for page in PAGES:
            app.router.add_get(_SEARCH + page, self._page)
            app.router.add_post(_SEARCH + page, self._page)
        IdxRoutes(self).add_routes(app)
        Control(self).add_routes(app)
        return app

    async def _to_index(self, _request: web.Request) -> web.Response:
        raise web.HTTPFound(f"{PREFIX}/")

    async def _index(self, _request: web.Request) -> web.Response:
        return html(other.index((name, str(value)) for name, value in self.facts().items()))

    async def _terms(self, request: web.Request) -> web.Response:
        return html(other.consent(request.query.get("return", f"{PREFIX}/")))

    async def _stock_list(self, request: web.Request) -> web.Response:
        days = self.site.published("hk")
        listed = self.site.list_of(days[-1])
        asked = request.query.get("shareholdingdate", "")
        for day in reversed(days):
            if f"{day:%Y%m%d}" <= asked:
                listed = self.site.list_of(day)
                break
        return html(other.stock_list(listed.day.isoformat(), zip(listed.codes, listed.names_en, strict=True)))

    def facts(self) -> dict[str, Any]:
        """Return what this sandbox serves, for the start page and the control API."""
        site, days = self.site, self.site.published("hk")
        return {
            "today": site.today().isoformat(),
            "southbound_lists": len(days),
            "first_list": days[0].isoformat(),
            "newest_list": days[-1].isoformat(),
            "data": self.config.data,
            "idx_data": self.config.idx_data,
        }

    async def _page(self, request: web.Request) -> web.StreamResponse:
        page = request.path.rsplit("/", 1)[-1]
        posted = None
        if request.method == "POST":
            posted = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        try:
            answer = self.site.prepare(page, request.query, posted)
        except FormStateRefused as error:
            return await self.refuse(request, html(other.server_error(str(error)), status=500))
        return await self.respond(request, answer)

    async def respond(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        """Send an answer after its waiting time, as a fault changes it, and log it."""
        drawn = self._draw(request, answer)
        await asyncio.sleep((self._latency(request) + drawn.delay).total_seconds())
        if drawn.fault is None:
            return self._logged(request, answer.unit, drawn, content(answer, answer.render()))
        if drawn.fault.kind is FaultKind.RESET:
            return self._reset(request, answer.unit, drawn)
        if drawn.fault.kind is FaultKind.TRUNCATED_BODY:
            return await self._truncate(request, answer, drawn, drawn.fault)
        return self._logged(request, answer.unit, drawn, MISBEHAVIOUR[drawn.fault.kind](drawn.fault, answer, request))

    async def refuse(self, request: web.Request, refusal: web.Response) -> web.StreamResponse:
        """Send what the site itself answers to a request that does not carry what it wants, and log it."""
        await asyncio.sleep(self._latency(request).total_seconds())
        return self._logged(request, None, Drawn(), refusal)

    def _draw(self, request: web.Request, answer: Answer) -> Drawn:
        targets = (request.path_qs, request.path_qs.removeprefix(answer.site), answer.unit)
        return self.faults.draw(
            method=request.method, targets=targets, has_result=answer.has_result, cannot=answer.cannot
        )

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
        self._record(request, answer.unit, web.HTTPOk.status_code, drawn)
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
        SandboxError: the port is taken, or the dataset cannot be used.
    """
    Sandbox(config).serve_forever(announce=announce)
