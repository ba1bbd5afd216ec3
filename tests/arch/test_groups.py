"""Tests that share what is slow to make go to one worker."""

from __future__ import annotations

import pytest

from tests.conftest import Groups


@pytest.mark.parametrize(
    ("nodeid", "group"),
    [
        ("tests/cli/test_errors.py::test_a[x/y::z]", "cli"),
        ("tests/cli/test_new_source.py::test_b", "cli"),
        ("tests/e2e/test_faults.py::test_c[slow]", "e2e/test_faults.py"),
        ("tests/sources/idx_brokers/test_fetch.py::test_d", "sources/idx_brokers/test_fetch.py"),
    ],
)
def test_a_folder_or_a_file_is_a_group(nodeid: str, group: str) -> None:
    scheduler = object.__new__(Groups)
    assert scheduler._split_scope(nodeid) == group
