"""Typed failures of a collection, each with the retries that it allows.

A failure never becomes an empty table. Within one attempt at a partition `retry` decides whether the unit is asked for
again; across attempts the healing automation decides with `retryable`. New kinds belong here only if they can happen to any
source; what is particular to one site subclasses one of these in the source's folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRule:
    """How often one unit may be asked for again within one attempt, and how long to wait.

    Attributes:
        times: further requests after the first.
        backoff: wait before the first retry; doubles with each.
        whole_host: the wait holds back every worker of that host, not only this unit.
        fresh_state: throw away cookies and form state first.
        stop_attempt: the site refuses: end the attempt for all remaining units.
    """

    times: int = 0
    backoff: timedelta = timedelta(0)
    whole_host: bool = False
    fresh_state: bool = False
    stop_attempt: bool = False


class CollectionFailure(Exception):
    """A unit was not obtained. `str(error)` is one sentence for the user; `remedy` says what to do.

    Attributes:
        kind: stable snake_case name, stored in the manifest.
        state: the unit state that results: `failed`, `refused`, `missing` or `deferred`.
        retry: the rule within an attempt.
        retryable: whether a later attempt at the partition may succeed without a person.
        remedy: the command or setting that mends it, of the kind or of this one failure.
        cooldown: shortest time before the partition is retried; a longer wait that the site asked for counts.
        body: the bytes that showed it, kept as evidence; None when nothing arrived.
        status: HTTP status, if any.
        retry_after: what the site asked for, if it did.
        units: pages of a session that contradict one another; only they are discarded. Empty: all of them.
        belongs_to: the day that the answer states, if it is another day than the asked one and the answer is complete.
    """

    kind: ClassVar[str] = "failed"
    state: ClassVar[str] = "failed"
    retry: ClassVar[RetryRule] = RetryRule()
    retryable: ClassVar[bool] = True
    remedy: str = "run the session again: fin heal"
    cooldown: ClassVar[timedelta] = timedelta(0)

    def __init__(
        self,
        message: str,
        *,
        body: bytes | None = None,
        status: int | None = None,
        retry_after: timedelta | None = None,
        units: tuple[str, ...] = (),
        belongs_to: date | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(message)
        if remedy is not None:
            self.remedy = remedy
        self.body = body
        self.status = status
        self.retry_after = retry_after
        self.units = units
        self.belongs_to = belongs_to


class NetworkFailure(CollectionFailure):
    """No complete answer: a reset, a refused connection, a deadline."""

    kind = "network"
    retry = RetryRule(times=3, backoff=timedelta(seconds=0.5))
    remedy = "check the connection and the source's base_url (fin doctor), then: fin heal"


class TruncatedBody(NetworkFailure):
    """Fewer bytes arrived than announced, or the document ends in the middle."""

    kind = "truncated_body"


class OverLimit(CollectionFailure):
    """The answer is larger, nested deeper or slower to read than a limit of the source. It is not read.

    The first bytes are kept as evidence.
    """

    kind = "over_limit"
    remedy = (
        "open the saved page; if it is the site's own, raise max_body_mib, max_nesting or parse_timeout of the source "
        "in fin.toml, then: fin heal"
    )


class ServerError(CollectionFailure):
    """HTTP 5xx."""

    kind = "server_error"
    retry = RetryRule(times=3, backoff=timedelta(seconds=1))
    remedy = "the site has a fault of its own; healing retries automatically, or: fin heal"


class RateLimited(CollectionFailure):
    """HTTP 429. The whole host waits, as long as the site asked for."""

    kind = "rate_limited"
    state = "refused"
    retry = RetryRule(times=4, backoff=timedelta(seconds=2), whole_host=True)
    remedy = "lower rate_per_second or workers of the source in fin.toml, then: fin heal"


class Refused(CollectionFailure):
    """HTTP 401, 403 or another refusal."""

    kind = "refused"
    state = "refused"
    retry = RetryRule(stop_attempt=True)
    cooldown = timedelta(minutes=30)
    remedy = "open the saved page, lower rate_per_second in fin.toml, then: fin heal"


class ForeignHost(CollectionFailure):
    """The site led to a host that is not its own, or into a local network. Nothing was asked there."""

    kind = "foreign_host"
    state = "refused"
    cooldown = timedelta(minutes=30)
    remedy = "if the named host belongs to the site, add it to allowed_hosts of the source in fin.toml, then: fin heal"


class CaptchaPage(Refused):
    """The site asks for a proof of being human. None is ever solved."""

    kind = "captcha"
    cooldown = timedelta(hours=3)
    remedy = "leave the site alone for three hours, lower rate_per_second in fin.toml, then: fin heal"


class CircuitOpen(CollectionFailure):
    """The host failed so often in a row that it gets no further requests in this attempt."""

    kind = "circuit_open"
    retry = RetryRule(stop_attempt=True)
    remedy = "check that the site answers (fin doctor); healing retries automatically, or: fin heal"


class NotAsked(CollectionFailure):
    """The attempt ended before this unit was asked for. Nothing is known about the unit itself."""

    kind = "not_asked"
    state = "missing"


class Deferred(NotAsked):
    """The unit is deferred: it is not due yet, or the day's quota is spent. `retry_after` says for how long."""

    kind = "deferred"
    state = "deferred"
    remedy = "nothing to do: it is fetched automatically when it is due"


class QuotaSpent(Deferred):
    """The site allows no further request today."""

    kind = "quota_spent"
    retry = RetryRule(stop_attempt=True)
    remedy = "nothing to do: it is fetched automatically when the quota is renewed, or raise the quota in fin.toml"


class BrowserLost(CollectionFailure):
    """The browser or its driver died during the unit. The pool starts a new one and the unit is retried."""

    kind = "browser_lost"
    retry = RetryRule(times=2, backoff=timedelta(seconds=0.5))
    remedy = "check the free memory and [browser] in fin.toml (fin doctor), then: fin heal"


class ConsentPage(CollectionFailure):
    """A consent or terms page stands before the content, although the banner was dismissed."""

    kind = "consent_page"
    state = "refused"
    retry = RetryRule(times=1, fresh_state=True)
    remedy = "open the saved page; if the consent step is new, add it to the source's fetch.py"


class LoginWall(Refused):
    """The content now needs a login."""

    kind = "login_wall"
    retryable = False
    remedy = "open the saved page and report it: this source is meant to need no login"


class FormStateRefused(CollectionFailure):
    """The site did not accept the form's own state (an expired or foreign view state)."""

    kind = "form_state_refused"
    retry = RetryRule(times=2, fresh_state=True)


class WrongContentType(CollectionFailure):
    """The answer is not of the kind that was asked for (JSON or a file where a page belongs)."""

    kind = "wrong_content_type"
    retry = RetryRule(times=2, backoff=timedelta(seconds=1), fresh_state=True)


class MissingPanel(CollectionFailure):
    """The page is the site's own, but the result is not on it (a landing page)."""

    kind = "missing_panel"
    retry = RetryRule(times=1, backoff=timedelta(seconds=1), fresh_state=True)
    remedy = "the site has no result for this date or code; if the date is outside the site's history, narrow --from"


class UnknownName(CollectionFailure):
    """The settings choose something by a name that no list has. Nothing is asked for it."""

    kind = "unknown_name"
    retryable = False
    remedy = "correct the name in fin.toml, then run the session again"


class HalfTable(CollectionFailure):
    """Fewer rows than the page itself states, or than the trailing median allows."""

    kind = "half_table"
    retry = RetryRule(times=2, backoff=timedelta(seconds=1))
    remedy = "run the session again: fin heal; if the smaller table is correct, raise row_count_below in fin.toml"


class StaleDate(CollectionFailure):
    """The page states another date than the one asked for, and no calendar explains it."""

    kind = "stale_date"
    retry = RetryRule()
    remedy = "the list is not published yet, or the calendar lacks a holiday: see docs/runbook.md#date_is_the_pages_own"


class Drift(CollectionFailure):
    """The page's structure is not the known one: a renamed, missing or unknown column, an unreadable value."""

    kind = "drift"
    retry = RetryRule(times=1, backoff=timedelta(seconds=1))
    retryable = True
    remedy = "compare the saved page with the source's parse.py and correct it, then: fin reparse SOURCE or fin heal"
