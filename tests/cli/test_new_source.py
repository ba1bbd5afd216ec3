"""`fin new-source`: the skeleton works before anybody touches it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fin_assets import sources as sources_package
from fin_assets.commands.errors import Problem
from fin_assets.commands.new_source import write
from fin_assets.discovery import discover
from fin_assets.settings import Settings
from tests.sources.contract import RULES, loads_in_dagster

ROOT = Path(__file__).resolve().parents[2]
NAME = "thai_funds_2"


@pytest.fixture
def skeleton(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Write a skeleton beside the tree, where discovery finds it all the same."""
    written = write(NAME, sources=tmp_path / "sources", tests=tmp_path / "tests")
    monkeypatch.setattr(sources_package, "__path__", [*sources_package.__path__, str(tmp_path / "sources")])
    yield written
    for module in [module for module in sys.modules if module.startswith(f"{sources_package.__name__}.{NAME}")]:
        del sys.modules[module]


def test_the_skeleton_is_found_and_keeps_the_contract(skeleton) -> None:
    [source] = [found for found in discover(Settings(home=Path("no-such-home"))) if found.name == NAME]
    for table in source.tables:
        for rule in RULES:
            rule(source, table)
    loads_in_dagster(source)


def test_the_skeletons_own_tests_pass(skeleton, tmp_path: Path) -> None:
    """In this process: a second one would take seconds for the imports alone."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("skeleton_tests", tmp_path / "tests" / NAME / "test_parse.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    ran = [getattr(module, name)() for name in dir(module) if name.startswith("test_")]
    assert len(ran) == 5


def test_the_skeleton_passes_lint_and_format(skeleton, tmp_path: Path) -> None:
    ruff = [sys.executable, "-m", "ruff"]
    for path in skeleton:
        within = path.relative_to(tmp_path)
        # As the file that it would be: rules depend on the folder.
        place = [
            "--stdin-filename",
            str(ROOT / ("fin_assets" if within.parts[0] == "sources" else "tests/sources") / within),
        ]
        for command in (
            ["check", "--no-cache", "--ignore", "INP001", *place, "-"],
            ["format", "--check", "--diff", *place, "-"],
        ):
            done = subprocess.run(
                [*ruff, *command], input=path.read_text(), capture_output=True, text=True, cwd=ROOT, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_skeleton_passes_the_type_checker(skeleton, tmp_path: Path) -> None:
    tree = tmp_path / "tree" / "fin_assets"
    (tree / "sources").mkdir(parents=True)
    for path in (ROOT / "fin_assets").iterdir():
        if path.name != "sources":
            (tree / path.name).symlink_to(path)
    (tree / "sources" / "__init__.py").touch()
    (tree / "sources" / NAME).symlink_to(tmp_path / "sources" / NAME)
    mypy = [
        sys.executable,
        "-m",
        "mypy",
        "--config-file",
        str(ROOT / "pyproject.toml"),
        "--cache-dir",
        str(tmp_path / "cache"),
    ]
    done = subprocess.run(
        [*mypy, "-p", f"fin_assets.sources.{NAME}"], capture_output=True, text=True, cwd=tree.parent, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["ThaiFunds", "2funds", "class", "thai-funds", "thai__funds", ""])
def test_a_name_that_cannot_be_a_package_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="snake_case"):
        write(name, sources=tmp_path, tests=tmp_path)


def test_an_existing_source_is_never_overwritten(skeleton, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="exists already"):
        write(NAME, sources=tmp_path / "sources", tests=tmp_path / "other")
