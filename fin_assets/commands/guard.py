"""Ends the servers of a command that was killed. A process of its own, which outlives the command by seconds.

    python -m fin_assets.commands.guard

Standard input has the process ids, one a line, and its end means that the command has ended. What still runs then is ended with
everything below it. A pipe tells it on every system; the death signal of Linux does not reach the servers' own children.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress

import psutil

GRACE = 5.0
"""Seconds between the request to end and the end by force."""


def end_all(processes: Sequence[psutil.Process], *, grace: float) -> list[psutil.Process]:
    """Ask processes to end, and end by force those that still run after `grace` seconds; return the latter."""
    for process in processes:
        with suppress(psutil.Error):
            process.terminate()
    stubborn: list[psutil.Process] = psutil.wait_procs(processes, timeout=grace)[1]
    for process in stubborn:
        with suppress(psutil.Error):
            process.kill()
    return stubborn


def main() -> None:
    """Wait for the end of standard input, then end what runs."""
    known: dict[int, psutil.Process] = {}
    for line in sys.stdin:
        with suppress(psutil.Error, ValueError):
            # Now, and not at the end: the id may be another process's by then.
            known[int(line)] = psutil.Process(int(line))
    alive = [process for process in known.values() if process.is_running()]
    for process in list(alive):
        with suppress(psutil.Error):
            alive += process.children(recursive=True)
    end_all(alive, grace=GRACE)


if __name__ == "__main__":
    main()
