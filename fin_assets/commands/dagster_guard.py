"""Who may ask the Dagster UI. It has no login: a page of another site could start and delete runs from a reader's browser."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from fin_assets.hosts import Hosts

GRAPHQL = "/graphql"
_BODIES = ("application/json", "application/graphql")
"""Types of a body that a form of a page cannot send without asking first."""

_POLICY_VIOLATION = 1008


class DagsterGuard:
    """Refuses requests of foreign names and pages, and questions to GraphQL by address or form, before Dagster sees them."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        """Stand before an application that answers to some names."""
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refusal, or hand the request on."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": "refused"})
        else:
            status, why = refusal
            await PlainTextResponse(f"{why}\n", status)(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        why = self._hosts.refusal(hosts[0] if len(hosts) == 1 else None, headers.get("origin"))
        if why:
            return 403, why
        if scope["type"] != "http" or scope["path"].rstrip("/") != GRAPHQL:
            return None
        if scope["method"] == "POST":
            kind = headers.get("content-type", "").partition(";")[0].strip().lower()
            return None if kind in _BODIES else (415, f"send the question as {' or '.join(_BODIES)}")
        if parse_qs(scope["query_string"], keep_blank_values=True).get(b"query"):
            return 405, "an address asks nothing: send the question by POST"
        return None


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            # No other site may show this one in a frame and let a reader click in it.
            headers["X-Frame-Options"] = "DENY"
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Cross-Origin-Opener-Policy"] = "same-origin"
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
            if "Content-Security-Policy" not in headers:
                headers["Content-Security-Policy"] = "frame-ancestors 'none'"
        await send(message)

    return sending
