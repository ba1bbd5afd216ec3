"""Routes, and the server that answers them on 127.0.0.1.

Areas are found by looking into `dashboards.areas`: no area and no page is named here. A route is a function, so every
reader gets a page of their own.
"""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import asyncio
import importlib
import logging
import pkgutil
import re
import socket
from collections.abc import Callable
from types import ModuleType
from typing import Any
from urllib.parse import unquote

import panel as pn
from panel.io.server import Server
from tornado.iostream import StreamClosedError
from tornado.web import RedirectHandler
from tornado.websocket import WebSocketClosedError

import dashboards.areas
from dashboards.ui import STATIC, STATIC_PATH
from dashboards.ui.area import Area, Page, Site, Visit
from dashboards.ui.build_cache import BuildCache, CachedBuild
from dashboards.ui.guard import guard
from dashboards.ui.missing import Missing
from dashboards.ui.publish_watch import PublishWatch
from dashboards.ui.search import SearchIndex
from dashboards.ui.serving import SEARCH_PATH, SearchHandler, adapt
from dashboards.ui.shell import Shell
from dashboards.ui.urlstate import request_query
from fin_assets.settings import Settings

ADDRESS = "127.0.0.1"
CODE = "{code}"
Redirect = tuple[str, type[RedirectHandler], dict[str, Any]]


class PortTaken(Exception):
    """The port of the dashboards is in use."""


class BadArea(Exception):
    """A package of areas cannot be used as it is."""


def discover(package: ModuleType = dashboards.areas) -> tuple[Area, ...]:
    """Return the areas of a package, in the order of the header.

    Raises:
        BadArea: a package defines no `AREA`, or two areas share a key or an address.
    """
    found: list[Area] = []
    for module in pkgutil.iter_modules(package.__path__):
        if not module.ispkg:
            continue
        area = getattr(importlib.import_module(f"{package.__name__}.{module.name}"), "AREA", None)
        if not isinstance(area, Area) or not area.menu:
            msg = f"{package.__name__}.{module.name} defines no AREA with a page in its menu"
            raise BadArea(msg)
        found.append(area)
    for kind, names in (
        ("key", [area.key for area in found]),
        ("address", [page.path for area in found for page in area.pages]),
    ):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            msg = f"two areas or pages have the same {kind}: {', '.join(twice)}"
            raise BadArea(msg)
    return tuple(sorted(found, key=lambda area: (area.order, area.label)))


def routes(site: Site, cache: BuildCache, watch: PublishWatch) -> dict[str, Callable[[], Any]]:
    """Return what answers each path. `{code}` may be a code in any case, with or without leading zeros, or a name."""
    answers = {page.path: _answer(site, cache, watch, area, page) for area in site.areas for page in area.pages}
    own = "|".join(re.escape(path) for path in ("static/", "components/", f"{STATIC_PATH}/", "favicon.ico"))
    # Everything else that is not a file says that it is no page.
    return {**answers, rf"/(?P<path>(?!{own}).+)": _missing(site, cache, watch)}


def _answer(site: Site, cache: BuildCache, watch: PublishWatch, area: Area, page: Page) -> Callable[[], Any]:
    def answer() -> Any:
        code = unquote(pn.state.route_params.get("code", ""))
        visit = Visit(area=area, code=code, query=request_query(), site=site)

        def make(build: CachedBuild) -> Any:
            return page.content(build, visit)

        active = page.under or page.path
        return _opened(Shell(cache, site=site, area=area, active=active, make=make, query=visit.query), watch)

    return answer


def _missing(site: Site, cache: BuildCache, watch: PublishWatch) -> Callable[[], Any]:
    def answer() -> Any:
        path = "/" + unquote(pn.state.route_params.get("path", ""))
        area = next((area for area in site.areas if path.startswith(f"{area.home}/")), None)
        return _opened(Shell(cache, site=site, area=area, make=lambda _build: Missing(path=path, site=site)), watch)

    return answer


def _opened(shell: Shell, watch: PublishWatch) -> Any:
    document = pn.state.curdoc
    if document is not None:
        watch.add(document, shell.poll)
    return shell.page


def redirects(areas: tuple[Area, ...]) -> list[Redirect]:
    """Return where addresses without a page lead: the bare one, those of areas, and pages with a slash at the end."""

    def leads(pattern: str, to: str) -> Redirect:
        return (pattern, RedirectHandler, {"url": to, "permanent": False})

    chosen = [leads(rf"{re.escape(path)}/?", to) for area in areas for path, to in area.redirects.items()]
    paths = [
        re.escape(page.path.lstrip("/")).replace(re.escape(CODE), "[^/]+") for area in areas for page in area.pages
    ]
    return [leads("/", areas[0].home), *chosen, leads(rf"/({'|'.join(paths)})/", "/{0}")]


def make_server(settings: Settings, *, port: int | None = None) -> Server:
    """Return the server, bound and not yet started.

    Args:
        settings: of the project home.
        port: instead of `servers.dashboards_port`; 0 takes a free one.

    Raises:
        PortTaken: the port is in use; the message names it and the setting.
        BadArea: as `discover`.
    """
    port = settings.servers.dashboards_port if port is None else port
    _refuse_taken(port)
    # It warns of the wildcard below.
    logging.getLogger("bokeh.server.util").setLevel(logging.ERROR)
    pn.extension("echarts", "tabulator", notifications=False)
    site = Site(areas=discover(), dagster=f"http://{ADDRESS}:{settings.servers.dagster_port}")
    cache = BuildCache(settings)
    watch = PublishWatch(cache)
    server: Server = pn.serve(
        routes(site, cache, watch),
        port=port,
        address=ADDRESS,
        # The port of a reverse proxy is not known here; `guard` compares the origin of every request with its host.
        websocket_origin=["*"],
        static_dirs={STATIC_PATH: str(STATIC)},
        title="Fin Assets",
        show=False,
        start=False,
        verbose=False,
        autoreload=False,
        # A third of the bytes of scripts, pages and search answers.
        compress_response=True,
    )
    found = (SEARCH_PATH, SearchHandler, {"cache": cache, "index": SearchIndex(site.areas)})
    adapt(server, extra=[found, *redirects(site.areas)])
    guard(server._tornado, settings)  # noqa: SLF001 - the server has no public way to its application
    server.io_loop.add_callback(watch.start)
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
        BadArea: as `discover`.
    """
    server = make_server(settings, port=port)
    server.start()
    server.io_loop.add_callback(lambda: asyncio.get_running_loop().set_exception_handler(_report))
    logging.getLogger("bokeh.server.views.ws").setLevel(logging.ERROR)
    print(f"Dashboards: http://{ADDRESS}:{server.port}/", flush=True)  # noqa: T201 - the one line that a terminal should show
    try:
        server.io_loop.start()
    except KeyboardInterrupt:
        server.stop()
