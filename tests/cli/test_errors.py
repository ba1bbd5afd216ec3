"""Every error is one panel: what happened, to what, and what to do. A traceback only with --debug."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from typer.main import get_command

from fin_assets.cli import app
from fin_assets.commands.errors import explain
from fin_assets.commands.sandbox_server import sandbox_up
from fin_assets.core.transport.clients import Clients
from fin_assets.discovery import discover
from fin_assets.settings import Settings
from tests.cli.conftest import Ports, flat
from tests.core.fakes import fake_source

COMMANDS = sorted(get_command(app).commands)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which this very process listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_an_example(fin, command: str) -> None:
    done = fin(command, "--help")
    assert done.exit_code == 0
    assert f"Example: fin {command}" in done.output


@pytest.mark.parametrize(
    ("arguments", "what", "remedy"),
    [
        (["run", "nope"], "There is no source 'nope'", "hkex_southbound"),
        (["run", "hkex_southbound", "--table", "nope"], "no table 'nope'", "--table"),
        (["run", "hkex_southbound", "--session", "yesterday"], "'yesterday' is not a date", "YYYY-MM-DD"),
        (["run", "hkex_southbound", "--from", "2026-03-02", "--to", "2026-03-01"], "is empty", "--from"),
        (["run", "hkex_southbound", "--to", "2026-03-01"], "--to was given without --from", "--from"),
        (["run", "hkex_southbound", "--session", "2026-03-02", "--to", "2026-03-03"], "--session was given", "range"),
        (["build", "--to", "x"], "--to was given without --rollback", "fin build --rollback"),
        (["sql", "--format", "xml"], "no output format 'xml'", "csv"),
        (["demo", "--dataset", "missing.csv", "--no-serve"], "There is no dataset missing.csv", "docs/sandbox.md"),
        (["demo", "--idx-dataset", "missing.csv", "--no-serve"], "There is no dataset missing.csv", "--idx-dataset"),
        (["demo", "--site-dataset", "lists.csv", "--no-serve"], "'lists.csv' is not SOURCE=FILE", "hkex_southbound"),
        (["demo", "--site-dataset", "nope=x.csv", "--no-serve"], "serves a dataset for 'nope'", "idx_brokers"),
        (["sandbox", "--fault", "kind=nonsense"], "nonsense", "docs/sandbox.md"),
        (
            ["sandbox", "--fault", "kind=renamed_column,column=nope"],
            "column = 'nope' must be one of",
            "docs/sandbox.md",
        ),
        (["sandbox", "--idx-tickers", "5"], "Invalid value for '--idx-tickers': Input should be greater than", "20"),
        (
            ["sandbox", "--idx-page-cap", "all"],
            "Invalid value for '--idx-page-cap': Input should be a valid",
            "integer",
        ),
        (["sandbox", "--site-option", "tickers=60"], "'tickers=60' is not SOURCE.KEY=VALUE", "docs/sandbox.md"),
        (["sandbox", "--site-option", "idx.tickers=60"], "sandbox.sites.idx: there is no such site", "idx_brokers"),
        (["sandbox", "--site-option", "idx_brokers.tickerz=60"], "unknown key 'tickerz'", "did you mean 'tickers'?"),
        (["sandbox", "--site-option", "idx_brokers.tickers=5"], "sandbox.sites.idx_brokers: tickers: Input", "20"),
        (["new-source", "Bad-Name"], "cannot be the name", "snake_case"),
    ],
)
def test_a_wrong_word_is_a_usage_error_that_names_it(fin, arguments: list[str], what: str, remedy: str) -> None:
    done = fin(*arguments)
    assert done.exit_code == 2, done.output
    assert what in flat(done.stderr)
    assert remedy in flat(done.stderr)
    assert "Traceback" not in flat(done.stderr)


@pytest.mark.parametrize(
    ("toml", "named"),
    [
        ("[sandbox]\nprot = 1", "'sandbox.prot'; did you mean 'port'?"),
        ("[sandbox]\nidx_tickers = 30", "the key 'sandbox.idx_tickers' is now 'sandbox.sites.idx_brokers.tickers'"),
        ("[sandbox.sites.idx]\ntickers = 30", "sandbox.sites.idx: there is no such site; there are hkex_southbound"),
        ("[sandbox.sites.idx_brokers]\ntickerz = 30", "sandbox.sites.idx_brokers: unknown key 'tickerz'; did you mean"),
        ("[sandbox.sites.idx_brokers]\ntickers = 9", "sandbox.sites.idx_brokers: tickers: Input should be greater"),
        ("[sources.hkex_southbound]\nworkers = 90", "sources.hkex_southbound: workers"),
        ("[sources.hkex]\nworkers = 9", "sources.hkex: there is no such source"),
        ("data_dir = ", "is not valid TOML"),
    ],
)
def test_a_wrong_setting_names_the_key(fin, home: Path, toml: str, named: str) -> None:
    (home / "fin.toml").write_text(toml)
    done = fin("status")
    assert done.exit_code == 2
    assert named in flat(done.stderr)
    assert "docs/configuration.md" in flat(done.stderr)


def test_a_missing_browser_names_the_ways_to_get_one(fin, site, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = fake_source(site)
    [table] = source.tables
    pages = replace(source, tables=(replace(table, site=replace(table.site, transport="browser")),))
    monkeypatch.setattr("fin_assets.discovery.discover", lambda _settings: [pages])
    monkeypatch.setattr("fin_assets.core.transport.clients.Clients", Clients)
    monkeypatch.setenv("FIN_BROWSER__EXECUTABLE", str(home / "no-such-chromium"))
    done = fin("run", "fake", "--session", "2026-03-20", "--no-marts")
    assert done.exit_code == 1
    assert "no-such-chromium, which is not a program" in flat(done.stderr)
    assert "apt-get install chromium" in flat(done.stderr)


def test_a_taken_port_names_the_process_and_the_setting(fin, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIN_SERVERS__DASHBOARDS_PORT", str(taken))
    for command in (["demo"], ["serve"]):
        done = fin(*command)
        assert done.exit_code == 1
        assert f"Port {taken}" in flat(done.stderr)
        assert f"pid {os.getpid()}" in flat(done.stderr)
        assert "dashboards_port under [servers]" in flat(done.stderr)
        assert "FIN_SERVERS__DASHBOARDS_PORT" in flat(done.stderr)


def test_a_sandbox_port_that_another_program_has_is_not_asked_for_pages(fin, taken: int, monkeypatch) -> None:
    monkeypatch.setenv("FIN_SANDBOX__PORT", str(taken))
    done = fin("run", "hkex_southbound", "--session", "2026-03-20", "--no-marts")
    assert done.exit_code == 1
    assert f"The port of the sandbox, {taken}" in flat(done.stderr)
    assert "which is no sandbox" in flat(done.stderr)
    assert fin("sandbox").exit_code == 1


def test_a_sandbox_with_other_data_is_refused_and_one_with_the_same_is_used(capsys, monkeypatch) -> None:
    from rich.console import Console

    from fin_assets.commands.errors import Problem
    from fin_assets.sandbox import Sandbox, SandboxConfig

    def up(settings: Settings) -> AbstractContextManager[None]:
        return sandbox_up(settings, discover(settings), Console())

    span = {"start": date(2026, 1, 2), "end": date(2026, 2, 27)}
    with Sandbox(SandboxConfig(seed=8, **span)).run_in_thread() as running:
        monkeypatch.setenv("FIN_SANDBOX__PORT", running.url.rsplit(":", 1)[1])
        for seed, refused in ((7, True), (8, False)):
            monkeypatch.setenv("FIN_SANDBOX__SEED", str(seed))
            settings = Settings(home=Path("no-such-home"))
            if refused:
                with (
                    pytest.raises(Problem, match="serves other data for hkex_southbound"),
                    sandbox_up(settings, discover(settings), Console()),
                ):
                    pass
            else:
                with sandbox_up(settings, discover(settings), Console()):
                    assert running.url
    assert "serving it" not in capsys.readouterr().out


def test_nothing_published_says_what_to_run(fin) -> None:
    for command in (["sql", "-c", "select 1"], ["build", "--list"], ["build", "--rollback"]):
        done = fin(*command)
        assert done.exit_code == 1
        assert "No build of the marts has been published" in flat(done.stderr)
        assert "fin demo" in flat(done.stderr)


def test_a_full_disk_and_a_foreign_directory_are_named() -> None:
    full = explain(OSError(errno.ENOSPC, "No space left on device", "data/raw/x"))
    assert "data/raw/x" in full.what
    assert "data_dir" in full.remedy
    assert "data/x" in explain(PermissionError(errno.EACCES, "Permission denied", "data/x")).what


def test_an_unexpected_failure_has_no_traceback_unless_it_is_asked_for(fin, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> int:
        msg = "a bug"
        raise RuntimeError(msg)

    monkeypatch.setattr("fin_assets.commands.doctor.doctor", broken)
    done = fin("doctor")
    assert done.exit_code == 1
    assert "Unexpected RuntimeError: a bug" in flat(done.stderr)
    assert "--debug" in flat(done.stderr)
    assert isinstance(fin("--debug", "doctor").exception, RuntimeError)


def test_the_doctor_reports_everything_and_fails_only_for_what_is_bad(fin, home: Path, ports: Ports) -> None:
    done = fin("doctor")
    assert done.exit_code == 0, done.output
    for word in ("python", "browser", "disk", "duckdb shell", "hkex_southbound", f"port {ports.sandbox}", "settings"):
        assert word in done.output
    (home / "fin.toml").write_text("[browser]\nexecutable = 'no-such-chromium'")
    bad = fin("doctor")
    assert bad.exit_code == 1
    assert "no-such-chromium" in bad.output
    (home / "fin.toml").write_text("nonsense = 1")
    assert "unknown key 'nonsense'" in fin("doctor").output


def test_a_failed_build_names_the_test_and_keeps_what_readers_see(fin, site, monkeypatch: pytest.MonkeyPatch) -> None:
    from fin_assets.warehouse.paths import BuildFailed

    def fails(*_: object, **__: object) -> Iterator[object]:
        msg = "test grain of hk__movers: 3 rows break it"
        raise BuildFailed(msg)
        yield

    monkeypatch.setattr("fin_assets.warehouse.dbt.stream", fails)
    done = fin("build")
    assert done.exit_code == 1
    assert "Test grain of hk__movers: 3 rows break it" in flat(done.stderr)
    assert "readers keep the previous build" in flat(done.stderr)
