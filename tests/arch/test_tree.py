"""What must not be in the repository: binaries (but pictures of documents and fonts), paths of a machine, package indexes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.arch.tree import ROOT, files, modules, relative

# Assembled, so that this file does not contain what it looks for.
HOMES = "|".join(["wo" + "rk", "ro" + "ot", "ho" + r"me/[a-z]\w*", "fa" + "rm"])
MACHINE_PATH = re.compile(rf"(?<![\w.$}}])/(?:{HOMES})/[\w.]")
HOSTS = re.compile("py" + r"pi\.org|python" + r"hosted\.org|--(?:extra-)?index-url[ =]http|registry\.npm" + r"js\.org")
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX|HA" + r"CK)\b")
LONG_MODULE, LARGE_FILE, LARGE_PICTURE = 400, 600_000, 300_000
SIGNATURES = {".png": b"\x89PNG\r\n\x1a\n", ".webp": b"RIFF", ".woff2": b"wOF2"}
EMBEDDED = re.compile(r"data:image/[a-z]+;base64,[A-Za-z0-9+/]{200}")


def is_picture(path: Path) -> bool:
    """Return whether a file may be binary: a picture of the documents."""
    return path.parent == ROOT / "docs" / "img" and path.suffix in {".png", ".webp"}


def is_font(path: Path) -> bool:
    """Return whether a file may be binary: a font of the pages, beside its licence."""
    return path.suffix == ".woff2" and (path.parent / "OFL.txt").is_file()


def texts():
    """Return each file of text with its text."""
    return [(path, path.read_text(encoding="utf-8")) for path in files() if not (is_picture(path) or is_font(path))]


def test_every_file_is_text_or_a_picture_of_the_documents_and_none_is_large() -> None:
    for path in files():
        content = path.read_bytes()
        most = LARGE_PICTURE if is_picture(path) else LARGE_FILE
        assert len(content) < most, f"{relative(path)} has {len(content)} bytes"
        if is_picture(path) or is_font(path):
            assert content.startswith(SIGNATURES[path.suffix]), f"{relative(path)} is no {path.suffix} file"
        else:
            assert b"\0" not in content, f"{relative(path)} is binary"
            content.decode("utf-8")


def test_no_text_carries_a_picture_inside() -> None:
    for path, text in texts():
        assert not EMBEDDED.search(text), f"{relative(path)} embeds a picture: save it as .webp or .png under docs/img"


@pytest.mark.parametrize(
    ("what", "pattern"),
    [("a path of one machine", MACHINE_PATH), ("the host of a package index", HOSTS), ("unfinished work", UNFINISHED)],
)
def test_no_file_names(what: str, pattern: re.Pattern[str]) -> None:
    for path, text in texts():
        found = pattern.search(text)
        assert found is None, f"{relative(path)}:{text[: found.start()].count(chr(10)) + 1} has {what}: {found.group()}"


def test_every_module_says_what_belongs_in_it_and_is_not_long() -> None:
    import ast

    for path in modules().values():
        text = path.read_text(encoding="utf-8")
        assert ast.get_docstring(ast.parse(text)) or not text.strip(), f"{relative(path)} has no docstring"
        assert text.count("\n") <= LONG_MODULE, f"{relative(path)} has {text.count(chr(10))} lines"


def test_the_lock_has_a_hash_for_every_package() -> None:
    entries = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / "requirements.lock").read_text(encoding="utf-8").strip())
    entries = [entry for entry in entries if not entry.startswith("#")]
    assert len(entries) > 100
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._\[\]-]+==[^\s;]+", entry), entry[:60]
        assert "--hash=sha256:" in entry, entry[:60]


def test_every_requirement_is_locked() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(name for group in project["optional-dependencies"].values() for name in group),
    ]
    locked = {
        line.split("==")[0].split("[")[0].lower().replace("_", "-")
        for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
        if "==" in line
    }
    for requirement in wanted:
        name = re.split(r"[\[<>=!~; ]", requirement)[0].lower().replace("_", "-")
        assert name in locked, f"{name} is not in requirements.lock: make lock"


def test_scripts_are_executable_and_stop_at_the_first_error() -> None:
    for path, text in texts():
        if text.startswith("#!/usr/bin/env bash"):
            assert path.stat().st_mode & 0o100, relative(path)
            assert "set -euo pipefail" in text, relative(path)
