"""Answers that are too large, too deep or too slow to read end in a failure of their kind, while others are read."""

from __future__ import annotations

import asyncio
import gzip
import re
import time
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from fin_assets.core.collection.fetch_jobs import Job, Outcome, run_jobs
from fin_assets.core.contract.failures import CollectionFailure, OverLimit
from fin_assets.core.contract.limits import Limits
from fin_assets.core.contract.manifest import PartitionKey
from fin_assets.core.contract.site import Site
from fin_assets.core.contract.source import Fetched, Parsed
from fin_assets.core.transport.client_pool import SiteClient
from fin_assets.core.transport.clients import Clients
from fin_assets.core.transport.limits import SMALL, require_shallow, within_limits
from fin_assets.settings import BrowserSettings
from tests.core.tiny_site import TinySite, answer

MIB = 1 << 20
ENGINES = [None, "chrome"]


def page(body: bytes) -> Fetched:
    return Fetched(body=body, url="http://site/page", status=200, content_type="text/html", transport="http")


def deep(count: int) -> dict[str, bytes]:
    """Ways to nest elements or brackets, each deeper than `count`."""
    return {
        "divisions": b"<div>" * (count + 1),
        "two kinds": b"<div><b>" * (count + 1),
        "closed wrongly": b"<div></span>" * (count + 1),
        "in capitals": b"<DIV>" * (count + 1),
        "own names": b"<x-y></x>" * (count + 1),
        "tables": b"<table><tr><td>" * (count + 1),
        "lists": b"<ul><li>" * (count + 1),
        "formats": b"".join(b"<b a=%d>" % number for number in range(count + 1)),
        "closed in an attribute": b'<div a="</div>">' * (count + 1),
        "brackets": b"[" * (count + 1),
        "braces": b'{"a":' * (count + 1),
        "behind a mark": b"\xef\xbb\xbf \n" + b"[" * (count + 1),
    }


@pytest.mark.parametrize("kind", deep(1))
def test_what_is_nested_too_deep_is_over_the_limit(kind: str) -> None:
    limits = Limits(nesting=50)
    with pytest.raises(OverLimit, match="more than 50"):
        require_shallow(deep(50)[kind], "here", limits)
    require_shallow(deep(50)[kind], "here", Limits(nesting=1000))


SHALLOW = {
    "rows that are never closed": b"<table>" + b"<tr><td>1<td>2" * 500 + b"</table>",
    "paragraphs and items": b"<ul>" + b"<li><p>a<br>" * 500 + b"</ul>",
    "a long list": b"[" + b'{"a": "[[[[{{{{", "b": "\\"[[["},' * 500 + b"{}]",
    "closed elements": b"<div><span>a</span></div>" * 500,
}


@pytest.mark.parametrize("body", SHALLOW.values(), ids=SHALLOW)
def test_a_long_page_is_not_a_deep_one(body: bytes) -> None:
    require_shallow(body, "here", Limits(nesting=20))


async def test_a_parser_that_does_not_end_is_left_behind_and_the_loop_is_free() -> None:
    limits, body = Limits(parse_timeout=timedelta(seconds=0.3)), page(b"a" * (SMALL + 1))
    released = asyncio.Event()
    begun = time.monotonic()

    async def others() -> int:
        turns = 0
        while not released.is_set():
            await asyncio.sleep(0.01)
            turns += 1
        return turns

    async def slow() -> CollectionFailure:
        with pytest.raises(OverLimit, match=r"not read within 0.3 s") as caught:
            await within_limits(lambda: time.sleep(2), body, limits)
        released.set()
        return caught.value

    failure, turns = await asyncio.gather(slow(), others())
    assert time.monotonic() - begun < 1.8
    assert turns >= 5
    assert failure.body == b"a" * 10_000


async def test_what_a_parser_raises_in_a_thread_is_raised_where_it_is_awaited() -> None:
    def fail() -> None:
        raise ValueError("of the parser")

    for size in (1, SMALL + 1):
        with pytest.raises(ValueError, match="of the parser"):
            await within_limits(fail, page(b"a" * size), Limits())
        assert await within_limits(lambda: 7, page(b"a" * size), Limits()) == 7


@pytest.mark.parametrize("impersonate", ENGINES)
async def test_bodies_and_bombs_beyond_the_limit_end_at_it(tmp_path: Path, impersonate: str | None) -> None:
    bomb = gzip.compress(bytes(40 * MIB))
    sent = {
        "announced": answer(b"x", length=10**12),
        "large": answer(b"<html>" + b"x" * (3 * MIB)),
        "bomb": answer(bomb, headers=("Content-Encoding: gzip",)),
        "nested": answer(b"<html>" + b"<div>" * 100_000),
        "honest": answer(b"<html><p>hello</p></html>"),
        "packed": answer(gzip.compress(b"<html><p>hello</p></html>"), headers=("Content-Encoding: gzip",)),
    }
    assert len(bomb) < 100_000
    async with TinySite(**sent) as site:
        own = Site(name="tiny", base_url=site.url, mode="sandbox", transport="http", rate_per_second=1000)
        limited = replace(own, impersonate=impersonate, limits=Limits(body_bytes=2 * MIB))
        clients = Clients(BrowserSettings(), data=tmp_path)
        async with clients.make(limited) as pool, pool.client() as client:
            begun = time.monotonic()
            for name in ("announced", "large", "bomb", "nested"):
                with pytest.raises(OverLimit) as caught:
                    await client.get(f"{site.url}/{name}")  # type: ignore[attr-defined]
                assert re.search(r"more than (2 MiB|256 elements)", str(caught.value)), name
                assert len(caught.value.body or b"") <= 10_000
            for name in ("honest", "packed"):
                assert b"hello" in (await client.get(f"{site.url}/{name}")).body  # type: ignore[attr-defined]
            assert time.monotonic() - begun < 10


async def test_hostile_units_fail_within_seconds_while_the_others_are_collected(tmp_path: Path) -> None:
    large = b"<html>" + b"x" * (SMALL + 1)
    honest = tuple(f"u{number}" for number in range(4))
    sent = {"nested": answer(b"<html>" + b"<div>" * 100_000), "slow": answer(large), "large": answer(bytes(3 * MIB))}
    key = PartitionKey("s", "t", date(2026, 3, 2))
    found: dict[str, Outcome] = {}

    def parse(fetched: Fetched) -> Parsed:
        if len(fetched.body) > SMALL:
            time.sleep(3)
        return Parsed(rows=1)

    async with TinySite(**sent, **dict.fromkeys(honest, answer(b"<html><p>hello</p></html>"))) as site:

        def job(name: str) -> Job:
            async def fetch(client: SiteClient) -> Fetched:
                return await client.get(f"{site.url}/{name}")  # type: ignore[attr-defined]

            return Job(key=key, unit=name, fetch=fetch, parse=parse)

        limits = Limits(body_bytes=2 * MIB, parse_timeout=timedelta(seconds=0.5))
        own = Site(name="s", base_url=site.url, mode="sandbox", transport="http", rate_per_second=1000, limits=limits)
        begun = time.monotonic()
        async with Clients(BrowserSettings(), data=tmp_path).make(own) as pool:
            await run_jobs(
                pool,
                [job(name) for name in (*sent, *honest)],
                evidence_dir=lambda _key: tmp_path / "evidence",
                on_outcome=lambda outcome: found.update({outcome.job.unit: outcome}),
            )
        assert time.monotonic() - begun < 2.9
    assert {unit for unit, outcome in found.items() if outcome.failure is None} == set(honest)
    assert {outcome.failure.kind for outcome in found.values() if outcome.failure} == {"over_limit"}
    assert all(outcome.attempts == 1 for outcome in found.values())


async def test_a_file_of_an_inbox_beyond_the_limit_is_not_read(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "large.csv").write_bytes(bytes(2 * MIB))
    own = Site(name="box", base_url=str(inbox), mode="sandbox", transport="files", limits=Limits(body_bytes=MIB))
    pool = Clients(BrowserSettings(), data=tmp_path / "data").make(own)
    [arrival] = pool.inbox.scan()  # type: ignore[attr-defined]
    async with pool, pool.client() as client:
        with pytest.raises(OverLimit, match="more than 1 MiB"):
            await client.get(arrival.sha256)  # type: ignore[attr-defined]
