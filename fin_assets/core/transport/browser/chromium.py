"""Which Chromium there is, how it is started, and what its processes cost. Nothing here opens a page.

The pool in `browser` owns a running one; `fin doctor` asks here which would be used.
"""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import playwright
import psutil

from fin_assets.settings import BrowserSettings

log = logging.getLogger(__name__)

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")

FLAGS = (
    # Without these Chromium calls its maker's hosts at every start: noise on a line that we pace, and refused on a
    # closed network.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--no-first-run",
    "--no-pings",
    # A proxy or firewall that drops UDP costs a time-out for each connection.
    "--disable-quic",
    # There is no screen; a software GPU process only costs memory.
    "--disable-gpu",
    "--mute-audio",
)


class BrowserMissing(Exception):
    """There is no Chromium to start, or it does not start. The message names the remedies."""


@dataclass(frozen=True, slots=True)
class Found:
    """A Chromium that can be started, and how it was found: `configured`, `system` or `playwright`."""

    path: Path
    origin: str


def find_chromium(browser: BrowserSettings) -> Found:
    """Return the configured Chromium, else the system's, else the newest that Playwright has installed.

    Raises:
        BrowserMissing: none of the three, or the configured path is not a program.
    """
    if browser.executable is not None:
        if browser.executable.is_file() and os.access(browser.executable, os.X_OK):
            return Found(browser.executable, "configured")
        msg = (
            f"browser.executable in fin.toml names {browser.executable}, which is not a program: "
            "correct or remove the key"
        )
        raise BrowserMissing(msg)
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return Found(Path(path), "system")
    own = _playwrights_own()
    if own is not None:
        return Found(own, "playwright")
    msg = (
        f"no Chromium: none of {', '.join(NAMES)} is on the PATH and Playwright has installed none. "
        "Install one (apt-get install chromium, or: .venv/bin/playwright install chromium), "
        "or name one as browser.executable in fin.toml"
    )
    raise BrowserMissing(msg)


def _playwrights_own() -> Path | None:
    root = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    if root == "0":
        base = Path(playwright.__file__).parent / "driver" / "package" / ".local-browsers"
    elif root:
        base = Path(root)
    else:
        base = next(
            (
                home
                for home in (Path.home() / ".cache/ms-playwright", Path.home() / "Library/Caches/ms-playwright")
                if home.is_dir()
            ),
            Path(),
        )
    builds = [
        path
        for pattern in ("chromium-*/chrome-linux*/chrome", "chromium-*/chrome-mac*/*.app/Contents/MacOS/*")
        for path in base.glob(pattern)
    ]
    return max(builds, key=lambda path: path.stat().st_mtime, default=None)


def runs_as_root() -> bool:
    """Return whether this process is root, for whom Chromium's own sandbox refuses to start (containers, mostly)."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


class ProcessTree:
    """The driver of one browser and everything below it."""

    def __init__(self, root: psutil.Process) -> None:
        self._root = root

    @staticmethod
    def drivers() -> set[int]:
        """Return the process ids of the Playwright drivers that this process has started."""
        return {child.pid for child in psutil.Process().children() if _is_driver(child)}

    def processes(self) -> list[psutil.Process]:
        """Return the processes that are alive, the driver first."""
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def mebibytes(self) -> float:
        """Return the memory of the tree in MiB.

        Proportional sizes where the system has them: Chromium's processes share so much that the sum of their resident
        sizes came to 1,215 MiB where 549 were in use.
        """
        total = 0
        for process in self.processes():
            try:
                memory = process.memory_full_info()
            except psutil.Error:
                continue  # it ended meanwhile: it costs nothing
            total += getattr(memory, "pss", 0) or memory.rss
        return total / 2**20


def end_survivors(processes: list[psutil.Process], *, grace: float) -> None:
    """Kill the remaining processes of a tree after `grace` seconds. Blocking; each process is known by id and start time."""
    _, alive = psutil.wait_procs(processes, timeout=grace)
    for process in alive:
        try:
            log.debug("killing %s (pid %d): its browser has ended", process.name(), process.pid)
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(alive, timeout=grace)


def _is_driver(process: psutil.Process) -> bool:
    try:
        return "run-driver" in process.cmdline()
    except psutil.Error:
        return False
