"""Names in the settings that choose what is collected: one that no list has is missing, and never less to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from fin_assets.core.collection.collector import Collector
from fin_assets.core.collection.filters import not_listed
from fin_assets.core.collection.finalize import SessionResult
from fin_assets.core.contract.expecting import each, named_by
from fin_assets.core.contract.failures import MissingPanel
from fin_assets.core.contract.filters import Filter, Listed
from fin_assets.core.contract.manifest import PartitionState
from fin_assets.core.contract.source import Source
from fin_assets.core.storage.store import Store
from tests.core.fakes import NAME, TABLE, FakeClients, FakeSite, fake_source

DAYS = [date(2026, 3, day) for day in (16, 17, 18)]
LISTED = Listed(table=TABLE, column="unit")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("FIN_CLOCK", "2026-03-24T00:00:00+00:00")
    return Store(tmp_path)


def chosen(site: FakeSite, *names: str, leaves_out: bool = False) -> Source:
    """A list of the units a and b, and a table with details of those of them that the settings choose."""

    def facts(frame: pl.DataFrame) -> Mapping[str, None]:
        return dict.fromkeys(name for name in frame["unit"].unique().sort() if name in names)

    source = fake_source(site)
    [first] = source.tables
    only = Filter(setting="only", names=names, listed=LISTED, leaves_out=leaves_out)
    details = replace(first, name="details", expected=named_by(TABLE, facts), needs=(TABLE,), filters=(only,))
    return replace(source, tables=(first, details))


def collected(source: Source, store: Store, day: date) -> SessionResult:
    with FakeClients() as clients:
        for table in source.tables:
            [result] = Collector(source, table, store=store, clients=clients, on_session=lambda _result: None).run(
                [day]
            )
    return result


def test_a_filter_that_matches_nothing_is_a_failure_that_names_it_and_not_a_closed_session(store: Store) -> None:
    result = collected(chosen(FakeSite(units=("BBCA", "BBRI")), "BBCX"), store, DAYS[0])
    assert result.manifest.state is PartitionState.INCOMPLETE
    [unit] = result.manifest.unfinished()
    assert (unit.unit, unit.error_kind) == ("BBCX", "unknown_name")
    assert unit.error == f"only names 'BBCX', which {TABLE} of {DAYS[0]} does not have; did you mean BBCA?"
    told = result.findings["complete"].summary
    assert f"correct only under [sources.{NAME}] in fin.toml, then: fin run {NAME} --session {DAYS[0]}" in told
    assert "by itself" not in told, "no retry can mend it"


def test_the_names_that_are_there_are_collected_beside_one_that_is_not(store: Store) -> None:
    site = FakeSite()
    result = collected(chosen(site, "a", "nope"), store, DAYS[0])
    assert (result.manifest.done, len(result.manifest.units)) == (1, 2)
    assert "1 of 2 units: 1 unknown_name (nope)" in result.manifest.why()
    mended = collected(chosen(site, "a"), store, DAYS[0])
    assert mended.manifest.state is PartitionState.COMPLETE


def test_a_name_that_a_complete_session_lacks_fails_when_it_is_added_and_the_session_is_kept(store: Store) -> None:
    site = FakeSite()
    assert collected(chosen(site, "a"), store, DAYS[0]).usable
    result = collected(chosen(site, "a", "nope"), store, DAYS[0])
    assert not result.usable
    assert result.manifest.state is PartitionState.COMPLETE
    assert "unknown_name (nope)" in str(result.problem)


def test_a_name_that_came_to_the_market_later_is_not_missing_before(store: Store) -> None:
    site = FakeSite(units=("a",))
    source = chosen(site, "a", "late")
    assert not collected(source, store, DAYS[0]).usable, "no list has it yet"
    site.units = ("a", "late")
    assert collected(source, store, DAYS[1]).usable
    assert collected(source, store, DAYS[0]).usable


def test_a_name_that_has_left_the_market_is_not_missing_after_it(store: Store) -> None:
    assert collected(chosen(FakeSite(), "a", "b"), store, DAYS[0]).usable
    after = FakeSite(units=("a",))
    result = collected(chosen(after, "a", "b"), store, DAYS[1])
    assert [unit.unit for unit in result.manifest.units] == ["a"]
    assert result.usable
    assert not collected(chosen(after, "b"), store, DAYS[2]).usable, "a filter of which nothing is left matches nothing"


def test_a_name_that_is_left_out_and_that_no_list_has_is_named_and_stops_nothing(store: Store) -> None:
    source = chosen(FakeSite(), "a", "nope", leaves_out=True)
    assert collected(source, store, DAYS[0]).usable
    [one] = source.table("details").filters
    assert not_listed(source, one, store=store) == (DAYS[0], ["nope"])


def test_a_name_that_only_the_site_knows_fails_with_a_remedy_that_names_the_setting(store: Store) -> None:
    site = FakeSite(broken={("99999", DAYS[0]): MissingPanel("no result")})
    source = fake_source(site, expected=each(["00700", "99999"]))
    watched = Filter(setting="watchlist", names=("00700", "99999"))
    source = replace(source, tables=(replace(source.tables[0], filters=(watched,)),))
    told = collected(source, store, DAYS[0]).findings["complete"].summary
    assert f"if the site does not know 99999, take it out of watchlist under [sources.{NAME}] in fin.toml" in told
