"""Codes of formulas, such as B8 or H6: each that stands in code, SQL or a document resolves in docs/formulas.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.arch.tree import ROOT, files, relative

DOCUMENT = ROOT / "docs" / "formulas.md"
CODE = re.compile(r"(?<![\w#])([HBFP][1-9]\d?)(?!\w)|(?<![\w#])((?:[HBFP][1-9]\d?_)+)(?=[a-z])")
"""A code by itself, or those that begin a unit test's name (`B7_B8_percent_amount`)."""
KINDS = {".py", ".sql", ".yml", ".md", ".csv"}
UNITS = ("Unit:", "Origin:", "Computed in:")


def codes(text: str) -> set[str]:
    """Return the codes that a text mentions."""
    return {code for alone, begun in CODE.findall(text) for code in (alone or begun).strip("_").split("_")}


def sections() -> dict[str, str]:
    """Return the text under each heading with a code."""
    parts = re.split(r"^## ([A-Z]\d+) .*\n", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


SECTIONS = sections()


def mentions(path: Path, code: str) -> bool:
    """Return whether a file, or a Python file below a folder, mentions a code."""
    found = [path] if path.is_file() else list(path.rglob("*.py"))
    return any(code in codes(each.read_text(encoding="utf-8")) for each in found)


def test_every_code_of_a_formula_has_a_heading() -> None:
    unknown = {
        f"{relative(path)}: {code}"
        for path in files()
        if path.suffix in KINDS and path not in {DOCUMENT, Path(__file__)}
        for code in codes(path.read_text(encoding="utf-8")) - SECTIONS.keys()
    }
    assert unknown == set()


@pytest.mark.parametrize("code", SECTIONS)
def test_every_heading_says_what_a_formula_needs_and_names_files_that_mention_it(code: str) -> None:
    text = SECTIONS[code]
    assert "\n    " in text, "no formula"
    assert [unit for unit in UNITS if unit not in text] == []
    named = re.findall(r"`([^`]+)`", text.split("Computed in:", 1)[1].split("\n#", 1)[0])
    assert named
    assert [path for path in named if not (ROOT / path).exists() or not mentions(ROOT / path, code)] == []


def test_a_code_is_recognised_in_a_sentence_and_in_the_name_of_a_unit_test() -> None:
    text = "the gate (H6), B1-B3; name: B7_B8_percent_amount, {formula: H9}"
    assert codes(text) == {"H6", "B1", "B3", "B7", "B8", "H9"}
    assert codes("#B1F2C3 B01451 H264 AH2") == set()
