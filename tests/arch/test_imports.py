"""What the layers of `[tool.importlinter]` cannot say: names in texts, who touches the network, who reads the clock."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter

import grimp
import pytest

from tests.arch.tree import ROOT, modules, reaches, relative


def test_core_names_no_source() -> None:
    names = [path.name for path in (ROOT / "fin_assets" / "sources").iterdir() if (path / "source.py").exists()]
    assert names
    for module, path in modules().items():
        if module.startswith(
            (
                "fin_assets.core",
                "fin_assets.warehouse",
                "fin_assets.definitions",
                "fin_assets.settings",
                "fin_assets.discovery",
            )
        ):
            text = path.read_text(encoding="utf-8")
            assert not [name for name in names if name in text], f"{relative(path)} names a source"


def test_only_fetch_touches_the_network_in_a_source() -> None:
    network = (
        "playwright",
        "aiohttp",
        "requests",
        "httpx2",
        "urllib.request",
        "http.client",
        "socket",
        "curl_cffi",
        "fin_assets.core.transport.browser",
        "fin_assets.core.transport.http_client",
        "fin_assets.core.transport.host_limiter",
    )
    for module, path in modules().items():
        if module.startswith("fin_assets.sources.") and not module.endswith(".fetch"):
            assert not [name for package in network for name in reaches(path, package)], relative(path)


def test_the_pipeline_does_not_know_the_sandboxs_control_api() -> None:
    for module, path in modules().items():
        if not module.startswith(("fin_assets.sandbox", "fin_assets.commands")):
            assert "__sandbox__" not in path.read_text(encoding="utf-8"), relative(path)


CLOCKS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "localtime"),
    ("time", "gmtime"),
}


@pytest.mark.parametrize("module", sorted(modules()))
def test_the_clock_is_read_in_one_module(module: str) -> None:
    """A monotonic clock measures durations and is not meant here."""
    if module == "fin_assets.clock":
        return
    for node in ast.walk(ast.parse(modules()[module].read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name | ast.Attribute)
        ):
            owner = node.func.value.id if isinstance(node.func.value, ast.Name) else node.func.value.attr
            assert (owner, node.func.attr) not in CLOCKS, (
                f"{relative(modules()[module])}:{node.lineno} reads the clock: use fin_assets.clock"
            )


def test_no_module_of_core_imports_in_a_circle() -> None:
    graph = grimp.build_graph("fin_assets", "dashboards", exclude_type_checking_imports=True, cache_dir=None)
    edges = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(edges) > 150
    # Raises CycleError, which names the circle.
    list(TopologicalSorter(edges).static_order())
