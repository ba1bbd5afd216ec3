"""The embedded exchange sites: the same pages and forms as the real ones, over generated or given data.

A site is a product part: the demo, the tests and the benchmarks run on it, and a person can open it. Nothing that
collects data knows whether it talks to it. See docs/sandbox.md.
"""

from fin_assets.sandbox.config import Latency, SandboxConfig, load_behaviour
from fin_assets.sandbox.faults import Fault, FaultKind
from fin_assets.sandbox.market import SandboxError
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
