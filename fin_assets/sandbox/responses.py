"""HTTP answers: a page, an asset, and what each fault that leaves the transport alone puts in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from aiohttp import web

from fin_assets.sandbox.faults import Fault, FaultKind
from fin_assets.sandbox.formstate import VIEW_STATE_REFUSED
from fin_assets.sandbox.pages import other
from fin_assets.sandbox.pages.common import Edits

if TYPE_CHECKING:
    from fin_assets.sandbox.answers import Answer

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
    return html(other.status_page(title, sentence), status=status, headers=headers)


def _rate_limited(fault: Fault) -> web.Response:
    wait = str(round(fault.retry_after.total_seconds()))
    return _refusal(429, "Too Many Requests", "Too many requests were made. Come back later.", {"Retry-After": wait})


def _wrong_content_type(answer: Answer) -> web.Response:
    if answer.content_type == "text/html":
        return web.json_response({"error": "temporarily unavailable", "code": 1})
    return html(other.status_page("Temporarily unavailable", "The list is not available at the moment."))


def _to_terms(answer: Answer, request: web.Request) -> web.Response:
    back = quote(request.path_qs, safe="")
    return web.Response(status=302, headers={"Location": f"{answer.site}/terms.aspx?return={back}"})


MISBEHAVIOUR: Final[Mapping[FaultKind, Callable[[Fault, Answer, web.Request], web.Response]]] = {
    FaultKind.RATE_LIMITED: lambda fault, _answer, _request: _rate_limited(fault),
    FaultKind.UNAVAILABLE: lambda *_: _refusal(503, "Service Unavailable", "The service is unavailable at the moment."),
    FaultKind.REFUSED: lambda *_: _refusal(403, "Forbidden", "Access to this page was denied."),
    FaultKind.WRONG_CONTENT_TYPE: lambda _fault, answer, _request: _wrong_content_type(answer),
    FaultKind.CAPTCHA: lambda *_: html(other.captcha()),
    FaultKind.LOGIN_PAGE: lambda *_: html(other.login()),
    FaultKind.CONSENT_PAGE: lambda _fault, answer, request: _to_terms(answer, request),
    FaultKind.FORM_STATE_REFUSED: lambda *_: html(other.server_error(VIEW_STATE_REFUSED), status=500),
    FaultKind.MISSING_PANEL: lambda _fault, answer, _request: content(answer, answer.landing()),
    FaultKind.STALE_DATE: lambda _fault, answer, _request: content(answer, answer.stale()),
    FaultKind.HALF_TABLE: lambda _fault, answer, _request: content(answer, answer.render(Edits(half=True))),
    FaultKind.RENAMED_COLUMN: lambda fault, answer, _request: content(
        answer, answer.render(Edits(renamed=fault.column))
    ),
    FaultKind.WRONG_LOTS: lambda _fault, answer, _request: content(answer, answer.render(Edits(wrong_lots=True))),
}
"""The answer of each fault that leaves the transport alone."""
