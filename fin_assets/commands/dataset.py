"""A home of its own for given datasets, so that given and generated histories never mix."""

from __future__ import annotations

import lzma
import os
import re
import tomllib
from collections import Counter
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import tomli_w
from rich.table import Table as Grid

from fin_assets.commands.args import console, days_of, forget_project, project
from fin_assets.commands.errors import EXIT_USAGE, Problem
from fin_assets.commands.site_flags import SiteValues, flag_of, merged
from fin_assets.core.contract.manifest import PartitionState
from fin_assets.discovery import source_names
from fin_assets.sandbox.discovery import sites

if TYPE_CHECKING:
    from fin_assets.core.contract.manifest import Manifest
    from fin_assets.core.contract.source import Source, Table
    from fin_assets.sandbox.site import Dataset


def use_datasets(paths: dict[str, Path]) -> set[str]:
    """Make `<data>/dataset-<names>` the home of this process, with a `fin.toml` that others can be pointed to.

    Args:
        paths: files by the source whose site serves them; the other sources are switched off in that home.

    Returns:
        the sources of which every session is to be collected.

    Raises:
        Problem: a site takes no dataset, or a file is missing or has no dates.
    """
    layouts = {source: _layout(source) for source in paths}
    spans = {source: _span(path, source, layouts[source]) for source, path in paths.items()}
    settings, _ = project()
    names = "-".join(re.sub(r"[^A-Za-z0-9_-]+", "_", path.name.split(".")[0]) for path in paths.values())
    data = settings.data / f"dataset-{names}"
    configured = settings.home / "fin.toml"
    base = tomllib.loads(configured.read_text(encoding="utf-8")) if configured.exists() else {}
    sandbox = {key: value for key, value in base.get("sandbox", {}).items() if key not in {"start", "end"}}
    given = {source: {"dataset": str(path.resolve())} for source, path in paths.items()}
    sections: dict[str, dict[str, Any]] = {name: {"enabled": False} for name in source_names()}
    for source, (first, last) in spans.items():
        sections[source] = {**layouts[source].source_settings, "start": first, "end": last}
    content = {
        **base,
        "data_dir": str(data.resolve()),
        "sandbox": {**sandbox, "sites": merged(sandbox.get("sites", {}), given)},
        "sources": sections,
    }
    data.mkdir(parents=True, exist_ok=True)
    config = data / "fin.toml"
    config.write_text(tomli_w.dumps(content), encoding="utf-8")
    # The environment goes before the file; these variables would send the data elsewhere.
    for variable in ("FIN_DATA_DIR", *(f"FIN_SANDBOX__SITES__{name.upper()}__DATASET" for name in sites())):
        os.environ.pop(variable, None)
    os.environ["FIN_CONFIG"] = str(config)
    os.environ.pop("DAGSTER_HOME", None)
    forget_project()
    for source, (first, last) in spans.items():
        console.print(f"dataset {paths[source].name}: {source} from {first} to {last}; home {data}", soft_wrap=True)
    return {source for source, layout in layouts.items() if layout.every_session}


def given_datasets(values: SiteValues, texts: list[str]) -> dict[str, Path]:
    """Return files by source, from the sites' own flags and from `SOURCE=FILE`.

    Raises:
        Problem: a text has another form, or names no site that takes a dataset.
    """
    paths = {source: Path(options["dataset"]) for source, options in values.items()}
    for text in texts:
        source, separator, file = text.partition("=")
        if not separator or not file:
            msg = f"--site-dataset {text!r} is not SOURCE=FILE."
            raise Problem(msg, f"name one of {', '.join(_takers())}, and its file", EXIT_USAGE)
        _layout(source)
        paths[source] = Path(file)
    return paths


def _takers() -> list[str]:
    return [name for name, site in sites().items() if site.dataset is not None]


def _layout(source: str) -> Dataset:
    layout = sites()[source].dataset if source in sites() else None
    if layout is None:
        msg = f"No site of the sandbox serves a dataset for {source!r}."
        raise Problem(msg, f"name one of {', '.join(_takers())}; docs/sandbox.md describes their files", EXIT_USAGE)
    return layout


def _span(path: Path, source: str, layout: Dataset) -> tuple[date, date]:
    """Return the first and the last date of a file."""
    option = flag_of(source, "dataset")
    if not path.is_file():
        msg = f"There is no dataset {path}."
        raise Problem(msg, f"give an existing CSV: {option} FILE; docs/sandbox.md describes its columns", EXIT_USAGE)
    column = layout.date_column
    try:
        content = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path
        days = pl.read_csv(content, columns=[column], try_parse_dates=True)[column]
        first, last = days.min(), days.max()
    except (pl.exceptions.PolarsError, lzma.LZMAError) as error:
        msg = f"{path} is no dataset for {option}: {error}"
        raise Problem(msg, "docs/sandbox.md describes its columns", EXIT_USAGE) from error
    if not isinstance(first, date) or not isinstance(last, date):
        msg = f"{path}: the column {column} holds no dates such as 2017-03-17."
        raise Problem(msg, "docs/sandbox.md describes its columns", EXIT_USAGE)
    return first, last


def print_days(sources: list[Source]) -> None:
    """Print how many days of the dataset's span are complete, and why the others have no list."""
    from fin_assets.core.storage.store import store_of

    store = store_of(project()[0])
    for source in sources:
        for table in source.tables:
            known = {manifest.session: _reason(manifest) for manifest in store.manifests(source.name, table.name)}
            if not known:
                continue
            reasons = Counter(known.get(day) or _closed(table, day) for day in days_of(min(known), max(known)))
            grid = Grid(title=f"Days of {source.name}/{table.name}, {min(known)} to {max(known)}", title_justify="left")
            grid.add_column("day")
            grid.add_column("count", justify="right")
            for reason, count in reasons.most_common():
                grid.add_row(reason, str(count))
            console.print(grid)


def _closed(table: Table, day: date) -> str:
    return f"closed: {table.calendar.day_state(day).reason or 'no list'}"


def _reason(manifest: Manifest) -> str:
    return f"closed: {manifest.reason}" if manifest.state is PartitionState.CLOSED else manifest.state.value
