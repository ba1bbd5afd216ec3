"""What a command imports decides how long it takes to start: nothing that it does not use."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import sys
sys.argv[0] = "fin"
if sys.argv[1] == "explain":
    sys.argv += ["idx_brokers", "BBCA"]
from fin_assets.cli import app
from fin_assets.commands.sql import published
from fin_assets.warehouse.paths import NothingPublished
try:
    if sys.argv[1] == "published":
        published()
    else:
        app(sys.argv[1:])
except (SystemExit, NothingPublished):
    pass
print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""
# Not through `fin sql` itself: in an empty home it is an error, and to explain one everything is imported.

FORBIDDEN = {
    "--help": {"dagster", "dbt", "duckdb", "pandas", "playwright", "polars", "pyarrow", "pydantic", "sqlalchemy"},
    "status": {"dagster", "dagster_dbt", "dbt", "aiohttp", "panel", "bokeh", "playwright"},
    "explain": {"dagster", "dagster_dbt", "dbt", "panel", "bokeh", "playwright"},
    "published": {"dagster", "dbt", "playwright", "pandas", "exchange_calendars", "dataframely", "sqlalchemy"},
}


@pytest.mark.parametrize("command", FORBIDDEN)
def test_a_command_imports_nothing_that_it_does_not_use(command: str) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT, command], capture_output=True, text=True, check=True)
    imported = set(done.stderr.split())
    assert {"fin_assets", "rich"} < imported
    assert imported & FORBIDDEN[command] == set()
