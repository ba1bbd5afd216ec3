"""Who may ask the dashboards: names, origins, modules, a password."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from dashboards.ui.guard import COOKIE, WRONG_PASSWORD_SECONDS, Password, hashed
from tests.e2e.browsing import served

PASSWORD = "correct horse battery"
PATHS = ["/hk", "/data", "/hk/ws", "/nowhere", "/assets/format.js", "/static/js/bokeh.min.js", "/favicon.ico"]


@pytest.fixture(scope="module")
def traps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder on the server's path with a module that leaves a file when it is imported."""
    folder = tmp_path_factory.mktemp("traps")
    (folder / "trap.py").write_text("from pathlib import Path\nPath(__file__).with_name('sprung').touch()\n")
    return folder


def port_of(address: str) -> int:
    port = urlsplit(address).port
    assert port is not None
    return port


@pytest.fixture(scope="module")
def open_port(home: Path, traps: Path) -> Iterator[int]:
    with served(home, PYTHONPATH=str(traps)) as address:
        yield port_of(address)


@pytest.fixture(scope="module")
def closed_port(home: Path) -> Iterator[int]:
    given = {"FIN_DASHBOARDS__PASSWORD": hashed(PASSWORD), "FIN_SERVERS__ALLOWED_HOSTS": '["pages.example.org"]'}
    with served(home, **given) as address:
        yield port_of(address)


def ask(port: int, path: str, *, method: str = "GET", body: str = "", **headers: str) -> http.client.HTTPResponse:
    """Return the answer, read."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    form = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    connection.request(method, path, body=body or None, headers=form | headers)
    answer = connection.getresponse()
    answer.text = answer.read().decode(errors="replace")  # type: ignore[attr-defined]
    connection.close()
    return answer


async def websocket(port: int, path: str = "/hk/ws", **headers: str) -> WebSocketClientConnection:
    return await websocket_connect(
        HTTPRequest(f"ws://127.0.0.1:{port}{path}", headers=headers), subprotocols=["bokeh", "token"]
    )


@pytest.mark.parametrize("path", PATHS)
def test_a_name_that_leads_here_by_foreign_dns_is_refused_at_every_address(open_port: int, path: str):
    refused = ask(open_port, path, Host=f"rebound.example.com:{open_port}")
    assert refused.status == 403
    assert "allowed_hosts" in refused.text
    assert ask(open_port, path, Host=f"localhost:{open_port}").status != 403


@pytest.mark.parametrize("origin", ["http://evil.example.com", "http://127.0.0.1:9", "null", "http://localhost"])
async def test_a_websocket_of_a_foreign_page_is_refused(open_port: int, origin: str):
    with pytest.raises(HTTPClientError, match="403"):
        await websocket(open_port, Origin=origin)


async def test_a_websocket_of_a_rebound_name_is_refused_although_its_origin_is_its_host(open_port: int):
    name = f"rebound.example.com:{open_port}"
    with pytest.raises(HTTPClientError, match="403"):
        await websocket(open_port, Host=name, Origin=f"http://{name}")


async def test_a_websocket_of_an_own_page_opens(open_port: int):
    for name in ("127.0.0.1", "localhost"):
        connection = await websocket(open_port, Host=f"{name}:{open_port}", Origin=f"http://{name}:{open_port}")
        assert connection.selected_subprotocol == "bokeh"
        connection.close()


def test_an_address_that_names_a_module_imports_nothing(open_port: int, traps: Path):
    for path in ("/components/trap/x/_css/y", "//components/trap/x/_css/y", "/hk/components/trap/x/_css/y"):
        ask(open_port, path)
        assert not (traps / "sprung").exists(), path
    assert ask(open_port, "/components/trap/x/_css/y").status == 404
    assert ask(open_port, "/components/panel.pane/HTML/_stylesheets/x").status == 404


def test_every_answer_has_the_headers_and_a_page_has_a_nonce_of_its_own(open_port: int):
    for path in [*PATHS, "/components/os/x/_css/y"]:
        answer = ask(open_port, path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["X-Frame-Options"] == "DENY"
        policy = answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert "script-src-attr 'none'" in policy
        assert "default-src 'none'" in policy
        assert "'unsafe-inline'" not in policy.partition("script-src ")[2].partition(";")[0]
    first, second = ask(open_port, "/hk"), ask(open_port, "/hk")
    nonces = [re.findall(r"'nonce-(\w+)'", page.headers["Content-Security-Policy"])[0] for page in (first, second)]
    assert nonces[0] != nonces[1]
    scripts = re.findall(r"<script[^>]*>", first.text)
    assert len(scripts) > 3
    assert all(f"nonce={nonces[0]} " in script for script in scripts)


@pytest.mark.parametrize("path", PATHS)
def test_with_a_password_nothing_is_given_to_a_visitor_without_a_login(closed_port: int, path: str):
    answer = ask(closed_port, path)
    assert answer.status == 401
    assert 'type="password"' in answer.text
    assert "southbound" not in answer.text
    assert ask(closed_port, path, Cookie=f"{COOKIE}=2|1:0|10:1|9:fin_login|8:cmVhZGVy|abc").status == 401


async def test_with_a_password_a_websocket_needs_the_login(closed_port: int):
    with pytest.raises(HTTPClientError, match="401"):
        await websocket(closed_port)
    answer = ask(closed_port, "/login", method="POST", body=f"password={quote(PASSWORD)}")
    connection = await websocket(closed_port, Cookie=answer.headers["Set-Cookie"].partition(";")[0])
    connection.close()


def test_the_password_opens_the_pages_and_leads_to_what_was_asked_for(closed_port: int):
    answer = ask(closed_port, "/login?next=/hk%3Fwindow%3D5", method="POST", body=f"password={quote(PASSWORD)}")
    assert (answer.status, answer.headers["Location"]) == (303, "/hk?window=5")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    page = ask(closed_port, "/hk", Cookie=cookie.partition(";")[0])
    assert page.status == 200
    assert "southbound" in page.text


@pytest.mark.parametrize("wanted", ["//evil.example.com", "/\\evil.example.com", "https://evil.example.com", "evil"])
def test_a_login_never_leads_to_another_site(closed_port: int, wanted: str):
    answer = ask(closed_port, f"/login?next={quote(wanted)}", method="POST", body=f"password={quote(PASSWORD)}")
    assert answer.headers["Location"] == "/"


def test_a_wrong_password_opens_nothing_and_takes_time(closed_port: int):
    begun = time.monotonic()
    answer = ask(closed_port, "/login?next=%22%3E%3Cimg%20src%3Dx%3E", method="POST", body="password=wrong-password")
    assert time.monotonic() - begun >= WRONG_PASSWORD_SECONDS
    assert answer.status == 401
    assert "Set-Cookie" not in answer.headers
    assert "<img" not in answer.text


def test_a_name_of_the_settings_is_answered_behind_a_proxy(closed_port: int):
    given = {"Host": "pages.example.org", "Origin": "https://pages.example.org"}
    assert ask(closed_port, "/login", method="POST", body=f"password={quote(PASSWORD)}", **given).status == 303
    assert ask(closed_port, "/login", method="POST", body="password=x", Host="other.example.org").status == 403


def test_a_hashed_password_fits_and_does_not_hold_the_password():
    stored = hashed(PASSWORD)
    assert PASSWORD not in stored
    assert stored != hashed(PASSWORD)
    for password in (Password(stored), Password(PASSWORD)):
        assert password.fits(PASSWORD)
        assert not password.fits(PASSWORD + " ")
        assert not password.fits("")
        assert not password.fits(stored)
