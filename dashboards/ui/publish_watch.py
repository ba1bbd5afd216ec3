"""Tells open pages of a new build: one look at the pointer for all of them, and not a message to any until it changes."""

from __future__ import annotations

from collections.abc import Callable

from bokeh.application.application import SessionContext
from bokeh.document import Document
from tornado.ioloop import PeriodicCallback

from dashboards.ui.build_cache import BuildCache

POLL_MILLISECONDS = 2_000
"""How often the server looks at the pointer of the current build: one small file, no query."""


class PublishWatch:
    """The pages that are open, and the build that they show."""

    def __init__(self, cache: BuildCache) -> None:
        self._cache = cache
        self._seen = cache.current_id()
        self._pages: dict[Document, Callable[[], None]] = {}

    def start(self) -> None:
        """Look for a new build from now on, on the loop of this thread."""
        PeriodicCallback(self.look, POLL_MILLISECONDS).start()

    def add(self, document: Document, told: Callable[[], None]) -> None:
        """Call a function within a document after each publish, until its reader has left."""
        self._pages[document] = told

        def left(_context: SessionContext) -> None:
            self._pages.pop(document, None)

        document.on_session_destroyed(left)

    @property
    def open_pages(self) -> int:
        """How many pages get the news."""
        return len(self._pages)

    def look(self) -> None:
        """Tell every page if the current build is another one than at the last look."""
        current = self._cache.current_id()
        if current != self._seen:
            self._seen = current
            for document, told in tuple(self._pages.items()):
                document.add_next_tick_callback(told)
