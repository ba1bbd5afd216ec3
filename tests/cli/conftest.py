"""The command line over a home of its own, a fake site and no browser."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fin_assets.cli import app
from fin_assets.commands.args import forget_project
from tests.core.fakes import FakeClients, FakeSite, fake_source

Fin = Callable[..., Result]


def flat(text: str) -> str:
    """Return a panel's text without its frame and line breaks: where it wraps depends on the length of paths."""
    return " ".join(text.replace("│", " ").split())


@pytest.fixture(scope="session")
def shared_dagster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Dagster home for tests that do not look into it: a new one costs seconds."""
    return tmp_path_factory.mktemp("dagster")


@dataclass(frozen=True)
class Ports:
    """Free ports of the servers, in place of the defaults: a demo may be running on those."""

    sandbox: int
    dagster: int
    dashboards: int


@pytest.fixture
def ports() -> Ports:
    """All are held until all are known, so that they differ."""
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in fields(Ports)]
    found = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    return Ports(*found)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, shared_dagster: Path, ports: Ports, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home below the test's own directory, on ports of its own; commands change the environment, so it is put back."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("FIN_") or name == "DAGSTER_HOME"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FIN_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(shared_dagster))
    monkeypatch.setenv("FIN_SANDBOX__PORT", str(ports.sandbox))
    monkeypatch.setenv("FIN_SERVERS__DAGSTER_PORT", str(ports.dagster))
    monkeypatch.setenv("FIN_SERVERS__DASHBOARDS_PORT", str(ports.dashboards))
    forget_project()
    yield tmp_path
    forget_project()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def fin() -> Fin:
    """Run a command in this process."""

    def run(*arguments: str) -> Result:
        forget_project()
        return CliRunner().invoke(app, list(arguments))

    return run


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> FakeSite:
    """The only source is one over this site; today is Tuesday, 2026-03-24."""
    found = FakeSite()
    monkeypatch.setattr("fin_assets.discovery.discover", lambda _settings: [fake_source(found)])
    monkeypatch.setattr("fin_assets.discovery.source_names", lambda: ["fake"])
    monkeypatch.setattr("fin_assets.core.transport.clients.Clients", FakeClients)
    monkeypatch.setattr("fin_assets.core.collection.fetch_jobs._Unit.wait", lambda _self: timedelta(0))
    monkeypatch.setenv("FIN_CLOCK", "2026-03-24T04:00:00+00:00")
    return found
