"""A published build of both markets, for the tests of pages and of the kit."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from dashboards.ui.build_cache import BuildCache, CachedBuild
from fin_assets.settings import Settings
from tests.areas.fake_build import publish_build


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one published build of 80 sessions; nobody publishes another into it."""
    path = tmp_path_factory.mktemp("home")
    publish_build(path / "data")
    return path


@pytest.fixture(scope="session")
def settings(home: Path) -> Settings:
    return Settings(home=home)


@pytest.fixture(scope="session")
def cache(settings: Settings) -> BuildCache:
    return BuildCache(settings)


@pytest.fixture(scope="session")
def build(cache: BuildCache) -> CachedBuild:
    found = cache.build()
    assert found is not None
    return found


@pytest.fixture(scope="session")
def marts(home: Path, build: CachedBuild):
    """The published file itself, to compare with what the pages say; asked without any of the dashboards' code."""
    with duckdb.connect() as connection:
        connection.execute(
            f"attach '{home / 'data' / 'marts' / 'builds' / build.build_id}.duckdb' as marts (read_only)"
        )
        connection.execute("use marts")
        yield connection
