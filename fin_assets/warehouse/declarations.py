"""The staged tables that the dbt project declares, by the kind of view that a build gives to its models. Reads yml only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # published without types; dbt brings it

from fin_assets.warehouse.archive import ArchivedTable
from fin_assets.warehouse.observations import ObservedTable
from fin_assets.warehouse.paths import WarehouseError


def staged_tables(project: Path) -> dict[str, dict[str, Any]]:
    """Return the tables without a mark: view name -> source, table, and columns with types."""
    return {
        table["identifier"]: {"source": source["name"], "table": table["name"], "columns": _columns(table)}
        for source, table in _declared(project)
        if _mark(table, "archive") is None and _mark(table, "observations") is None
    }


def archived_tables(project: Path) -> list[ArchivedTable]:
    """Return the tables that are marked with `meta: archive`: their rows stay in Parquet."""
    return [
        ArchivedTable(
            view=table["identifier"],
            source=source["name"],
            table=table["name"],
            columns=_columns(table),
            order_by=tuple(mark["order_by"]),
            reach=int(mark["reach_sessions"]),
        )
        for source, table in _declared(project)
        if (mark := _mark(table, "archive")) is not None
    ]


def observed_tables(project: Path) -> list[ObservedTable]:
    """Return the tables that are marked with `meta: observations`: their rows may be of any session date.

    Raises:
        WarehouseError: the key names no session date or a column that is not there, or the table has no `observed_at`.
    """
    found = []
    for source, table in _declared(project):
        mark = _mark(table, "observations")
        if mark is None:
            continue
        columns, key = _columns(table), tuple(mark["key"])
        if "session_date" not in key or not {*key, "observed_at"} <= set(columns) or "observed_at" in key:
            msg = (
                f"the dbt project's table {source['name']}.{table['name']}: the key of its observations must name"
                " session_date and columns that are declared, and observed_at must be a column beside the key"
            )
            raise WarehouseError(msg)
        found.append(ObservedTable(table["identifier"], source["name"], table["name"], columns, key))
    return found


def sources_of_areas(project: Path) -> dict[str, frozenset[str]]:
    """Return the sources of each area: folder of `models/sources` -> names of the sources that are declared in it."""
    return {
        folder.name: frozenset(
            source["name"]
            for path in sorted(folder.rglob("*.yml"))
            for source in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["sources"]
        )
        for folder in sorted((project / "models" / "sources").glob("*/"))
    }


def _declared(project: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for path in sorted((project / "models" / "sources").rglob("*.yml")):
        # The parser in C takes a tenth of the time.
        for source in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["sources"]:
            if source["schema"] == "staged":
                yield from ((source, table) for table in source["tables"])


def _mark(table: dict[str, Any], name: str) -> Any:
    return table["config"]["meta"].get(name)


def _columns(table: dict[str, Any]) -> dict[str, str]:
    return {column["name"]: column["data_type"] for column in table["columns"]}
