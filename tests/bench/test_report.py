"""The document of the benchmarks: one section each, replaced in place."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.bench import __main__ as main
from tests.bench import _needs, report
from tests.bench.report import Section


def test_a_section_is_added_once_and_replaced_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "DOCUMENT", tmp_path / "docs" / "benchmarks.md")
    report.write("pool", Section("Pages", report.table(["way", "pages/s"], [["a", 1]])))
    report.write("memory", Section("Memory", "flat", (("m.svg", "<svg/>"),)))
    report.write("pool", Section("Pages", r"new \1 figures"))
    text = report.DOCUMENT.read_text()
    assert text.startswith("# Benchmarks\n")
    assert text.count("## Pages") == text.count("## Memory") == 1
    assert text.index(r"new \1 figures") < text.index("flat")
    assert "| a | 1 |" not in text
    assert (tmp_path / "docs" / "benchmarks" / "m.svg").read_text() == "<svg/>"


def test_a_chart_names_its_lines_and_starts_at_zero() -> None:
    chart = report.line_chart({"requests": [(0, 400), (500, 410)]}, title="Memory", x="units", y="MiB")
    assert chart.startswith("<svg ")
    assert ">requests</text>" in chart
    assert ">0</text>" in chart
    assert ">410</text>" in chart


def test_the_plan_says_how_long_each_takes_and_what_is_left_out_for_want_of_what(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    which = shutil.which
    monkeypatch.setattr(_needs.shutil, "which", lambda name: None if name == "chromedriver" else which(name))
    known, left_out = main.found()
    assert left_out == {}
    assert all(module.MINUTES > 0 for module in known.values())
    lines = main.plan(["backfill", "pool"], known, {})
    assert lines[0].split() == ["backfill", "about", "1", "min"]
    assert lines[-1] == "about 6 min in all, on two idle cores"
    [script, cells] = [line for line in lines if line.startswith("left out of pool: Selenium")]
    assert "no chromedriver on the PATH: apt-get install chromium-driver" in script
    assert "cell by cell" in cells


def test_a_benchmark_whose_package_or_browser_is_missing_ends_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def import_module(name: str) -> object:
        if name.endswith("idx_parse"):
            raise ModuleNotFoundError(name="pandas")
        return importlib.import_module(name)

    monkeypatch.setattr(main, "importlib", SimpleNamespace(import_module=import_module))
    monkeypatch.setattr(main, "lacks", lambda need: f"no {need}")
    known, left_out = main.found()
    assert set(known) == {"idx_marts", "increment"}
    assert left_out["idx_parse"] == "no package pandas in the environment: make install"
    assert left_out["pool"] == "no chromium"
    assert "left out: pool (no chromium)" in main.plan(["pool"], known, left_out)


def test_a_table_names_the_ways_that_could_not_run() -> None:
    ways, left_out = _needs.possible(["a", "b"], {"b": ["no_such_package"]})
    assert ways == ["a"]
    assert _needs.told(left_out) == "\n\nLeft out: b (no package no_such_package in the environment: make install)."
    assert _needs.told({}) == ""
