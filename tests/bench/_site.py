"""The sandbox in a process of its own, so that serving does not share an interpreter with what is measured."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

from fin_assets.sources.hkex_southbound.calendar import southbound_calendar

FIRST, TODAY = date(2024, 9, 2), date(2026, 10, 30)
LATENCY = timedelta(milliseconds=300)
WORKERS = 5
HKEX = "/hkexnews"


def list_days(n: int, *, skip: int = 0) -> list[date]:
    """Return n list days of the sandbox, oldest first."""
    days = southbound_calendar().list_days(FIRST, TODAY - timedelta(days=3))
    chosen = days[skip : skip + n]
    if len(chosen) < n:
        msg = f"the benchmark's sandbox has {len(days)} list days, {skip + n} were asked for"
        raise ValueError(msg)
    return chosen


@contextmanager
def sandbox(*, latency: timedelta = LATENCY, idx_tickers: int | None = None) -> Iterator[str]:
    """Serve the generated sites and yield the base address of HKEX's, which ends in `HKEX`."""
    command = [sys.executable, "-m", "fin_assets.sandbox", "--port", "0", "--start", str(FIRST), "--end", str(TODAY)]
    command += ["--latency-ms", f"{latency / timedelta(milliseconds=1):g}"]
    command += ["--idx-tickers", str(idx_tickers)] if idx_tickers else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            lines = (re.search(rf"http://\S+?{HKEX}", line) for line in process.stdout or ())
            address = next((found for found in lines if found), None)
            if address is None:
                msg = "the sandbox did not start"
                raise RuntimeError(msg)
            yield address[0]
        finally:
            process.terminate()
