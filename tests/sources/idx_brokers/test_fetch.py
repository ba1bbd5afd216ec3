"""Reaching both sites in a real browser: the sandbox as it is, with each of its faults, capped, gated and slowed down."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from fin_assets.core.collection.fetch_jobs import Event, Job, Outcome, run_jobs
from fin_assets.core.contract import failures
from fin_assets.core.contract.client import Attempt
from fin_assets.core.contract.failures import (
    CaptchaPage,
    CollectionFailure,
    LoginWall,
    MissingPanel,
    Refused,
    WrongContentType,
)
from fin_assets.core.contract.manifest import PartitionKey
from fin_assets.core.contract.source import DateRange, Fetched, Parsed, Unit
from fin_assets.core.transport.browser.client import BrowserClient
from fin_assets.core.transport.browser.pool import BrowserPool
from fin_assets.core.transport.concurrency import AdaptiveConcurrency
from fin_assets.core.transport.host_limiter import Hosts
from fin_assets.sandbox import Fault, FaultKind, Sandbox, SandboxConfig
from fin_assets.sandbox.sites.idx_brokers.options import IDX, IPOT
from fin_assets.sandbox.sites.idx_brokers.site import IdxSite
from fin_assets.settings import BrowserSettings
from fin_assets.sources.idx_brokers.fetch import (
    BROKER_SUMMARY,
    MEMBERS,
    STOCK_SUMMARY,
    Fetch,
    broker_fetcher,
    json_fetcher,
)
from fin_assets.sources.idx_brokers.page import json_rows
from fin_assets.sources.idx_brokers.parse import TOP, parse_broker_page, parse_broker_trades
from fin_assets.sources.idx_brokers.reconcile import complete_if_promised
from tests.sources.accepting import situation
from tests.sources.idx_brokers.builders import ALL, SOURCE

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.e2e]

DAY = date(2026, 3, 31)
FULL = "list=full"
WORKERS = 5


@pytest.fixture(autouse=True)
def _no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in vars(failures).values():
        if isinstance(kind, type) and issubclass(kind, CollectionFailure) and "retry" in vars(kind):
            monkeypatch.setattr(kind, "retry", replace(kind.retry, backoff=timedelta(0)))


@asynccontextmanager
async def opened(*, workers: int) -> AsyncIterator[BrowserPool]:
    async with BrowserPool(
        BrowserSettings(), workers=workers, rate_per_second=500, request_timeout=timedelta(seconds=15)
    ) as pool:
        yield pool


@asynccontextmanager
async def sandbox(*faults: Fault, **options: Any) -> AsyncIterator[Sandbox]:
    config = SandboxConfig(start=date(2026, 1, 5), end=DAY, faults=faults, sites={"idx_brokers": options})
    async with Sandbox(config) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def served() -> AsyncIterator[Sandbox]:
    async with sandbox() as site:
        yield site


@pytest.fixture
def site(served: Sandbox) -> Sandbox:
    """The shared sites without faults and with an empty log."""
    served.set_faults([])
    served.clear_requests()
    return served


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[BrowserPool]:
    """One browser for all: starting one takes seconds on a busy machine."""
    async with opened(workers=WORKERS) as shared:
        yield shared


@pytest.fixture
def pool(browser: BrowserPool) -> BrowserPool:
    """The shared browser in a new attempt: no host given up, no worker taken away."""
    browser.begin_attempt()
    browser.hosts, browser.concurrency = Hosts(rate_per_second=500), AdaptiveConcurrency(WORKERS)
    return browser


@asynccontextmanager
async def visitor(pool: BrowserPool) -> AsyncIterator[BrowserClient]:
    """Lend somebody whom the sites have never seen."""
    async with pool.client() as client:
        await client.forget()
        client.attempt = Attempt()
        yield client


def traded(site: Sandbox, day: date = DAY) -> list[str]:
    facts = site.site(IdxSite).session_facts(day)
    return [code for code, volume in zip(facts.codes, facts.volume.tolist(), strict=True) if volume]


def examine_list(fetched: Fetched) -> Parsed:
    rows = json_rows(fetched.body, content_type=fetched.content_type, wanted="the list").rows
    return Parsed(rows=len(rows), covers=DateRange.day(DAY))


def job(fetch: Fetch, unit: str, day: date = DAY) -> Job:
    async def get(client: BrowserClient) -> Fetched:
        return await fetch(client, Unit(name=unit), day)

    def parse(fetched: Fetched) -> Parsed:
        if unit == "all":
            return examine_list(fetched)
        asked = Unit(name=unit)
        found = parse_broker_trades(fetched, asked)
        complete_if_promised(found, asked, situation(SOURCE.table("broker_trades"), day, fetched))
        if not found.rows:
            raise MissingPanel("the exchange has a volume", body=fetched.body)
        return found

    return Job(key=PartitionKey("idx_brokers", "t", day), unit=unit, fetch=get, parse=parse)


async def collected(
    pool: BrowserPool, jobs: Sequence[Job], tmp_path: Path, on_event: Callable[[Event], None] | None = None
) -> dict[tuple[str, date], Outcome]:
    found: list[Outcome] = []
    await run_jobs(pool, jobs, evidence_dir=lambda _: tmp_path, on_outcome=found.append, on_event=on_event)
    assert len({(outcome.job.unit, outcome.job.key.session) for outcome in found}) == len(found) == len(jobs)
    return {(outcome.job.unit, outcome.job.key.session): outcome for outcome in found}


async def test_a_visitor_opens_the_start_page_once_and_then_asks_without_one(site: Sandbox, pool: BrowserPool) -> None:
    async with visitor(pool) as client:
        said = [
            await json_fetcher(site.url + IDX, template)(client, ALL, DAY)
            for template in (STOCK_SUMMARY, BROKER_SUMMARY, MEMBERS)
        ]
    assert [answer.transport for answer in said] == ["in_page", "request", "request"]
    assert [request.key for request in site.requests] == [
        "idx:home", f"stock_summary:{DAY}", f"broker_summary_market:{DAY}", "members",
    ]  # fmt: skip
    for answer, request in zip(said, site.requests[1:], strict=True):
        envelope = json.loads(answer.body)
        assert len(envelope["data"]) == envelope["recordsTotal"] > 50
        assert answer.url.endswith(request.path)


async def test_a_gate_that_knows_browsers_is_passed_inside_a_page_from_then_on(
    site: Sandbox, pool: BrowserPool
) -> None:
    site.set_faults([Fault(kind=FaultKind.REFUSED, match="*GetStockSummary*", after=1, count=1)])
    fetch = json_fetcher(site.url + IDX, STOCK_SUMMARY)
    async with visitor(pool) as client:
        said = [await fetch(client, ALL, DAY) for _ in range(3)]
    assert [answer.transport for answer in said] == ["in_page", "in_page", "in_page"]
    assert [request.status for request in site.requests] == [200, 200, 403, 200, 200, 200, 200]
    assert len({answer.body for answer in said}) == 1


async def test_a_cookie_that_has_run_out_is_renewed_at_the_start_page(site: Sandbox, pool: BrowserPool) -> None:
    fetch = json_fetcher(site.url + IDX, STOCK_SUMMARY)
    async with visitor(pool) as client:
        assert [(await fetch(client, ALL, DAY)).transport for _ in range(2)] == ["in_page", "request"]
        for context in pool.browser.contexts:
            await context.clear_cookies()
        assert [(await fetch(client, ALL, DAY)).transport for _ in range(2)] == ["in_page", "request"]


async def test_a_list_whose_pages_are_capped_is_asked_for_to_its_end_and_keeps_every_character(
    site: Sandbox, pool: BrowserPool
) -> None:
    async with sandbox(page_cap=25) as capped, visitor(pool) as client:
        for template in (STOCK_SUMMARY, MEMBERS):
            joined = await json_fetcher(capped.url + IDX, template)(client, ALL, DAY)
            whole = await json_fetcher(site.url + IDX, template)(client, ALL, DAY)
            assert joined.body[joined.body.index(b'"data"') :] == whole.body[whole.body.index(b'"data"') :]
            assert examine_list(joined) == examine_list(whole)
        starts = [request.path.partition("start=")[2].partition("&")[0] for request in capped.requests[1:]]
    assert starts == ["0", "25", "50", "0", "25", "50", "75"]


async def test_a_day_without_data_is_one_answer_as_it_was_sent(site: Sandbox, pool: BrowserPool) -> None:
    async with visitor(pool) as client:
        said = await json_fetcher(site.url + IDX, STOCK_SUMMARY)(client, ALL, date(2026, 3, 29))
    assert json.loads(said.body) == {"draw": 0, "recordsTotal": 0, "recordsFiltered": 0, "data": []}


async def test_the_last_try_opens_a_list_as_a_document(site: Sandbox, pool: BrowserPool) -> None:
    fetch = json_fetcher(site.url + IDX, STOCK_SUMMARY)
    async with visitor(pool) as client:
        quick = await fetch(client, ALL, DAY)
        client.attempt = Attempt(number=3, previous=WrongContentType("a page"), last=True)
        slow = await fetch(client, ALL, DAY)
    assert (quick.transport, slow.transport) == ("in_page", "navigation")
    assert examine_list(quick) == examine_list(slow)


async def test_the_link_to_the_complete_table_is_followed_once_and_then_known(site: Sandbox, tmp_path: Path) -> None:
    units = [f"{ticker}/all/all" for ticker in traded(site)]
    fetch = broker_fetcher(site.url + IPOT)
    async with opened(workers=1) as own:
        found = await collected(own, [job(fetch, unit) for unit in units], tmp_path)
    longest = 0
    for outcome in found.values():
        assert outcome.failure is None, outcome.failure
        assert outcome.fetched is not None
        page = parse_broker_page(outcome.fetched.body)
        assert not page.offers_more
        assert page.coverage_bounds()[1] > 0.99
        longest = max(longest, page.rows)
    assert longest > 2 * TOP
    plain = [request for request in site.requests if FULL not in request.path]
    assert 1 <= len(plain) <= 5, "the link has to be learned from the first table that is longer than the page"
    assert len(site.requests) == len(units) + 1


@pytest.mark.parametrize("unit", ["RG/all", "NG/all", "all/F", "all/D"])
async def test_boards_and_investors_are_asked_for_by_name(unit: str, site: Sandbox, pool: BrowserPool) -> None:
    board, investor = unit.split("/")
    async with visitor(pool) as client:
        said = await broker_fetcher(site.url + IPOT)(client, Unit(name=f"{traded(site)[0]}/{unit}"), DAY)
    assert f"start=03/31/2026&end=03/31/2026&fd={investor}&board={board}" in said.url


async def test_without_a_link_the_table_that_is_shown_is_the_answer(pool: BrowserPool) -> None:
    async with sandbox(more=False) as site, visitor(pool) as client:
        fetch = broker_fetcher(site.url + IPOT)
        rows = [
            parse_broker_page((await fetch(client, Unit(name=f"{code}/all/all"), DAY)).body).rows
            for code in traded(site)[:6]
        ]
        assert len(site.requests) == len(rows)
    assert max(rows) == TOP


async def test_a_known_address_that_gives_no_table_any_more_is_forgotten(site: Sandbox, pool: BrowserPool) -> None:
    facts = site.site(IdxSite).session_facts(DAY)
    long, *others = sorted(traded(site), key=lambda code: -facts.volume[facts.codes.index(code)])
    fetch = broker_fetcher(site.url + IPOT)
    async with visitor(pool) as client:
        assert FULL in (await fetch(client, Unit(name=f"{long}/all/all"), DAY)).url
        site.set_faults([Fault(kind=FaultKind.MISSING_PANEL, match=f"*{FULL}*")])
        with pytest.raises(MissingPanel, match=r"offers the complete list, and .* gives no table"):
            await fetch(client, Unit(name=f"{others[0]}/all/all"), DAY)
        client.attempt = Attempt(number=2, previous=MissingPanel("no table"), last=True)
        shown = await fetch(client, Unit(name=f"{others[0]}/all/all"), DAY)
        assert FULL not in shown.url
        assert parse_broker_page(shown.body).offers_more
        client.attempt = Attempt()
        site.set_faults([])
        site.clear_requests()
        assert FULL in (await fetch(client, Unit(name=f"{others[1]}/all/all"), DAY)).url
        assert [FULL in request.path for request in site.requests] == [False, True]


async def test_a_ticker_that_was_not_traded_is_empty_by_both_addresses_and_nothing_is_forgotten(
    site: Sandbox, pool: BrowserPool
) -> None:
    idle = next(code for code in site.site(IdxSite).session_facts(DAY).codes if code not in traded(site))
    fetch = broker_fetcher(site.url + IPOT)
    async with visitor(pool) as client:
        await fetch(client, Unit(name=f"{traded(site)[0]}/all/all"), DAY)
        site.clear_requests()
        assert (await fetch(client, Unit(name=f"{idle}/RG/all"), DAY)).body == b""
        await fetch(client, Unit(name=f"{traded(site)[1]}/all/all"), DAY)
        assert [FULL in request.path for request in site.requests] == [True, False, True]


async def test_the_last_try_asks_from_inside_the_stocks_page(site: Sandbox, pool: BrowserPool) -> None:
    unit = f"{traded(site)[0]}/all/all"
    fetch = broker_fetcher(site.url + IPOT)
    async with visitor(pool) as client:
        quick = await fetch(client, Unit(name=unit), DAY)
        client.attempt = Attempt(number=2, previous=MissingPanel("empty"), last=True)
        slow = await fetch(client, Unit(name=unit), DAY)
    assert (quick.transport, slow.transport) == ("request", "in_page")
    assert quick.body == slow.body


FAULTS: list[tuple[Fault, str, int, str]] = [
    (Fault(kind=FaultKind.RESET), "network", 4, "request"),
    (Fault(kind=FaultKind.UNAVAILABLE), "server_error", 4, "request"),
    (Fault(kind=FaultKind.RATE_LIMITED, retry_after=timedelta(0)), "rate_limited", 5, "request"),
    (Fault(kind=FaultKind.TRUNCATED_BODY, mode="length"), "truncated_body", 4, "request"),
    (Fault(kind=FaultKind.TRUNCATED_BODY, mode="chunked"), "truncated_body", 4, "request"),
    (Fault(kind=FaultKind.TRUNCATED_BODY, mode="silent"), "truncated_body", 4, "request"),
    (Fault(kind=FaultKind.WRONG_CONTENT_TYPE), "wrong_content_type", 3, "request"),
    (Fault(kind=FaultKind.CONSENT_PAGE), "consent_page", 2, "request"),
    (Fault(kind=FaultKind.HALF_TABLE), "half_table", 3, "request"),
    (Fault(kind=FaultKind.MISSING_PANEL), "missing_panel", 2, "in_page"),
    (Fault(kind=FaultKind.RENAMED_COLUMN), "drift", 2, "in_page"),
]


def named(fault: Fault) -> str:
    return f"{fault.kind}-{fault.mode}" if fault.kind is FaultKind.TRUNCATED_BODY else fault.kind.value


@pytest.mark.parametrize(("fault", "kind", "attempts", "transport"), FAULTS, ids=[named(fault) for fault, *_ in FAULTS])
async def test_each_fault_of_a_broker_table_is_its_typed_failure_and_heals_when_it_ends(
    fault: Fault, kind: str, attempts: int, transport: str, site: Sandbox, pool: BrowserPool, tmp_path: Path
) -> None:
    bad, good = (f"{ticker}/all/all" for ticker in traded(site)[:2])
    fetch = broker_fetcher(site.url + IPOT)
    site.set_faults([replace(fault, match=f"{bad}:*")])
    found = await collected(pool, [job(fetch, bad), job(fetch, good)], tmp_path)
    failed = found[bad, DAY]
    assert failed.failure is not None
    assert (failed.failure.kind, failed.attempts) == (kind, attempts)
    assert found[good, DAY].failure is None
    # One unit may take two requests: the address that was learned, and the page's own.
    site.set_faults([replace(fault, match=f"{bad}:*", count=2 if fault.kind is FaultKind.MISSING_PANEL else 1)])
    healed = (await collected(pool, [job(fetch, bad)], tmp_path))[bad, DAY]
    assert healed.failure is None
    assert healed.attempts == 2
    assert healed.fetched is not None
    assert healed.fetched.transport == transport


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(kind=FaultKind.RESET), "network"),
        (Fault(kind=FaultKind.TRUNCATED_BODY, mode="length"), "truncated_body"),
        (Fault(kind=FaultKind.TRUNCATED_BODY, mode="silent"), "truncated_body"),
        (Fault(kind=FaultKind.WRONG_CONTENT_TYPE), "wrong_content_type"),
        (Fault(kind=FaultKind.UNAVAILABLE), "server_error"),
        (Fault(kind=FaultKind.CAPTCHA), "captcha"),
        (Fault(kind=FaultKind.LOGIN_PAGE), "login_wall"),
        (Fault(kind=FaultKind.REFUSED), "refused"),
    ],
    ids=lambda value: named(value) if isinstance(value, Fault) else "",
)
async def test_each_fault_of_a_list_is_its_typed_failure(
    fault: Fault, kind: str, site: Sandbox, pool: BrowserPool, tmp_path: Path
) -> None:
    site.set_faults([replace(fault, match="*GetStockSummary*")])
    outcome = (await collected(pool, [job(json_fetcher(site.url + IDX, STOCK_SUMMARY), "all")], tmp_path))["all", DAY]
    assert outcome.failure is not None
    assert outcome.failure.kind == kind


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(FaultKind.CAPTCHA, CaptchaPage), (FaultKind.LOGIN_PAGE, LoginWall), (FaultKind.REFUSED, Refused)],
)
async def test_a_start_page_that_lets_nobody_pass_is_a_refusal(
    kind: FaultKind, expected: type[Refused], site: Sandbox, pool: BrowserPool
) -> None:
    site.set_faults([Fault(kind=kind, match="*/idx/")])
    async with visitor(pool) as client:
        with pytest.raises(expected):
            await json_fetcher(site.url + IDX, STOCK_SUMMARY)(client, ALL, DAY)
    assert [request.key for request in site.requests] == ["idx:home"]


async def test_a_half_list_is_completed_by_further_requests(site: Sandbox, pool: BrowserPool) -> None:
    site.set_faults([Fault(kind=FaultKind.HALF_TABLE, match="*GetBrokerSummary*", count=1)])
    async with visitor(pool) as client:
        said = await json_fetcher(site.url + IDX, BROKER_SUMMARY)(client, ALL, DAY)
    codes = [row["IDFirm"] for row in json.loads(said.body)["data"]]
    assert len(codes) == len(set(codes)) == json.loads(said.body)["recordsTotal"]


@pytest.mark.parametrize(
    ("fault", "kind", "wait"),
    [
        (Fault(kind=FaultKind.CAPTCHA, after=20), "captcha", None),
        (Fault(kind=FaultKind.REFUSED, after=20), "refused", None),
        (
            Fault(kind=FaultKind.RATE_LIMITED, after=20, retry_after=timedelta(hours=1)),
            "rate_limited",
            timedelta(hours=1),
        ),
    ],
    ids=["captcha", "refused", "rate_limited"],
)
async def test_a_site_that_refuses_in_the_middle_hears_no_more_than_what_was_in_flight(
    fault: Fault, kind: str, wait: timedelta | None, site: Sandbox, pool: BrowserPool, tmp_path: Path
) -> None:
    fetch = broker_fetcher(site.url + IPOT)
    site.set_faults([fault])
    found = await collected(pool, [job(fetch, f"{ticker}/all/all") for ticker in traded(site)], tmp_path)
    refused = [request for request in site.requests if request.fault]
    kinds = Counter(outcome.failure.kind if outcome.failure else "" for outcome in found.values())
    assert 1 <= len(refused) <= WORKERS
    assert set(kinds) == {"", kind, "not_asked"}
    assert kinds[""] >= 10, "what had been answered before is kept"
    waits = {outcome.failure.retry_after for outcome in found.values() if outcome.failure and outcome.attempts}
    assert waits == {wait}


async def test_a_429_that_asks_for_seconds_is_waited_out_by_all_and_no_unit_is_lost(
    site: Sandbox, pool: BrowserPool, tmp_path: Path
) -> None:
    site.set_faults([Fault(kind=FaultKind.RATE_LIMITED, after=20, count=3, retry_after=timedelta(seconds=1))])
    fetch, events = broker_fetcher(site.url + IPOT), list[Event]()
    jobs = [job(fetch, f"{ticker}/all/all") for ticker in traded(site)]
    found = await collected(pool, jobs, tmp_path, on_event=events.append)
    assert all(outcome.failure is None for outcome in found.values())
    refused = [number for number, request in enumerate(site.requests) if request.status == 429]
    assert len(refused) == 3
    assert refused[-1] - refused[0] < WORKERS, "somebody asked on while the host was to be left alone"
    assert {event.failure_kind for event in events if event.kind == "retry"} == {"rate_limited"}


async def test_fewer_ask_while_the_site_is_slow_and_all_again_when_it_is_not(
    site: Sandbox, pool: BrowserPool, tmp_path: Path
) -> None:
    site.set_faults([Fault(kind=FaultKind.SLOW, after=20, count=26, delay=timedelta(seconds=0.7))])
    days = [date(2026, 3, day) for day in (26, 27, 30, 31)]
    fetch, allowed = broker_fetcher(site.url + IPOT), list[int]()
    jobs = [job(fetch, f"{ticker}/all/all", day) for day in days for ticker in traded(site, day)]
    found = await collected(pool, jobs, tmp_path, on_event=lambda _: allowed.append(pool.concurrency.allowed))
    assert all(outcome.failure is None for outcome in found.values())
    assert allowed[0] == WORKERS
    assert min(allowed) <= WORKERS - 2
    assert allowed[-1] == WORKERS
