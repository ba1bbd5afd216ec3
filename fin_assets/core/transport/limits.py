"""What an answer may be before it is read: its size, its nesting, and the time that reading takes.

A parser of C reads a page of nested elements in a time that grows with the square of their number, and cannot be stopped.
So size and nesting are looked at first, and what is large is read in a thread that is left behind when its time is over.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TypeVar

from fin_assets.core.contract.failures import OverLimit
from fin_assets.core.contract.limits import Limits
from fin_assets.core.contract.source import Fetched

T = TypeVar("T")

SMALL = 64 << 10
"""Bytes that are read in the event loop: a thread costs more than reading them, within the limit of nesting, ever does."""

SAMPLE = 10_000
"""Bytes of an answer over a limit that are kept as evidence."""

_DIGITS = 20

_TAG = re.compile(rb"<(/?)([a-z][^\s/>]*)", re.IGNORECASE)
_BRACKET, _ESCAPED = re.compile(rb"[\[\]{}]"), re.compile(rb"\\.", re.DOTALL)
# Elements without content, and those that the next of their kind closes: they nest only inside another element.
_NEVER_DEEP = frozenset(
    b"area base br col embed hr img input link meta param source track wbr html head body "
    b"p li dt dd option optgroup rp rt td th tr tbody thead tfoot colgroup".split()
)


def require_size(size: int, where: str, limits: Limits, *, body: bytes = b"") -> None:
    """Return if an answer of `size` bytes may be read.

    Raises:
        OverLimit: it is larger; its first bytes, if some are at hand, are attached.
    """
    if size > limits.body_bytes:
        msg = f"{where}: the answer has more than {limits.body_bytes >> 20} MiB ({size:,} bytes so far or announced)"
        raise OverLimit(msg, body=body[:SAMPLE])


def require_announced(headers: Mapping[str, str], where: str, limits: Limits) -> None:
    """Return if the announced length of an answer may be read; `headers` have names in lower case.

    What comes is measured again: a length may be wrong, and is that of the compressed bytes.

    Raises:
        OverLimit: it is larger.
    """
    announced = headers.get("content-length", "")
    if announced.isdecimal():
        # A longer one is no length, and reading its digits would take time.
        require_size(int(announced[:_DIGITS]), where, limits)


def require_shallow(body: bytes, where: str, limits: Limits) -> None:
    """Return if nothing in a page or in JSON is nested too deep.

    Raises:
        OverLimit: it is.
    """
    start = body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    deep = _deep_brackets(body, limits.nesting) if start in {b"{", b"["} else _deep_tags(body, limits.nesting)
    if deep:
        msg = f"{where}: more than {limits.nesting} {'brackets' if start in {b'{', b'['} else 'elements'} inside one another"
        raise OverLimit(msg, body=body[:SAMPLE])


async def within_limits(work: Callable[[], T], fetched: Fetched, limits: Limits) -> T:
    """Return what `work` makes of an answer, which is looked at first; the loop is free meanwhile.

    Raises:
        OverLimit: the answer is too large or too deep, or `work` was not finished in time.
        Exception: what `work` raises.
    """
    require_size(len(fetched.body), fetched.url, limits, body=fetched.body)

    def looked_at() -> T:
        require_shallow(fetched.body, fetched.url, limits)
        return work()

    if len(fetched.body) <= SMALL:
        return looked_at()
    seconds = limits.parse_timeout.total_seconds()
    done = _in_thread(looked_at)
    try:
        return await asyncio.wait_for(done, seconds)
    except TimeoutError as error:
        if not done.cancelled():
            # Of the caller's own deadline, or raised by the work.
            raise
        msg = f"{fetched.url}: not read within {seconds:g} s ({len(fetched.body):,} bytes)"
        raise OverLimit(msg, body=fetched.body[:SAMPLE]) from error


def _in_thread(work: Callable[[], T]) -> asyncio.Future[T]:
    """Run something in a thread of its own, which keeps no process alive: an executor waits for its threads at the end."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # without an error there is a result

    def run() -> None:
        result: T | None = None
        failure: BaseException | None = None
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
            failure = error
        with suppress(RuntimeError):
            # The loop has been closed: nobody waits any more.
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, daemon=True, name="reading").start()
    return future


def _deep_tags(body: bytes, limit: int) -> bool:
    """Return whether more elements may be open at once than `limit`, without building them."""
    opened: Counter[bytes] = Counter()
    depth = before = 0
    for tag in _TAG.finditer(body):
        name = tag[2].lower()
        # What closes inside of an open tag stands in an attribute and closes nothing.
        closes = tag[1] and b">" in body[before : tag.start()]
        before = tag.end()
        if name in _NEVER_DEEP:
            continue
        if not tag[1]:
            opened[name] += 1
            depth += 1
            if depth > limit:
                return True
        elif closes and opened[name]:
            opened[name] -= 1
            depth -= 1
    return False


def _deep_brackets(body: bytes, limit: int) -> bool:
    depth = 0
    # Without escaped signs every quote begins or ends a string; what stands in one is no bracket.
    for outside in _ESCAPED.sub(b"", body).split(b'"')[::2]:
        for sign in _BRACKET.findall(outside):
            depth += 1 if sign in b"[{" else -1
            if depth > limit:
                return True
    return False
