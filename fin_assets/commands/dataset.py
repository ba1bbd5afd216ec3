"""A home of its own for a given dataset, so that given and generated histories never mix."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
from rich.table import Table as Grid

from fin_assets.commands.common import console, days_of, forget_project, is_weekend, project
from fin_assets.commands.problems import EXIT_USAGE, Problem
from fin_assets.core.manifest import PartitionState

if TYPE_CHECKING:
    from pathlib import Path

    from fin_assets.core.manifest import Manifest
    from fin_assets.core.source import Source, Table

SOURCE = "hkex_southbound"
"""The source whose lists the dataset replaces."""


def use_dataset(path: Path) -> None:
    """Make `<data>/dataset-<name>` the home of this process, with a `fin.toml` that others can be pointed to.

    Raises:
        Problem: the file is missing or has no dates.
    """
    first, last = _span(path)
    settings, _ = project()
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", path.name.split(".")[0])
    data = settings.data / f"dataset-{name}"
    configured = settings.home / "fin.toml"
    base = tomllib.loads(configured.read_text(encoding="utf-8")) if configured.exists() else {}
    content = {
        **base,
        "data_dir": str(data.resolve()),
        "sandbox": {**base.get("sandbox", {}), "dataset": str(path.resolve())},
        "sources": {
            SOURCE: {
                # The dataset has one list a day, with Chinese names.
                "languages": ["zh"],
                "northbound": False,
                "watchlist": [],
                "start": first,
                "end": last,
            }
        },
    }
    content["sandbox"].pop("start", None)
    content["sandbox"].pop("end", None)
    data.mkdir(parents=True, exist_ok=True)
    config = data / "fin.toml"
    config.write_text(as_toml(content), encoding="utf-8")
    # What the environment says goes before the file; these two would send the data elsewhere.
    for variable in ("FIN_DATA_DIR", "FIN_SANDBOX__DATASET"):
        os.environ.pop(variable, None)
    os.environ["FIN_CONFIG"] = str(config)
    os.environ.pop("DAGSTER_HOME", None)
    forget_project()
    console.print(f"dataset {path.name}: lists from {first} to {last}; home {data}", soft_wrap=True)


def _span(path: Path) -> tuple[date, date]:
    if not path.is_file():
        msg = f"There is no dataset {path}."
        raise Problem(
            msg, "give an existing CSV or CSV.GZ: --dataset FILE; docs/sandbox.md describes its columns", EXIT_USAGE
        )
    try:
        days = pl.read_csv(path, columns=["date"], try_parse_dates=True)["date"]
        first, last = days.min(), days.max()
    except pl.exceptions.PolarsError as error:
        msg = f"{path} is no dataset of lists: {error}"
        raise Problem(msg, "docs/sandbox.md describes its columns", EXIT_USAGE) from error
    if not isinstance(first, date) or not isinstance(last, date):
        msg = f"{path}: the column date holds no dates such as 2017-03-17."
        raise Problem(msg, "docs/sandbox.md describes its columns", EXIT_USAGE)
    return first, last


def as_toml(content: dict[str, Any], prefix: str = "") -> str:
    """Return nested settings as TOML: strings, numbers, booleans, dates and lists of them."""
    plain = {key: value for key, value in content.items() if not isinstance(value, dict)}
    lines = [f"{key} = {_toml_value(value)}" for key, value in plain.items()]
    for key, value in content.items():
        if isinstance(value, dict):
            name = f"{prefix}{key}"
            lines += ["", f"[{name}]", as_toml(value, f"{name}.")]
    return "\n".join(lines).strip() + "\n"


def _toml_value(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return f"[{', '.join(_toml_value(each) for each in value)}]"
    return json.dumps(value, ensure_ascii=False)


def print_days(sources: list[Source]) -> None:
    """Print how many days of the dataset's span are complete, and why the others have no list."""
    from fin_assets.core.store import Store

    store = Store(project()[0].data)
    for source in sources:
        for table in source.tables:
            known = {manifest.session: manifest for manifest in store.manifests(source.name, table.name)}
            if not known:
                continue
            reasons = Counter(_reason(table, day, known.get(day)) for day in days_of(min(known), max(known)))
            grid = Grid(title=f"Days of {source.name}/{table.name}, {min(known)} to {max(known)}", title_justify="left")
            grid.add_column("day")
            grid.add_column("count", justify="right")
            for reason, count in reasons.most_common():
                grid.add_row(reason, str(count))
            console.print(grid)


def _reason(table: Table, day: date, manifest: Manifest | None) -> str:
    if manifest is None:
        return "closed: weekend" if is_weekend(day) else f"closed: {table.closed_reason(day) or 'no list'}"
    return f"closed: {manifest.reason}" if manifest.state is PartitionState.CLOSED else manifest.state.value
