"""What tests may cost: a plugin that reports the seconds of every folder and of every test over its budget.

Seconds are wall time divided by the load of the machine, so that a busy machine does not fail a run: after each test of
more than a second a fixed piece of work is timed, and the load is how much longer it takes than the processor worked on
it. A run fails for its budget only with `--budget`, and only at twice the budget.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

TEST_SECONDS = 20.0
"""A test that takes longer has to say why: `@pytest.mark.expensive("reason")`."""

FOLDER_SECONDS = 90.0
"""Of all tests of a folder together, fixtures included, on one core."""

FOLDERS = {
    # Whole collections through Chromium, killed processes, the demo from nothing to served pages.
    "e2e": 680.0,
    # Full refreshes and increments of both markets, each a whole dbt build with its tests.
    "warehouse": 540.0,
    # Real browsers, limits and redirects of each transport, and every damage of every kind of file.
    "core": 160.0,
    # Commands in processes of their own: signals, servers, damaged homes, a new source from its skeleton.
    "cli": 125.0,
}
"""Folders with another budget, each with the reason."""

MARGIN = 2.0
"""A run fails at this multiple of a budget: shared machines differ by as much. Above the budget itself it is only printed."""

_MEASURED_FROM = 1.0
_WORK = 2_000_000


def folder(nodeid: str) -> str:
    """Return the folder of a test below `tests`; of sources and pages the one below that, since each is an area."""
    parts = Path(nodeid.partition("::")[0]).parts[1:-1]
    return "/".join(parts[:2]) or "."


def load() -> float:
    """Return how much longer work takes now than the processor needs for it; 1 on an idle machine."""
    wall, cpu = time.perf_counter(), time.process_time()
    sum(range(_WORK))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return max(1.0, wall / cpu) if cpu else 1.0


class Budget:
    """Adds up reports; in a run with workers, those of all workers."""

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        self.folders: Counter[str] = Counter()
        self.calls: dict[str, float] = {}
        self.excused: set[str] = set()

    def add(self, nodeid: str, when: str, seconds: float, *, expensive: bool) -> None:
        """Count one phase of a test."""
        # A worker's name of a test ends with its group.
        nodeid = nodeid.rpartition("@")[0] or nodeid
        self.folders[folder(nodeid)] += seconds
        if when == "call":
            self.calls[nodeid] = seconds
            if expensive:
                self.excused.add(nodeid)

    def over(self, *, margin: float = 1.0) -> list[str]:
        """Return a sentence for each budget that is broken `margin` times over."""
        slow = [
            f"{nodeid}: {seconds:.0f} s, and a test may take {TEST_SECONDS:.0f}: make it cheaper or mark it expensive"
            for nodeid, seconds in sorted(self.calls.items(), key=lambda each: -each[1])
            if seconds > margin * TEST_SECONDS and nodeid not in self.excused
        ]
        return slow + [
            f"tests/{name}: {seconds:.0f} s of {budget(name):.0f}"
            for name, seconds in self.folders.most_common()
            if seconds > margin * budget(name)
        ]

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record a phase, of this process or of a worker."""
        seconds = report.duration / getattr(report, "load", 1.0)
        self.add(report.nodeid, report.when or "", seconds, expensive=getattr(report, "expensive", False))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run of which the tests pass and the budget does not hold."""
        if self.strict and self.over(margin=MARGIN) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the folders and what is over."""
        if sum(self.folders.values()) < FOLDER_SECONDS and not self.strict:
            return
        terminalreporter.section("seconds by folder")
        for name, seconds in self.folders.most_common():
            terminalreporter.line(f"{seconds:7.1f} of {budget(name):.0f}  tests/{name}")
        for line in self.over():
            terminalreporter.line(f"over budget: {line}", red=self.strict, yellow=not self.strict)


def budget(name: str) -> float:
    """Return what a folder may cost."""
    return FOLDERS.get(name, FOLDER_SECONDS)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--budget`."""
    parser.addoption("--budget", action="store_true", help="fail where tests cost more than their budget")


def pytest_configure(config: pytest.Config) -> None:
    """Count in the process that reports; workers only measure."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Budget(strict=config.getoption("--budget")), "budget-of-the-run")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> object:
    """Note on a report how busy the machine is, and whether the test may take long."""
    report = yield
    if call.duration > _MEASURED_FROM:
        report.load = load()
    mark = item.get_closest_marker("expensive")
    if mark is not None and not mark.args:
        raise pytest.UsageError(f"{item.nodeid}: expensive without a reason")
    # A slow test is not in `make test`, and has its reason already.
    report.expensive = mark is not None or item.get_closest_marker("slow") is not None
    return report
