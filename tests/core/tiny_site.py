"""A site of a few lines that answers byte for byte what a test says, and counts who asked."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from typing import Self

PAGE = (
    b"<!doctype html><html><head><title>tiny</title></head><body><h1>Hello</h1>"
    b'<form method="post" action="/form"><input name="a" value="1"><button id="go">go</button></form></body></html>'
)


def answer(body: bytes, *, status: str = "200 OK", headers: tuple[str, ...] = (), length: int | None = None) -> bytes:
    """Return a whole HTTP answer; `length` announces another length than the body has."""
    lines = [f"HTTP/1.1 {status}", "Connection: close", f"Content-Length: {len(body) if length is None else length}"]
    if not any(header.lower().startswith("content-type") for header in headers):
        lines.append("Content-Type: text/html; charset=utf-8")
    return "\r\n".join([*lines, *headers]).encode() + b"\r\n\r\n" + body


class TinySite:
    """Answers by path; unknown paths get a small page. `None` hangs, `b""` closes without an answer."""

    def __init__(self, **answers: bytes | None) -> None:
        self.answers = answers
        self.host = "127.0.0.1"
        self.asked: Counter[str] = Counter()
        self.arrival = asyncio.Event()
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """Root, without a slash at the end."""
        return f"http://{self.host}:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, self.host, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up on everybody."""
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            name = head.split()[1].decode().lstrip("/").partition("?")[0]
            self.asked[name] += 1
            self.arrival.set()
            self.heads.append(head)
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    self.bodies.append(await reader.readexactly(int(line.partition(b":")[2])))
            said = self.answers.get(name, answer(PAGE))
            if said is None:
                await reader.read()
            else:
                writer.write(said)
                await writer.drain()
        writer.close()
        self._writers.discard(writer)
