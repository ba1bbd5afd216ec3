"""Every run: which tests go to the same worker, in which order, and one warm dbt for all workers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

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


class Groups(LoadScopeScheduling):
    """Sends tests that share what is slow to make to one worker. xdist's own groups do nothing under pytest 9.2."""

    def _split_scope(self, nodeid: str) -> str:
        path = Path(nodeid.partition("::")[0]).relative_to("tests")
        return SHARED.get(path.parts[0], path.as_posix())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Distribute groups of tests."""
    return Groups(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest folders first. Within a folder the order stays."""
    if hasattr(config, "workerinput"):
        tests = Path(__file__).parent
        items.sort(key=lambda item: _rank(item.path.relative_to(tests).parts[0]))


def _rank(folder: str) -> int:
    return FIRST.index(folder) if folder in FIRST else len(FIRST)
