"""`fin sql --safe` reads the marts and nothing else; without it the shell is one's own."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from fin_assets.commands import sql as command
from tests.areas.fake_build import publish_build

SECRET = "only for its owner"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("safe")
    publish_build(path / "data", count=3)
    (path / "secret.txt").write_text(SECRET)
    return path


@pytest.fixture
def ask(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """Run one statement as the command does; return its exit code and what it printed."""
    monkeypatch.setattr(command, "published", lambda: home / "data" / "warehouse.duckdb")

    def run(statement: str, *, safe: bool = True) -> tuple[int, str]:
        code = command.sql(statement.replace("HOME", str(home)), output="csv", safe=safe)
        printed = capfd.readouterr()
        return code, printed.out + printed.err

    return run


def test_the_marts_are_read_in_safe_mode_as_otherwise(ask):
    question = "select count(*) as n from hk__daily_holdings where session_date is not null"
    assert ask(question) == ask(question, safe=False)
    assert ask(question)[0] == 0


CLOSED = [
    "copy (select 1) to 'HOME/made.csv'",
    "export database 'HOME/made'",
    "select content from read_text('HOME/secret.txt')",
    "from read_csv('HOME/secret.txt')",
    "from 'HOME/secret.txt'",
    "from glob('HOME/*')",
    "attach 'HOME/made.duckdb' as made",
    "install httpfs",
    "load httpfs",
    "install 'HOME/made.duckdb_extension'",
    "set enable_external_access = true",
    "reset enable_external_access",
    "set lock_configuration = false",
    "set allowed_directories = ['/']",
    "set temp_directory = 'HOME/made'",
    "create persistent secret made (type s3)",
    "select getenv('HOME')",
    ".shell touch HOME/made",
    ".system touch HOME/made",
    ".sh touch HOME/made",
    ".open HOME/made.duckdb",
    ".output HOME/made",
    ".once HOME/made",
    ".log HOME/made",
    ".read HOME/secret.txt",
    ".import HOME/secret.txt made",
    ".excel",
    ".cd /",
]


@pytest.mark.parametrize("statement", CLOSED)
def test_files_programs_extensions_and_settings_are_closed_in_safe_mode(ask, home: Path, statement: str):
    code, printed = ask(statement)
    assert code != 0 or "cannot be used in -safe mode" in printed
    assert SECRET not in printed
    assert sorted(path.name for path in home.iterdir()) == ["data", "secret.txt"]


def test_several_statements_cannot_open_it_again(ask, home: Path):
    for statement in ("set lock_configuration = false; set enable_external_access = true; ", ".safe_mode off\n"):
        _, printed = ask(statement + CLOSED[2])
        assert SECRET not in printed


def test_a_start_file_of_the_user_is_not_read_in_safe_mode(ask, home: Path, tmp_path: Path, monkeypatch):
    (tmp_path / ".duckdbrc").write_text(f".shell touch {home}/made\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert ask("select 1")[0] == 0
    assert not (home / "made").exists()


TYPING = """
import sys
from pathlib import Path
from fin_assets.commands import sql
sql.published = lambda: Path(sys.argv[1]) / "data" / "warehouse.duckdb"
sys.exit(sql.sql(None, output="duckbox", safe=True))
"""


def test_a_person_at_a_terminal_starts_no_program_in_safe_mode(home: Path, tmp_path: Path):
    lines = [
        f'.pager "touch {tmp_path}/made"',
        ".pager on",
        "from range(500);",
        "select 'the ' || 'end' as a;",
        ".exit",
    ]
    ours, theirs = pty.openpty()
    shell = subprocess.Popen([sys.executable, "-c", TYPING, str(home)], stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, "".join(f"{line}\n" for line in lines).encode())
    printed = b""
    with suppress(OSError):  # how a terminal ends
        while select.select([ours], [], [], 20)[0] and (chunk := os.read(ours, 65_536)):
            printed += chunk
    shell.kill()
    shell.wait()
    os.close(ours)
    assert b"the end" in printed
    assert not (tmp_path / "made").exists()


def test_without_safe_mode_the_shell_is_ones_own(ask):
    assert SECRET in ask("select content from read_text('HOME/secret.txt')", safe=False)[1]


def test_the_flag_reaches_the_shell(monkeypatch: pytest.MonkeyPatch):
    from typer.testing import CliRunner

    from fin_assets.cli import app

    given: list[list[str]] = []

    def run(arguments: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        given.append(arguments)
        return subprocess.CompletedProcess(arguments, 0)

    monkeypatch.setattr(command, "published", lambda: Path("warehouse.duckdb"))
    monkeypatch.setattr(command.subprocess, "run", run)
    monkeypatch.setattr(command, "_through_a_pipe", lambda arguments: run(arguments).returncode)
    for flags, safe in (([], False), (["--safe"], True)):
        assert CliRunner().invoke(app, ["sql", *flags, "-c", "select 1"]).exit_code == 0
        assert (".safe_mode" in given[-1]) is safe
