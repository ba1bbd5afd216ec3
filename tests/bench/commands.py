"""What a user waits for: the first and the second demo, a build after a day, and commands that only read.

With FIN_BENCH_FORMER=PATH another checkout with its own `.venv` is measured beside this one, in turns.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.report import Section, machine, table

MINUTES = 6
NEEDS = ("chromium",)
ROOT = Path(__file__).resolve().parents[2]
FORMER = "FIN_BENCH_FORMER"
CLOCK = "2026-11-24T14:00:00+00:00"
"""Both checkouts collect the same sessions."""
ROUNDS = 1
TEN = 10
READS = 7
READING = {"fin --help": ["--help"], "fin status": ["status"], "fin sql -c": ["sql", "-c", "select 1"]}
COLLECTED = re.compile(r"units? in ([\d.]+) s")


@dataclass(frozen=True)
class Checkout:
    """A tree whose commands are timed, and the seconds that they took, by name."""

    name: str
    path: Path
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def fin(self, home: Path, *arguments: str) -> tuple[float, str]:
        """Run a command; return its seconds and what it printed."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("FIN_", "DAGSTER_"))}
        own = {"FIN_HOME": str(home), "FIN_CLOCK": CLOCK, "FIN_SANDBOX__PORT": "8731"}
        python = self.path / ".venv" / "bin" / "python"
        begun = time.perf_counter()
        done = subprocess.run(
            [python, python.with_name("fin"), *arguments],
            cwd=self.path, env=kept | own, capture_output=True, text=True, check=False,
        )  # fmt: skip
        seconds = time.perf_counter() - begun
        if done.returncode:
            sys.exit(f"{self.name}: fin {' '.join(arguments)} failed\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return seconds, done.stdout

    def note(self, name: str, seconds: float) -> None:
        """Keep a measurement."""
        self.seconds.setdefault(name, []).append(seconds)

    def median(self, name: str) -> float:
        """Return the median of a measurement."""
        return statistics.median(self.seconds[name])

    def measure(self) -> None:
        """Make a demo in a new home, make it again, and read from it."""
        with tempfile.TemporaryDirectory(prefix="fin-bench-") as folder:
            home = Path(folder)
            seconds, printed = self.fin(home, "demo", "--no-serve")
            self.note("fresh demo, environment apart", seconds)
            self.note("its collection", sum(float(each) for each in COLLECTED.findall(printed)))
            self.note("second demo", self.fin(home, "demo", "--no-serve")[0])
            for name, arguments in READING.items():
                for _ in range(READS):
                    self.note(name, self.fin(home, *arguments)[0])


def measure() -> Section:
    """Time the commands of this checkout and of the one that `FIN_BENCH_FORMER` names."""
    where = machine()
    trees = [Checkout("this checkout", ROOT)]
    if os.environ.get(FORMER):
        former = Path(os.environ[FORMER]).resolve()
        commit = subprocess.run(
            ["git", "-C", former, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
        )
        trees.append(Checkout(f"commit {commit.stdout.strip()}", former))
    for _ in range(ROUNDS):
        for tree in trees:
            tree.measure()
    head = ["", *(f"{tree.name}, s" for tree in trees), *(["ratio"] if len(trees) > 1 else [])]
    rows = []
    for name in trees[0].seconds:
        medians = [tree.median(name) for tree in trees]
        ratio = [f"{medians[0] / medians[1]:.2f}"] if len(trees) > 1 else []
        rows.append([name, *(f"{value:.2f}" if value < TEN else f"{value:.0f}" for value in medians), *ratio])
    text = (
        f"Demos of 80 sessions of both markets from the sandbox ({ROUNDS} each), and medians of {ROUNDS * READS} runs of each "
        f"command that only reads; wall time, the checkouts in turns. {where}.\n\n{table(head, rows)}"
    )
    return Section("What a user waits for", text)
