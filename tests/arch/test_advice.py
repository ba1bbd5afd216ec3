"""Every command that the product or a document advises is one that the command line takes, arguments and options included."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from fin_assets.cli import app
from tests.arch.tree import ROOT

COMMANDS: dict[str, Any] = dict(get_command(app).commands)
USAGE_ERROR = typer.BadParameter.__bases__[0]
VALUE = "VALUE"
"""Stands for what a message fills in."""

POSITIONAL = re.compile(r"VALUE|[A-Z][A-Z_]+|hkex_southbound|idx_brokers|my_source")
ADVICE = re.compile(rf"(?<![\w/.-])fin ({'|'.join(COMMANDS)})(?![\w/])([^\n;:`]*)")
FROM_SQL = re.compile(r"',\s*[a-z_.]+\s*(?:,\s*'|(?=\)))")


def texts() -> Iterator[tuple[str, str]]:
    """Yield every text that a person may read, with where it stands: strings that are no docstrings, SQL, documents."""
    for folder in ("fin_assets", "dashboards"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for line, text in strings(ast.parse(path.read_text(encoding="utf-8"))):
                yield f"{path.relative_to(ROOT)}:{line}", text
    for path in sorted((ROOT / "dbt_project/models").rglob("*.sql")):
        yield str(path.relative_to(ROOT)), FROM_SQL.sub(VALUE, path.read_text(encoding="utf-8")).replace("'", " ;")
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        yield from documented(path)


def strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the strings of a module, with VALUE for what is filled in; those that stand alone are documentation."""
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield (
                node.lineno,
                "".join(str(part.value) if isinstance(part, ast.Constant) else VALUE for part in node.values),
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (inside | alone):
            yield node.lineno, node.value


def documented(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the code blocks of a document, and the code of its sentences that say what mends something."""
    paragraph = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        where = f"{path.relative_to(ROOT)}:{number}"
        if line.startswith("    fin "):
            yield where, line.partition("#")[0]
        paragraph = f"{paragraph} {line}" if line else ""
        if "Mend it" in paragraph or "mends" in paragraph:
            for code in re.findall(r"`(fin [^`]*)`", paragraph):
                yield where, code


def advised() -> list[tuple[str, str, list[str]]]:
    """Return each advised command: where it stands, its name, and its arguments."""
    return [
        (where, match.group(1), arguments(COMMANDS[match.group(1)], match.group(2)))
        for where, text in texts()
        for match in ADVICE.finditer(text)
    ]


def arguments(command: Any, behind: str) -> list[str]:
    """Return the arguments and options at the start of what stands behind a command; the prose after them is left out."""
    found: list[str] = []
    options = {name: each for each in command.params for name in (*each.opts, *each.secondary_opts)}
    room = sum(each.param_type_name == "argument" for each in command.params)
    words = iter(words_of(behind))
    for word in words:
        option = options.get(word)
        if option is not None:
            found += [word] if option.is_flag else [word, next(words, "")]
        elif word.startswith("-"):
            found.append(word)
        elif POSITIONAL.fullmatch(word):
            # What a message fills in behind the last argument are options, which are advised elsewhere as well.
            found += [word] * (room > 0)
            room -= 1
        else:
            break
    return [each for each in found if each]


def words_of(behind: str) -> list[str]:
    """Return the words of a command line up to the end of its sentence."""
    line = re.split(r"[,)(]|\.(?:\s|$)", behind)[0]
    try:
        return shlex.split(line)
    except ValueError:
        # An apostrophe of the prose behind it.
        return line.split()


def test_the_commands_are_found() -> None:
    found = advised()
    assert len(found) > 60
    assert {"run", "heal", "reparse", "build", "doctor", "status"} <= {name for _, name, _ in found}


@pytest.mark.parametrize(("behind", "taken"), [
    (" SOURCE makes it again", ["SOURCE"]),
    (" VALUE --session VALUE, or wait", ["VALUE", "--session", "VALUE"]),
    (" or fin heal", []),
])  # fmt: skip
def test_prose_behind_a_command_is_no_part_of_it(behind: str, taken: list[str]) -> None:
    assert arguments(COMMANDS["run"], behind) == taken


def test_every_advised_command_is_one_that_the_command_line_takes() -> None:
    wrong = []
    for where, name, given in advised():
        try:
            COMMANDS[name].make_context(name, list(given))
        except USAGE_ERROR as error:
            wrong.append(f"{where}: fin {name} {' '.join(given)}: {error}")
    assert wrong == []
