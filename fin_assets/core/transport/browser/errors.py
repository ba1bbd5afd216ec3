"""What an error of the browser library means: the typed failure for each."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout

from fin_assets.core.contract.failures import (
    BrowserLost,
    CollectionFailure,
    Drift,
    NetworkFailure,
    TruncatedBody,
    WrongContentType,
)

log = logging.getLogger(__name__)

DRIVER_ENDED = "Connection closed while reading from the driver"
"""What the library says of a driver that ended, in an error of no type of its own."""

_TRUNCATED = re.compile(
    r"\baborted\b|ERR_CONTENT_LENGTH_MISMATCH|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONTENT_DECODING_FAILED"
    r"|incorrect header check|unexpected end of file"
)
_LOST = re.compile(
    r"has been closed|Target crashed|Page crashed|Connection closed|Browser closed|browser has disconnected",
    re.IGNORECASE,
)
_CALL = re.compile(r"^[A-Za-z]+\.[a-z_]+: ")
_NETWORK = re.compile(
    r"net::ERR_|APIRequestContext\.|\bE(?:CONN|NOTFOUND|AI_AGAIN|TIMEDOUT|PIPE|HOSTUNREACH)|socket hang up"
)


def translate(error: PlaywrightError, *, where: str) -> CollectionFailure:
    """Return the typed failure for an error of the browser library."""
    text = str(error)
    first = text.splitlines()[0] if text else type(error).__name__
    said = _CALL.sub("", first)
    if type(error).__name__ == "TargetClosedError" or _LOST.search(first):
        return BrowserLost(f"{where}: the browser was lost ({said})")
    if isinstance(error, PlaywrightTimeout):
        return NetworkFailure(f"{where}: {said}")
    if "Download is starting" in text:
        return WrongContentType(f"{where}: a file came where a page belongs")
    if _TRUNCATED.search(first):
        return TruncatedBody(f"{where}: the response was cut off ({said})")
    if _NETWORK.search(first):
        return NetworkFailure(f"{where}: {said}")
    # What is left is a page that does not have, or does not do, what the source expects of it.
    return Drift(f"{where}: the page does not behave as known ({said})")


def raise_if_ended(error: BaseException) -> None:
    """Raise BrowserLost if an error says that the driver, or Chromium, ended meanwhile."""
    ended = str(error) == DRIVER_ENDED or type(error).__name__ == "TargetClosedError"
    if ended or isinstance(error, ConnectionError):
        msg = f"the driver ended while it started ({error})"
        raise BrowserLost(msg) from error


def expect_ended_drivers() -> None:
    """Keep asyncio from printing a future of the library that nobody reads: each call in flight has failed by itself."""
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()

    def without_ended_drivers(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if str(error) == DRIVER_ENDED or type(error).__name__ == "TargetClosedError":
            log.debug("%s: %s", context.get("message"), error)
        elif before is not None:
            before(loop, context)
        else:
            loop.default_exception_handler(context)

    if getattr(before, "__name__", "") != without_ended_drivers.__name__:
        loop.set_exception_handler(without_ended_drivers)
