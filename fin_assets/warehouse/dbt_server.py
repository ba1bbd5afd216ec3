"""The process that keeps dbt imported and the project parsed; it forks a child for each dbt command.

Started by `warm_dbt` as `python -m fin_assets.warehouse.dbt_server LISTENER`, with the descriptor of a listening socket.
It has one thread and opens no database, so that a fork is safe; what a child opens, DuckDB's lock above all, ends with
the child. Linux only: it uses pidfd and the death signal of a parent.

A connection carries one command:

    client -> server   one byte with the descriptor that becomes the child's output, then a line of JSON (`Request`)
    client closes      the child is killed
    server -> client   the child's exit code as text, then the connection ends

The server ends when the process that started it has ended and no command is running.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import pickle
import selectors
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import Any, BinaryIO

_PR_SET_PDEATHSIG = 1
_PATIENCE = 10.0
"""Seconds within which a client sends its command."""


@dataclass(frozen=True, slots=True)
class Request:
    """One dbt command.

    Attributes:
        options: dbt's own options, before the command.
        command: the command with its options.
        places: options that name the project.
        key: the same for requests that can share a parsed project.
        cwd: working directory.
        env: the whole environment.
    """

    options: list[str]
    command: list[str]
    places: list[str]
    key: str
    cwd: str
    env: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Child:
    pid: int
    pidfd: int
    connection: socket.socket
    key: str
    parsed: BinaryIO


@dataclass(frozen=True, slots=True)
class _Work:
    """What a child has to do.

    Attributes:
        request: from the client.
        manifest: the parsed project, or None if it is not known.
        parsed: where it is then written, pickled.
    """

    request: Request
    manifest: Any
    parsed: BinaryIO


class _Server:
    def __init__(self, listener: socket.socket) -> None:
        self._listener: socket.socket | None = listener
        self._children: list[_Child] = []
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        self._known: tuple[str, Any] = ("", None)

    def serve(self) -> _Work | None:
        """Return None when the owner has ended and all commands are done; in a forked child return its work."""
        while self._listener is not None or self._children:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    work = self._accept(self._listener)
                    if work is not None:
                        return work
                elif key.fd == sys.stdin.fileno():
                    self._stop_listening()
                elif isinstance(key.data, _Child):
                    self._hear(key.fd, key.data)
        return None

    def _stop_listening(self) -> None:
        self._selector.unregister(sys.stdin.fileno())
        if self._listener is not None:
            self._selector.unregister(self._listener)
            self._listener.close()
            self._listener = None

    def _hear(self, descriptor: int, child: _Child) -> None:
        """Kill a child whose client has gone; tell the client of a child that has ended."""
        if child not in self._children:
            return  # both of its descriptors were ready in one round
        if descriptor == child.connection.fileno():
            self._selector.unregister(child.connection)
            os.kill(child.pid, signal.SIGKILL)
            return
        code = os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1])
        self._children.remove(child)
        self._selector.unregister(child.pidfd)
        os.close(child.pidfd)
        if child.connection in self._selector.get_map():
            self._selector.unregister(child.connection)
        with child.connection, suppress(OSError):  # its client may have gone
            child.connection.sendall(str(code).encode())
        self._learn(child, code)

    def _learn(self, child: _Child, code: int) -> None:
        """Keep the project that a child has parsed, unless it was killed while writing it."""
        with child.parsed as file:
            file.seek(0)
            written = file.read()
        if written and code >= 0:
            gc.unfreeze()
            self._known = (child.key, _unpacked(written))
            gc.collect()
            gc.freeze()

    def _accept(self, listener: socket.socket) -> _Work | None:
        connection, _ = listener.accept()
        try:
            request, output = _receive(connection)
        except (OSError, ValueError, TypeError):
            connection.close()  # no client of ours, or one that has gone
            return None
        parent = os.getpid()
        parsed = os.fdopen(os.memfd_create("parsed"), "w+b")
        pid = os.fork()
        if pid:
            os.close(output)
            child = _Child(pid, os.pidfd_open(pid), connection, request.key, parsed)
            self._children.append(child)
            self._selector.register(child.pidfd, selectors.EVENT_READ, child)
            self._selector.register(connection, selectors.EVENT_READ, child)
            return None
        self._become_child(parent, connection, output)
        key, manifest = self._known
        return _Work(request, manifest if key == request.key else None, parsed)

    def _become_child(self, parent: int, connection: socket.socket, output: int) -> None:
        """Let go of everything that is the server's: an open connection here would never end for its client."""
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        self._selector.close()
        connection.close()
        if self._listener is not None:
            self._listener.close()
        for child in self._children:
            child.connection.close()
            os.close(child.pidfd)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)


def _receive(connection: socket.socket) -> tuple[Request, int]:
    """Return a request and the descriptor for its output.

    Raises:
        OSError: the client went away or is too slow.
        ValueError, TypeError: no request.
    """
    connection.settimeout(_PATIENCE)
    _, descriptors, _, _ = socket.recv_fds(connection, 1, 1)
    if not descriptors:
        msg = "a request without an output"
        raise ValueError(msg)
    try:
        with connection.makefile("rb") as stream:
            request = Request(**json.loads(stream.readline()))
    except BaseException:
        os.close(descriptors[0])
        raise
    connection.settimeout(None)
    return request, descriptors[0]


def _run(work: _Work) -> int:
    """Run a command in a child and return its exit code; leave the parsed project for the server."""
    from dbt.cli.main import dbtRunner

    request, manifest = work.request, work.manifest
    os.environ.clear()
    os.environ.update(request.env)
    os.chdir(request.cwd)
    if manifest is None or request.command[0] == "parse":
        parsing = request.command if request.command[0] == "parse" else ["parse"]
        result = dbtRunner().invoke([*request.options, *parsing, *request.places])
        if not result.success:
            return _failed(result.exception)
        manifest = result.result
        with work.parsed as file:
            file.write(_packed(manifest))
    if request.command[0] != "parse":
        result = dbtRunner(manifest).invoke([*request.options, *request.command, *request.places])
    return 0 if result.success else _failed(result.exception)


def _packed(manifest: Any) -> bytes:
    """Return a parsed project as bytes. Its own pickling, in dbt 1.11, leaves out a field and so shifts the others."""
    public = {field.name: getattr(manifest, field.name) for field in fields(manifest) if field.name[0] != "_"}
    return pickle.dumps(public, protocol=pickle.HIGHEST_PROTOCOL)


def _unpacked(written: bytes) -> Any:
    from dbt.contracts.graph.manifest import Manifest

    return Manifest(**pickle.loads(written))  # noqa: S301 - written by our own child


def _failed(error: BaseException | None) -> int:
    if error is not None:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201 - the output that the client reads
    return 1


def main(descriptor: int) -> int:
    """Serve on a listening socket until the owner has ended."""
    listener = socket.socket(fileno=descriptor)
    gc.disable()
    # Without the adapter: to import pyarrow and duckdb starts threads, and a process with threads is not forked safely.
    import dbt.cli.main  # noqa: F401 - to have it imported is what this process is for

    # From here on the end of standard input ends the process; until here a signal does.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    gc.freeze()
    work = _Server(listener).serve()
    if work is None:
        os._exit(0)  # nothing is open, and to take down all of dbt takes a second
    gc.enable()
    return _run(work)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
