"""A directory of files with rows of any date: a correction rebuilds its own date, a copy nothing, a lost file is named."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest

from fin_assets.core.contract.manifest import PartitionState, UnitState
from tests.small_sources.home import Home, clock_at, differing, rewritten
from tests.small_sources.sources import JAKARTA, trades

FIRST, SECOND, THIRD, FOURTH = (date(2026, 4, day) for day in (1, 2, 3, 4))
CORRECTED = date(2026, 3, 10)

Trade = tuple[date, str, str, int]

MARCH: list[Trade] = [
    (date(2026, 3, 9), "T1", "main", 100),
    (CORRECTED, "T2", "main", 200),
    (CORRECTED, "T3", "savings", -50),
    (date(2026, 3, 31), "T4", "main", 300),
]


def noon(day: date) -> datetime:
    """Return noon of a day in Jakarta: files are taken in on the day on which they arrive."""
    return datetime.combine(day, time(12), JAKARTA)


def content(rows: Sequence[Trade]) -> bytes:
    """Return a file of trades."""
    lines = ["date,id,account,shares", *(",".join(map(str, row)) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


@dataclass
class Inbox:
    """A home, and the directory into which its files are put."""

    home: Home
    directory: Path

    def put(self, name: str, rows: Sequence[Trade]) -> str:
        """Put a file in; return the SHA-256 of its content."""
        body = content(rows)
        (self.directory / name).write_bytes(body)
        return hashlib.sha256(body).hexdigest()


@pytest.fixture
def inbox(project: Path, tmp_path: Path) -> Inbox:
    directory = tmp_path / "in"
    directory.mkdir()
    home = tmp_path / "home"
    return Inbox(Home(home, [trades(directory=directory, data=home / "data")], project=project), directory)


@pytest.mark.expensive("three builds with dbt")
def test_a_correction_of_last_month_rebuilds_its_date_and_the_same_file_twice_nothing(inbox: Inbox) -> None:
    home = inbox.home
    inbox.put("march.csv", MARCH)
    [result] = home.collect("trades.trades", [FIRST], at=noon(FIRST))
    assert (result.manifest.state, result.manifest.rows) == (PartitionState.COMPLETE, len(MARCH))
    home.build(at=noon(FIRST))
    before, written = home.mart("small__positions"), home.written("small__positions")
    assert set(written) == {date(2026, 3, 9), CORRECTED, date(2026, 3, 31)}

    corrected = [*MARCH[:1], (CORRECTED, "T2", "main", 250), *MARCH[2:]]
    inbox.put("march (corrected).csv", corrected)
    home.collect("trades.trades", [SECOND], at=noon(SECOND))
    made = home.build(at=noon(SECOND))
    assert (made.plan.full_refresh, home.changed("trades")) == (False, [CORRECTED])
    now, rebuilt = home.mart("small__positions"), home.written("small__positions")
    assert rewritten(written, rebuilt) == differing(before, now) == [CORRECTED]
    assert (CORRECTED, "main", 250) in set(now.iter_rows())

    inbox.put("march again.csv", corrected)
    inbox.put("a copy of a copy.csv", corrected)
    [same] = home.collect("trades.trades", [THIRD], at=noon(THIRD))
    assert same.manifest.state is PartitionState.CLOSED
    assert f"no file arrived in {inbox.directory} on {THIRD}" in same.manifest.why()
    made = home.build(at=noon(THIRD))
    assert (made.plan.full_refresh, made.plan.changed) == (False, 0)
    assert home.mart("small__positions").equals(now)
    assert home.written("small__positions") == rebuilt


def test_a_file_that_disappears_before_it_is_read_is_named_and_taken_in_when_it_is_back(inbox: Inbox) -> None:
    home = inbox.home
    inbox.put("kept.csv", MARCH[:2])
    lost = inbox.put("lost.csv", MARCH[2:])
    _, table = home.table("trades.trades")
    with clock_at(noon(FOURTH)):
        table.expected(FOURTH, lambda _table: pytest.fail("an inbox asks no other table"))
    (inbox.directory / "lost.csv").unlink()
    [result] = home.collect("trades.trades", [FOURTH], at=noon(FOURTH))
    assert (result.manifest.state, result.manifest.done) == (PartitionState.INCOMPLETE, 1)
    [gone] = result.manifest.unfinished()
    assert (gone.unit, gone.state, gone.error_kind) == (lost, UnitState.FAILED, "file_gone")
    assert gone.error is not None
    assert "lost.csv" in gone.error
    assert "put the file into the inbox again" in str(gone.remedy)

    inbox.put("back under another name.csv", MARCH[2:])
    [healed] = home.collect("trades.trades", [FOURTH], at=noon(FOURTH + timedelta(days=1)))
    assert (healed.manifest.state, healed.manifest.rows) == (PartitionState.COMPLETE, len(MARCH))


def test_a_file_is_taken_in_although_its_table_is_only_collected_once_a_day_is_over(inbox: Inbox) -> None:
    inbox.put("march.csv", MARCH)
    rows = 0
    for day in (FIRST, SECOND):
        [result] = inbox.home.collect("trades.trades", [day], at=noon(day + timedelta(days=1)))
        rows += result.manifest.rows
    assert rows == len(MARCH)
