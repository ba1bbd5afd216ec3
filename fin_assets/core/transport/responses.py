"""What an answer or the lack of one means, before anybody has read the page: the typed failure for each.

Only transport and status belong here; what a body says is the business of the source's guard.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from fin_assets.core.contract.failures import (
    CollectionFailure,
    ConsentPage,
    Drift,
    FormStateRefused,
    NetworkFailure,
    RateLimited,
    Refused,
    ServerError,
    TruncatedBody,
)
from fin_assets.core.contract.source import Fetched
from fin_assets.core.transport.host_limiter import LONGEST_RETRY_AFTER, retry_after

SAYS_NO = (Refused, ConsentPage, FormStateRefused)
"""Guard verdicts that explain a status of 400 or more better than the status does."""


def judge(
    fetched: Fetched,
    headers: Mapping[str, str],
    *,
    guard: Callable[[Fetched], None] | None,
    longest_wait: timedelta = LONGEST_RETRY_AFTER,
) -> None:
    """Raise the typed failure of an answer, if it is one.

    A 429 is a 429 whatever its body says. For other statuses from 400 the guard may name the refusal (a captcha sent
    with 403, a refused view state sent with 500); below 400 the guard decides alone. A site that asks for more patience than
    `longest_wait` has not said how long to wait.

    Raises:
        CollectionFailure: with body and status.
    """
    # A browser hands out a document as text: its length on the wire is gone, and it judges that length itself.
    announced = headers.get("content-length", "") if fetched.transport in {"request", "http"} else ""
    if announced.isdigit() and not headers.get("content-encoding") and len(fetched.body) < int(announced):
        msg = f"{fetched.url}: {len(fetched.body)} of {announced} announced bytes arrived"
        raise TruncatedBody(msg, body=fetched.body, status=fetched.status)
    failure = _of_status(fetched, retry_after(headers.get("retry-after"), longest=longest_wait))
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


def _of_status(fetched: Fetched, wait: timedelta | None) -> CollectionFailure | None:
    status = fetched.status
    if status < 400:  # noqa: PLR2004 - the classes of HTTP statuses
        return None
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
