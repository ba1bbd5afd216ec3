"""What an error of the browser library means: the typed failure for each."""

from __future__ import annotations

import re

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
