"""Every run: which tests go to the same worker, in which order, and one warm dbt for all workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from fin_assets.warehouse import warm_dbt

pytest_plugins = ["tests.budget"]

SHARED = {
    "sandbox": "sandbox",
    "cli": "cli",
}
"""Folders that go to one worker as a whole, since their tests share what is slow to make. Others go file by file."""

FIRST = ("e2e", "warehouse", "sources", "areas", "ui", "cli", "orchestration", "core")
"""Folders in the order in which workers take them: the longest first, so that no worker ends long after the other."""


def pytest_configure(config: pytest.Config) -> None:
    """Start the dbt that all workers share, while they still import and collect."""
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        warm_dbt.prepare()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End it."""
    if not hasattr(config, "workerinput"):
        warm_dbt.end()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Name the group of each test for `--dist loadgroup`."""
    if not hasattr(config, "workerinput"):
        return
    tests = Path(__file__).parent
    for item in items:
        path = item.path.relative_to(tests)
        if item.get_closest_marker("xdist_group") is None:
            group = SHARED.get(path.parts[0], path.with_suffix("").as_posix())
            item.add_marker(pytest.mark.xdist_group(group))
    # Stable: within a folder the order stays.
    items.sort(key=lambda item: _rank(item.path.relative_to(tests).parts[0]))


def _rank(folder: str) -> int:
    return FIRST.index(folder) if folder in FIRST else len(FIRST)
