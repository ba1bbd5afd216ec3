"""`fin new-source`: the skeleton of a source and of its tests, from the templates in `skeleton`."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from string import Template

from fin_assets.commands.args import console, repository
from fin_assets.commands.errors import EXIT_USAGE, Problem

TEMPLATES = Path(__file__).parent / "skeleton"
FILES = ("__init__.py", "source.py", "fetch.py", "parse.py", "schema.py", "stage.py")


def new_source(name: str) -> None:
    """Write the files and print the next step."""
    root = repository()
    written = write(name, sources=root / "fin_assets" / "sources", tests=root / "tests" / "sources")
    for path in written:
        console.print(f"wrote {path.relative_to(root)}", soft_wrap=True)
    console.print(
        f"\nNext: docs/adding-a-source.md. The skeleton keeps the contract as it is:\n"
        f".venv/bin/pytest tests/sources/test_contract.py tests/sources/{name}",
        soft_wrap=True,
    )


def write(name: str, *, sources: Path, tests: Path) -> list[Path]:
    """Write the skeleton of a source below `sources` and its test below `tests`; return the files.

    Raises:
        Problem: the name cannot be a package, or there is such a source.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or keyword.iskeyword(name):
        msg = f"{name!r} cannot be the name of a source."
        raise Problem(msg, "use snake_case: fin new-source thai_funds", EXIT_USAGE)
    folder, test_folder = sources / name, tests / name
    for path in (folder, test_folder):
        if path.exists():
            msg = f"{path} exists already."
            raise Problem(msg, "choose another name, or remove it first", EXIT_USAGE)
    words = name.split("_")
    values = {
        "name": name,
        "title": " ".join(word.capitalize() for word in words),
        "settings": "".join(word.capitalize() for word in words) + "Settings",
        "team": "-".join(word for word in words if word.isalpha()) or "data",
    }
    written = []
    for target, template in [
        *((folder / file, f"{file}.tmpl") for file in FILES),
        (test_folder / "test_parse.py", "test_parse.py.tmpl"),
    ]:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(
            Template((TEMPLATES / template).read_text(encoding="utf-8")).substitute(values), encoding="utf-8"
        )
        written.append(target)
    empty = test_folder / "__init__.py"
    empty.touch()
    return [*written, empty]
