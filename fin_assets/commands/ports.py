"""What listens on a port of this machine, and whether it is our own sandbox. Asks 127.0.0.1 only."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

import psutil

from fin_assets.commands.errors import Problem

HOST = "127.0.0.1"
_SECONDS = 2.0
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Listener:
    """The process behind a port; both are None if this user may not see it."""

    pid: int | None
    command: str | None

    def __str__(self) -> str:
        """Return `pid 123 (python -m ...)`."""
        return f"pid {self.pid} ({self.command})" if self.pid else "a process that this user may not see"


def is_free(port: int) -> bool:
    """Return whether a server could listen on the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connection is only winding down is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def listener(port: int) -> Listener:
    """Return who listens on a port."""
    for process in psutil.process_iter(["pid"]):
        try:
            connections = process.net_connections(kind="tcp")
            if any(
                found.status == psutil.CONN_LISTEN and found.laddr and found.laddr.port == port for found in connections
            ):
                return Listener(process.pid, " ".join(process.cmdline())[:120])
        except psutil.Error:
            continue  # ended meanwhile, or another user's
    return Listener(None, None)


def require_free(port: int, *, what: str, setting: str, variable: str) -> None:
    """Raise a problem that names the port, its owner and the setting, unless the port is free."""
    if not is_free(port):
        owner = listener(port)
        stop = f"stop it (kill {owner.pid})" if owner.pid else "stop it"
        msg = f"Port {port}, on which {what} would listen, is taken by {owner}."
        raise Problem(
            msg, f"{stop}, or choose another port: {setting} in fin.toml, or {variable}=... in the environment"
        )


def sandbox_facts(port: int) -> dict[str, Any] | None:
    """Return what the sandbox on this port says it serves, or None if none of ours answers there."""
    try:
        with _NO_PROXY.open(f"http://{HOST}:{port}/__sandbox__/", timeout=_SECONDS) as answer:
            facts = json.loads(answer.read())
    except (OSError, ValueError, urllib.error.URLError):
        return None
    return facts if isinstance(facts, dict) and isinstance(facts.get("sites"), dict) else None


def answers(url: str) -> str:
    """Return what a site's address answers, in a few words, without judging it."""
    try:
        with _NO_PROXY.open(url, timeout=_SECONDS) as answer:
            return f"answers (HTTP {answer.status})"
    except urllib.error.HTTPError as error:
        return f"answers (HTTP {error.code})"
    except (OSError, ValueError) as error:
        return f"does not answer ({getattr(error, 'reason', error)})"
