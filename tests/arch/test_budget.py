"""The budget of the tests: what counts, what is over, and when that fails a run."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.budget import FOLDER_SECONDS, TEST_SECONDS, Budget, folder, load


def report(nodeid: str, seconds: float, **more: object) -> pytest.TestReport:
    made = pytest.TestReport(nodeid, ("", 0, ""), {}, "passed", None, "call", duration=seconds)
    vars(made).update(more)
    return made


@pytest.mark.parametrize(
    ("nodeid", "expected"),
    [
        ("tests/core/test_store.py::test_a", "core"),
        ("tests/sources/one/test_fetch.py::test_a[x/y]", "sources/one"),
        ("tests/test_a.py::test_a", "."),
    ],
)
def test_a_test_counts_for_its_folder(nodeid: str, expected: str) -> None:
    assert folder(nodeid) == expected


def test_a_long_test_is_over_unless_it_says_why() -> None:
    budget = Budget(strict=True)
    budget.pytest_runtest_logreport(report("tests/orchestration/test_a.py::test_long@core/test_a", TEST_SECONDS + 1))
    budget.pytest_runtest_logreport(
        report("tests/orchestration/test_a.py::test_worth_it", TEST_SECONDS + 9, expensive=True)
    )
    budget.pytest_runtest_logreport(report("tests/orchestration/test_a.py::test_short", TEST_SECONDS - 1))
    (line,) = budget.over()
    assert line.startswith("tests/orchestration/test_a.py::test_long: 21 s")


def test_seconds_of_a_busy_machine_count_less() -> None:
    budget = Budget(strict=True)
    budget.pytest_runtest_logreport(report("tests/orchestration/test_a.py::test_long", 4 * TEST_SECONDS, load=5.0))
    assert budget.over() == []
    assert load() >= 1.0


@pytest.mark.parametrize("strict", [True, False])
def test_a_folder_over_its_budget_fails_a_strict_run_that_is_green(strict: bool) -> None:  # noqa: FBT001
    budget = Budget(strict=strict)
    for number in range(10):
        budget.pytest_runtest_logreport(report(f"tests/orchestration/test_a.py::test_{number}", FOLDER_SECONDS / 9))
    assert budget.over() == [f"tests/orchestration: {FOLDER_SECONDS * 10 / 9:.0f} s of {FOLDER_SECONDS:.0f}"]
    within = SimpleNamespace(exitstatus=pytest.ExitCode.OK)
    budget.pytest_sessionfinish(within)
    assert within.exitstatus == pytest.ExitCode.OK, "a noisy machine fails no run"
    for number in range(10):
        budget.pytest_runtest_logreport(report(f"tests/orchestration/test_b.py::test_{number}", FOLDER_SECONDS / 9))
    session = SimpleNamespace(exitstatus=pytest.ExitCode.OK)
    budget.pytest_sessionfinish(session)
    assert session.exitstatus == (pytest.ExitCode.TESTS_FAILED if strict else pytest.ExitCode.OK)
    broken = SimpleNamespace(exitstatus=pytest.ExitCode.INTERRUPTED)
    budget.pytest_sessionfinish(broken)
    assert broken.exitstatus == pytest.ExitCode.INTERRUPTED
