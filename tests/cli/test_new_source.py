"""`fin new-source`: what it writes works before anybody touches it, and no file that others share changes."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.main import get_command

from fin_assets.cli import app
from fin_assets.commands.errors import Problem
from fin_assets.commands.new_source import LONGEST_NAME, next_commands, write
from fin_assets.warehouse.reader import Reader
from tests.arch.tree import ROOT, files, relative

NAME = "toy_prices_2"
LONG, SHORT = "listed_warrants_of_hong_kong_b", "fx"
PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True)
class Checkout:
    """A copy of the repository with a new source.

    Attributes:
        root: of the copy.
        before: hash of each file before the command, by path.
        told: what the command printed.
    """

    root: Path
    before: dict[str, str]
    told: str

    @property
    def written(self) -> list[str]:
        """The files that the command says it wrote."""
        return re.findall(r"^wrote (\S+)$", self.told, flags=re.MULTILINE)

    def run(self, *command: str, **more: str) -> str:
        """Run a program of this environment in the copy and return what it prints; it must succeed."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("FIN_", "DAGSTER_"))}
        done = subprocess.run(
            [PROGRAMS / command[0], *command[1:]],
            cwd=self.root,
            env=environment | {"PYTHONPATH": str(self.root)} | more,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
        return done.stdout


def hashes(root: Path) -> dict[str, str]:
    """Return the hash of each file of a tree, without what running it leaves."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file() and not {"__pycache__", ".ruff_cache"} & set(path.parts)
    }


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    root = tmp_path_factory.mktemp("checkout")
    for path in files():
        target = root / relative(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    before = hashes(root)
    told = Checkout(root, before, "").run("python", "-m", "fin_assets.cli", "new-source", NAME)
    return Checkout(root, before, told)


def test_only_new_files_appear_and_each_is_named(checkout: Checkout) -> None:
    after = hashes(checkout.root)
    assert {name for name in checkout.before if after.get(name) != checkout.before[name]} == set()
    assert sorted(after.keys() - checkout.before.keys()) == checkout.written
    assert {name.partition("/")[0] for name in checkout.written} == {
        "dashboards",
        "dbt_project",
        "docs",
        "fin_assets",
        "tests",
    }


def test_what_is_written_passes_lint_format_and_the_import_arrows(checkout: Checkout) -> None:
    python = [name for name in checkout.written if name.endswith(".py")]
    checkout.run("ruff", "check", "--no-cache", *python)
    checkout.run("ruff", "format", "--no-cache", "--check", *python)
    assert "0 broken" in checkout.run("lint-imports", "--no-cache")
    checkout.run("sqlfluff", "lint", *(name for name in checkout.written if name.endswith(".sql")))


@pytest.mark.parametrize("name", [LONG, SHORT])
def test_lines_fit_whatever_the_length_of_the_name(name: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    python = [path for path in write(name, tmp_path) if path.suffix == ".py"]
    for command in (["check"], ["format", "--check", "--diff"]):
        # Packages above the written ones are not there.
        ignored = ["--ignore", "INP001"] if command == ["check"] else []
        done = subprocess.run(
            [PROGRAMS / "ruff", *command, "--no-cache", *ignored, *python],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.expensive("the tests of the new source, its contract and the documents run in a process of their own")
def test_the_tests_that_it_names_pass(checkout: Checkout) -> None:
    assert all(command in checkout.told for command in next_commands(NAME))
    program, *arguments = next_commands(NAME)[0].split()
    assert program == ".venv/bin/pytest"
    told = checkout.run("pytest", "-v", "-p", "no:cacheprovider", *arguments)
    for ran in (
        f"every_table_of_every_source_keeps_the_contract[{NAME}/prices-",
        f"every_source_loads_in_dagster[{NAME}]",
        f"a_source_alone_has_a_heading_in_its_page[{NAME}]",
        f"relative_links_resolve[docs/sources/{NAME}.md]",
        f"tests/sources/{NAME}/test_collect.py::test_sessions_are_complete_and_staged PASSED",
        f"tests/areas/{NAME}/test_pages.py::test_the_page_shows_the_newest_session PASSED",
    ):
        assert ran in told
    assert "FAILED" not in told


def test_the_commands_that_it_names_exist(checkout: Checkout) -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    named = re.findall(r"^ +fin ([a-z-]+)(.*)$", checkout.told, flags=re.MULTILINE)
    assert [name for name, _ in named] == ["run", "serve"]
    for name, rest in named:
        known = {option for param in commands[name].params for option in param.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known


@pytest.mark.slow
def test_a_session_is_collected_built_and_published(checkout: Checkout, ports, tmp_path: Path) -> None:
    [run] = [command for command in next_commands(NAME) if command.startswith("fin run")]
    home = {"FIN_HOME": str(tmp_path), "FIN_SANDBOX__PORT": str(ports.sandbox)}
    checkout.run("python", "-m", "fin_assets.cli", *run.split()[1:], **home)
    snapshot = Reader(tmp_path / "data").snapshot()
    rows = snapshot.query(f"select session_date, count(*), max(place_no) from {NAME}__daily_prices group by 1", [])  # noqa: S608
    assert [(str(day), count) for day, count, _ in rows.rows()] == [("2026-03-02", 20)]


@pytest.mark.slow
def test_what_is_written_passes_the_type_checker(checkout: Checkout, tmp_path: Path) -> None:
    packages = [f"fin_assets.sources.{NAME}", f"fin_assets.sandbox.sites.{NAME}", f"dashboards.areas.{NAME}"]
    checkout.run("mypy", "--cache-dir", str(tmp_path), *(part for name in packages for part in ("-p", name)))


@pytest.mark.parametrize(
    "name", ["ThaiFunds", "2funds", "class", "thai-funds", "thai__funds", "", "a" * (LONGEST_NAME + 1)]
)
def test_a_name_that_cannot_be_a_package_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"cannot be the name") as refused:
        write(name, tmp_path)
    assert "snake_case" in str(vars(refused.value))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("taken", ["fin_assets/sources", "docs/sources", "dashboards/areas"])
def test_nothing_that_exists_is_overwritten(taken: str, tmp_path: Path) -> None:
    existing = tmp_path / taken / (f"{NAME}.md" if taken.startswith("docs") else f"{NAME}/own.py")
    existing.parent.mkdir(parents=True)
    existing.write_text("mine")
    with pytest.raises(Problem, match="exists already"):
        write(NAME, tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [existing]
    assert existing.read_text() == "mine"
