"""A home of its own for given datasets, so that given and generated histories never mix."""

from __future__ import annotations

import json
import lzma
import os
import re
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
from rich.table import Table as Grid

from fin_assets.commands.args import console, days_of, forget_project, project
from fin_assets.commands.errors import EXIT_USAGE, Problem
from fin_assets.core.contract.manifest import PartitionState
from fin_assets.discovery import source_names

if TYPE_CHECKING:
    from pathlib import Path

    from fin_assets.core.contract.manifest import Manifest
    from fin_assets.core.contract.source import Source, Table


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of dataset: history of one source that the embedded site serves in place of a generated one.

    Attributes:
        source: the source whose history it is; the others are switched off in the dataset's home.
        setting: its key under `[sandbox]`.
        option: of `fin demo`.
        column: of the file's dates.
        whole: every session is collected; otherwise the newest ones, as of a generated history.
        own: what the source's section says besides its first and last session.
    """

    source: str
    setting: str
    option: str
    column: str
    whole: bool
    own: dict[str, Any] = field(default_factory=dict)


KINDS = (
    # One list a day, with Chinese names.
    Kind(
        "hkex_southbound",
        "dataset",
        "--dataset",
        "date",
        whole=True,
        own={"languages": ["zh"], "northbound": False, "watchlist": []},
    ),
    # Three years of 700 companies are 400,000 pages: the demo takes the newest, fin run takes any range.
    Kind("idx_brokers", "idx_dataset", "--idx-dataset", "Date", whole=False),
)


def use_datasets(paths: dict[str, Path]) -> set[str]:
    """Make `<data>/dataset-<names>` the home of this process, with a `fin.toml` that others can be pointed to.

    Args:
        paths: files by the setting that names them (`dataset`, `idx_dataset`).

    Returns:
        the sources of which every session is to be collected.

    Raises:
        Problem: a file is missing or has no dates.
    """
    given = {kind.setting: (kind, _span(paths[kind.setting], kind)) for kind in KINDS if kind.setting in paths}
    settings, _ = project()
    names = "-".join(re.sub(r"[^A-Za-z0-9_-]+", "_", path.name.split(".")[0]) for path in paths.values())
    data = settings.data / f"dataset-{names}"
    configured = settings.home / "fin.toml"
    base = tomllib.loads(configured.read_text(encoding="utf-8")) if configured.exists() else {}
    sandbox = {key: value for key, value in base.get("sandbox", {}).items() if key not in {"start", "end"}}
    content = {
        **base,
        "data_dir": str(data.resolve()),
        "sandbox": {**sandbox, **{name: str(path.resolve()) for name, path in paths.items()}},
        "sources": {name: {"enabled": False} for name in source_names()}
        | {kind.source: {**kind.own, "start": first, "end": last} for kind, (first, last) in given.values()},
    }
    data.mkdir(parents=True, exist_ok=True)
    config = data / "fin.toml"
    config.write_text(as_toml(content), encoding="utf-8")
    # What the environment says goes before the file; these would send the data elsewhere.
    for variable in ("FIN_DATA_DIR", *(f"FIN_SANDBOX__{kind.setting.upper()}" for kind in KINDS)):
        os.environ.pop(variable, None)
    os.environ["FIN_CONFIG"] = str(config)
    os.environ.pop("DAGSTER_HOME", None)
    forget_project()
    for kind, (first, last) in given.values():
        path = paths[kind.setting]
        console.print(f"dataset {path.name}: {kind.source} from {first} to {last}; home {data}", soft_wrap=True)
    return {kind.source for kind, _ in given.values() if kind.whole}


def _span(path: Path, kind: Kind) -> tuple[date, date]:
    if not path.is_file():
        msg = f"There is no dataset {path}."
        raise Problem(
            msg, f"give an existing CSV: {kind.option} FILE; docs/sandbox.md describes its columns", EXIT_USAGE
        )
    try:
        content = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path
        days = pl.read_csv(content, columns=[kind.column], try_parse_dates=True)[kind.column]
        first, last = days.min(), days.max()
    except (pl.exceptions.PolarsError, lzma.LZMAError) as error:
        msg = f"{path} is no dataset for {kind.option}: {error}"
        raise Problem(msg, "docs/sandbox.md describes its columns", EXIT_USAGE) from error
    if not isinstance(first, date) or not isinstance(last, date):
        msg = f"{path}: the column {kind.column} holds no dates such as 2017-03-17."
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
