"""The control API under `/__sandbox__/`: faults and the request log at run time, for people and tests.

Nothing that collects data may know about it.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from fin_assets.sandbox.faults import Fault
from fin_assets.sandbox.market import SandboxError

if TYPE_CHECKING:
    from fin_assets.sandbox.server import Sandbox

PATH: Final = "/__sandbox__"


def add_routes(app: web.Application, sandbox: Sandbox) -> None:
    """Add the control API of a sandbox to its application.

    GET facts; GET, PUT (replace), POST (add one), DELETE faults; GET, DELETE requests.
    """

    async def facts(_request: web.Request) -> web.Response:
        return web.json_response(sandbox.facts())

    async def list_faults(_request: web.Request) -> web.Response:
        return web.json_response(sandbox.faults.listed())

    async def put_faults(request: web.Request) -> web.Response:
        raw = await _body(request)
        entries = raw.get("faults") if isinstance(raw, dict) else raw
        if not isinstance(entries, list):
            raise _bad_request('send a list of faults, or {"faults": [...]}')
        sandbox.faults.replace([_fault(entry) for entry in entries])
        return await list_faults(request)

    async def post_fault(request: web.Request) -> web.Response:
        sandbox.faults.add(_fault(await _body(request)))
        return await list_faults(request)

    async def delete_faults(request: web.Request) -> web.Response:
        sandbox.faults.replace([])
        return await list_faults(request)

    async def list_requests(request: web.Request) -> web.Response:
        key = request.query.get("key")
        found = [asdict(entry) for entry in sandbox.requests if key is None or entry.key == key]
        return web.json_response(found)

    async def delete_requests(_request: web.Request) -> web.Response:
        sandbox.clear_requests()
        return web.json_response([])

    app.router.add_get(f"{PATH}/", facts)
    app.router.add_get(f"{PATH}/faults", list_faults)
    app.router.add_put(f"{PATH}/faults", put_faults)
    app.router.add_post(f"{PATH}/faults", post_fault)
    app.router.add_delete(f"{PATH}/faults", delete_faults)
    app.router.add_get(f"{PATH}/requests", list_requests)
    app.router.add_delete(f"{PATH}/requests", delete_requests)


async def _body(request: web.Request) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        return await request.json()
    except ValueError as error:
        raise _bad_request(f"the body is not JSON: {error}") from error


def _fault(raw: object) -> Fault:
    if not isinstance(raw, dict):
        raise _bad_request(f'a fault is an object such as {{"kind": "captcha", "count": 1}}, not {raw!r}')
    try:
        return Fault.from_mapping(raw)
    except SandboxError as error:
        raise _bad_request(str(error)) from error


def _bad_request(reason: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=reason + "\n", content_type="text/plain")
