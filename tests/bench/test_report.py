"""The document of the benchmarks: one section each, replaced in place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import report
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
