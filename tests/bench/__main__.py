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
from tests.bench._needs import lacks, possible

if TYPE_CHECKING:
    from tests.bench.report import Section


class Benchmark(Protocol):
    """A module of this package that can be run."""

    MINUTES: int
    """About how long it takes on two idle cores. A module may have NEEDS, as `_needs.lacks` takes them."""

    def measure(self) -> Section:
        """Measure and return what is to be written."""
        ...


def found() -> tuple[dict[str, Benchmark], dict[str, str]]:
    """Return the benchmarks by name, and those that cannot run, each with what it lacks."""
    known: dict[str, Benchmark] = {}
    left_out: dict[str, str] = {}
    for info in pkgutil.iter_modules(bench.__path__):
        if info.name.startswith("_"):
            continue
        try:
            module = importlib.import_module(f"{bench.__name__}.{info.name}")
        except ModuleNotFoundError as error:
            left_out[info.name] = f"no package {error.name} in the environment: make install"
            continue
        if not hasattr(module, "measure"):
            continue
        lacking = [why for need in getattr(module, "NEEDS", ()) if (why := lacks(need))]
        if lacking:
            left_out[info.name] = "; ".join(lacking)
        else:
            known[info.name] = cast("Benchmark", module)
    return known, left_out


def plan(names: list[str], known: dict[str, Benchmark], left_out: dict[str, str]) -> list[str]:
    """Return lines that say what runs, for how long, and what is left out, for want of what."""
    lines = [f"{name:<12} about {known[name].MINUTES:>3} min" for name in names if name in known]
    for name in names:
        extra: dict[str, tuple[str, ...]] = getattr(known.get(name), "EXTRA", {})
        _, lacking = possible(list(extra), extra)
        lines += [f"left out of {name}: {way} ({why})" for way, why in lacking.items()]
    lines += [f"left out: {name} ({left_out[name]})" for name in names if name in left_out]
    return [
        *lines,
        f"about {sum(known[name].MINUTES for name in names if name in known)} min in all, on two idle cores",
    ]


def main(names: list[str]) -> int:
    """Return 0, or 2 if a name is unknown."""
    known, left_out = found()
    unknown = sorted(set(names) - set(known) - set(left_out))
    if unknown:
        print(f"no benchmark {unknown[0]!r}: there are {', '.join(sorted(known))}", file=sys.stderr)
        return 2
    names = names or sorted([*known, *left_out])
    print("\n".join(plan(names, known, left_out)), flush=True)
    for name in names:
        if name not in known:
            continue
        began = time.monotonic()
        print(f"== {name}", flush=True)
        section = known[name].measure()
        print(f"{section.text}\n({time.monotonic() - began:.0f} s)\n", flush=True)
        report.write(name, section)
    return 0


if __name__ == "__main__":
    # Ended from outside, the sandbox and the browsers end as well.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    sys.exit(main(sys.argv[1:]))
