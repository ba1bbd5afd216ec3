"""A signal ends the work in order, and a second one ends the process and its children at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import psutil
import pytest

from fin_assets.core.transport.interrupts import Interrupted, first, interruptible

WORK = textwrap.dedent(
    """
    import asyncio, subprocess, sys, time
    from fin_assets.core.transport.interrupts import EXIT_BASE, interruptible, first, run

    async def work():
        try:
            helper = [sys.executable, "-c", "import time; time.sleep(60)"]
            print(subprocess.Popen(helper, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).pid, flush=True)
            await asyncio.sleep(60)
        finally:
            print("cleaning up", flush=True)
            await asyncio.sleep({cleaning})
            print("clean", flush=True)

    try:
        with interruptible(), asyncio.Runner() as runner:
            run(runner, work())
    except KeyboardInterrupt:
        sys.exit(EXIT_BASE + first())
    """
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_lets_the_work_clean_up(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WORK.format(cleaning=0)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        helper = psutil.Process(int(process.stdout.readline()))
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        helper.kill()
    assert process.returncode == 128 + number
    assert out.split("\n")[:2] == ["cleaning up", "clean"]
    assert err == ""


def test_the_second_signal_ends_it_at_once_with_its_children() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WORK.format(cleaning=60)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        helper = psutil.Process(int(process.stdout.readline()))
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "cleaning up\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    psutil.wait_procs([helper], timeout=5)
    assert not helper.is_running()
    assert (process.returncode, out, err) == (128 + signal.SIGINT, "", "")


def test_a_signal_that_another_handler_takes_is_known_and_the_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    def handler(number: int, frame: object) -> None:
        raise RuntimeError(number)

    with interruptible():
        assert first() is signal.SIGINT, "none came"
        signal.signal(signal.SIGTERM, handler)
        with pytest.raises(RuntimeError):
            os.kill(os.getpid(), signal.SIGTERM)
        assert first() is signal.SIGTERM
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_what_the_process_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            os.kill(os.getpid(), signal.SIGHUP)
        with pytest.raises(Interrupted, match="SIGTERM"), interruptible():
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGHUP, before)


BACKGROUND = textwrap.dedent(
    """
    import os, signal, sys, time
    from dagster._utils.interrupts import capture_interrupts
    from fin_assets.core.transport.interrupts import EXIT_BASE, first, interruptible

    try:
        with interruptible():
            with capture_interrupts():
                pass
            os.kill(os.getpid(), signal.SIGINT)
            print("still at work", flush=True)
            time.sleep(60)
    except KeyboardInterrupt:
        sys.exit(EXIT_BASE + first())
    """
)


def test_what_a_shell_has_put_into_the_background_ignores_ctrl_c_and_ends_at_sigterm() -> None:
    # As a shell without job control starts it; Dagster then ignores SIGTERM as well after each run.
    command = ["sh", "-c", 'trap "" INT; exec "$0" -c "$1"', sys.executable, BACKGROUND]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "still at work\n"
        process.terminate()
        assert process.wait(timeout=20) == 128 + signal.SIGTERM
