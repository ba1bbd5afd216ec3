"""Plain HTTP against a real socket: answers, failures, cookies, quota, and no browser anywhere."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from fin_assets.core.contract.failures import (
    CaptchaPage,
    CollectionFailure,
    Drift,
    NetworkFailure,
    QuotaSpent,
    RateLimited,
    Refused,
    ServerError,
    TruncatedBody,
    WrongContentType,
)
from fin_assets.core.contract.site import Site
from fin_assets.core.transport.clients import Clients
from fin_assets.core.transport.http_client import HttpClient, HttpPool, require_json
from fin_assets.core.transport.quota import DailyQuota
from fin_assets.settings import BrowserSettings
from tests.core.tiny_site import TinySite, answer

JSON = ("Content-Type: application/json",)
ENGINES = [None, "chrome"]
"""Python's own TLS and HTTP, and curl's with a browser's handshake: both behave alike."""


def pool(*, impersonate: str | None = None, quota: DailyQuota | None = None, timeout: float = 5) -> HttpPool:
    return HttpPool(
        workers=2,
        rate_per_second=1000,
        request_timeout=timedelta(seconds=timeout),
        impersonate=impersonate,
        quota=quota,
    )


async def failure_of(client: HttpClient, url: str) -> CollectionFailure:
    with pytest.raises(CollectionFailure) as caught:
        await client.get(url, guard=require_json)
    return caught.value


@pytest.mark.parametrize("impersonate", ENGINES)
async def test_the_exact_bytes_arrive_with_status_address_and_type(impersonate: str | None) -> None:
    body = b'{"close": 1.10, "name": "\xc3\xa9"}'
    async with (
        TinySite(data=answer(body, headers=JSON)) as site,
        pool(impersonate=impersonate) as clients,
        clients.client() as client,
    ):
        url = f"{site.url}/data?symbol=AAPL"
        got = await client.get(url, headers={"X-Key": "k"}, guard=require_json)
    assert (got.body, got.status, got.content_type) == (body, 200, "application/json")
    assert got.url == url
    assert got.transport == "http"
    assert b"x-key: k" in site.heads[0].lower()


@pytest.mark.parametrize("impersonate", ENGINES)
@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (answer(b"busy", status="503 Service Unavailable"), ServerError),
        (answer(b"slow down", status="429 Too Many Requests", headers=("Retry-After: 7",)), RateLimited),
        (answer(b"no", status="403 Forbidden"), Refused),
        (answer(b'{"a": 1}', headers=JSON, length=50), TruncatedBody),
        (b"", NetworkFailure),
        (answer(b"<html><body><div class='g-recaptcha'></div></body></html>"), CaptchaPage),
        (answer(b"hello", headers=("Content-Type: text/plain",)), WrongContentType),
        (answer(b"gone", status="404 Not Found"), Drift),
    ],
    ids=["503", "429", "403", "cut", "closed", "captcha", "text", "404"],
)
async def test_every_refusal_and_every_broken_answer_is_a_typed_failure(
    impersonate: str | None, sent: bytes, kind: type[CollectionFailure]
) -> None:
    async with TinySite(data=sent) as site, pool(impersonate=impersonate) as clients, clients.client() as client:
        failure = await failure_of(client, f"{site.url}/data")
    assert type(failure) is kind, failure
    if kind is RateLimited:
        assert failure.retry_after == timedelta(seconds=7)


@pytest.mark.parametrize("impersonate", ENGINES)
async def test_a_site_that_does_not_answer_is_given_up_after_the_time_limit(impersonate: str | None) -> None:
    async with (
        TinySite(data=None) as site,
        pool(impersonate=impersonate, timeout=0.3) as clients,
        clients.client() as client,
    ):
        failure = await failure_of(client, f"{site.url}/data")
    assert type(failure) is NetworkFailure


async def test_nobody_listening_is_a_network_failure() -> None:
    async with pool() as clients, clients.client() as client:
        assert type(await failure_of(client, "http://127.0.0.1:9/data")) is NetworkFailure


@pytest.mark.parametrize("impersonate", ENGINES)
async def test_cookies_belong_to_a_visitor_until_it_forgets_them(impersonate: str | None) -> None:
    hello = answer(b"{}", headers=(*JSON, "Set-Cookie: seen=yes; Path=/"))
    async with (
        TinySite(hello=hello, data=answer(b"{}", headers=JSON)) as site,
        pool(impersonate=impersonate) as clients,
        clients.client() as client,
    ):
        await client.get(f"{site.url}/hello")
        await client.get(f"{site.url}/data")
        client.state["token"] = "t"
        await client.forget()
        await client.get(f"{site.url}/data")
    assert b"seen=yes" in site.heads[1]
    assert b"seen=yes" not in site.heads[2]
    assert client.state == {}


async def test_a_form_is_sent_url_encoded() -> None:
    async with TinySite(form=answer(b"{}", headers=JSON)) as site, pool() as clients, clients.client() as client:
        await client.post(f"{site.url}/form", form={"code": "A&B", "day": "2026-01-02"})
    assert site.bodies == [b"code=A%26B&day=2026-01-02"]


async def test_a_spent_quota_ends_the_asking_before_a_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIN_CLOCK", "2026-03-02T20:00:00+00:00")
    quota = DailyQuota(tmp_path / "q.json", per_day=2, timezone="America/New_York", site="alpha")
    async with (
        TinySite(data=answer(b"{}", headers=JSON)) as site,
        pool(quota=quota) as clients,
        clients.client() as client,
    ):
        for _ in range(2):
            await client.get(f"{site.url}/data")
        failure = await failure_of(client, f"{site.url}/data")
    assert type(failure) is QuotaSpent
    assert failure.retry_after == timedelta(hours=9), "midnight in New York"
    assert "2026-03-03 00:00 EST" in str(failure)
    assert site.asked["data"] == 2


def test_a_quota_outlives_the_process_and_is_renewed_at_its_own_midnight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIN_CLOCK", "2026-03-02T20:00:00+00:00")
    path = tmp_path / "quota" / "alpha.json"

    def quota() -> DailyQuota:
        return DailyQuota(path, per_day=3, timezone="America/New_York", site="alpha")

    for left in (2, 1, 0):
        quota().take()
        assert quota().left() == left
    with pytest.raises(QuotaSpent):
        quota().take()
    monkeypatch.setenv("FIN_CLOCK", "2026-03-03T04:59:00+00:00")
    assert quota().left() == 0, "midnight in UTC renews nothing"
    monkeypatch.setenv("FIN_CLOCK", "2026-03-03T05:00:00+00:00")
    assert quota().left() == 3


@pytest.mark.parametrize("content", ['{"day": "20', "", "[]", "{}", '{"day": "2026-03-02", "used": null}', "\ufffd"])
def test_a_damaged_count_is_taken_for_spent_and_never_for_a_second_quota(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.setenv("FIN_CLOCK", "2026-03-02T20:00:00+00:00")
    path = tmp_path / "alpha.json"
    path.write_text(content)
    quota = DailyQuota(path, per_day=3, timezone="UTC", site="alpha")
    assert str(path) in (quota.damage() or "")
    assert quota.left() == 0
    assert quota.damage() is None
    monkeypatch.setenv("FIN_CLOCK", "2026-03-03T00:00:01+00:00")
    assert quota.left() == 3


def site_of(url: str, transport: str = "http") -> Site:
    return Site(name="tiny", base_url=url, mode="sandbox", transport=transport, rate_per_second=1000)  # type: ignore[arg-type]


def test_a_site_has_one_pool_a_run_and_no_browser_library_is_loaded_for_http(tmp_path: Path) -> None:
    with Clients(BrowserSettings(executable=tmp_path / "no-such-browser"), data=tmp_path) as clients:

        async def twice() -> bool:
            first = await clients.pool(site_of("http://127.0.0.1:9"))
            return first is await clients.pool(site_of("http://127.0.0.1:9"))

        assert clients.run(twice())
        assert clients.run(twice()), "the pool outlives a table"


async def test_sites_have_rates_of_their_own() -> None:
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(TinySite(data=answer(b"{}", headers=JSON)))
        slow = await stack.enter_async_context(
            HttpPool(workers=3, rate_per_second=20, request_timeout=timedelta(seconds=5))
        )
        quick = await stack.enter_async_context(pool())

        async def ask(clients: HttpPool, times: int) -> float:
            begun = asyncio.get_running_loop().time()
            for _ in range(times):
                async with clients.client() as client:
                    await client.get(f"{site.url}/data")
            return asyncio.get_running_loop().time() - begun

        seconds, _ = await asyncio.gather(ask(slow, 5), ask(quick, 5))
    assert seconds >= 4 * 0.8 / 20
    assert sum(site.asked.values()) == 10
