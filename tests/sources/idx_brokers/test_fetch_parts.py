"""Parts of the fetch that need no browser: joining the pages of a list, links to complete tables, walls on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fin_assets.core.contract.client import Attempt
from fin_assets.core.contract.failures import (
    CollectionFailure,
    Drift,
    HalfTable,
    LoginWall,
    MissingPanel,
    NetworkFailure,
)
from fin_assets.core.contract.source import Fetched
from fin_assets.sources.idx_brokers import fetch as fetching


def answers(*bodies: str) -> Callable[[str], Any]:
    left = list(bodies)

    async def ask(url: str) -> Fetched:
        return Fetched(
            body=left.pop(0).encode(), url=url, status=200, content_type="application/json", transport="request"
        )

    return ask


async def test_a_list_that_grows_while_it_is_read_is_asked_for_again() -> None:
    ask = answers('{"recordsTotal": 3, "data": [1, 2]}', '{"recordsTotal": 4, "data": [3, 4]}')
    with pytest.raises(HalfTable, match="grew from 3 to 4 rows while it was read"):
        await fetching._whole(ask, str)


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        (['{"recordsTotal": 3, "data": [1.50, 2]}', '{"recordsTotal": 3, "data": [ 3e5 ]}'], [1.5, 2, 3e5]),
        (['{"recordsTotal": 3, "data": [1, 2]}', '{"recordsTotal": 3, "data": []}'], [1, 2]),
        (['{"draw": "\\"data\\": [9]", "recordsTotal": 1, "data": [1]}'], [1]),
    ],
)
async def test_pages_of_a_list_are_joined_as_far_as_they_come(bodies: list[str], expected: list[float]) -> None:
    joined = await fetching._whole(answers(*bodies), str)
    assert json.loads(joined.body)["data"] == expected
    assert ("1.50" in joined.body.decode()) == ("1.50" in bodies[0])


@pytest.mark.parametrize("body", ["[1, 2]", '{"error": "busy"}', "no json", '{"recordsTotal": 5}', "\ufeff[]"])
async def test_what_is_no_envelope_is_left_to_the_parser_as_it_came(body: str) -> None:
    assert (await fetching._whole(answers(body), str)).body == body.encode()


async def test_a_list_that_never_ends_is_not_asked_for_without_end() -> None:
    async def ask(url: str) -> Fetched:
        asked.append(url)
        body = b'{"recordsTotal": 1000000, "data": [1]}'
        return Fetched(body=body, url=url, status=200, content_type="application/json", transport="request")

    asked: list[str] = []
    await fetching._whole(ask, str)
    assert asked == [str(start) for start in range(fetching.MOST_PAGES)]


@pytest.mark.parametrize(
    ("link", "leads_to"),
    [
        ('<a class="more" href="?code=BBCA&amp;list=full">more</a>', "http://site/m/t.php?code=BBCA&list=full"),
        ('<a href="/m/all.php">Lihat Semua &raquo;</a>', "http://site/m/all.php"),
        ('<A HREF="full.php"> Selengkapnya </A>', "http://site/m/full.php"),
        ('<a href="https://elsewhere/m/t.php">more</a>', None),
        ('<a href="#">more</a>', None),
        ('<a href="javascript:more()">more</a>', None),
        ('<a>more</a><a href="/news">news</a>', None),
        ("no link, but more text", None),
    ],
)
def test_only_a_link_to_more_that_stays_on_the_site_is_followed(link: str, leads_to: str | None) -> None:
    shown = Fetched(
        body=f"<table class='table-summary'></table>{link}".encode(),
        url="http://site/m/t.php?code=BBCA",
        status=200,
        content_type="text/html",
        transport="request",
    )
    assert fetching._link_to_more(shown) == leads_to


@pytest.mark.parametrize(
    ("link", "added"),
    [
        ("http://site/m/t.php?code=A&fd=all&list=full&n=", {"list": "full", "n": ""}),
        ("http://site/m/t.php?list=full", {}),
        ("http://site/m/t.php?code=B&fd=all&list=full", {}),
        ("http://site/m/other.php?code=A&fd=all&list=full", {}),
    ],
)
def test_what_a_link_adds_is_known_only_if_it_asks_for_the_same(link: str, added: dict[str, str]) -> None:
    assert fetching._added(link, "http://base/m/t.php", {"code": "A", "fd": "all"}) == added


def test_a_page_on_the_way_may_have_a_login_box_among_its_links() -> None:
    box = "<form><input type='password' name='p'></form>"
    page = Fetched(
        body=f"<html><body>{box}{'<a href=x>x</a>' * 40}</body></html>".encode(),
        url="http://site/",
        status=200,
        content_type="text/html",
        transport="navigation",
    )
    fetching._not_refused(page)
    with pytest.raises(LoginWall):
        fetching._not_refused(replace(page, body=f"<html><body>{box}</body></html>".encode()))


@pytest.mark.parametrize("previous", [Drift("a column"), HalfTable("rows"), MissingPanel("empty")])
def test_the_other_way_is_for_the_last_try_only(previous: CollectionFailure) -> None:
    assert fetching._needs_another_way(Attempt(number=2, previous=previous, last=True))
    assert not fetching._needs_another_way(Attempt(number=2, previous=previous))
    assert not fetching._needs_another_way(Attempt(number=4, previous=NetworkFailure("reset"), last=True))
