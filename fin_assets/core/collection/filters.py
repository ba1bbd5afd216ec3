"""Whether the names that the settings choose exist: by the list that has them, or by the answer of the site."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from datetime import date

import polars as pl

from fin_assets.core.contract.failures import MissingPanel, UnknownName
from fin_assets.core.contract.filters import Filter, Listed
from fin_assets.core.contract.manifest import PartitionKey, PartitionState, UnitRecord
from fin_assets.core.contract.source import Siblings, Source, Table, Unit
from fin_assets.core.storage.store import Store

LONGEST_NAME = 80
"""Unit: characters of a unit's name."""

NOT_FOUND = 404


def unknown_names(source: Source, table: Table, day: date, *, siblings: Siblings, store: Store) -> list[Unit]:
    """Return a unit with a problem for each name that no list has, and for all names if the day's list has none of them.

    A name that only a newer list has came to the market later, and one that only an earlier list has left it: of this day
    nothing is missing. But a filter of which nothing is left matches nothing, which is a mistake. While there is no list of the
    day, nothing is judged.
    """
    units = []
    for chosen in table.filters:
        if chosen.listed is None or chosen.leaves_out or not chosen.names:
            continue
        frame = siblings(chosen.listed.table).frame
        if frame is None:
            continue
        listed = set(frame[chosen.listed.column])
        absent = [name for name in chosen.names if name not in listed]
        newer = _newest_names(source, chosen.listed, store=store, after=day) if absent else set()
        wrong = [name for name in absent if name not in newer]
        if len(wrong) < len(chosen.names):
            wrong = _in_no_list(wrong, source, chosen.listed, store=store)
        units += [Unit(name=name[:LONGEST_NAME], problem=_unknown(source, chosen, name, day, listed)) for name in wrong]
    return units


def not_listed(source: Source, chosen: Filter, *, store: Store) -> tuple[date, list[str]] | None:
    """Return the day of the newest list and the names of a filter that it does not have; None if there is no list."""
    if chosen.listed is None:
        return None
    for day, frame in _lists(source, chosen.listed, store=store, after=date.min):
        listed = set(frame[chosen.listed.column])
        return day, [name for name in chosen.names if name not in listed]
    return None


def naming_the_setting(record: UnitRecord, source: Source, table: Table) -> UnitRecord:
    """Return the record of a failed unit; if only the site knows its name, the remedy names the setting."""
    if record.error_kind != MissingPanel.kind and record.status != NOT_FOUND:
        return record
    name = record.unit.partition("/")[0]
    for chosen in table.filters:
        if chosen.listed is None and name in chosen.names:
            correct = f"if the site does not know {name}, take it out of {chosen.where(source.name)}"
            return record.model_copy(update={"remedy": f"{correct}; else {record.remedy}"})
    return record


def _unknown(source: Source, chosen: Filter, name: str, day: date, listed: Collection[str]) -> UnknownName:
    near = difflib.get_close_matches(name, sorted(map(str, listed)), n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    table = chosen.listed.table if chosen.listed else ""
    return UnknownName(
        f"{chosen.setting} names {name!r}, which {table} of {day} does not have{hint}",
        remedy=f"correct {chosen.where(source.name)}, then: fin run {source.name} --session {day}",
    )


def _in_no_list(names: list[str], source: Source, listed: Listed, *, store: Store) -> list[str]:
    left = names
    lists = _lists(source, listed, store=store, after=date.min) if names else iter(())
    while left and (found := next(lists, None)) is not None:
        there = set(found[1][listed.column])
        left = [name for name in left if name not in there]
    return left


def _newest_names(source: Source, listed: Listed, *, store: Store, after: date) -> set[str]:
    return next((set(frame[listed.column]) for _, frame in _lists(source, listed, store=store, after=after)), set())


def _lists(source: Source, listed: Listed, *, store: Store, after: date) -> Iterator[tuple[date, pl.DataFrame]]:
    """Give the complete lists that are stored of days after one, the newest first."""
    for day in reversed(store.sessions(source.name, listed.table)):
        if day <= after:
            return
        manifest = store.manifest(PartitionKey(source.name, listed.table, day))
        if manifest is not None and manifest.state is PartitionState.COMPLETE and not manifest.blocked_by:
            frame = store.read_staged(manifest)
            if frame is not None:
                yield day, frame
