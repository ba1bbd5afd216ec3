"""The control API under `/__sandbox__/`: faults and the request log at run time, for people and tests.

Nothing that collects data may know about it. It answers to names of this machine and the address it listens on, and to no
page of another origin.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from fin_assets.hosts import Hosts
from fin_assets.sandbox.errors import SandboxError
from fin_assets.sandbox.faults import Fault

if TYPE_CHECKING:
    from fin_assets.sandbox.server import Sandbox

PATH: Final = "/__sandbox__"


class Control:
    """The handlers, bound to a sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def add_routes(self, app: web.Application) -> None:
        """Add the control API to an application."""
        own = web.Application(middlewares=[self._refuse_foreign])
        own.router.add_get("/", self.facts)
        own.router.add_get("/faults", self.list_faults)
        own.router.add_put("/faults", self.put_faults)
        own.router.add_post("/faults", self.post_fault)
        own.router.add_delete("/faults", self.delete_faults)
        own.router.add_get("/requests", self.list_requests)
        own.router.add_delete("/requests", self.delete_requests)
        app.add_subapp(PATH, own)

    @web.middleware
    async def _refuse_foreign(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        hosts = Hosts.of([self._sandbox.config.host])
        why = hosts.refusal(request.headers.get("Host"), request.headers.get("Origin"))
        if why:
            raise web.HTTPForbidden(text=f"{why.partition(';')[0]}\n", content_type="text/plain")
        return await handler(request)

    async def facts(self, _request: web.Request) -> web.Response:
        """Answer what is served."""
        return web.json_response(self._sandbox.facts())

    async def list_faults(self, _request: web.Request) -> web.Response:
        """Answer the faults in force with their counts."""
        return web.json_response(self._sandbox.faults.listed())

    async def put_faults(self, request: web.Request) -> web.Response:
        """Replace all faults by a list."""
        raw = await _body(request)
        entries = raw.get("faults") if isinstance(raw, dict) else raw
        if not isinstance(entries, list):
            raise _bad_request('send a list of faults, or {"faults": [...]}')
        with _refusals():
            self._sandbox.faults.replace([_fault(entry) for entry in entries])
        return await self.list_faults(request)

    async def post_fault(self, request: web.Request) -> web.Response:
        """Add one fault."""
        raw = await _body(request)
        with _refusals():
            self._sandbox.faults.add(_fault(raw))
        return await self.list_faults(request)

    async def delete_faults(self, request: web.Request) -> web.Response:
        """End all faults."""
        self._sandbox.faults.replace([])
        return await self.list_faults(request)

    async def list_requests(self, request: web.Request) -> web.Response:
        """Answer the logged requests, of one unit key if `key` is given."""
        key = request.query.get("key")
        return web.json_response([asdict(entry) for entry in self._sandbox.requests if key in (None, entry.key)])

    async def delete_requests(self, _request: web.Request) -> web.Response:
        """Forget the logged requests."""
        self._sandbox.clear_requests()
        return web.json_response([])


async def _body(request: web.Request) -> Any:
    try:
        return await request.json()
    except ValueError as error:
        raise _bad_request(f"the body is not JSON: {error}") from error


def _fault(raw: object) -> Fault:
    if not isinstance(raw, dict):
        raise _bad_request(f'a fault is an object such as {{"kind": "captcha", "count": 1}}, not {raw!r}')
    return Fault.from_mapping(raw)


@contextmanager
def _refusals() -> Iterator[None]:
    """Answer 400 with the reason where the sandbox does not take a fault."""
    try:
        yield
    except SandboxError as error:
        raise _bad_request(str(error)) from error


def _bad_request(reason: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=reason + "\n", content_type="text/plain")
