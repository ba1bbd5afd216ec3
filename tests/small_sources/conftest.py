"""The dbt project of the small sources, assembled once for the whole run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.small_sources.home import assemble_project


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the dbt project."""
    return assemble_project(tmp_path_factory.mktemp("small") / "project")
