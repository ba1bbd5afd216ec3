"""What an answer or the lack of one means, before anybody has read the page: the typed failure for each.

Only transport and status belong here; what a body says is the business of the source's guard.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout

from fin_assets.core.contract.failures import (
    BrowserLost,
    CollectionFailure,
    ConsentPage,
    Drift,
    FormStateRefused,
    NetworkFailure,
    RateLimited,
    Refused,
    ServerError,
    TruncatedBody,
    WrongContentType,
)
from fin_assets.core.contract.source import Fetched
from fin_assets.core.transport.host_limiter import retry_after

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

SAYS_NO = (Refused, ConsentPage, FormStateRefused)
"""Guard verdicts that explain a status of 400 or more better than the status does."""


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
        return TruncatedBody(f"{where}: the answer broke off ({said})")
    if _NETWORK.search(first):
        return NetworkFailure(f"{where}: {said}")
    # What is left is a page that does not have, or does not do, what the source expects of it.
    return Drift(f"{where}: the page does not behave as known ({said})")


def judge(fetched: Fetched, headers: Mapping[str, str], *, guard: Callable[[Fetched], None] | None) -> None:
    """Raise the typed failure of an answer, if it is one.

    A 429 is a 429 whatever its body says. For other statuses from 400 the guard may name the refusal (a captcha sent
    with 403, a refused view state sent with 500); below 400 the guard decides alone.

    Raises:
        CollectionFailure: with body and status.
    """
    # A browser hands out a document as text: its length on the wire is gone, and it judges that length itself.
    announced = headers.get("content-length", "") if fetched.transport == "request" else ""
    if announced.isdigit() and not headers.get("content-encoding") and len(fetched.body) < int(announced):
        msg = f"{fetched.url}: {len(fetched.body)} of {announced} announced bytes arrived"
        raise TruncatedBody(msg, body=fetched.body, status=fetched.status)
    failure = _of_status(fetched, headers)
    if guard is not None and not isinstance(failure, RateLimited):
        try:
            guard(fetched)
        except CollectionFailure as verdict:
            verdict.body = fetched.body if verdict.body is None else verdict.body
            verdict.status = fetched.status if verdict.status is None else verdict.status
            if failure is None or isinstance(verdict, SAYS_NO):
                raise
    if failure is not None:
        raise failure


def _of_status(fetched: Fetched, headers: Mapping[str, str]) -> CollectionFailure | None:
    status = fetched.status
    if status < 400:  # noqa: PLR2004 - the classes of HTTP statuses
        return None
    wait = retry_after(headers.get("retry-after"))
    said = f"{fetched.url} answered {status}"
    asked = f" and asks for {wait.total_seconds():.0f} s of patience" if wait else ""
    kind: type[CollectionFailure]
    if status == 429:  # noqa: PLR2004
        kind = RateLimited
    elif status in {401, 403, 407, 451}:
        kind = Refused
    elif status == 408:  # noqa: PLR2004
        kind = NetworkFailure
    elif status >= 500:  # noqa: PLR2004
        kind = ServerError
    else:
        kind = Drift
    return kind(said + asked, body=fetched.body, status=status, retry_after=wait)
