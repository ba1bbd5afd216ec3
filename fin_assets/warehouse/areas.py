"""The areas of the dbt project whose inputs have changed since the last build. Models of the others need not run.

An area is a folder of models with sources of its own: `models/sources/<area>`. Its models read its own staged tables, its
own models and those that no area owns; a test keeps that. Folders without sources, such as `ops`, are always built.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

from fin_assets.warehouse.declarations import sources_of_areas

_KEY = "area "
_CONTROL = (("partitions", "stamp"), ("expected_sessions", "ordinal"), ("tables", "timezone"))
"""Control tables that models read, each with a column that says nothing about the rows of a mart."""


def inputs(connection: duckdb.DuckDBPyConnection, project: Path) -> dict[str, str]:
    """Return a hash of what each area is made from, apart from the rows of its staged files."""
    return {area: hash_of(connection, sources) for area, sources in sources_of_areas(project).items()}


def unchanged(connection: duckdb.DuckDBPyConnection, project: Path, now: Mapping[str, str]) -> tuple[str, ...]:
    """Return the areas without a changed session whose inputs are those of the last build. Hashes `now` from `inputs`."""
    before = dict(connection.execute("select key, value from control.meta").fetchall())
    changed = {
        source for (source,) in connection.execute("select distinct source from control.changed_sessions").fetchall()
    }
    return tuple(
        area
        for area, sources in sources_of_areas(project).items()
        if before.get(_KEY + area) == now[area] and changed.isdisjoint(sources)
    )


def remember(connection: duckdb.DuckDBPyConnection, built: Mapping[str, str]) -> None:
    """Record the hashes of a build that has ended well."""
    connection.execute("delete from control.meta where starts_with(key, ?)", [_KEY])
    for area, value in built.items():
        connection.execute("insert into control.meta values (?, ?)", [_KEY + area, value])


def hash_of(connection: duckdb.DuckDBPyConnection, sources: Iterable[str] | None = None) -> str:
    """Return a hash of the manifests, calendars and tables of some sources, or of all."""
    chosen = "" if sources is None else " where list_contains($1, source)"
    values = [] if sources is None else [sorted(sources)]
    parts = []
    for table, left_out in _CONTROL:
        rows = f"select * exclude ({left_out}) from control.{table}{chosen}"  # noqa: S608 - names from here
        row = connection.execute(f"select coalesce(bit_xor(hash(t)), 0) from ({rows}) as t", values).fetchone()  # noqa: S608
        parts.append(str(row[0] if row else 0))
    return "-".join(parts)
