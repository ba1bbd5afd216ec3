"""A wrong answer is left out with a reason: the result is what it would have been without it, and it can come back."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from fin_assets.core.collection.collector import Collector
from fin_assets.core.collection.exclusions import NothingToExclude, exclude, include
from fin_assets.core.collection.finalize import Finalizer, baseline_around
from fin_assets.core.contract.manifest import Manifest, PartitionKey
from fin_assets.core.storage.store import Store
from tests.core.fakes import NAME, TABLE, FakeClients, FakeSite, fake_source

DAY = date(2026, 1, 5)
KEY = PartitionKey(NAME, TABLE, DAY)


@pytest.fixture(autouse=True)
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIN_CLOCK", "2026-04-01T00:00:00+00:00")


def collected(store: Store, units: tuple[str, ...], *, refetch: bool = False) -> Finalizer:
    source = fake_source(FakeSite(units=units))
    table = source.tables[0]
    with FakeClients() as clients:
        Collector(source, table, store=store, clients=clients, on_session=lambda _: None, refetch=refetch).run([DAY])
    return Finalizer(source, table, store, baseline_around(table, [DAY], source=NAME, store=store))


def staged(store: Store) -> tuple[Manifest, str]:
    manifest = store.manifest(KEY)
    assert manifest is not None
    assert manifest.staged is not None
    return manifest, manifest.staged.sha256


def test_without_an_excluded_answer_the_rows_are_as_if_it_had_never_come(tmp_path: Path) -> None:
    with_both, alone = Store(tmp_path / "both"), Store(tmp_path / "alone")
    finalizer = collected(with_both, ("a", "wrong"))
    collected(alone, ("a",))
    before = staged(with_both)[1]
    result = exclude(finalizer, KEY, "wrong", reason="another share")
    manifest, now = staged(with_both)
    assert result.usable
    assert now == staged(alone)[1], "byte for byte"
    assert manifest.excluded == {"wrong": "another share"}
    assert {unit.unit for unit in with_both.units(manifest)} == {"a", "wrong"}, "its bytes are kept"
    include(finalizer, KEY, "wrong")
    manifest, back = staged(with_both)
    assert (back, manifest.excluded) == (before, {})


def test_an_exclusion_outlives_a_refetch_and_a_reparse(tmp_path: Path) -> None:
    store = Store(tmp_path)
    finalizer = collected(store, ("a", "wrong"))
    exclude(finalizer, KEY, "wrong", reason="another share")
    without = staged(store)[1]
    finalizer.restage(staged(store)[0], force=True)
    assert staged(store)[1] == without
    collected(store, ("a", "wrong"), refetch=True)
    assert staged(store)[0].excluded == {"wrong": "another share"}
    assert staged(store)[1] == without


def test_only_units_of_a_complete_partition_can_be_excluded(tmp_path: Path) -> None:
    store = Store(tmp_path)
    finalizer = collected(store, ("a",))
    with pytest.raises(NothingToExclude, match="has no unit 'b'; it has a"):
        exclude(finalizer, KEY, "b", reason="?")
    with pytest.raises(NothingToExclude, match="was never collected"):
        exclude(finalizer, PartitionKey(NAME, TABLE, date(2026, 1, 6)), "a", reason="?")
    with pytest.raises(NothingToExclude, match=r"'a' of .* is not excluded; excluded are: none"):
        include(finalizer, KEY, "a")
