"""Who may ask the dashboards, and what a browser may do with their answers.

One rule stands before every other rule of the server: pages, the websocket, files and scripts alike. A host that is not
allowed is refused; with a password set, a visitor without a login gets the login page.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
from typing import Any
from urllib.parse import quote

from bokeh.server.tornado import BokehTornado
from markupsafe import Markup
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.routing import Matcher, Rule
from tornado.web import OutputTransform, RequestHandler, create_signed_value, decode_signed_value

from fin_assets.hosts import Hosts
from fin_assets.settings import Settings

LOGIN = "/login"
COOKIE = "fin_login"
LOGIN_DAYS = 30
WRONG_PASSWORD_SECONDS = 1.0
"""Unit: seconds that a wrong password costs, so that guessing takes long."""

_SCRYPT = {"n": 2**14, "r": 8, "p": 1}
_HASHED = "scrypt:"

# Bokeh and Panel compile the formatters of tables and charts in the browser, and load parts of themselves as blobs.
# Everything else is closed: markup from data runs no handler, and a page sends nothing to other hosts.
_POLICY = {
    "default-src": "'none'",
    "script-src": "'self' 'nonce-{nonce}' 'unsafe-eval' blob:",
    "script-src-attr": "'none'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' blob: ws://{host} wss://{host}",
    "worker-src": "'self' blob:",
    "manifest-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}


class SecurityHeaders(OutputTransform):
    """Puts the policy on every answer, and its nonce on the scripts that the server itself wrote into a page."""

    def __init__(self, request: HTTPServerRequest) -> None:
        self._host = request.host

    def transform_first_chunk(
        self,
        status_code: int,
        headers: HTTPHeaders,
        chunk: bytes,
        finishing: bool,  # noqa: FBT001 - the signature is the library's
    ) -> tuple[int, HTTPHeaders, bytes]:
        """Add the headers; see `tornado.web.OutputTransform`."""
        del finishing
        nonce = secrets.token_hex(16)
        policy = "; ".join(f"{name} {value}" for name, value in _POLICY.items())
        headers["Content-Security-Policy"] = policy.format(nonce=nonce, host=self._host)
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        if headers.get("Content-Type", "").startswith("text/html"):
            # Without quotes, so that the mark is harmless inside of a JSON text too.
            chunk = chunk.replace(b"<script", f"<script nonce={nonce} ".encode())
            if "Content-Length" in headers:
                headers["Content-Length"] = str(len(chunk))
        return status_code, headers, chunk


class Password:
    """The password of the dashboards, plain or as `hashed` writes it."""

    def __init__(self, text: str) -> None:
        self._stored = text if text.startswith(_HASHED) else hashed(text)

    def fits(self, given: str) -> bool:
        """Return whether this is the password."""
        salt = self._stored.split(":")[1]
        return hmac.compare_digest(hashed(given, salt=salt).encode(), self._stored.encode())


def hashed(password: str, *, salt: str | None = None) -> str:
    """Return a password as `scrypt:SALT:HASH`, which may stand in the settings in its place."""
    salt = salt or secrets.token_hex(16)
    digest = hashlib.scrypt(password.encode(), salt=salt.encode(), **_SCRYPT)
    return f"{_HASHED}{salt}:{digest.hex()}"


class _Unwanted(Matcher):
    """Matches requests of foreign names and pages, and addresses that name code."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """Return what `Refused` answers, or None for a request that is wanted."""
        why = self._hosts.refusal(request.headers.get("Host"), request.headers.get("Origin"))
        if why:
            return {"target_kwargs": {"status": 403, "why": why}}
        if request.path.startswith("/components/"):
            # Panel would import the module that the address names; no page of ours asks for one.
            return {"target_kwargs": {"status": 404, "why": "modules are not served"}}
        return None


class _Unknown(Matcher):
    """Matches requests of visitors who did not give the password."""

    def __init__(self, password: Password) -> None:
        self._password = password
        # New with each start: a restart ends all logins.
        self._secret = secrets.token_hex(32)

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """Return what `Login` needs, or None for a visitor who is known."""
        cookie = request.cookies.get(COOKIE)
        known = cookie and decode_signed_value(self._secret, COOKIE, cookie.value, max_age_days=LOGIN_DAYS)
        if known and request.path != LOGIN:
            return None
        return {"target_kwargs": {"password": self._password, "secret": self._secret}}


class Refused(RequestHandler):
    """Says why nothing is answered."""

    def initialize(self, status: int, why: str) -> None:
        """Take what the rule found."""
        self._status, self._why = status, why

    def prepare(self) -> None:
        """Answer whatever the method is."""
        self.set_status(self._status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{self._why}\n")


_LOGIN_PAGE = Markup("""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Log in · Fin Assets</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; display: grid; place-items: center; min-height: 90vh; margin: 0;
  color-scheme: light dark; }}
form {{ display: grid; gap: 10px; width: min(300px, 90vw); }}
input, button {{ font: inherit; padding: 7px 10px; }}
</style></head><body>
<form method="post" action="{action}"><h1>Fin Assets</h1><label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required autofocus>
<button>Log in</button><p role="alert">{fault}</p></form></body></html>
""")


class Login(RequestHandler):
    """The login page, in place of whatever was asked for."""

    def initialize(self, password: Password, secret: str) -> None:
        """Take what the rule knows."""
        self._password, self._secret = password, secret

    async def prepare(self) -> None:
        """Answer whatever the method is."""
        if self.request.method == "POST" and self.request.path == LOGIN:
            await self._log_in()
        else:
            self._ask(self.get_query_argument("next", "/") if self.request.path == LOGIN else self.request.uri or "/")

    async def _log_in(self) -> None:
        wanted = self.get_query_argument("next", "/")
        given = self.get_body_argument("password", "", strip=False)
        if not await asyncio.to_thread(self._password.fits, given):
            await asyncio.sleep(WRONG_PASSWORD_SECONDS)
            self._ask(wanted, fault="This is not the password.")
            return
        signed = create_signed_value(self._secret, COOKIE, "reader")
        self.set_cookie(COOKIE, signed, httponly=True, samesite="Lax", expires_days=LOGIN_DAYS)
        # A path of this site only: `//other` and `/\\other` lead elsewhere.
        self.redirect(wanted if re.fullmatch(r"/(?![/\\]).*", wanted) else "/", status=303)

    def _ask(self, wanted: str, *, fault: str = "") -> None:
        self.set_status(401)
        self.set_header("Cache-Control", "no-store")
        self.finish(_LOGIN_PAGE.format(action=f"{LOGIN}?next={quote(wanted)}", fault=fault))


def guard(server: BokehTornado, settings: Settings) -> None:
    """Put the rules before all others of a server, and the headers on all its answers."""
    server.transforms.insert(0, SecurityHeaders)
    first = [Rule(_Unwanted(Hosts.of(settings.servers.allowed_hosts)), Refused)]
    if settings.dashboards.password is not None:
        first.append(Rule(_Unknown(Password(settings.dashboards.password.get_secret_value())), Login))
    server.default_router.rules[:0] = first
