"""The control API under `/__sandbox__/`: faults and the request log at run time, for people and tests.

Nothing that collects data may know about it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

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
        app.router.add_get(f"{PATH}/", self.facts)
        app.router.add_get(f"{PATH}/faults", self.list_faults)
        app.router.add_put(f"{PATH}/faults", self.put_faults)
        app.router.add_post(f"{PATH}/faults", self.post_fault)
        app.router.add_delete(f"{PATH}/faults", self.delete_faults)
        app.router.add_get(f"{PATH}/requests", self.list_requests)
        app.router.add_delete(f"{PATH}/requests", self.delete_requests)

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
