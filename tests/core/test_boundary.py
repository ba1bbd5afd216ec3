"""Redirects to other hosts and into local networks, over every transport; and what a site's secrets never reach."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from fin_assets.core.contract.failures import CollectionFailure, ForeignHost, NetworkFailure
from fin_assets.core.contract.site import Site
from fin_assets.core.contract.source import Fetched
from fin_assets.core.transport.boundary import Boundary
from fin_assets.core.transport.browser.pool import BrowserPool
from fin_assets.core.transport.client_pool import ClientPool
from fin_assets.core.transport.http_client import HttpPool
from fin_assets.core.transport.redaction import Redactor
from fin_assets.settings import BrowserSettings
from tests.core.tiny_site import PAGE, TinySite, answer

pytestmark = [pytest.mark.asyncio, pytest.mark.e2e]

OTHER = "127.0.0.2"
KEY = "k3y/with+odd&signs"
WAYS = ["httpx", "curl", "request", "page", pytest.param("in page", marks=pytest.mark.slow)]
"""How an address is asked: two HTTP clients, and the browser without a page, by navigation and from inside a page. Each
starts a browser; from inside a page the browser itself refuses what the site does not allow."""


def pool_of(way: str) -> ClientPool:
    common: dict[str, Any] = {"workers": 1, "rate_per_second": 1000, "request_timeout": timedelta(seconds=10)}
    if way in {"httpx", "curl"}:
        return HttpPool(impersonate="chrome" if way == "curl" else None, **common)
    return BrowserPool(BrowserSettings(), **common)


@asynccontextmanager
async def asking(way: str, boundary: Boundary, *, secrets: tuple[str, ...] = ()) -> AsyncIterator[Callable[..., Any]]:
    """Give a function that asks an address, from inside a page of `home` where that is the way."""
    pool = pool_of(way)
    pool.boundary, pool.redactor = boundary, Redactor(secrets)

    async def ask(url: str, *, home: str = "", **headers: str) -> Fetched:
        async with pool.client() as client:
            if way not in {"page", "in page"}:
                return await client.get(url, headers=headers)  # type: ignore[attr-defined, no-any-return]
            async with client.page() as page:  # type: ignore[attr-defined]
                if way == "page":
                    return await client.navigate(page, url)  # type: ignore[attr-defined, no-any-return]
                await client.navigate(page, home)  # type: ignore[attr-defined]
                return await client.in_page(page, url, headers=headers)  # type: ignore[attr-defined, no-any-return]

    async with pool:
        yield ask


def redirect(to: str, status: str = "302 Found") -> bytes:
    return answer(b"", status=status, headers=(f"Location: {to}",))


@asynccontextmanager
async def two_sites(*, path: str = "/elsewhere") -> AsyncIterator[tuple[TinySite, TinySite]]:
    """Give a site that leads to another host, and the other."""
    other = TinySite()
    other.host = OTHER
    async with other, TinySite() as site:
        # The other host lets pages of the site read what it sends.
        lets = (f"Access-Control-Allow-Origin: {site.url}", "Access-Control-Allow-Credentials: true")
        other.answers = {"elsewhere": answer(PAGE, headers=lets)}
        site.answers = {"out": redirect(other.url + path), "home": answer(PAGE)}
        site.answers["twice"] = redirect(f"{site.url}/out")
        yield site, other


@pytest.mark.parametrize("way", WAYS)
async def test_a_redirect_to_another_host_is_a_typed_failure_that_says_where_it_led(way: str) -> None:
    async with two_sites() as (site, other), asking(way, Boundary(["127.0.0.1"])) as ask:
        with pytest.raises(ForeignHost, match="none of the site's hosts") as caught:
            await ask(f"{site.url}/twice", home=f"{site.url}/home")
        assert (await ask(f"{site.url}/home", home=f"{site.url}/home")).body == PAGE, "the visitor continues"
        failure = caught.value
        assert f"{other.url}/elsewhere" in str(failure)
        assert failure.body is not None
        assert PAGE not in failure.body
        assert failure.body.decode().startswith(f"{site.url}/twice -> ")
    if way in {"httpx", "curl", "request"}:
        assert not other.asked, "nothing was asked there"


@pytest.mark.parametrize("way", WAYS)
async def test_a_redirect_to_an_allowed_host_is_followed(way: str) -> None:
    async with two_sites() as (site, other), asking(way, Boundary(["127.0.0.1", OTHER])) as ask:
        got = await ask(f"{site.url}/twice", home=f"{site.url}/home")
        assert got.body == PAGE
        assert got.url == f"{other.url}/elsewhere"


@pytest.mark.parametrize("way", ["httpx", "curl", "request"])
async def test_another_host_gets_no_header_with_a_secret_although_it_is_allowed(way: str) -> None:
    async with two_sites() as (site, other), asking(way, Boundary(["127.0.0.1", OTHER]), secrets=(KEY,)) as ask:
        await ask(f"{site.url}/twice", **{"X-Key": KEY, "Authorization": "Bearer t", "X-Other": "plain"})
    assert KEY.encode() in site.heads[0]
    assert KEY.encode() in site.heads[1], "the site itself gets it after a redirect too"
    assert KEY.encode() not in other.heads[0]
    assert b"bearer t" not in other.heads[0].lower()
    assert b"x-other: plain" in other.heads[0].lower()


@pytest.mark.parametrize("way", ["httpx", "curl", "request"])
async def test_a_form_is_asked_for_after_302_and_sent_again_after_307(way: str) -> None:
    pool = pool_of(way)
    async with TinySite() as site, pool, pool.client() as client:
        site.answers = {"found": redirect(f"{site.url}/home"), "again": redirect("/home", "307 Temporary Redirect")}
        for path in ("found", "again"):
            await client.post(f"{site.url}/{path}", form={"a": "b"})  # type: ignore[attr-defined]
    assert [head.split()[0] for head in site.heads] == [b"POST", b"GET", b"POST", b"POST"]
    assert site.bodies == [b"a=b"] * 3


@pytest.mark.parametrize("way", ["httpx", "curl", "request"])
async def test_redirects_without_end_are_a_network_failure(way: str) -> None:
    async with TinySite() as site, asking(way, Boundary(["127.0.0.1"])) as ask:
        site.answers = {"round": redirect("/round")}
        with pytest.raises(NetworkFailure):
            await ask(f"{site.url}/round")
        assert site.asked["round"] == 6


@pytest.mark.parametrize("way", WAYS)
async def test_a_name_that_leads_into_a_local_network_is_not_asked(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolved(*_: Any, **__: Any) -> list[Any]:
        return [(2, 1, 6, "", ("8.8.8.8", 80)), (2, 1, 6, "", ("169.254.169.254", 80))]

    async with asking(way, Boundary(["rebound.example"], private=False)) as ask:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved, raising=False)
        with pytest.raises(ForeignHost, match=r"leads to 169\.254\.169\.254, an address of a local network"):
            await ask("http://rebound.example/", home="http://rebound.example/")


@pytest.mark.parametrize("way", WAYS)
async def test_a_name_that_leads_elsewhere_at_the_last_moment_is_noticed_by_who_answers(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: Any, **__: Any) -> None: ...

    monkeypatch.setattr(Boundary, "require", nothing)
    monkeypatch.setattr(Boundary, "require_host", lambda *_, **__: None)
    async with TinySite() as site, asking(way, Boundary(private=False)) as ask:
        with pytest.raises(ForeignHost, match=r"leads to 127\.0\.0\.1"):
            await ask(f"{site.url}/home", home=f"{site.url}/home")


LOCAL = [
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "0.0.0.0", "224.0.0.1", "[::1]", "[::]", "[fe80::1]", "[fc00::1]", "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]",
    "[2002:0a00:0001::]", "localhost", "a.localhost", "LOCALHOST.",
]  # fmt: skip


@pytest.mark.parametrize("host", LOCAL)
async def test_every_spelling_of_a_local_address_is_refused_in_live_mode(host: str) -> None:
    with pytest.raises(ForeignHost, match="local network"):
        Boundary(private=False).require_host(f"http://{host}:8080/x")


@pytest.mark.parametrize("host", ["www.example.com", "8.8.8.8", "198.18.0.7", "[2606:4700::1111]", "172.32.0.1"])
async def test_addresses_of_the_internet_are_not_local(host: str) -> None:
    boundary = Boundary(["other.example", host.strip("[]")], private=False)
    boundary.require_host(f"https://{host}/x")
    with pytest.raises(ForeignHost):
        boundary.require_host("https://127.0.0.1/x")


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://www.example.com/", "javascript:alert(1)", "//x", "", "http://[::1"]
)
async def test_only_addresses_of_the_web_are_asked(url: str) -> None:
    with pytest.raises(ForeignHost):
        Boundary().require_host(url)


def site(base_url: str, *, mode: Any = "live", hosts: tuple[str, ...] = ()) -> Site:
    return Site(name="s", base_url=base_url, mode=mode, transport="http", hosts=hosts)


async def test_a_site_has_its_own_host_with_and_without_www_and_those_it_declares() -> None:
    boundary = Boundary.of(site("https://www.example.com/data", hosts=("files.example.net",)))
    for url in ("https://www.example.com/a", "http://example.com:8443/b", "https://FILES.example.net/c"):
        boundary.require_host(url)
    for url in ("https://example.com.evil.org/", "https://other.example.com/", "https://evil.org/www.example.com"):
        with pytest.raises(ForeignHost):
            boundary.require_host(url)


async def test_a_live_site_on_this_machine_or_in_its_network_may_be_asked() -> None:
    await Boundary.of(site("http://127.0.0.1:8601")).require("http://localhost:8601/x")
    await Boundary.of(site("http://10.0.0.7/mirror")).require("http://10.0.0.7/x")
    with pytest.raises(ForeignHost):
        await Boundary.of(site("https://www.example.com", hosts=("10.0.0.7",))).require("http://10.0.0.7/x")


@pytest.mark.parametrize("way", WAYS)
async def test_a_secret_is_in_no_answer_failure_or_log(way: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="httpx2")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    echo = answer(
        b'<html><body>{"next": "?key=k3y%2Fwith%2Bodd%26signs", "is": "k3y/with+odd&amp;signs"}</body></html>'
    )
    refused = answer(f"<html>no such key {KEY}</html>".encode(), status="403 Forbidden")
    query = "?key=k3y%2Fwith%2Bodd%26signs"
    said: list[str] = []
    async with (
        TinySite(data=echo, no=refused, cut=answer(b"<html>", length=500), home=answer(PAGE)) as server,
        asking(way, Boundary(["127.0.0.1"]), secrets=(KEY,)) as ask,
    ):
        got = await ask(f"{server.url}/data{query}", home=f"{server.url}/home")
        said += [got.body.decode(), got.url]
        for url in (f"{server.url}/no{query}", f"{server.url}/cut{query}", f"http://evil.example/{query}"):
            with pytest.raises(CollectionFailure) as caught:
                await ask(url, home=f"{server.url}/home")
            failure = caught.value
            said += [str(failure), repr(failure), (failure.body or b"").decode(), repr(failure.__cause__)]
    assert any(query.encode() in head for head in server.heads), "the site itself gets it"
    assert "***" in got.url
    assert b"***" in got.body
    for text in [*said, caplog.text]:
        assert "k3y" not in text
