"""Routes, and the server that answers them on 127.0.0.1.

A route is a function: every reader gets a page of their own. What a page shows belongs in `pages`.
"""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import panel as pn
from panel.io.server import Server
from tornado.iostream import StreamClosedError
from tornado.web import RedirectHandler
from tornado.websocket import WebSocketClosedError

from dashboards.areas import AREAS, DATA, HONG_KONG, INDONESIA, Area
from dashboards.pages.data import Data
from dashboards.pages.hk_overview import Overview
from dashboards.pages.hk_stock import Stock
from dashboards.pages.hk_stocks import Stocks
from dashboards.pages.idx_broker import Broker
from dashboards.pages.idx_brokers import Brokers
from dashboards.pages.idx_market import Market
from dashboards.pages.idx_screener import Screener
from dashboards.pages.idx_stock import Stock as IdxStock
from dashboards.pages.missing import Missing
from dashboards.shell import Body, BodyWithState, Shell
from dashboards.store import Snapshot, Store
from dashboards.urlstate import request_query
from fin_assets.settings import Settings

ADDRESS = "127.0.0.1"
ORIGIN_NAMES = {
    "hkex_southbound": {"sandbox": "HKEXnews pages, embedded sandbox", "live": "HKEXnews, live"},
    "idx_brokers": {"sandbox": "IDX and IndoPremier pages, embedded sandbox", "live": "IDX and IndoPremier, live"},
}

_REDIRECTS = [
    (r"/", RedirectHandler, {"url": "/hk", "permanent": False}),
    (r"/idx/stock/?", RedirectHandler, {"url": "/idx/screener", "permanent": False}),
    (
        r"/(hk|data|hk/stock|hk/stock/[^/]+|idx|idx/screener|idx/broker|idx/(?:stock|broker)/[^/]+)/",
        RedirectHandler,
        {"url": "/{0}", "permanent": False},
    ),
]


class PortTaken(Exception):
    """The port of the dashboards is in use."""


def origin(settings: Settings, source: str = "hkex_southbound") -> str:
    """Return where a source's data come from, in words: a reader must see whether they are generated."""
    mode = str(settings.sources.get(source, {}).get("mode", "sandbox"))
    given = settings.sandbox.dataset(source)
    if mode == "sandbox" and given is not None:
        return f"embedded sandbox over {given.name}"
    return ORIGIN_NAMES[source].get(mode, mode)


class Routes:
    """What answers each path. Every method makes a page of one reader's own."""

    def __init__(self, settings: Settings, store: Store) -> None:
        """Take the settings of the project home and the store of its builds."""
        self._store = store
        self._hk, self._idx = origin(settings), origin(settings, "idx_brokers")
        self._dagster = f"http://{ADDRESS}:{settings.servers.dagster_port}"

    def all(self) -> dict[str, Callable[[], Any]]:
        """Return the routes. `{code}` may be a code, with or without leading zeros and in any case, or a name."""
        return {
            "/hk": self.hk_overview,
            "/hk/stock": self.hk_stocks,
            "/hk/stock/{code}": self.hk_stock,
            "/idx": self.idx_market,
            "/idx/screener": self.idx_screener,
            "/idx/broker": self.idx_brokers,
            "/idx/broker/{code}": self.idx_broker,
            "/idx/stock/{code}": self.idx_stock,
            "/data": self.data,
            # Everything else that is not a file of Panel's own says that it is no page.
            r"/(?P<path>(?!static/|components/|favicon\.ico).+)": self.missing,
        }

    def hk_overview(self) -> Any:
        """Answer `/hk`."""
        query = request_query()
        return self._bound(HONG_KONG, "overview", lambda snapshot: Overview(snapshot, query=query, origin=self._hk))

    def hk_stock(self) -> Any:
        """Answer `/hk/stock/{code}`."""
        text = _code()
        return self._page(HONG_KONG, "stocks", lambda snapshot: Stock(snapshot, text=text, origin=self._hk))

    def hk_stocks(self) -> Any:
        """Answer `/hk/stock`."""
        return self._page(HONG_KONG, "stocks", lambda snapshot: Stocks(snapshot, origin=self._hk))

    def idx_market(self) -> Any:
        """Answer `/idx`."""
        query = request_query()
        return self._bound(INDONESIA, "market", lambda snapshot: Market(snapshot, query=query, origin=self._idx))

    def idx_stock(self) -> Any:
        """Answer `/idx/stock/{code}`."""
        text, query = _code(), request_query()
        return self._bound(INDONESIA, "", lambda snapshot: IdxStock(snapshot, text=text, query=query, origin=self._idx))

    def idx_broker(self) -> Any:
        """Answer `/idx/broker/{code}`."""
        text, query = _code(), request_query()
        return self._bound(
            INDONESIA, "brokers", lambda snapshot: Broker(snapshot, text=text, query=query, origin=self._idx)
        )

    def idx_brokers(self) -> Any:
        """Answer `/idx/broker`."""
        query = request_query()
        return self._bound(INDONESIA, "brokers", lambda snapshot: Brokers(snapshot, query=query, origin=self._idx))

    def idx_screener(self) -> Any:
        """Answer `/idx/screener`."""
        query = request_query()
        return self._bound(INDONESIA, "screener", lambda snapshot: Screener(snapshot, query=query, origin=self._idx))

    def data(self) -> Any:
        """Answer `/data`."""
        return self._page(DATA, "data", lambda snapshot: Data(snapshot, dagster=self._dagster))

    def missing(self) -> Any:
        """Answer every path that is no page."""
        path = "/" + unquote(pn.state.route_params.get("path", ""))
        area = next((area for area in AREAS if path.startswith(f"{area.home}/")), None)
        return self._page(area, "", lambda _snapshot: Missing(path=path))

    def _page(self, area: Area | None, active: str, make: Callable[[Snapshot], Body]) -> Any:
        shell = Shell(self._store, area=area, active=active, make=make)
        shell.watch()
        return shell.page

    def _bound(self, area: Area, active: str, make: Callable[[Snapshot], BodyWithState]) -> Any:
        """Return a page whose choices stand in the address."""

        def bind(snapshot: Snapshot) -> Body:
            body = make(snapshot)
            body.state.bind_location()
            return body

        return self._page(area, active, bind)


def _code() -> str:
    return unquote(pn.state.route_params.get("code", ""))


def make_server(settings: Settings, *, port: int | None = None) -> Server:
    """Return the server, bound and not yet started.

    Args:
        settings: of the project home.
        port: instead of `servers.dashboards_port`; 0 takes a free one.

    Raises:
        PortTaken: the port is in use; the message names it and the setting.
    """
    port = settings.servers.dashboards_port if port is None else port
    _refuse_taken(port)
    pn.extension("echarts", "tabulator", notifications=False)
    server: Server = pn.serve(
        Routes(settings, Store(settings)).all(),
        port=port,
        address=ADDRESS,
        # With port 0 the real one is not known yet, and only 127.0.0.1 is listened on anyway.
        websocket_origin=[f"{name}:{port or '*'}" for name in ("127.0.0.1", "localhost")],
        title="Fin Assets",
        show=False,
        start=False,
        verbose=False,
        autoreload=False,
    )
    # Before the pages' own rules, which take a slash at the end too and then look for their scripts in the wrong place.
    server._tornado.add_handlers(r".*", _REDIRECTS)  # noqa: SLF001 - the server has no public way to its application
    return server


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError as error:
            msg = (
                f"The dashboards cannot listen on {ADDRESS}:{port}: {error.strerror or error}. "
                "End the program that uses the port, or set another one: "
                "servers.dashboards_port in fin.toml, FIN_SERVERS__DASHBOARDS_PORT, or --port"
            )
            raise PortTaken(msg) from error


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Report what nobody awaited, except that a reader closed the page while something was on its way to it."""
    if not isinstance(context.get("exception"), WebSocketClosedError | StreamClosedError):
        loop.default_exception_handler(context)


def serve(settings: Settings, port: int | None = None) -> None:
    """Serve the pages until the process is interrupted.

    Raises:
        PortTaken: as `make_server`.
    """
    server = make_server(settings, port=port)
    server.start()
    server.io_loop.add_callback(lambda: asyncio.get_running_loop().set_exception_handler(_report))
    logging.getLogger("bokeh.server.views.ws").setLevel(logging.ERROR)
    print(f"Dashboards: http://{ADDRESS}:{server.port}/hk", flush=True)  # noqa: T201 - the one line that a terminal should show
    try:
        server.io_loop.start()
    except KeyboardInterrupt:
        server.stop()
