"""`fin new-source`: every file of a source that works over the sandbox, from the templates in `skeleton`.

The templates lie as their files do in the checkout: `NAME` in a path is the name of the source, `.tmpl` is left out.
"""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from string import Template

from fin_assets.commands.args import console, repository
from fin_assets.commands.errors import EXIT_USAGE, Problem

TEMPLATES = Path(__file__).parent / "skeleton"
SUFFIX = ".tmpl"

LONGEST_NAME = 30
"""Unit: characters. Marts, addresses and check names contain the name; lines of the templates have room for this many."""


def new_source(name: str) -> None:
    """Write the files and print the next step."""
    root = repository()
    for path in write(name, root):
        console.print(f"wrote {path.relative_to(root)}", soft_wrap=True)
    console.print("\nIt works as it is, over its site in the sandbox:", soft_wrap=True)
    for command in next_commands(name):
        console.print(f"    {command}", soft_wrap=True)
    console.print("\nWhat to decide and to replace: docs/adding-a-source.md", soft_wrap=True)


def next_commands(name: str) -> list[str]:
    """Return the commands that test, collect and show a new source."""
    return [
        f".venv/bin/pytest tests/sources/test_contract.py tests/sources/{name} tests/areas/{name} tests/arch/test_docs.py",
        f"fin run {name} --session 2026-03-02",
        "fin serve",
    ]


def write(name: str, root: Path) -> list[Path]:
    """Write the files of a source below the root of a checkout and return them, sorted; no file is changed.

    Raises:
        Problem: the name cannot be a package or is too long, or one of the files exists.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or keyword.iskeyword(name) or len(name) > LONGEST_NAME:
        msg = f"{name!r} cannot be the name of a source."
        raise Problem(msg, f"use snake_case, at most {LONGEST_NAME} characters: fin new-source my_source", EXIT_USAGE)
    files = {root / _target(template, name): template for template in sorted(TEMPLATES.rglob(f"*{SUFFIX}"))}
    taken = [path for path in files if path.exists() or (path.parent.name == name and path.parent.exists())]
    if taken:
        msg = f"{taken[0]} or its folder exists already."
        raise Problem(msg, "choose another name, or remove it first", EXIT_USAGE)
    values = _values(name)
    for path, template in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template(template.read_text(encoding="utf-8")).substitute(values), encoding="utf-8")
    return sorted(files)


def _target(template: Path, name: str) -> Path:
    return Path(str(template.relative_to(TEMPLATES)).removesuffix(SUFFIX).replace("NAME", name))


def _values(name: str) -> dict[str, str]:
    """Return what stands for the variables of the templates."""
    words = name.split("_")
    return {
        "name": name,
        "path": "-".join(words),
        "title": " ".join(word.capitalize() for word in words),
        "prefix": "".join(word.capitalize() for word in words),
        "team": "-".join(word for word in words if word.isalpha()) or "data",
    }
