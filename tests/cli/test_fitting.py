"""What a person reads in a narrow terminal: no cell, no summary of a command and no example is cut."""

from __future__ import annotations

import io

import pytest
import typer
from rich.table import Table
from typer.testing import CliRunner

from fin_assets.cli import app
from fin_assets.commands.fitting import FittingConsole


def printed(table: Table, *, width: int) -> str:
    """Return what a console of this width prints of a table."""
    sink = io.StringIO()
    FittingConsole(file=sink, width=width, highlight=False).print(table)
    return sink.getvalue()


@pytest.fixture
def table() -> Table:
    found = Table("table", "complete", "missing", "rows", "first", "", title="Sessions by state", title_justify="left")
    found.add_row("idx_brokers/broker_summary_market", "[green]80[/]", "0", "7,759", "2026-08-06", "current")
    found.add_row("idx_brokers/members", "1", "24", "97", "-", "")
    return found


def test_a_table_that_fits_stays_a_table_and_a_wider_one_becomes_lines(table: Table) -> None:
    assert "┃" in printed(table, width=120)
    narrow = " ".join(printed(table, width=60).split())
    assert narrow == (
        "Sessions by state "
        "idx_brokers/broker_summary_market: 80 complete, 7,759 rows, first 2026-08-06, current "
        "idx_brokers/members: 1 complete, 24 missing, 97 rows"
    )


def test_a_table_that_is_made_to_wrap_stays_a_table(table: Table) -> None:
    table.columns[0].overflow = "fold"
    assert "┃" in printed(table, width=60)


def test_the_summary_of_no_command_is_cut_at_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    told = CliRunner().invoke(app, ["--help"]).output
    commands = told.partition("Commands:")[2]
    assert "explain" in commands
    assert "..." not in commands
    assert max(map(len, told.splitlines())) <= 80


def test_every_command_has_an_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    names = list(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    assert len(names) > 10
    for name in names:
        told = CliRunner().invoke(app, [name, "--help"]).output
        assert f"Example: fin {name}" in told, name
