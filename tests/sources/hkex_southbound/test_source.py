"""What the source expects of a session, and the checks that only it can make."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from fin_assets.core.contract.failures import Drift
from fin_assets.core.contract.source import Sibling, Source, Table, Unit, due_at
from fin_assets.core.orchestration.partitions import due_sessions, partitions_of
from fin_assets.discovery import discover
from fin_assets.sandbox.context import SiteContext
from fin_assets.sandbox.sites.hkex_southbound.options import HkexOptions
from fin_assets.sandbox.sites.hkex_southbound.site import HkexSite
from fin_assets.settings import load
from fin_assets.sources.hkex_southbound.checks import (
    holding_within_issued,
    pct_matches_issued,
    pct_matches_list_before,
    pct_within_issued,
    unchanged_from_yesterday,
)
from fin_assets.sources.hkex_southbound.source import DEFAULT_WATCHLIST
from tests.sources.accepting import answer
from tests.sources.hkex_southbound.builders import HOLDINGS, HoldingsHtml, accepted

HK = ZoneInfo("Asia/Hong_Kong")
DAY = date(2024, 9, 2)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    [found] = [one for one in discover(load(tmp_path)) if one.name == "hkex_southbound"]
    return found


def names(table: Table, day: date) -> list[str]:
    expected = table.expected(day, lambda _table: Sibling(state="missing"))
    assert isinstance(expected, Sequence)
    return [unit.name for unit in expected]


def holdings(**shares_and_pct: tuple[int, float | None]) -> pl.DataFrame:
    rows = [("hk", code.removeprefix("s"), shares, pct) for code, (shares, pct) in shares_and_pct.items()]
    schema = {
        "market": pl.String,
        "stock_code": pl.String,
        "shareholding_shares": pl.Int64,
        "pct_of_issued": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_the_default_watchlist_is_the_fifty_largest_holdings_of_the_sandbox() -> None:
    site = HkexSite(SiteContext(start=date(2026, 9, 1), end=date(2026, 11, 20)), HkexOptions())
    listed = site.list_of(date(2026, 11, 19))
    largest = sorted(zip(listed.shares, listed.codes, strict=True), reverse=True)[:50]
    assert sorted(f"{int(code):05d}" for _, code in largest) == list(DEFAULT_WATCHLIST)


def test_sessions_collected_in_two_languages_are_still_staged_when_one_is_collected(tmp_path: Path) -> None:
    settings = load(tmp_path).model_copy(update={"sources": {"hkex_southbound": {"languages": ["zh"]}}})
    [source] = [one for one in discover(settings) if one.name == "hkex_southbound"]
    table = source.table("holdings")
    units = [accepted("hk/en", HoldingsHtml().body()), accepted("hk/zh", HoldingsHtml(language="zh").body())]
    assert names(table, DAY) == ["hk/zh"]
    assert table.stage(units, DAY).frame.height == len(HOLDINGS)
    assert table.stage(units[1:], DAY).frame.height == len(HOLDINGS)


def test_units_are_markets_by_language_and_stocks_of_the_watchlist(source: Source) -> None:
    day = date(2026, 9, 30)
    assert names(source.table("holdings"), day) == ["hk/en", "hk/zh"]
    assert names(source.table("northbound"), day) == ["sh/en", "sz/en"]
    assert names(source.table("participants"), day) == list(DEFAULT_WATCHLIST)


def test_partitions_are_the_list_days_and_a_day_becomes_one_when_it_is_over(source: Source) -> None:
    table = source.table("holdings")
    partitions = partitions_of(source, table)
    keys = partitions.get_partition_keys(current_time=datetime(2026, 10, 3, 1, tzinfo=HK))
    assert keys[0] == "2024-09-02"
    assert keys[-3:] == ["2026-09-29", "2026-09-30", "2026-10-02"]
    assert len(keys) == len(table.calendar.sessions(source.start, date(2026, 10, 2)))
    assert "2024-09-06" in keys, "a storm may have a list"


def test_northbound_partitions_are_quarter_ends(source: Source) -> None:
    keys = partitions_of(source, source.table("northbound")).get_partition_keys(
        current_time=datetime(2025, 7, 2, tzinfo=HK)
    )
    assert keys == ["2024-09-30", "2024-12-31", "2025-03-31", "2025-06-30"]


def test_sessions_fall_due_after_publication_and_never_on_closed_days(source: Source) -> None:
    table = source.table("holdings")
    assert due_at(table, date(2026, 9, 30)) == datetime(2026, 10, 1, 6, tzinfo=HK)

    def due(day: date) -> list[date]:
        tick = datetime(day.year, day.month, day.day, 6, 30, tzinfo=HK)
        return due_sessions(source, table, since=tick - timedelta(days=1), until=tick)

    assert due(date(2026, 10, 1)) == [date(2026, 9, 30)]
    assert due(date(2026, 10, 2)) == []
    assert due(date(2026, 10, 3)) == [date(2026, 10, 2)]
    assert due(date(2026, 10, 4)) == []


def test_an_unchanged_list_is_explained_on_a_closed_leg_and_suspect_otherwise() -> None:
    before = holdings(s00001=(10, 0.1), s00002=(20, 0.2))
    explained = unchanged_from_yesterday(before, session=date(2017, 10, 3), previous=before, siblings={})
    assert explained.passed
    assert "southbound_closed" in explained.summary
    suspect = unchanged_from_yesterday(before, session=date(2017, 9, 20), previous=before, siblings={})
    assert not suspect.passed
    assert suspect.numbers == {"equal": 2, "compared": 2, "day": "open"}
    changed = holdings(s00001=(11, 0.1), s00002=(20, 0.2))
    assert unchanged_from_yesterday(changed, session=date(2017, 9, 20), previous=before, siblings={}).passed
    assert unchanged_from_yesterday(changed, session=date(2017, 9, 20), previous=None, siblings={}).passed


def test_a_percent_that_does_not_follow_from_the_holding_is_found() -> None:
    before = holdings(s00198=(149_696_000, 1.10), s00700=(100_000, 5.0), s00005=(10, None))
    after = holdings(s00198=(149_696_000, 0.0), s00700=(110_000, 5.5), s00005=(10, None))
    found = pct_matches_list_before(after, session=date(2017, 6, 2), previous=before, siblings={})
    assert not found.passed
    assert "00198" in found.summary
    assert found.numbers == {"compared": 2, "different": 1}


@pytest.mark.parametrize("place", range(9))
def test_a_changed_digit_of_a_holding_is_found_by_its_percent(place: int) -> None:
    before = holdings(s00700=(722_908_430, 7.59))
    digits = list("723455678")
    assert pct_matches_list_before(
        holdings(s00700=(int("".join(digits)), 7.60)), session=date(2017, 6, 2), previous=before, siblings={}
    ).passed
    digits[place] = str((int(digits[place]) + 5) % 10)
    changed = holdings(s00700=(int("".join(digits)), 7.60))
    found = pct_matches_list_before(changed, session=date(2017, 6, 2), previous=before, siblings={})
    assert found.passed == (place > 1), "what is below the rounding of the percent cannot show"


def test_a_percent_above_all_issued_shares_is_found() -> None:
    found = pct_within_issued(
        holdings(s00700=(7, 100.0), s00005=(10, 147.3), s00001=(1, None)),
        session=date(2017, 6, 2),
        previous=None,
        siblings={},
    )
    assert not found.passed
    assert found.numbers == {"compared": 2, "above": 1}
    assert "00005" in found.summary
    assert pct_within_issued(holdings(s00700=(7, 100.0)), session=date(2017, 6, 2), previous=None, siblings={}).passed


def test_participants_percents_are_held_against_the_issued_shares_of_their_own_page() -> None:
    page = pl.DataFrame(
        {
            "stock_code": ["00700", "00700"],
            "shareholding_shares": [544_488_952, 466_172_346],
            "pct_of_issued": [5.95, 5.09],
            "issued_shares": [9_144_770_041] * 2,
        }
    )
    assert pct_matches_issued(page, session=date(2025, 11, 7), previous=None, siblings={}).passed
    wrong = page.with_columns(pct_of_issued=pl.Series([5.95, 6.09]))
    assert pct_matches_issued(wrong, session=date(2025, 11, 7), previous=None, siblings={}).numbers == {
        "compared": 2,
        "different": 1,
    }


def test_a_participant_above_the_issued_shares_is_found_and_kept() -> None:
    page = pl.DataFrame(
        {"stock_code": ["00931", "00931"], "shareholding_shares": [2_000, 900], "issued_shares": [1_000, 1_000]}
    )
    found = holding_within_issued(page, session=date(2017, 8, 14), previous=None, siblings={})
    assert not found.passed
    assert found.numbers == {"compared": 2, "above": 1}


def test_a_page_of_another_market_is_refused(source: Source) -> None:
    page = HoldingsHtml(market="sh").body()
    with pytest.raises(Drift, match="asked for hk/en, the page is of sh/en"):
        source.table("holdings").parse(answer(page, "text/html"), Unit(name="hk/en"))
