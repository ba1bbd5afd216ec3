"""The command line over a home of its own, a fake site and no browser."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fin_assets.cli import app
from fin_assets.commands.args import forget_project
from tests.core.fakes import FakePool, FakeSite, fake_source

Fin = Callable[..., Result]


def flat(text: str) -> str:
    """Return a panel's text without its frame and line breaks: where it wraps depends on the length of paths."""
    return " ".join(text.replace("│", " ").split())


@pytest.fixture(scope="session")
def shared_dagster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Dagster home for tests that do not look into it: a new one costs seconds."""
    return tmp_path_factory.mktemp("dagster")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, shared_dagster: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home below the test's own directory; commands change the environment, so it is put back."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("FIN_") or name == "DAGSTER_HOME"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FIN_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(shared_dagster))
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
    monkeypatch.setattr("fin_assets.core.collection.collector.BrowserPool", FakePool)
    monkeypatch.setattr("fin_assets.core.collection.fetch_jobs._Unit.wait", lambda _self: timedelta(0))
    monkeypatch.setenv("FIN_CLOCK", "2026-03-24T04:00:00+00:00")
    return found
