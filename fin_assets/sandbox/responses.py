"""HTTP answers: a page, an asset, and what each fault that leaves the transport alone puts in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from aiohttp import web

from fin_assets.sandbox.faults import Fault, FaultKind
from fin_assets.sandbox.pages import plain
from fin_assets.sandbox.rendered import ANY_COLUMN, Edits

if TYPE_CHECKING:
    from fin_assets.sandbox.rendered import Answer

TERMS: Final = "/terms.aspx"
"""Below the prefix of every site: the page that a consent fault leads to."""
_UNCACHED: Final = {"Cache-Control": "private, no-store"}


def html(text: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a page."""
    merged = {**_UNCACHED, **(headers or {})}
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8", headers=merged)


def content(answer: Answer, text: str) -> web.Response:
    """Return `text` as the kind of content that the answer is."""
    headers = {**_UNCACHED, **answer.headers()}
    return web.Response(text=text, content_type=answer.content_type, charset="utf-8", headers=headers)


def asset(content_type: str, text: str) -> Callable[[web.Request], Any]:
    """Return a handler for style, script or icon."""

    async def serve(_request: web.Request) -> web.Response:
        headers = {"Cache-Control": "public, max-age=3600"}
        return web.Response(text=text, content_type=content_type, charset="utf-8", headers=headers)

    return serve


def _refusal(status: int, title: str, sentence: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return html(plain.status_page(title, sentence), status=status, headers=headers)


def _rate_limited(fault: Fault) -> web.Response:
    wait = str(round(fault.retry_after.total_seconds()))
    return _refusal(429, "Too Many Requests", "Too many requests were made. Come back later.", {"Retry-After": wait})


def _wrong_content_type(answer: Answer) -> web.Response:
    if answer.content_type == "text/html":
        return web.json_response({"error": "temporarily unavailable", "code": 1})
    return html(plain.status_page("Temporarily unavailable", "The list is not available at the moment."))


def to_terms(prefix: str, request: web.Request) -> web.Response:
    """Return the redirect to the terms page of a site."""
    back = quote(request.path_qs, safe="")
    return web.Response(status=302, headers={"Location": f"{prefix}{TERMS}?return={back}"})


MISBEHAVIOUR: Final[Mapping[FaultKind, Callable[[Fault, Answer], web.Response]]] = {
    FaultKind.RATE_LIMITED: lambda fault, _answer: _rate_limited(fault),
    FaultKind.UNAVAILABLE: lambda *_: _refusal(503, "Service Unavailable", "The service is unavailable at the moment."),
    FaultKind.REFUSED: lambda *_: _refusal(403, "Forbidden", "Access to this page was denied."),
    FaultKind.WRONG_CONTENT_TYPE: lambda _fault, answer: _wrong_content_type(answer),
    FaultKind.CAPTCHA: lambda *_: html(plain.captcha()),
    FaultKind.LOGIN_PAGE: lambda *_: html(plain.login()),
    FaultKind.FORM_STATE_REFUSED: lambda _fault, answer: html(answer.form_refused(), status=500),
    FaultKind.MISSING_PANEL: lambda _fault, answer: content(answer, answer.landing()),
    FaultKind.STALE_DATE: lambda _fault, answer: content(answer, answer.stale()),
    FaultKind.HALF_TABLE: lambda _fault, answer: content(answer, answer.render(Edits(half=True))),
    FaultKind.RENAMED_COLUMN: lambda fault, answer: content(
        answer, answer.render(Edits(renamed=fault.column or ANY_COLUMN))
    ),
    FaultKind.WRONG_LOTS: lambda _fault, answer: content(answer, answer.render(Edits(wrong_lots=True))),
}
"""The response of each fault that leaves the transport alone and stays on the page."""
