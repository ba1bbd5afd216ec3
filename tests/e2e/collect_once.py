"""A process that collects sessions and can be killed: `python -m tests.e2e.collect_once HOME SANDBOX_URL FROM TO`."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from tests.e2e.pipeline import LIST_DAYS, pipeline


def main(home: str, url: str, first: str, last: str) -> int:
    """Collect the list days from .. to and return 0 if all are usable."""
    site = cast("Any", SimpleNamespace(url=url))
    days = [day for day in LIST_DAYS if date.fromisoformat(first) <= day <= date.fromisoformat(last)]
    results = pipeline(Path(home), site).collect(days)
    return 0 if all(result.usable for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
