"""Imports run one way: core knows no source, a source knows core only, dashboards read published marts only."""

from __future__ import annotations

import ast

import pytest

from tests.arch.tree import ROOT, imports, modules, reaches, relative

PROJECT = ("fin_assets", "dashboards", "tests")

# Who may import what of the project, by the longest prefix that fits. Everything else is a broken arrow.
MAY: dict[str, tuple[str, ...]] = {
    "fin_assets.clock": (),
    "fin_assets.settings": ("fin_assets.clock",),
    "fin_assets.discovery": ("fin_assets.core.contract", "fin_assets.settings", "fin_assets.sources"),
    "fin_assets.core": ("fin_assets.core", "fin_assets.settings", "fin_assets.clock"),
    "fin_assets.sources": ("fin_assets.core", "fin_assets.settings", "fin_assets.clock"),
    # Shares calendars and the clock with the rest, and nothing that collects.
    "fin_assets.sandbox": ("fin_assets.sandbox", "fin_assets.core.calendars", "fin_assets.clock"),
    "fin_assets.warehouse": ("fin_assets.warehouse", "fin_assets.core", "fin_assets.settings", "fin_assets.clock"),
    "dashboards": ("dashboards", "fin_assets.warehouse.reader", "fin_assets.settings", "fin_assets.clock"),
    "fin_assets.definitions": (
        "fin_assets.core",
        "fin_assets.settings",
        "fin_assets.warehouse",
        "fin_assets.discovery",
    ),
    "fin_assets.code_location": ("fin_assets.definitions",),
    "fin_assets.commands": ("fin_assets",),
    "fin_assets.cli": ("fin_assets.commands",),
    "fin_assets": (),
}


def allowed(module: str) -> tuple[str, ...]:
    """Return what a module may import."""
    prefix = max((name for name in MAY if module == name or module.startswith(f"{name}.")), key=len)
    own = f"fin_assets.sources.{module.split('.')[2]}" if module.startswith("fin_assets.sources.") else None
    return (*MAY[prefix], own) if own else MAY[prefix]


@pytest.mark.parametrize("module", sorted(modules()))
def test_a_module_imports_only_what_the_arrows_allow(module: str) -> None:
    may = allowed(module)
    path = modules()[module]
    for package in PROJECT:
        for name in reaches(path, package):
            # `from a.b import c` gives a.b as well as a.b.c: one of the two being allowed is enough for the pair.
            inside = any(name == prefix or name.startswith(f"{prefix}.") for prefix in may)
            above = any(prefix.startswith(f"{name}.") for prefix in may)
            assert inside or above, (
                f"{relative(path)} imports {name}; it may import {', '.join(may) or 'nothing of the project'}"
            )


def test_core_names_no_source() -> None:
    names = [path.name for path in (ROOT / "fin_assets" / "sources").iterdir() if (path / "source.py").exists()]
    assert names
    for module, path in modules().items():
        if module.startswith(
            ("fin_assets.core", "fin_assets.warehouse", "fin_assets.definitions", "fin_assets.settings")
        ):
            text = path.read_text(encoding="utf-8")
            assert not [name for name in names if name in text], f"{relative(path)} names a source"


def test_only_the_browser_and_a_sources_fetch_know_playwright() -> None:
    known = {
        "fin_assets.core.transport.browser.pool",
        "fin_assets.core.transport.browser.client",
        "fin_assets.core.transport.responses",
        "fin_assets.core.transport.browser.chromium",
        "fin_assets.core.collection.fetch_jobs",
    }
    for module, path in modules().items():
        if reaches(path, "playwright"):
            fetches = module.startswith("fin_assets.sources.") and module.endswith(".fetch")
            assert fetches or module in known, f"{relative(path)} imports playwright"


def test_only_fetch_touches_the_network_in_a_source() -> None:
    network = (
        "playwright",
        "aiohttp",
        "requests",
        "httpx",
        "urllib.request",
        "http.client",
        "socket",
        "fin_assets.core.transport.browser.pool",
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


def test_the_arrows_would_notice_a_wrong_import(tmp_path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "def f():\n    from fin_assets.sources.hkex_southbound import parse\n    import fin_assets.sandbox.server\n"
    )
    assert reaches(wrong, "fin_assets") == {
        "fin_assets.sources.hkex_southbound",
        "fin_assets.sources.hkex_southbound.parse",
        "fin_assets.sandbox.server",
    }
    assert imports(wrong)
