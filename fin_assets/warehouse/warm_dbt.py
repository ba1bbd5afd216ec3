"""dbt without its start: commands run in children of one process that has dbt imported and the project parsed.

Importing dbt takes four seconds and parsing the project three to ten; a child of `dbt_server` pays neither. The first
process that needs it starts the server, and it ends with that process. The processes that this one starts find the
server through an environment variable, as the runs of Dagster's code server do. Linux only; elsewhere, and whenever
the server cannot be reached, a new dbt is started.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

SOCKET_ENV = "WAREHOUSE_DBT_SOCKET"
"""Where the server listens. Without the prefix of the settings: it is no setting."""

_END = 5.0
"""Seconds that the server has to end in when it has nothing to do."""

_starting = threading.Lock()
_owned: _Owned | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """One dbt command: `options` before it, `places` behind it, `key` equal where a parsed project can be shared."""

    options: list[str]
    command: list[str]
    places: list[str]
    key: str
    cwd: Path
    env: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Owned:
    """The server of this process."""

    pid: int
    process: subprocess.Popen[bytes]
    directory: Path

    @property
    def socket(self) -> str:
        return str(self.directory / "dbt")


class WarmRun:
    """A command that is running in a child of the server.

    Attributes:
        lines: its output.
    """

    def __init__(self, connection: socket.socket, lines: IO[str]) -> None:
        self._connection, self.lines = connection, lines

    def kill(self) -> None:
        """Kill the child and wait until it has ended."""
        with suppress(OSError):  # the server has died, and the child with it
            self._connection.shutdown(socket.SHUT_WR)
        self.code()

    def code(self) -> int | None:
        """Return the exit code of a command that has ended (negative: the signal); None if the server has died."""
        with self._connection:
            try:
                answer = self._connection.recv(16)
            except OSError:
                return None
        # A child dies with its server; its output ends when it is gone.
        self.lines.read()
        self.lines.close()
        return int(answer) if answer else None


def prepare() -> None:
    """Start the server, if there is none, without waiting for it: it imports dbt while the caller does other work."""
    if available():
        connection = _connect()
        if connection is not None:
            connection.close()


def available() -> bool:
    """Return whether this system can fork such children safely."""
    return sys.platform == "linux"


def run(command: Command) -> WarmRun | None:
    """Start a command; None if no server can be reached."""
    connection = _connect() if available() else None
    if connection is None:
        return None
    reading, writing = os.pipe()
    lines = os.fdopen(reading, encoding="utf-8", errors="replace")
    request = {
        "options": command.options,
        "command": command.command,
        "places": command.places,
        "key": command.key,
        "cwd": str(command.cwd),
        "env": command.env,
    }
    try:
        socket.send_fds(connection, [b"\0"], [writing])
        connection.sendall(json.dumps(request).encode() + b"\n")
    except OSError:
        connection.close()
        lines.close()
        return None
    finally:
        os.close(writing)
    return WarmRun(connection, lines)


def end() -> None:
    """End the server of this process at once, or after the commands that other processes run in it."""
    global _owned
    found, _owned = _owned, None
    if found is None or found.pid != os.getpid():
        return
    if found.process.stdin is not None:
        found.process.stdin.close()
    found.process.terminate()  # heard only while it still imports
    with suppress(subprocess.TimeoutExpired):  # at work for another process
        found.process.wait(timeout=_END)
    shutil.rmtree(found.directory, ignore_errors=True)
    if os.environ.get(SOCKET_ENV) == found.socket:
        del os.environ[SOCKET_ENV]


def _connect() -> socket.socket | None:
    """Return a connection to the server that is known, or to a new one."""
    with _starting:
        for path in (os.environ.get(SOCKET_ENV), _owned.socket if _owned else None):
            connection = _try(path) if path else None
            if connection is not None:
                return connection
        return _try(_start().socket)


def _try(path: str) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(path)
    except OSError:
        connection.close()
        return None
    return connection


def _start() -> _Owned:
    global _owned  # noqa: PLW0603 - one server a process
    end()
    directory = Path(tempfile.mkdtemp(prefix="fin-dbt-"))  # readable by this user alone
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(directory / "dbt"))
        listener.listen()
        process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.dbt_server", str(listener.fileno())],
            pass_fds=[listener.fileno()],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C in a terminal reaches its whole group; the server notices through the closed connection.
            start_new_session=True,
            env=_environment(),
        )
    _owned = _Owned(os.getpid(), process, directory)
    os.environ[SOCKET_ENV] = _owned.socket
    atexit.register(end)
    return _owned


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DBT_")}
    # One thread of numpy's: a process with more cannot be forked safely.
    return {**kept, "PYTHONDONTWRITEBYTECODE": "", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
