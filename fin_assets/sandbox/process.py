"""The sandbox in a process of its own, so that making pages does not slow down the program that asks for them."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from fin_assets.sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

    from fin_assets.sandbox.config import SandboxConfig

_START_SECONDS, _STOP_SECONDS = 120.0, 10.0


@contextmanager
def run_in_process(config: SandboxConfig) -> Iterator[str]:
    """Serve in another process while the block runs, and give the address. It ends with this process, however that ends.

    Raises:
        SandboxError: the sandbox does not start.
    """
    # A fork would copy the threads' locks and the browser's pipes.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(config, theirs), name="sandbox", daemon=True)
    with _ctrl_c_ignored():
        # It is inherited: Ctrl-C reaches the whole group, and the program that asked for this process ends it.
        process.start()
    theirs.close()
    try:
        yield _address(ours)
    finally:
        # The end of the pipe is the sign to stop.
        ours.close()
        process.join(_STOP_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()


@contextmanager
def _ctrl_c_ignored() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread may set a signal; without a terminal there is no Ctrl-C either.
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _address(pipe: Connection) -> str:
    try:
        if not pipe.poll(_START_SECONDS):
            msg = (
                f"the process of the sandbox did not answer within {_START_SECONDS:.0f} s; start it alone: fin sandbox"
            )
            raise SandboxError(msg)
        said: str | SandboxError = pipe.recv()
    except EOFError as error:
        msg = "the process of the sandbox ended before it answered; start it alone to see why: fin sandbox"
        raise SandboxError(msg) from error
    if isinstance(said, SandboxError):
        raise said
    return said


def _serve(config: SandboxConfig, pipe: Connection) -> None:
    # Here, because the other process needs no server.
    from fin_assets.sandbox.server import Sandbox

    try:
        with Sandbox(config).run_in_thread() as site:
            pipe.send(site.url)
            with suppress(EOFError):
                pipe.recv()
    except SandboxError as error:
        pipe.send(error)
