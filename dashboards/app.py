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

from dashboards.pages.data import Data
from dashboards.pages.hk_overview import Overview
from dashboards.pages.hk_stock import Stock
from dashboards.pages.hk_stocks import Stocks
from dashboards.pages.missing import Missing
from dashboards.queries import hk
from dashboards.shell import Body, Shell
from dashboards.store import Snapshot, Store
from dashboards.urlstate import request_query
from fin_assets.settings import Settings

ADDRESS = "127.0.0.1"
ORIGIN_NAMES = {"sandbox": "HKEXnews pages, embedded sandbox", "live": "HKEXnews, live"}


_REDIRECTS = [
    (r"/", RedirectHandler, {"url": "/hk", "permanent": False}),
    (r"/(hk|data|hk/stock|hk/stock/[^/]+)/", RedirectHandler, {"url": "/{0}", "permanent": False}),
]


class PortTaken(Exception):
    """The port of the dashboards is in use."""


def origin(settings: Settings) -> str:
    """Return where the southbound lists come from, in words: a reader must see whether the data are generated."""
    section = settings.sources.get("hkex_southbound", {})
    if settings.sandbox.dataset is not None:
        return f"embedded sandbox over {settings.sandbox.dataset.name}"
    return ORIGIN_NAMES.get(str(section.get("mode", "sandbox")), str(section.get("mode")))


def routes(settings: Settings, store: Store) -> dict[str, Callable[[], Any]]:
    """Return what answers each path. `{code}` may be a code with or without leading zeros, or a name."""
    words = origin(settings)
    dagster = f"http://{ADDRESS}:{settings.servers.dagster_port}"

    def page(active: str, make: Callable[[Snapshot], Body]) -> Any:
        shell = Shell(store, active=active, make=make, search=hk.search_options)
        shell.watch()
        return shell.page

    def overview() -> Any:
        query = request_query()

        def make(snapshot: Snapshot) -> Body:
            body = Overview(snapshot, query=query, origin=words)
            body.state.bind_location()
            return body

        return page("hk", make)

    def stock() -> Any:
        text = unquote(pn.state.route_params.get("code", ""))
        return page("stocks", lambda snapshot: Stock(snapshot, text=text, origin=words))

    def stocks() -> Any:
        return page("stocks", lambda snapshot: Stocks(snapshot, origin=words))

    def data() -> Any:
        return page("data", lambda snapshot: Data(snapshot, dagster=dagster))

    def missing() -> Any:
        path = "/" + unquote(pn.state.route_params.get("path", ""))
        return page("", lambda _snapshot: Missing(path=path))

    return {
        "/hk": overview,
        "/hk/stock": stocks,
        "/hk/stock/{code}": stock,
        "/data": data,
        # Everything else that is not a file of Panel's own says that it is no page.
        r"/(?P<path>(?!static/|components/|favicon\.ico).+)": missing,
    }


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
        routes(settings, Store(settings)),
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
