"""`kill -9` at random moments of a backfill: nothing stored is asked for again, and the end is byte for byte the same."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import psutil
import pytest

from fin_assets.core.storage import unit_log
from fin_assets.sandbox import Sandbox, SandboxConfig
from fin_assets.sandbox.config import Latency
from tests.e2e.pipeline import END, LIST_DAYS, START, pipeline, staged_bytes

ROOT = Path(__file__).resolve().parents[2]
FROZEN = "2026-10-01T00:00:00+00:00"


@pytest.fixture(scope="module")
def site() -> Iterator[Sandbox]:
    # Slow enough that kills fall into the middle of a unit, of a unit log and of a finished session alike.
    latency = Latency(match="*mutualmarket*", least=timedelta(milliseconds=20), most=timedelta(milliseconds=120))
    with Sandbox(SandboxConfig(start=START, end=END, latencies=(latency,))).run_in_thread() as running:
        yield running


def start(home: Path, site: Sandbox, days: list[date]) -> subprocess.Popen[bytes]:
    environment = os.environ | {"FIN_CLOCK": FROZEN}
    command = [sys.executable, "-m", "tests.e2e.collect_once", str(home), site.url, str(days[0]), str(days[-1])]
    return subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)


def stored(home: Path) -> set[str]:
    """Return the request keys of the units that are safely stored: whole in a unit log, or sealed."""
    root = home / "data/raw/sandbox/hkex_southbound/holdings"
    sealed = {path.parent.name for path in root.glob("*/raw-*.parquet")}
    whole = {path.parent.name for path in root.glob("*/units.log") if unit_log.read(path)}
    return {f"hk:{day}" for day in sealed | whole}


def kill_somewhere(process: subprocess.Popen[bytes], home: Path, *, after: int, jitter: float) -> bool:
    """Kill the collecting process, and nothing else, once `after` units are stored and a moment has passed.

    Returns:
        whether it was still at work.
    """
    deadline = time.monotonic() + 120
    while len(stored(home)) < after and process.poll() is None and time.monotonic() < deadline:
        process_wait(process, 0.01)
    process_wait(process, jitter)
    if process.poll() is not None:
        return False
    children = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive, "browsers of a killed run must end with it"
    return True


def process_wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait for a process, at most so long."""
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return


def check_kills_cost_nothing(tmp_path: Path, site: Sandbox, *, days: list[date], kills: int) -> None:
    chance = random.Random(7)
    home, calm = tmp_path / "killed", tmp_path / "calm"
    asked_again: set[str] = set()
    for number in range(kills):
        before = stored(home)
        site.clear_requests()
        # Half of an even share, since some more units arrive until the kill does.
        target = len(before) + chance.randint(0, (len(days) - len(before)) // (2 * (kills - number) + 1))
        assert kill_somewhere(start(home, site, days), home, after=target, jitter=chance.uniform(0, 0.3))
        asked_again |= before & {key for _, key in site.served()}
    before = stored(home)
    site.clear_requests()
    assert start(home, site, days).wait(timeout=300) == 0
    asked_again |= before & {key for _, key in site.served()}
    assert asked_again == set()
    assert before, "nothing was stored before the last start: the kills came too early to show anything"

    assert start(calm, site, days).wait(timeout=300) == 0
    there = staged_bytes(pipeline(calm, site).store)
    assert len(there) == len(days)
    assert staged_bytes(pipeline(home, site).store) == there


def test_two_kills_of_a_short_backfill_lose_and_repeat_nothing(tmp_path: Path, site: Sandbox) -> None:
    check_kills_cost_nothing(tmp_path, site, days=LIST_DAYS[:14], kills=2)


@pytest.mark.slow
def test_ten_kills_of_a_60_session_backfill_lose_and_repeat_nothing(tmp_path: Path, site: Sandbox) -> None:
    check_kills_cost_nothing(tmp_path, site, days=LIST_DAYS[:60], kills=10)
