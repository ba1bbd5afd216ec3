"""The embedded sites: the same pages, forms and interfaces as the real ones, over generated or given data.

A site is a product part: the demo, the tests and the benchmarks run on it, and a person can open it. Nothing that
collects data knows whether it talks to it. See docs/sandbox.md.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fin_assets.sandbox.config import Latency, SandboxConfig, load_behaviour
    from fin_assets.sandbox.errors import SandboxError
    from fin_assets.sandbox.faults import Fault, FaultKind
    from fin_assets.sandbox.server import Request, Sandbox, run

__all__ = [
    "Fault",
    "FaultKind",
    "Latency",
    "Request",
    "Sandbox",
    "SandboxConfig",
    "SandboxError",
    "load_behaviour",
    "run",
]

_MODULES = {
    "config": ("Latency", "SandboxConfig", "load_behaviour"),
    "errors": ("SandboxError",),
    "faults": ("Fault", "FaultKind"),
    "server": ("Request", "Sandbox", "run"),
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: the command line reads the sites' options without a server."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
