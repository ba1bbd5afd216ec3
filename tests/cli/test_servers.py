"""Servers that a command starts: watched while they live, and ended with everything below them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from fin_assets.commands import processes as module
from fin_assets.commands.errors import Problem
from fin_assets.commands.ports import is_free, listener
from fin_assets.commands.processes import supervised

# A server with a helper in a session of its own; both ignore the polite signal if asked to.
SERVER = textwrap.dedent(
    """
    import http.server, signal, subprocess, sys
    port, stubborn = int(sys.argv[1]), sys.argv[2] == "stubborn"
    if stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ignoring = "signal.signal(signal.SIGTERM, signal.SIG_IGN);" if stubborn else ""
    code = f"import signal, time; {ignoring} time.sleep(600)"
    subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    print("ready", flush=True)
    http.server.HTTPServer(("127.0.0.1", port), http.server.BaseHTTPRequestHandler).serve_forever()
    """
)


@pytest.fixture
def port() -> int:
    """Return a free port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.mark.parametrize("manner", ["polite", "stubborn"])
def test_everything_below_a_server_ends_with_it(tmp_path: Path, port: int, manner: str, monkeypatch) -> None:
    monkeypatch.setattr(module, "GRACE", 1.0)
    monkeypatch.setattr(module, "LEFT_GRACE", 1.0)
    with supervised(tmp_path) as servers:
        child = servers.start(
            "site", [sys.executable, "-c", SERVER, str(port), manner], url=f"http://127.0.0.1:{port}", cwd=tmp_path
        )
        servers.wait_ready(child)
        tree = child.descendants()
        assert len(tree) == 2
        assert listener(port).pid == child.process.pid
    assert not [process for process in tree if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    assert is_free(port)


def test_a_server_that_ends_by_itself_is_a_problem_with_its_last_words(tmp_path: Path, port: int) -> None:
    command = [sys.executable, "-c", "print('cannot open the shop'); raise SystemExit(7)"]
    with supervised(tmp_path) as servers:
        child = servers.start("shop", command, url=f"http://127.0.0.1:{port}", cwd=tmp_path)
        with pytest.raises(Problem, match="cannot open the shop") as caught:
            servers.wait_ready(child)
    assert "exit code 7" in caught.value.what
    assert str(tmp_path / "shop.log") in caught.value.remedy


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_command_that_a_signal_ends_leaves_no_server(tmp_path: Path, port: int, number: signal.Signals) -> None:
    script = textwrap.dedent(
        f"""
        import sys
        from pathlib import Path
        from fin_assets.commands.processes import supervised
        here = Path({str(tmp_path)!r})
        command = [sys.executable, "-c", {SERVER!r}, "{port}", "polite"]
        with supervised(here) as servers:
            child = servers.start("site", command, url="http://127.0.0.1:{port}", cwd=here)
            servers.wait_ready(child)
            print(" ".join(str(process.pid) for process in child.descendants()), flush=True)
            servers.watch()
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as command:
        assert command.stdout is not None
        pids = [int(pid) for pid in command.stdout.readline().split()]
        assert len(pids) == 2
        everything = psutil.Process(command.pid).children(recursive=True)
        assert len(everything) == 3, "and the guard"
        os.kill(command.pid, number)
        command.wait(timeout=30)
    # Of a killed command the guard ends the servers, the stubborn ones after five seconds.
    deadline = time.monotonic() + 10
    while any(psutil.pid_exists(pid) for pid in pids) and time.monotonic() < deadline:
        pass
    assert not [pid for pid in pids if psutil.pid_exists(pid)]
    assert not psutil.wait_procs(everything, timeout=10)[1]


def test_the_display_says_how_much_is_done_left_and_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    import io
    from datetime import date

    from rich.console import Console

    from fin_assets.commands import progress
    from fin_assets.core.collection.fetch_jobs import Event
    from fin_assets.core.contract.manifest import PartitionKey

    monkeypatch.setattr(progress, "LINE_EVERY", ((float("inf"), 0.0),))
    key = PartitionKey("fake", "things", date(2026, 3, 2))
    for terminal in (False, True):
        sink = io.StringIO()
        display = progress.Display(Console(file=sink, width=160, force_terminal=terminal, highlight=False))
        with display.table("fake/things", units={key.session: 3}):
            display.on_event(Event(kind="done", message="a", key=key, unit="a"))
            display.on_event(Event(kind="failed", message="b: captcha", key=key, unit="b", failure_kind="captcha"))
            display.on_event(Event(kind="alive", message="1 in flight, 200 MiB"))
        text = sink.getvalue()
        assert "fake/things" in text
        assert "2/3" in text
        assert "1 captcha" in text
        assert "1 in flight" in text
        assert "1 unit in" in text


def test_a_session_of_900_units_is_a_screen_and_a_backfill_says_how_far_each_session_is(monkeypatch) -> None:
    import io
    from datetime import date

    from rich.console import Console

    from fin_assets.commands import progress
    from fin_assets.core.collection.fetch_jobs import Event
    from fin_assets.core.contract.manifest import PartitionKey

    sink, clock = io.StringIO(), [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    display = progress.Display(Console(file=sink, width=200, force_terminal=False, highlight=False))
    days = [date(2026, 3, 2), date(2026, 3, 3)]
    with display.table("idx/trades", units=dict.fromkeys(days, 900)):
        for number in range(1350):
            clock[0] += 1.0
            day, unit = days[number // 900], f"T{number:03}"
            failed = number == 7
            display.on_event(
                Event(
                    kind="failed" if failed else "done",
                    message=unit,
                    key=PartitionKey("idx", "trades", day),
                    unit=unit,
                    failure_kind="captcha" if failed else None,
                )
            )
        drawn = [(str(day), str(own)) for day, own in display._under_way()]
    lines = sink.getvalue().splitlines()
    assert 20 < len(lines) < 60, "twenty minutes are a page to read"
    assert lines[0] == "idx/trades: 1800 units to ask for in 2 sessions"
    assert "1 of 2 sessions, 1 with failures" in lines[-2]
    assert drawn == [("2026-03-03", "450/900")]
    assert lines[-1] == "idx/trades: 1349 units in 1350.0 s (1.0 a second), 1 failed (1 captcha)"
