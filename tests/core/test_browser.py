"""The browser pool with a real Chromium: typed failures, nothing left behind, recycling, restart, loss."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import psutil
import pytest
from playwright.async_api import Browser, BrowserType, Page

from fin_assets.core.collection.fetch_jobs import Job, Outcome, run_jobs
from fin_assets.core.contract.failures import (
    BrowserLost,
    CaptchaPage,
    CollectionFailure,
    Drift,
    FormStateRefused,
    NetworkFailure,
    RateLimited,
    Refused,
    ServerError,
    TruncatedBody,
    WrongContentType,
)
from fin_assets.core.contract.source import Fetched, Parsed
from fin_assets.core.transport.browser.chromium import BrowserMissing, find_chromium
from fin_assets.core.transport.browser.client import BrowserClient
from fin_assets.core.transport.browser.errors import DRIVER_ENDED
from fin_assets.core.transport.browser.pool import BrowserPool
from fin_assets.core.transport.host_limiter import BreakerRule
from fin_assets.settings import BrowserSettings
from tests.core.test_fetch_jobs import KEY
from tests.core.tiny_site import PAGE, TinySite, answer

pytestmark = [pytest.mark.asyncio, pytest.mark.e2e]

PATIENT = BreakerRule(failures=1000)


def children(*, recursive: bool = True) -> list[psutil.Process]:
    """Return the driver and the browsers of this process; the test run's own helpers are not theirs."""
    found: list[psutil.Process] = psutil.Process().children(recursive=recursive)
    return [process for process in found if not is_helper(process)]


def is_helper(process: psutil.Process) -> bool:
    try:
        return "multiprocessing.resource_tracker" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return True


@asynccontextmanager
async def opened(
    *, workers: int = 2, seconds: float = 5, breaker: BreakerRule | None = None, **browser: int
) -> AsyncIterator[BrowserPool]:
    async with BrowserPool(
        BrowserSettings(**browser),
        workers=workers,
        rate_per_second=500,
        request_timeout=timedelta(seconds=seconds),
        breaker=breaker,
    ) as pool:
        yield pool


async def failure_of(pool: BrowserPool, url: str, *, how: str) -> CollectionFailure:
    try:
        async with pool.client() as client:
            if how == "request":
                await client.post(url, form={"a": "b"})
            elif how == "in page":
                async with client.page() as page:
                    await client.navigate(page, urljoin(url, "/home"))
                    await client.in_page(page, url)
            else:
                async with client.page() as page:
                    await client.navigate(page, url)
    except CollectionFailure as failure:
        return failure
    pytest.fail(f"{url} by {how} did not fail")


async def test_each_way_to_fail_is_its_own_failure_by_request_by_page_and_in_a_page() -> None:
    answers: dict[str, tuple[bytes | None, type[CollectionFailure]]] = {
        "reset": (b"", NetworkFailure),
        "hang": (None, NetworkFailure),
        "short": (answer(b"<html>half", length=5000), TruncatedBody),
        "chunks": (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            TruncatedBody,
        ),
        "limited": (answer(b"slow down", status="429 Too Many Requests", headers=("Retry-After: 1",)), RateLimited),
        "forbidden": (answer(b"no", status="403 Forbidden"), Refused),
        "unauthorized": (answer(b"no", status="401 Unauthorized"), Refused),
        "down": (answer(b"sorry", status="503 Service Unavailable", headers=("Retry-After: 3",)), ServerError),
        "gone": (answer(b"gone", status="404 Not Found"), Drift),
    }
    async with (
        TinySite(**{name: said for name, (said, _) in answers.items()}) as site,
        opened(seconds=1.5, breaker=PATIENT) as pool,
    ):
        for how in ("request", "page", "in page"):
            for name, (_, expected) in answers.items():
                failure = await failure_of(pool, f"{site.url}/{name}", how=how)
                assert type(failure) is expected, (how, name, failure)
                assert site.url in str(failure), "the message does not say what was asked"
                if expected is RateLimited:
                    assert (failure.retry_after, failure.status) == (timedelta(seconds=1), 429)
                    assert failure.body == b"slow down"
        download = answer(b"%PDF", headers=("Content-Type: application/octet-stream",))
        site.answers["file"] = download
        assert type(await failure_of(pool, f"{site.url}/file", how="page")) is WrongContentType
        assert type(await failure_of(pool, "http://127.0.0.1:1/", how="request")) is NetworkFailure
        assert type(await failure_of(pool, "http://127.0.0.1:1/", how="page")) is NetworkFailure
    assert children() == []


async def test_bytes_arrive_as_they_were_sent_and_the_form_as_it_was_filled() -> None:
    body = "﻿<html>\r\n<td>持股日期 &nbsp;</td>\r\n</html>".encode()
    async with TinySite(page=answer(body), form=answer(body)) as site, opened() as pool, pool.client() as client:
        fetched = await client.post(
            f"{site.url}/form", form={"__VIEWSTATE": "a+/=b", "d": "2026/01/05"}, referer=f"{site.url}/page"
        )
        assert fetched == Fetched(
            body=body, url=f"{site.url}/form", status=200, content_type="text/html; charset=utf-8", transport="request"
        )
        assert site.bodies == [b"__VIEWSTATE=a%2B%2F%3Db&d=2026%2F01%2F05"]
        assert f"referer: {site.url}/page".encode() in site.heads[-1].lower()
        async with client.page() as page:
            navigated = await client.navigate(page, f"{site.url}/page")
            assert navigated.transport == "navigation"
            assert navigated.body.removeprefix(b"\xef\xbb\xbf") == body.removeprefix(b"\xef\xbb\xbf")
            await client.navigate(page, f"{site.url}/other")
            followed = await client.follow(page, page.locator("#go").click)
        assert (followed.url, followed.transport, site.bodies[-1]) == (f"{site.url}/form", "navigation", b"a=1")


async def test_a_request_from_inside_a_page_brings_the_exact_bytes_and_the_pages_cookies() -> None:
    body = bytes(range(256)) * 3000 + b"\r\n"
    home = answer(PAGE, headers=("Set-Cookie: seen=1; HttpOnly",))
    async with (
        TinySite(home=home, data=answer(body, headers=("Content-Type: application/json",))) as site,
        opened() as pool,
        pool.client() as client,
        client.page() as page,
    ):
        await client.navigate(page, f"{site.url}/home")
        got = await client.in_page(page, f"{site.url}/data?a=1", headers={"X-Asked": "as a script"})
        assert got.body == body
        assert (got.transport, got.status, got.url, got.content_type) == (
            "in_page", 200, f"{site.url}/data?a=1", "application/json",
        )  # fmt: skip
        head = site.heads[-1].decode().lower()
        assert "cookie: seen=1" in head
        assert "x-asked: as a script" in head
        assert "mozilla" in head


async def test_a_machine_without_memory_left_lets_one_worker_fewer_ask() -> None:
    async with BrowserPool(
        BrowserSettings(),
        workers=2,
        rate_per_second=500,
        request_timeout=timedelta(seconds=5),
        free_memory=lambda: 100 * 2**20,
    ) as pool:
        assert pool.measure(now=True) > 0
        assert pool.concurrency.said == "1 of 2 workers: the machine has 100 MiB of memory left"


async def test_the_guard_explains_a_refusal_but_never_a_429_away() -> None:
    def guard(fetched: Fetched) -> None:
        if b"captcha" in fetched.body:
            raise CaptchaPage("prove it")
        if b"viewstate" in fetched.body:
            raise FormStateRefused("not mine")
        if b"html" not in fetched.body:
            raise WrongContentType("no page")

    site = TinySite(
        a=answer(b"captcha", status="403 Forbidden"),
        b=answer(b"viewstate", status="500 Internal Server Error"),
        c=answer(b"plain words", status="503 Service Unavailable"),
        d=answer(b"captcha", status="429 Too Many Requests"),
        e=answer(b"plain words"),
    )
    expected = {"a": CaptchaPage, "b": FormStateRefused, "c": ServerError, "d": RateLimited, "e": WrongContentType}
    async with site, opened() as pool, pool.client() as client:
        for name, kind in expected.items():
            with pytest.raises(kind) as caught:
                await client.post(f"{site.url}/{name}", form={}, guard=guard)
            assert caught.value.body is not None
            assert caught.value.status is not None


async def test_a_worn_context_is_replaced_and_the_visitor_stays_the_same() -> None:
    async with (
        TinySite(first=answer(PAGE, headers=("Set-Cookie: banner=accepted; Path=/",))) as site,
        opened(workers=1, recycle_after_units=3) as pool,
    ):
        for n in range(10):
            async with pool.client() as client:
                await client.get(f"{site.url}/{'first' if n == 0 else 'later'}")
                client.state.setdefault("form", "kept")
        assert pool.stats.contexts == 4
        assert client.state == {"form": "kept"}
        assert all(b"cookie: banner=accepted" in head.lower() for head in site.heads[1:])
        async with pool.client() as client:
            await client.forget()
            await client.get(f"{site.url}/later")
            assert client.state == {}
        assert b"cookie:" not in site.heads[-1].lower()


async def test_the_browser_is_replaced_by_age_and_no_unit_is_lost(tmp_path: Path) -> None:
    found: list[Outcome] = []
    async with TinySite() as site, opened(workers=4, restart_after_units=15) as pool:
        await run_jobs(pool, get_jobs(site.url, 50), evidence_dir=lambda _: tmp_path, on_outcome=found.append)
        # Those that are under way when the age is reached are finished first: 15 to 18 units each.
        assert pool.stats.browsers in {3, 4}
        assert children()
    assert len(found) == len({outcome.job.unit for outcome in found}) == 50
    assert all(outcome.failure is None and outcome.attempts == 1 for outcome in found)
    assert site.asked.total() == 50
    assert children() == []


async def test_the_browser_is_replaced_when_it_needs_too_much_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fin_assets.core.transport.browser.pool.MEMORY_EVERY", timedelta(0))
    found: list[Outcome] = []
    async with TinySite() as site, opened(workers=2, restart_above_mib=200) as pool:
        await run_jobs(pool, get_jobs(site.url, 40), evidence_dir=lambda _: tmp_path, on_outcome=found.append)
        assert pool.stats.browsers == 2, "a limit below Chromium's own needs must not restart it for each unit"
        assert pool.stats.peak_mib > 200
    assert all(outcome.failure is None for outcome in found)


@pytest.mark.parametrize("victim", ["browser", "driver"])
async def test_a_killed_browser_costs_one_more_attempt_and_no_unit(victim: str, tmp_path: Path) -> None:
    found: list[Outcome] = []

    def kill_once(outcome: Outcome) -> None:
        found.append(outcome)
        if len(found) == 10:
            alive = children(recursive=False)[0]
            assert "run-driver" in alive.cmdline()
            (alive if victim == "driver" else alive.children()[0]).kill()

    async with TinySite() as site, opened(workers=3) as pool:
        await run_jobs(pool, get_jobs(site.url, 30), evidence_dir=lambda _: tmp_path, on_outcome=kill_once)
        assert pool.stats.browsers == 2
    assert len(found) == 30
    assert [outcome.failure for outcome in found if outcome.failure] == []
    assert children() == []


@pytest.mark.parametrize("moment", ["driver", "browser"])
async def test_a_driver_that_dies_while_it_starts_is_started_again(
    moment: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real, started = BrowserType.launch, 0

    async def killed_once(self: BrowserType, **options: Any) -> Browser:
        nonlocal started
        started += 1
        if started == 1:
            [driver] = children(recursive=False)
            if moment == "driver":
                driver.kill()
                return await real(self, **options)
            launching = asyncio.ensure_future(real(self, **options))
            await asyncio.sleep(0.03)
            driver.kill()
            return await launching
        return await real(self, **options)

    monkeypatch.setattr(BrowserType, "launch", killed_once)
    found: list[Outcome] = []
    async with TinySite() as site, opened(workers=2) as pool:
        await run_jobs(pool, get_jobs(site.url, 3), evidence_dir=lambda _: tmp_path, on_outcome=found.append)
    assert [outcome.failure for outcome in found] == [None, None, None]
    assert started == 2


async def test_a_driver_that_always_dies_is_a_missing_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    async def dies(self: BrowserType, **options: Any) -> Browser:
        raise Exception(DRIVER_ENDED)  # noqa: TRY002 - as the library does

    monkeypatch.setattr(BrowserType, "launch", dies)
    with pytest.raises(BrowserMissing, match="ended in each of 3 attempts"):
        async with opened():
            pass
    assert children() == []


async def test_nothing_is_left_after_an_exception_or_a_cancellation() -> None:
    class Bug(Exception):
        pass

    async def breaks() -> None:
        async with opened() as pool, pool.client() as client:
            await use(client, bug)

    async def bug(_: Page) -> None:
        raise Bug

    with pytest.raises(Bug):
        await breaks()
    assert children() == []

    async def hangs(site: TinySite) -> None:
        async with opened(workers=2) as pool, pool.client() as client, client.page() as page:
            await client.navigate(page, f"{site.url}/hang")

    async with TinySite(hang=None) as site:
        running = asyncio.create_task(hangs(site))
        await site.arrival.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert children() == []


async def use(client: BrowserClient, action: Callable[[Page], Awaitable[object]]) -> None:
    async with client.page() as page:
        await action(page)


async def test_pages_are_closed_also_when_their_use_fails() -> None:
    async with TinySite(bad=answer(b"", status="503 No")) as site, opened(workers=1) as pool, pool.client() as client:
        for _ in range(5):
            with pytest.raises(ServerError):
                await use(client, lambda page: client.navigate(page, f"{site.url}/bad"))
        with pytest.raises(Drift, match="does not behave as known"):
            await use(client, lambda page: page.evaluate("nowhere.to.be.found"))
        with pytest.raises(NetworkFailure, match="Timeout"):
            await use(client, lambda page: page.locator("#missing").click(timeout=50))
        assert [len(context.pages) for context in pool.browser.contexts] == [0]


async def test_a_picture_runs_no_script_and_loads_nothing() -> None:
    async with TinySite() as site, opened() as pool:
        body = f"<html><img src='{site.url}/spy.png'><script>fetch('{site.url}/spy')</script><h1>Half a tab".encode()
        picture = await pool.picture(body)
        assert picture.startswith(b"\x89PNG")
        assert len(picture) > 1000
        assert (await pool.picture(b'{"error": true}')).startswith(b"\x89PNG")
        assert site.asked == {}
        assert pool.browser.contexts == []


async def test_a_pool_that_is_not_open_raises() -> None:
    pool = BrowserPool(BrowserSettings(), workers=1, rate_per_second=1, request_timeout=timedelta(seconds=1))
    with pytest.raises(BrowserLost, match="not open"):
        async with pool.client():
            pass


def get_jobs(url: str, n: int) -> list[Job]:
    async def fetch(client: BrowserClient) -> Fetched:
        return await client.get(f"{url}/page")

    return [Job(key=KEY, unit=f"u{i}", fetch=fetch, parse=lambda _: Parsed(rows=1)) for i in range(n)]


COLLECT_WITHOUT_END = """
import asyncio, signal, sys
from datetime import date, timedelta
from fin_assets.core.transport.browser.pool import BrowserPool
from fin_assets.settings import BrowserSettings

async def main():
    limit = timedelta(seconds=5)
    async with BrowserPool(BrowserSettings(), workers=2, rate_per_second=50, request_timeout=limit) as pool:
        async with pool.client() as client, client.page() as page:
            await page.goto("about:blank")
            print("ready", flush=True)
            await asyncio.sleep(600)

# The process that started the tests may have set them to be ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
async def test_a_killed_program_takes_its_browser_along(number: signal.Signals) -> None:
    program = subprocess.Popen(  # noqa: ASYNC220 - our own interpreter; the test has nothing else to do
        [sys.executable, "-c", COLLECT_WITHOUT_END], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    with program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"ready\n"
        family = psutil.Process(program.pid).children(recursive=True)
        assert len(family) > 3
        program.send_signal(number)
        _, alive = psutil.wait_procs(family, timeout=10)
        assert alive == []


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\nexit 7\n")
    path.chmod(0o755)
    return path


async def test_chromium_is_the_configured_one_then_the_systems_then_playwrights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = executable(tmp_path / "browsers" / "chromium-1234" / "chrome-linux" / "chrome")
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "browsers"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert find_chromium(BrowserSettings()) == (found := find_chromium(BrowserSettings()))
    assert (found.path, found.origin) == (own, "playwright")
    system = executable(tmp_path / "bin" / "google-chrome")
    assert find_chromium(BrowserSettings()).path == system
    configured = executable(tmp_path / "mine")
    assert find_chromium(BrowserSettings(executable=configured)).origin == "configured"
    with pytest.raises(BrowserMissing, match=r"browser\.executable in fin\.toml names .*nowhere"):
        find_chromium(BrowserSettings(executable=tmp_path / "nowhere"))
    system.unlink()
    own.unlink()
    with pytest.raises(BrowserMissing, match="apt-get install chromium"):
        find_chromium(BrowserSettings())


async def test_a_chromium_that_does_not_start_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    broken = executable(tmp_path / "chromium")
    pool = BrowserPool(
        BrowserSettings(executable=broken), workers=1, rate_per_second=1, request_timeout=timedelta(seconds=5)
    )
    with pytest.raises(BrowserMissing, match=f"{broken} .configured. does not start"):
        async with pool:
            pass
    assert children() == []
