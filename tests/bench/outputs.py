"""Do two commits give the same output? Hashes of every staged file and of every mart of a home, and their comparison.

    python -m tests.bench.outputs dump HOME OUT.json       hashes of a home, whichever version made it
    python -m tests.bench.outputs compare A.json B.json    what differs, row by row of the report; exit status 1 if anything does

Make both homes with the same clock and seed, for example `FIN_CLOCK=2026-11-24T14:00:00+00:00 fin demo --no-serve`. A staged
file is compared by its rows in their order; a mart by the set of its rows, and column by column where that differs.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

MEASURED = {"elapsed_seconds", "seconds_per_unit", "seconds"}
"""Columns that hold durations: they differ from run to run."""


def staged(data: Path) -> dict[str, str]:
    """Return a hash of the rows of each staged file that counts, by source, table and session."""
    found = {}
    for path in sorted((data / "raw").rglob("manifest.json")):
        manifest = json.loads(path.read_text(encoding="utf-8"))
        name = f"{manifest['source']}/{manifest['table']}/{manifest['session']}"
        found[name] = str(manifest["state"])
        if manifest["staged"]:
            frame = pl.read_parquet(data / manifest["staged"]["file"])
            text = f"{frame.schema}\n{frame.write_csv(float_precision=12)}"
            found[name] += " " + hashlib.sha256(text.encode()).hexdigest()
    return found


def marts(data: Path) -> dict[str, dict[str, Any]]:
    """Return rows and hashes of each table and view of the published build, as a whole and by column."""
    found: dict[str, dict[str, Any]] = {}
    with duckdb.connect() as connection:
        connection.execute(f"attach '{data / 'warehouse.duckdb'}' as warehouse (read_only)")
        connection.execute("use warehouse")
        connection.execute("set TimeZone = 'UTC'")
        names = connection.execute(
            "select table_schema, table_name from information_schema.tables"
            " where table_schema in ('main', 'intermediate', 'reference') order by all"
        ).fetchall()
        for schema, name in names:
            columns = [
                column
                for column, *_ in connection.execute(f'describe {schema}."{name}"').fetchall()
                if column not in MEASURED
            ]
            listed = ", ".join(f'"{column}"' for column in columns)
            parts = ", ".join(f'sum(hash("{column}")::hugeint)::varchar' for column in columns)
            row = connection.execute(
                f'select count(*), sum(hash(({listed}))::hugeint)::varchar, {parts} from {schema}."{name}"'  # noqa: S608 - names from the catalogue
            ).fetchone()
            if row is None:
                raise AssertionError(name)
            found[f"{schema}.{name}"] = {
                "rows": row[0],
                "hash": row[1],
                "columns": dict(zip(columns, row[2:], strict=True)),
            }
    return found


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return one line for each staged file and each mart that is not the same."""
    lines = []
    for name in sorted({*before["staged"], *after["staged"]}):
        was, now = (each["staged"].get(name, "nothing") for each in (before, after))
        if was != now:
            lines.append(f"staged {name}: {was[:40]} is now {now[:40]}")
    for name in sorted({*before["marts"], *after["marts"]}):
        was, now = (each["marts"].get(name) for each in (before, after))
        if was is None or now is None:
            lines.append(f"mart {name}: {'is new' if was is None else 'is gone'}")
        elif was != now:
            columns = {*was["columns"], *now["columns"]}
            changed = sorted(column for column in columns if was["columns"].get(column) != now["columns"].get(column))
            lines.append(
                f"mart {name}: {was['rows']} rows, now {now['rows']}; columns {', '.join(changed) or 'together'}"
            )
    return lines


def main(arguments: list[str]) -> int:
    """Run one of the two commands."""
    match arguments:
        case ["dump", home, out]:
            data = Path(home) / "data"
            Path(out).write_text(json.dumps({"staged": staged(data), "marts": marts(data)}, indent=1), encoding="utf-8")
            return 0
        case ["compare", one, other]:
            read = [json.loads(Path(name).read_text(encoding="utf-8")) for name in (one, other)]
            lines = differences(*read)
            print(
                "\n".join(lines) or f"{len(read[0]['staged'])} staged files and {len(read[0]['marts'])} marts are equal"
            )
            return bool(lines)
        case _:
            print(__doc__)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
