"""Reaching the two pages in a real browser: the sandbox as it is, with each of its faults, and older forms."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from fin_assets.core.collection.fetch_jobs import Job, Outcome, run_jobs
from fin_assets.core.contract import failures
from fin_assets.core.contract.client import Attempt
from fin_assets.core.contract.failures import CollectionFailure, Drift, MissingPanel
from fin_assets.core.contract.manifest import PartitionKey
from fin_assets.core.contract.source import DateRange, Fetched, Parsed, Unit
from fin_assets.core.transport.browser.client import BrowserClient
from fin_assets.core.transport.browser.pool import BrowserPool
from fin_assets.sandbox import Fault, FaultKind, Sandbox, SandboxConfig
from fin_assets.sandbox.sites.hkex_southbound.options import HKEX
from fin_assets.sandbox.sites.hkex_southbound.site import HkexSite
from fin_assets.settings import BrowserSettings
from fin_assets.sources.hkex_southbound.fetch import Fetch, Form, holdings_fetcher, participants_fetcher
from tests.core.tiny_site import TinySite, answer
from tests.sources.hkex_southbound.builders import SOURCE

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.e2e]

DAY = date(2024, 10, 8)
HK_EN = Unit(name="hk/en")
SATURDAY = date(2024, 10, 12)
FRIDAY_BEFORE = date(2024, 10, 10)
"""11 October 2024 was Chung Yeung: the last list before that Saturday is Thursday's."""


@pytest.fixture(autouse=True)
def _no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in vars(failures).values():
        if isinstance(kind, type) and issubclass(kind, CollectionFailure) and "retry" in vars(kind):
            monkeypatch.setattr(kind, "retry", replace(kind.retry, backoff=timedelta(0)))


@asynccontextmanager
async def opened(*, workers: int = 2) -> AsyncIterator[BrowserPool]:
    async with BrowserPool(
        BrowserSettings(), workers=workers, rate_per_second=200, request_timeout=timedelta(seconds=15)
    ) as pool:
        yield pool


@asynccontextmanager
async def sandbox(*faults: Fault) -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxConfig(start=date(2024, 9, 2), end=date(2024, 11, 1), faults=faults)) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared_site() -> AsyncIterator[Sandbox]:
    async with sandbox() as site:
        yield site


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared_pool() -> AsyncIterator[BrowserPool]:
    """One browser for the tests that leave it as good as new; starting one takes seconds on a busy machine."""
    async with opened() as pool:
        yield pool


def read(fetched: Fetched, unit: str) -> Parsed:
    """Parse as the source's own table does."""
    return SOURCE.table("holdings" if "/" in unit else "participants").parse(fetched, Unit(name=unit))


def stated(parsed: Parsed) -> tuple[int, DateRange | None]:
    return parsed.rows, parsed.covers


def job(fetch: Fetch, unit: str, session: date) -> Job:
    async def get(client: BrowserClient) -> Fetched:
        return await fetch(client, Unit(name=unit), session)

    return Job(key=PartitionKey("hkex_southbound", "t", session), unit=unit, fetch=get, parse=partial(read, unit=unit))


async def collected(pool: BrowserPool, jobs: Sequence[Job], tmp_path: Path) -> dict[tuple[str, date], Outcome]:
    found: list[Outcome] = []
    await run_jobs(pool, jobs, evidence_dir=lambda key: tmp_path / str(key.session), on_outcome=found.append)
    return {(outcome.job.unit, outcome.job.key.session): outcome for outcome in found}


async def test_a_visitor_opens_the_page_once_and_then_only_sends_its_form(tmp_path: Path) -> None:
    days = [date(2024, 10, day) for day in (2, 3, 4, 7, 8, 9)]
    async with sandbox() as site, opened(workers=1) as pool:
        fetch = holdings_fetcher(site.url + HKEX)
        found = await collected(pool, [job(fetch, "hk/en", day) for day in days], tmp_path)
        assert Counter(request.method for request in site.requests) == {"GET": 1, "POST": len(days)}
        assert {request.status for request in site.requests} == {200}
        rows = {day: len(site.site(HkexSite).list_of(day).codes) for day in days}
    for (_, day), outcome in found.items():
        assert outcome.failure is None
        assert outcome.fetched is not None
        assert outcome.parsed is not None
        assert (outcome.fetched.transport, outcome.parsed.covers) == ("request", DateRange.day(day))
        assert outcome.parsed.rows == rows[day]


async def test_every_kind_of_page_can_be_reached_by_both_ways(shared_site: Sandbox, shared_pool: BrowserPool) -> None:
    site = shared_site
    async with shared_pool.client() as client:
        code = f"{site.site(HkexSite).list_of(DAY).codes[0]:05}"
        holdings, participants = holdings_fetcher(site.url + HKEX), participants_fetcher(site.url + HKEX)
        for fetch, unit in [
            (holdings, "hk/en"),
            (holdings, "hk/zh"),
            (holdings, "sh/en"),
            (holdings, "sz/en"),
            (participants, code),
        ]:
            client.attempt = Attempt()
            quick = await fetch(client, Unit(name=unit), DAY)
            client.attempt = Attempt(number=2, previous=Drift("renamed"), last=True)
            slow = await fetch(client, Unit(name=unit), DAY)
            assert (quick.transport, slow.transport) == ("request", "navigation")
            assert stated(read(quick, unit)) == stated(read(slow, unit))
            assert quick.body.replace(b"\r\n", b"\n") == slow.body.replace(b"\r\n", b"\n")


async def test_the_cookie_banner_is_accepted_once_and_stays_accepted() -> None:
    async with sandbox() as site, opened(workers=1) as pool, pool.client() as client:
        fetch = holdings_fetcher(site.url + HKEX)
        await fetch(client, HK_EN, DAY)
        (context,) = pool.browser.contexts
        assert "OptanonAlertBoxClosed" in {cookie.get("name") for cookie in await context.cookies()}
        async with client.page() as page:
            await client.navigate(page, f"{site.url}{HKEX}/sdw/search/mutualmarket.aspx?t=hk")
            assert await page.locator("#onetrust-banner-sdk").is_hidden()


async def test_a_page_of_another_date_is_not_a_failure_of_the_fetch(
    shared_site: Sandbox, shared_pool: BrowserPool, tmp_path: Path
) -> None:
    fetch = holdings_fetcher(shared_site.url + HKEX)
    found = await collected(shared_pool, [job(fetch, "hk/en", SATURDAY)], tmp_path)
    outcome = found["hk/en", SATURDAY]
    assert outcome.parsed is not None
    assert outcome.parsed.covers == DateRange.day(FRIDAY_BEFORE)


async def test_a_date_out_of_range_is_a_missing_panel_after_both_ways(tmp_path: Path) -> None:
    early = date(2016, 5, 3)
    async with sandbox() as site, opened(workers=1) as pool:
        found = await collected(pool, [job(holdings_fetcher(site.url + HKEX), "hk/en", early)], tmp_path)
        assert Counter(request.method for request in site.requests) == {"GET": 2, "POST": 2}
    outcome = found["hk/en", early]
    assert isinstance(outcome.failure, MissingPanel)
    assert [path.name for path in outcome.evidence] == ["hk_en-1.html", "hk_en-1.png"]


FAULTS: list[tuple[Fault, str, int]] = [
    (Fault(kind=FaultKind.RESET), "network", 4),
    (Fault(kind=FaultKind.UNAVAILABLE), "server_error", 4),
    (Fault(kind=FaultKind.RATE_LIMITED, retry_after=timedelta(0)), "rate_limited", 5),
    (Fault(kind=FaultKind.TRUNCATED_BODY, mode="length"), "truncated_body", 4),
    (Fault(kind=FaultKind.TRUNCATED_BODY, mode="chunked"), "truncated_body", 4),
    (Fault(kind=FaultKind.TRUNCATED_BODY, mode="silent"), "truncated_body", 4),
    (Fault(kind=FaultKind.WRONG_CONTENT_TYPE), "wrong_content_type", 3),
    (Fault(kind=FaultKind.CONSENT_PAGE), "consent_page", 2),
    (Fault(kind=FaultKind.FORM_STATE_REFUSED), "form_state_refused", 3),
    (Fault(kind=FaultKind.MISSING_PANEL), "missing_panel", 2),
    (Fault(kind=FaultKind.RENAMED_COLUMN), "drift", 2),
    (Fault(kind=FaultKind.HALF_TABLE), "half_table", 3),
]
STOPS: list[tuple[Fault, str]] = [
    (Fault(kind=FaultKind.CAPTCHA), "captcha"),
    (Fault(kind=FaultKind.LOGIN_PAGE), "login_wall"),
    (Fault(kind=FaultKind.REFUSED), "refused"),
]


def named(fault: Fault) -> str:
    return f"{fault.kind}-{fault.mode}" if fault.kind is FaultKind.TRUNCATED_BODY else fault.kind.value


@pytest.mark.parametrize(("fault", "kind", "attempts"), FAULTS, ids=[named(fault) for fault, _, _ in FAULTS])
async def test_each_fault_is_its_typed_failure_and_heals_when_it_ends(
    fault: Fault, kind: str, attempts: int, shared_site: Sandbox, shared_pool: BrowserPool, tmp_path: Path
) -> None:
    site, pool = shared_site, shared_pool
    code, other = (f"{number:05}" for number in site.site(HkexSite).list_of(DAY).codes[:2])
    fetch = participants_fetcher(site.url + HKEX)
    site.set_faults([replace(fault, match=f"{code}:*", method="POST")])
    found = await collected(pool, [job(fetch, code, DAY), job(fetch, other, DAY)], tmp_path)
    failed = found[code, DAY]
    assert failed.failure is not None
    assert (failed.failure.kind, failed.attempts) == (kind, attempts)
    if failed.failure.body:
        # That fault answers with JSON, of which there is no picture.
        kinds = ["json"] if kind == "wrong_content_type" else ["html", "png"]
        assert [path.name for path in failed.evidence] == [f"{code}-1.{each}" for each in kinds]
    assert found[other, DAY].failure is None
    site.set_faults([replace(fault, match=f"{code}:*", method="POST", count=1)])
    healed = (await collected(pool, [job(fetch, code, DAY)], tmp_path))[code, DAY]
    assert healed.failure is None
    assert healed.attempts == 2
    assert healed.fetched is not None
    assert healed.fetched.transport == (
        "navigation" if kind in {"consent_page", "missing_panel", "drift"} else "request"
    )


@pytest.mark.parametrize(("fault", "kind"), STOPS, ids=[fault.kind.value for fault, _ in STOPS])
async def test_a_refusal_in_the_middle_ends_the_attempt_and_nothing_is_lost(
    fault: Fault, kind: str, tmp_path: Path
) -> None:
    days = [date(2024, 10, day) for day in (2, 3, 4, 7, 8, 9, 10, 14, 15, 16, 17, 18)]
    async with sandbox(replace(fault, match="hk:2024-10-08", method="POST")) as site, opened(workers=2) as pool:
        fetch = holdings_fetcher(site.url + HKEX)
        found = await collected(pool, [job(fetch, "hk/en", day) for day in days], tmp_path)
        assert len(found) == len(days)
        refused = found["hk/en", DAY]
        assert refused.failure is not None
        assert (refused.failure.kind, refused.attempts) == (kind, 1)
        assert refused.evidence
        # What the other worker had under way is either there or was never asked; nothing in between.
        under_way = [found["hk/en", day].failure for day in days[1:4]]
        assert found["hk/en", days[0]].failure is None
        assert all(failure is None or failure.kind == "not_asked" for failure in under_way)
        left = found["hk/en", days[-1]].failure
        assert left is not None
        assert left.kind == "not_asked"
        assert len([request for request in site.requests if request.method == "POST"]) < 8


async def test_a_refused_view_state_is_renewed_by_a_new_visit(tmp_path: Path) -> None:
    async with sandbox() as site, opened(workers=1) as pool:
        fetch = holdings_fetcher(site.url + HKEX)
        async with pool.client() as client:
            await fetch(client, HK_EN, DAY)
            (url, form) = next((key, value) for key, value in client.state.items() if isinstance(value, Form))
            client.state[url] = replace(form, fields=form.fields | {"__VIEWSTATE": "of somebody else"})
        outcome = (await collected(pool, [job(fetch, "hk/en", DAY)], tmp_path))["hk/en", DAY]
        assert outcome.failure is None
        assert outcome.attempts == 2
        assert [request.status for request in site.requests] == [200, 200, 500, 200, 200]


OLD_FORM = """<html><body><form name="form1" method="post" action="./mutualmarket.aspx?t=hk" id="form1">
<input type="hidden" name="__VIEWSTATE" value="abc=" /><input type="hidden" name="today" value="20180430" />
<select name="ddlShareholdingDay"><option>01</option><option>02</option><option selected>30</option></select>
<select name="ddlShareholdingMonth"><option>04</option><option>05</option></select>
<select name="ddlShareholdingYear"><option>2017</option><option>2018</option></select>
<input type="image" name="btnSearch" id="btnSearch" src="" alt="Search" />
<input type="checkbox" name="unticked" /><input type="submit" name="other" value="no" />
</form></body></html>"""


async def test_the_form_of_before_2018_is_filled_by_its_selects_on_both_ways(shared_pool: BrowserPool) -> None:
    pool = shared_pool
    async with TinySite(**{"sdw/search/mutualmarket.aspx": answer(OLD_FORM.encode())}) as site:
        fetch = holdings_fetcher(site.url)
        async with pool.client() as client:
            await fetch(client, HK_EN, date(2018, 5, 2))
            client.attempt = Attempt(number=2, previous=Drift("renamed"), last=True)
            await fetch(client, HK_EN, date(2018, 5, 2))
            with pytest.raises(MissingPanel, match="ddlShareholdingYear does not offer 2019-05-02"):
                await fetch(client, HK_EN, date(2019, 5, 2))
        by_request, by_page = (dict(pair.split("=", 1) for pair in body.decode().split("&")) for body in site.bodies)
        assert {name: value for name, value in by_request.items() if not name.startswith("btnSearch")} == {
            "__VIEWSTATE": "abc%3D",
            "today": "20180430",
            "ddlShareholdingDay": "02",
            "ddlShareholdingMonth": "05",
            "ddlShareholdingYear": "2018",
        }
        assert set(by_request) == set(by_page)
        assert "btnSearch.x" in by_request


async def test_a_page_that_does_not_send_the_search_says_why(shared_pool: BrowserPool) -> None:
    page = """<html><body><form action="./mutualmarket.aspx?t=hk" method="post">
    <input name="txtShareholdingDate" value="2026/01/05" readonly>
    <input type="submit" name="btnSearch" value="Search" onclick="alert('Out of range'); return false;">
    </form></body></html>"""
    async with (
        TinySite(**{"sdw/search/mutualmarket.aspx": answer(page.encode())}) as site,
        shared_pool.client() as client,
    ):
        client.attempt = Attempt(number=2, previous=MissingPanel("no panel"), last=True)
        with pytest.raises(MissingPanel, match="did not send the search for 2020-01-02: Out of range"):
            await holdings_fetcher(site.url)(client, HK_EN, date(2020, 1, 2))


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("<form action='mutualmarket.aspx'><input name='txtShareholdingDate'></form>", "no search form"),
        (
            "<form action='mutualmarket.aspx'><b id='txtShareholdingDate'></b><button id='btnSearch'>s</button></form>",
            "no known field for the date",
        ),
    ],
)
async def test_a_form_that_is_not_the_known_one_is_drift(page: str, message: str, shared_pool: BrowserPool) -> None:
    body = f"<html><body>{page}</body></html>".encode()
    async with TinySite(**{"sdw/search/mutualmarket.aspx": answer(body)}) as site, shared_pool.client() as client:
        with pytest.raises(Drift, match=message):
            await holdings_fetcher(site.url)(client, HK_EN, DAY)


async def test_a_participants_page_without_a_field_for_the_code_is_drift() -> None:
    form = partial(Form, page="p", action="a", options={}, button=("btnSearch", "", ""))
    with pytest.raises(Drift, match="no field txtStockCode"):
        form(fields={"txtShareholdingDate": ""}).filled(DAY, {"txtStockCode": "00700"})
    fields = form(fields={"txtShareholdingDate": "", "txtStockCode": ""}).filled(DAY, {"txtStockCode": "00700"})
    assert fields == {
        "txtShareholdingDate": "2024/10/08",
        "txtStockCode": "00700",
        "__EVENTTARGET": "btnSearch",
        "__EVENTARGUMENT": "",
    }
