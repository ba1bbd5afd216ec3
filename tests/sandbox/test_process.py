"""The sandbox in a process of its own: it answers, says why it does not start, and never outlives who asked for it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from datetime import date
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import pytest

from fin_assets.sandbox import SandboxConfig, SandboxError
from fin_assets.sandbox.process import run_in_process

CONFIG = SandboxConfig(start=date(2026, 9, 1), end=date(2026, 9, 30))

OWNER = """
import sys
from tests.sandbox.test_process import CONFIG
from fin_assets.sandbox.process import run_in_process
if __name__ == "__main__":
    with run_in_process(CONFIG) as url:
        print(url, flush=True)
        sys.stdin.read()
"""


def sandboxes(owner: psutil.Process) -> list[psutil.Process]:
    return [child for child in owner.children(recursive=True) if "spawn_main" in " ".join(child.cmdline())]


def test_it_answers_while_the_block_runs_and_then_no_more() -> None:
    with run_in_process(CONFIG) as url:
        with urlopen(f"{url}/__sandbox__/", timeout=10) as answer:  # noqa: S310 - our own server
            assert answer.status == 200
        [process] = sandboxes(psutil.Process())
    assert not process.is_running()
    with pytest.raises(URLError):
        urlopen(f"{url}/__sandbox__/", timeout=2)  # noqa: S310 - our own server


def test_the_reason_why_it_does_not_start_is_raised_here() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(SandboxError, match=f"cannot listen on 127.0.0.1:{port}"),
            run_in_process(SandboxConfig(port=port, start=CONFIG.start, end=CONFIG.end)),
        ):
            pytest.fail("the port is taken")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_it_ends_with_its_owner_however_that_ends_and_prints_nothing(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as owner:
        assert owner.stdout is not None
        assert owner.stderr is not None
        assert owner.stdout.readline().startswith("http://127.0.0.1:")
        [process] = sandboxes(psutil.Process(owner.pid))
        # Ctrl-C reaches the whole group, a kill the owner alone.
        os.killpg(owner.pid, number) if number is signal.SIGINT else owner.send_signal(number)
        owner.wait(timeout=20)
        psutil.wait_procs([process], timeout=10)
        assert not process.is_running()
        told = owner.stderr.read()
    assert told.count("Traceback") == (1 if number is signal.SIGINT else 0), told
