"""One generated site for the tests that only read it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from fin_assets.sandbox import Sandbox, SandboxConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

START, TODAY = date(2024, 7, 2), date(2026, 11, 21)


@pytest.fixture(scope="package")
def shared_site() -> Iterator[Sandbox]:
    """A site from July 2024 to Saturday 2026-11-21, whose newest list is of Friday the 20th."""
    with Sandbox(SandboxConfig(start=START, end=TODAY)).run_in_thread() as site:
        yield site


@pytest.fixture
def site(shared_site: Sandbox) -> Iterator[Sandbox]:
    """The shared site without faults and with an empty log."""
    shared_site.set_faults([])
    shared_site.clear_requests()
    yield shared_site
    shared_site.set_faults([])
