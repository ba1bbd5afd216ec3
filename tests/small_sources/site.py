"""A local HTTP server in a thread that answers JSON, and a log of who asked what, and when by the test's clock."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from fin_assets import clock

Answer = Callable[[dict[str, str]], Any]
"""The query of a request -> the JSON of its answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request that reached the server: its query, its instant by `FIN_CLOCK`, and seconds of a steady clock."""

    query: dict[str, str]
    at: datetime
    seconds: float


class JsonSite:
    """Answers every address of 127.0.0.1 with what `answer` returns for its query. Use it as `with`."""

    def __init__(self, answer: Answer) -> None:
        self.log: list[Request] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = dict(parse_qsl(urlsplit(self.path).query))
                site.log.append(Request(query, clock.now(), time.monotonic()))
                body = json.dumps(answer(query)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
                """Print nothing; the log is kept in memory."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        """Root, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        """Answer from now on."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and free the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
