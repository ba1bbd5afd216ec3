"""What the server's handlers add to Panel's: the status of a page, how long browsers keep files, the search."""

from __future__ import annotations

from typing import Any

from bokeh.server.session import ServerSession
from bokeh.server.views.multi_root_static_handler import MultiRootStaticHandler
from bokeh.server.views.static_handler import StaticHandler
from panel.io.server import AuthenticatedStaticFileHandler, DocHandler, Server
from tornado.web import RequestHandler, StaticFileHandler

from dashboards.ui.build_cache import BuildCache
from dashboards.ui.search import SearchIndex

SEARCH_PATH = "/search.json"
LONGEST_SEARCH = 100
"""Unit: characters. No name is longer."""
IMMUTABLE = "public, max-age=31536000, immutable"
FOR_AN_HOUR = "public, max-age=3600"


class PageHandler(DocHandler):
    """A page, with the status that its heading states."""

    async def get_session(self) -> ServerSession:  # type: ignore[override]  # Bokeh's own types say that it returns nothing
        """Return the reader's session."""
        session: ServerSession = await super().get_session()  # type: ignore[misc]  # as above
        self.set_status(session.document.template_variables.get("status", 200))
        return session


class _Kept(StaticFileHandler):
    """A file that browsers keep: without end if its address changes with it."""

    def set_extra_headers(self, path: str) -> None:
        """See `StaticFileHandler`."""
        versioned = "v" in self.request.arguments or "@" in path
        self.set_header("Cache-Control", IMMUTABLE if versioned else FOR_AN_HOUR)


class _KeptStatic(_Kept, StaticHandler):
    pass


class _KeptExtension(_Kept, MultiRootStaticHandler):
    pass


class _KeptOwn(_Kept, AuthenticatedStaticFileHandler):
    pass


REPLACED = {
    DocHandler: PageHandler,
    StaticHandler: _KeptStatic,
    MultiRootStaticHandler: _KeptExtension,
    AuthenticatedStaticFileHandler: _KeptOwn,
}


class SearchHandler(RequestHandler):
    """What the search field offers for a text."""

    def initialize(self, cache: BuildCache, index: SearchIndex) -> None:
        """See `RequestHandler`."""
        self._cache, self._index = cache, index

    def get(self) -> None:
        """Answer `q` with what is found, and the address for a text that nothing has."""
        text = self.get_query_argument("q", "")[:LONGEST_SEARCH]
        build = self._cache.build()
        found = self._index.find(build, text) if build is not None else []
        self.set_header("Cache-Control", "no-store")
        self.write({"found": [each._asdict() for each in found], "other": self._index.other(text)})


def adapt(server: Server, *, extra: list[Any]) -> None:
    """Replace Panel's handlers by ours, and put `extra` before all of them."""
    application = server._tornado  # noqa: SLF001 - the server has no public way to its application
    for rule in application.wildcard_router.rules:
        rule.target = REPLACED.get(rule.target, rule.target)
    # Before the pages' own rules, which take a slash at the end too and then look for their scripts in the wrong place.
    application.add_handlers(r".*", extra)
