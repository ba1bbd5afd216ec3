"""The tree as the arch tests see it: tracked and new files, and what each module imports. Judges nothing."""

from __future__ import annotations

import ast
import subprocess
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@lru_cache(maxsize=1)
def files() -> list[Path]:
    """Return every file that belongs to the repository, committed yet or not; a plain copy has all files."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode == 0:
        found = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        found = [
            path
            for path in ROOT.rglob("*")
            if not {".venv", "data", "__pycache__", "node_modules"} & set(path.relative_to(ROOT).parts)
        ]
    return [path for path in found if path.is_file()]


def relative(path: Path) -> str:
    """Return a path as it is written in messages."""
    return path.relative_to(ROOT).as_posix()


@lru_cache(maxsize=1)
def modules() -> dict[str, Path]:
    """Return the Python files of the packages, by module name."""
    found = {}
    for path in files():
        parts = path.relative_to(ROOT).with_suffix("").parts
        if path.suffix == ".py" and parts[0] in {"fin_assets", "dashboards"}:
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@lru_cache(maxsize=512)
def imports(path: Path) -> frozenset[str]:
    """Return what a file imports anywhere in it, functions included; `from a import b` gives `a` and `a.b`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def reaches(path: Path, package: str) -> set[str]:
    """Return what a file imports of a package."""
    return {name for name in imports(path) if name == package or name.startswith(f"{package}.")}
