"""Built homes that are made once and then copied: a full build of the marts is the dearest thing that tests do.

They lie in `.cache/homes/<name>-<hash>`, for all workers of a run and for the runs after it. The hash is of everything
that they come from: the dbt project, the code of the package, the code that stages them.
"""

from __future__ import annotations

import hashlib
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import duckdb
from filelock import FileLock

from fin_assets.warehouse.dbt import project_hash
from fin_assets.warehouse.paths import PROJECT

ROOT = Path(__file__).resolve().parents[2]
HOMES = ROOT / ".cache" / "homes"
STAGING = ("conftest.py", "home.py", "idx_home.py", "idx_market.py", "templates.py")
UNUSED = ("commands", "sandbox")
"""Packages that no build uses."""

Result = TypeVar("Result")


def copied(name: str, make: Callable[[Path], Result], target: Path) -> Result:
    """Copy the data of a built home to `target`, and return what `make` returned when it was built.

    Args:
        name: of the home.
        make: stages and builds it below the given directory; what it returns can be pickled.
        target: home that gets the data directory.
    """
    HOMES.mkdir(parents=True, exist_ok=True)
    root = HOMES / f"{name}-{_hash()}"
    result = root / "result.pickle"
    with FileLock(HOMES / f"{name}.lock"):
        if not result.exists():
            for old in HOMES.glob(f"{name}-*"):
                shutil.rmtree(old)
            # Not moved afterwards: what is published names its files by their whole path.
            made = make(root)
            # Last: a home without it is half built.
            result.write_bytes(pickle.dumps(made))
        shutil.copytree(root / "data", target / "data")
        found: Result = pickle.loads(result.read_bytes())  # noqa: S301 - written above
    return found


def _hash() -> str:
    package = ROOT / "fin_assets"
    code = [path for path in package.rglob("*.py") if path.relative_to(package).parts[0] not in UNUSED]
    digest = hashlib.sha256(f"{project_hash(PROJECT)} {duckdb.__version__} ".encode())
    for path in sorted([*code, *(Path(__file__).with_name(name) for name in STAGING)]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
