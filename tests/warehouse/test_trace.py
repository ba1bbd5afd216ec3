"""The trace of a stock through both markets as they are staged: its rows are found by its code, written as people write it."""

from __future__ import annotations

from datetime import date

import pytest

from fin_assets.core.collection.trace import TableTrace, same, trace
from fin_assets.discovery import discover
from tests.warehouse.conftest import INCOMPLETE, SESSIONS
from tests.warehouse.home import Home

pytestmark = pytest.mark.usefixtures("clock_stopped")


def traced(home: Home, source: str, table: str, code: str, session: date) -> TableTrace:
    """Return the trace of a code in a table of a source as the project declares it."""
    [found] = [each for each in discover(home.settings) if each.name == source]
    return trace(found, found.table(table), code, session, store=home.store)


def test_a_code_is_the_same_whatever_its_case_and_leading_zeros() -> None:
    assert same("00005", "5")
    assert same("bbca", "BBCA")
    assert not same("00050", "5")


@pytest.mark.parametrize("code", ["1", "00001"])
def test_a_stock_of_hong_kong_is_found_in_the_lists_and_in_its_own_page(built, code: str) -> None:
    home, _ = built
    listed = traced(home, "hkex_southbound", "holdings", code, SESSIONS[5])
    assert (listed.column, listed.value, listed.rows) == ("stock_code", "00001", 1)
    assert [unit.unit for unit in listed.units] == ["hk/en", "hk/zh"], "the lists in which it stands"
    own = traced(home, "hkex_southbound", "participants", code, SESSIONS[5])
    assert (own.column, own.value, own.rows > 1) == ("stock_code", "00001", True)
    assert [unit.unit for unit in own.units] == ["00001"], "no page of another stock"


def test_pages_that_are_gone_are_named_and_the_staged_rows_are_found_nevertheless(built) -> None:
    home, _ = built
    listed = traced(home, "hkex_southbound", "holdings", "00001", SESSIONS[5])
    assert {unit.stored for unit in listed.units} == {"no"}
    assert [each.what for each in listed.damage] == ["the stored answer of hk/en is gone"]
    refetch = f"fin run hkex_southbound --table holdings --session {SESSIONS[5]} --refetch"
    assert {each.remedy for each in listed.damage} == {refetch}
    assert listed.rows == 1


def test_an_incomplete_session_shows_its_lists_although_no_row_is_staged(built) -> None:
    home, _ = built
    listed = traced(home, "hkex_southbound", "holdings", "00001", INCOMPLETE)
    assert (listed.column, listed.rows) == (None, 0)
    assert [unit.unit for unit in listed.units] == ["hk/en", "hk/zh"]


def test_a_share_of_jakarta_is_found_with_what_the_exchange_says_of_it(idx_built: Home) -> None:
    [source] = [each for each in discover(idx_built.settings) if each.name == "idx_brokers"]
    session = idx_built.store.sessions("idx_brokers", "broker_trades")[-1]
    table = traced(idx_built, "idx_brokers", "broker_trades", "aaaa", session)
    assert (table.column, table.value, table.rows > 1) == ("ticker_code", "AAAA", True)
    assert {unit.unit.partition("/")[0] for unit in table.units} == {"AAAA"}
    whole = next(unit for unit in table.units if unit.unit == "AAAA/all/all")
    assert whole.expected is True
    assert whole.fact["ticker"] == "AAAA"
    assert isinstance(whole.fact["volume_shares"], int)
    assert source.table("broker_trades").needs == ("stock_summary",)
