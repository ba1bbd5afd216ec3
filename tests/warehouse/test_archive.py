"""Closed months become one sorted file each, only where something changed; no file is ever half written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from fin_assets.warehouse import archive
from fin_assets.warehouse.archive import ArchivedTable, StagedFile
from fin_assets.warehouse.declarations import archived_tables
from fin_assets.warehouse.paths import ARCHIVE, PROJECT, Layout, WarehouseError
from tests.core.test_recovery import cut, empty, flip
from tests.warehouse.home import weekdays
from tests.warehouse.idx_market import TRADES, IdxMarket

SESSIONS = weekdays(date(2026, 1, 26), 30)


@pytest.fixture(scope="module")
def table() -> ArchivedTable:
    """The table as the project declares it."""
    (found,) = archived_tables(PROJECT)
    return found


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A data directory of its own."""
    return Layout(tmp_path / "data")


@pytest.fixture
def staged(layout: Layout) -> list[StagedFile]:
    """Daily files from the end of January to the beginning of March."""
    market = IdxMarket(tickers=10, brokers=12, lives=False)
    return [stage(layout, session, market.next(session).trades) for session in SESSIONS]


def stage(layout: Layout, session: date, frame: pl.DataFrame) -> StagedFile:
    """Write a daily file."""
    name = f"staged/{session}-{frame.height}-{frame['buy_lots'].sum()}.parquet"
    path = layout.data / name
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path)
    return StagedFile(session, name, hashlib.sha256(path.read_bytes()).hexdigest())


def rows(layout: Layout, table: ArchivedTable, files: Iterable[str]) -> list[tuple[object, ...]]:
    """Return all rows of some files, in a fixed order."""
    with duckdb.connect() as connection:
        query = archive.rows_of(table, [layout.blobs.uri(file) for file in files])
        return connection.execute(f"select * from ({query}) order by all").fetchall()  # noqa: S608 - a query of its own


def test_the_project_declares_what_stays_in_parquet(table: ArchivedTable) -> None:
    assert (table.view, table.source, table.table) == ("idx_brokers__broker_trades", "idx_brokers", "broker_trades")
    assert list(table.columns) == list(TRADES)
    assert table.order_by[:2] == ("ticker_code", "session_date")


def test_closed_months_are_one_file_each_and_the_open_month_stays_daily(
    layout: Layout, table: ArchivedTable, staged: list[StagedFile]
) -> None:
    files = archive.current_files(layout, table, staged)
    months = [file for file in files if file.startswith("marts/archive/idx_brokers__broker_trades/")]
    assert [Path(file).name[:7] for file in months] == ["2026-01", "2026-02"]
    assert list(files)[2:] == [one.file for one in staged if one.session.month == 3]
    assert [day for days in files.values() for day in days] == SESSIONS
    assert rows(layout, table, files) == rows(layout, table, [one.file for one in staged])


def test_a_months_file_is_sorted_by_ticker_and_session(
    layout: Layout, table: ArchivedTable, staged: list[StagedFile]
) -> None:
    file = list(archive.current_files(layout, table, staged))[1]
    frame = pl.read_parquet(layout.data / file).select(table.order_by)
    assert frame.rows() == sorted(frame.rows())


def test_a_question_about_one_year_opens_no_file_of_another(
    layout: Layout, table: ArchivedTable, staged: list[StagedFile]
) -> None:
    market = IdxMarket(tickers=10, brokers=12, lives=False)
    old = stage(layout, date(2025, 12, 30), market.next(date(2025, 12, 30)).trades)
    files = archive.current_files(layout, table, [old, *staged])
    paths = {layout.blobs.uri(file): sessions for file, sessions in files.items()}
    with duckdb.connect() as connection:
        connection.execute(f"create view history as {archive.by_year(table, paths)}")
        question = "explain analyze select * from history where ticker_code = ? and session_date between ? and ?"
        plan = str(connection.execute(question, ["AAAA", date(2026, 2, 2), date(2026, 3, 2)]).fetchall())
        assert plan.count("READ_PARQUET") == 1
        counted = connection.execute(
            "select year(session_date), count(*) from history group by 1 order by 1"
        ).fetchall()
    assert [year for year, _ in counted] == [2025, 2026]
    assert sum(rows for _, rows in counted) == len(rows(layout, table, files))


def test_only_a_month_with_another_staged_file_is_compacted_again(
    layout: Layout, table: ArchivedTable, staged: list[StagedFile]
) -> None:
    before = archive.current_files(layout, table, staged)
    stamps = {file: (layout.data / file).stat().st_mtime_ns for file in before}
    old = staged[2]
    frame = pl.read_parquet(layout.data / old.file).with_columns(pl.col("buy_lots") + 1)
    revised = [stage(layout, one.session, frame) if one is old else one for one in staged]
    after = archive.current_files(layout, table, revised)
    assert [new == known for new, known in zip(after, before, strict=True)] == [False] + [True] * (len(before) - 1)
    assert {file: (layout.data / file).stat().st_mtime_ns for file in before} == stamps
    assert rows(layout, table, after) == rows(layout, table, [one.file for one in revised])


def test_a_closed_month_needs_its_daily_files_no_more(
    layout: Layout, table: ArchivedTable, staged: list[StagedFile]
) -> None:
    before = archive.current_files(layout, table, staged)
    for one in staged:
        if one.session.month < 3:
            (layout.data / one.file).unlink()
    assert archive.current_files(layout, table, staged) == before


def test_a_damaged_staged_file_leaves_nothing_and_says_what_mends_it(
    layout: Layout, table: ArchivedTable, staged: list[StagedFile]
) -> None:
    (layout.data / staged[1].file).write_bytes(b"no parquet")
    with pytest.raises(WarehouseError, match=r"2026-01-26 to 2026-01-30 cannot be compacted .* fin reparse"):
        archive.current_files(layout, table, staged)
    assert list(layout.blobs.list(ARCHIVE)) == []
    assert list(layout.scratch.iterdir()) == []


def test_files_that_no_kept_build_reads_are_swept_and_leftovers_of_a_kill_too(
    layout: Layout, table: ArchivedTable, staged: list[StagedFile]
) -> None:
    january, february, *_ = archive.current_files(layout, table, staged)
    leftover = (layout.data / january).with_name(".2026-01-x.parquet.1.tmp")
    leftover.write_bytes(b"half")
    assert archive.sweep(layout, {february}) == [january]
    assert not leftover.exists()
    assert not (layout.data / january).exists()
    assert (layout.data / february).exists()


def test_no_session_at_all_is_an_empty_view(layout: Layout, table: ArchivedTable) -> None:
    assert archive.current_files(layout, table, []) == {}
    with duckdb.connect() as connection:
        found = connection.execute(archive.rows_of(table, []))
        assert [column[0] for column in found.description] == list(TRADES)
        assert found.fetchall() == []


@pytest.mark.parametrize("damage", [cut, flip, empty])
def test_a_damaged_month_is_found_by_its_rows_and_made_again(
    layout: Layout, table: ArchivedTable, staged: list[StagedFile], damage: Callable[[Path], None]
) -> None:
    january, *_ = archive.current_files(layout, table, staged)
    made_of = [one for one in staged if one.session.month == 1]
    path = layout.data / january
    content = path.read_bytes()
    assert archive.damage_of_month(layout, table, january, made_of) is None
    path.chmod(0o644)
    damage(path)
    assert str(path) in (archive.damage_of_month(layout, table, january, made_of) or "")
    path.unlink()
    archive.current_files(layout, table, staged)
    assert path.read_bytes() == content


def test_a_month_with_a_row_too_few_is_damaged_although_it_can_be_read(
    layout: Layout, table: ArchivedTable, staged: list[StagedFile]
) -> None:
    january, *_ = archive.current_files(layout, table, staged)
    path = layout.data / january
    path.chmod(0o644)
    pl.read_parquet(path).head(-1).write_parquet(path)
    made_of = [one for one in staged if one.session.month == 1]
    assert "has other rows" in (archive.damage_of_month(layout, table, january, made_of) or "")
    assert archive.damage_of_month(layout, table, january, made_of[1:]) is None, "another set of files is no comparison"
