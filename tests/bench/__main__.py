"""Run all benchmarks, or those that are named, one after the other, and write their sections of docs/benchmarks.md."""

from __future__ import annotations

import importlib
import pkgutil
import signal
import sys
import time
from typing import TYPE_CHECKING, Protocol, cast

from tests import bench
from tests.bench import report

if TYPE_CHECKING:
    from tests.bench.report import Section


class Benchmark(Protocol):
    """A module of this package that can be run."""

    def measure(self) -> Section:
        """Measure and return what is to be written."""
        ...


def found() -> dict[str, Benchmark]:
    """Return the benchmarks by name."""
    modules = {
        info.name: importlib.import_module(f"{bench.__name__}.{info.name}")
        for info in pkgutil.iter_modules(bench.__path__)
        if not info.name.startswith("_")
    }
    return {name: cast("Benchmark", module) for name, module in modules.items() if hasattr(module, "measure")}


def main(names: list[str]) -> int:
    """Return 0, or 2 if a name is unknown."""
    known = found()
    unknown = sorted(set(names) - set(known))
    if unknown:
        print(f"no benchmark {unknown[0]!r}: there are {', '.join(sorted(known))}", file=sys.stderr)
        return 2
    for name in names or sorted(known):
        began = time.monotonic()
        print(f"== {name}", flush=True)
        section = known[name].measure()
        print(f"{section.text}\n({time.monotonic() - began:.0f} s)\n", flush=True)
        report.write(name, section)
    return 0


# Ended from outside, the sandbox and the browsers end as well.
signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
sys.exit(main(sys.argv[1:]))
