"""`python -m fin_assets.commands.dagster_ui WORKSPACE`: Dagster's UI behind a guard, its daemon, and one code server for both.

It is what `dagster dev` starts, from the same parts. That command takes no middleware, and whatever port its web server
listened on would be open to every page of a browser.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from dagster import DagsterInstance
from dagster._cli.proxy_server_manager import ProxyServerManager
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._utils.log import configure_loggers
from dagster_shared.ipc import interrupt_then_kill_ipc_subprocess
from dagster_webserver.app import create_app_from_workspace_process_context
from dagster_webserver.version import __version__

from fin_assets.commands.dagster_guard import DagsterGuard
from fin_assets.commands.ports import HOST
from fin_assets.hosts import Hosts
from fin_assets.settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp

LIVE_DATA_MILLISECONDS = 2_000
"""How often an open page asks for news of its assets, as in `dagster dev`."""

QUIET = "warning"


def guarded(context: WorkspaceProcessContext, hosts: Hosts) -> ASGIApp:
    """Return Dagster's web application behind the guard."""
    app = create_app_from_workspace_process_context(context, live_data_poll_rate=LIVE_DATA_MILLISECONDS)
    return DagsterGuard(app, hosts)


@contextmanager
def _code_servers(instance: DagsterInstance, workspace: Path) -> Iterator[Path]:
    """Start the code servers of a workspace; give a workspace that names them, for UI and daemon."""
    target = WorkspaceFileTarget([str(workspace)])
    with (
        ProxyServerManager(instance=instance, workspace_load_target=target, code_server_log_level=QUIET) as servers,
        tempfile.TemporaryDirectory() as folder,
    ):
        path = Path(folder) / "workspace.yaml"
        # JSON is YAML.
        path.write_text(json.dumps({"load_from": servers.get_code_server_specs()}), encoding="utf-8")
        yield path


@contextmanager
def _daemon(workspace: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", "dagster._daemon", "run", "--workspace", str(workspace)])
    try:
        yield process
    finally:
        interrupt_then_kill_ipc_subprocess(process, wait_time=5)


def serve(workspace: Path) -> int:
    """Serve until SIGINT or SIGTERM; return 1 if the daemon ended by itself."""
    os.environ["DAGSTER_IS_DEV_CLI"] = "1"
    configure_loggers(log_level="INFO")
    servers = settings().servers
    with ExitStack() as stack:
        instance = stack.enter_context(DagsterInstance.get())
        shared = stack.enter_context(_code_servers(instance, workspace))
        daemon = stack.enter_context(_daemon(shared))
        context = stack.enter_context(
            WorkspaceProcessContext(
                instance,
                workspace_load_target=WorkspaceFileTarget([str(shared)]),
                version=__version__,
                code_server_log_level=QUIET,
            )
        )
        app = guarded(context, Hosts.of(servers.allowed_hosts))
        server = uvicorn.Server(uvicorn.Config(app, host=HOST, port=servers.dagster_port, log_level=QUIET))

        def watch() -> None:
            daemon.wait()
            server.should_exit = True

        threading.Thread(target=watch, name="daemon-watch", daemon=True).start()
        server.run()
        return 1 if daemon.poll() is not None else 0


def main() -> int:
    """Serve the workspace of the command line; return the exit code."""

    def interrupt(number: int, frame: object) -> None:
        del number, frame
        raise KeyboardInterrupt

    # Without it a SIGTERM, which the web server sends on to itself when it has ended, would leave the daemon.
    signal.signal(signal.SIGTERM, interrupt)
    try:
        return serve(Path(sys.argv[1]))
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
