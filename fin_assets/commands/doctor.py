"""`fin doctor`: what this machine and these settings can do, and what to mend. Changes nothing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import psutil
from rich.table import Table as Grid
from rich.text import Text

from fin_assets.commands.args import console, needs_browser, program, project, repository
from fin_assets.commands.errors import explain
from fin_assets.commands.ports import answers, is_free, listener, sandbox_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fin_assets.core.contract.source import Source
    from fin_assets.settings import Settings

MARKS = {"ok": "green", "note": "cyan", "warn": "yellow", "bad": "red"}
"""The colour of each mark."""

LEAST_DISK = 1 << 30
"""A year of one source with two pages a session is about 0.3 GiB; a build of the marts needs the file twice."""

LEAST_MEMORY = 1 << 30
FEW = 4
"""Entries of a setting that are named."""

PYTHONS = ((3, 11), (3, 13))
PACKAGES = (
    "dagster",
    "dagster-webserver",
    "dbt-core",
    "dbt-duckdb",
    "duckdb",
    "polars",
    "pyarrow",
    "playwright",
    "panel",
)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at. `mark` is ok, note, warn or bad; `remedy` what to do."""

    mark: str
    what: str
    found: str
    remedy: str = ""


def doctor() -> int:
    """Print what was found and return 1 if anything is bad."""
    lines: list[Line] = []
    for look in (_python, _packages, _duckdb_shell):
        lines.extend(_safely(look))
    try:
        settings, sources = project()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the settings is what this command reports
        lines.append(_problem("settings", error))
    else:
        for looked in (_settings, _disk, _browser, _ports, _marts):
            lines.extend(_safely(partial(looked, settings)))
        lines.extend(line for source in sources for line in _safely(partial(_source, source)))
    grid = Grid(title="fin doctor", title_justify="left")
    for name in ("", "what", "found"):
        grid.add_column(name, overflow="fold")
    for line in lines:
        remedy = (("\nwhat to do:", "bold"), f" {line.remedy}") if line.remedy else ()
        grid.add_row(Text(line.mark, style=MARKS[line.mark]), line.what, Text.assemble(line.found, *remedy))
    console.print(grid)
    bad = sum(line.mark == "bad" for line in lines)
    console.print(f"{bad} things to mend" if bad else "nothing to mend")
    return int(bad > 0)


def _safely(look: Callable[[], Iterator[Line]]) -> list[Line]:
    """Return the lines of one look; what goes wrong in it is a line as well."""
    try:
        return list(look())
    except Exception as error:  # noqa: BLE001 - the rest of the report must come
        return [_problem(getattr(look, "__name__", "").strip("_<>") or "check", error)]


def _problem(what: str, error: Exception) -> Line:
    problem = explain(error)
    return Line("bad", what, problem.what, problem.remedy)


def _python() -> Iterator[Line]:
    version = sys.version_info[:2]
    good = PYTHONS[0] <= version <= PYTHONS[1]
    yield Line(
        "ok" if good else "bad",
        "python",
        f"{platform.python_version()} at {sys.executable}",
        "" if good else "use Python 3.11 to 3.13: make clean && make install",
    )
    memory = psutil.virtual_memory().available
    enough = memory >= LEAST_MEMORY
    yield Line(
        "ok" if enough else "warn",
        "memory",
        f"{memory / 2**30:.1f} GiB free, {os.cpu_count()} cores",
        "" if enough else "lower workers of the sources in fin.toml",
    )


def _packages() -> Iterator[Line]:
    locked = _locked()
    for name in PACKAGES:
        have, want = importlib.metadata.version(name), locked.get(name)
        same = want is None or have == want
        yield Line(
            "ok" if same else "warn",
            name,
            have if same else f"{have}, the lock has {want}",
            "" if same else "make install",
        )


def _locked() -> dict[str, str]:
    path = repository() / "requirements.lock"
    if not path.exists():
        return {}
    pairs = (
        line.rstrip(" \\").split("==", 1)
        for line in path.read_text(encoding="utf-8").splitlines()
        if "==" in line and not line.startswith(" ")
    )
    return {name: version.split(";")[0].strip() for name, version in pairs}


def _duckdb_shell() -> Iterator[Line]:
    found = (
        subprocess.run([program("duckdb"), "--version"], capture_output=True, text=True, check=True, timeout=30)
        .stdout.split()[0]
        .lstrip("v")
    )
    library = importlib.metadata.version("duckdb")
    same = found == library
    yield Line(
        "ok" if same else "bad",
        "duckdb shell",
        found,
        "" if same else f"the library is {library}; shell and library must be of one version: make install",
    )


def _settings(settings: Settings) -> Iterator[Line]:
    from fin_assets.settings import CONFIG_ENV

    path = settings.home / "fin.toml"
    named = os.environ.get(CONFIG_ENV)
    where = named or (str(path) if path.exists() else f"defaults ({path} does not exist)")
    variables = sorted(name for name in os.environ if name.startswith("FIN_"))
    yield Line("ok", "settings", where + (f"; overridden by {', '.join(variables)}" if variables else ""))


def _disk(settings: Settings) -> Iterator[Line]:
    existing = _existing(settings.data)
    free = shutil.disk_usage(existing).free
    enough = free >= LEAST_DISK
    yield Line(
        "ok" if enough else "bad",
        "disk",
        f"{free / 2**30:.1f} GiB free for {settings.data}",
        "" if enough else "free some space, or set data_dir in fin.toml",
    )
    writable = os.access(existing, os.W_OK)
    if not writable:
        yield Line(
            "bad",
            "data directory",
            f"{existing} is not writable for this user",
            "change its owner, or set data_dir in fin.toml",
        )


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def _browser(settings: Settings) -> Iterator[Line]:
    from fin_assets.core.transport.browser.chromium import find_chromium

    if not needs_browser(project()[1]):
        yield Line("ok", "browser", "not needed: no enabled source has pages")
        return
    found = find_chromium(settings.browser)
    try:
        answer = subprocess.run([str(found.path), "--version"], capture_output=True, text=True, timeout=60, check=True)
    except (subprocess.SubprocessError, OSError) as error:
        yield Line(
            "bad",
            "browser",
            f"{found.path} ({found.origin}) does not start: {error}",
            "install another: apt-get install chromium, or .venv/bin/playwright install chromium",
        )
        return
    yield Line("ok", "browser", f"{answer.stdout.strip()} at {found.path} ({found.origin})")


def _ports(settings: Settings) -> Iterator[Line]:
    servers = settings.servers
    for port, what, setting in (
        (servers.dagster_port, "Dagster UI", "dagster_port under [servers]"),
        (servers.dashboards_port, "dashboards", "dashboards_port under [servers]"),
    ):
        if is_free(port):
            yield Line("ok", f"port {port}", f"free for the {what}")
        else:
            yield Line(
                "note",
                f"port {port}",
                f"taken by {listener(port)}; the {what} would listen there",
                f"if that is not it, stop it or set {setting} in fin.toml",
            )
    port = settings.sandbox.port
    facts = sandbox_facts(port)
    if facts is not None:
        yield Line(
            "ok",
            f"port {port}",
            "our sandbox: " + "; ".join(f"{name} with {site['summary']}" for name, site in facts["sites"].items()),
        )
    elif is_free(port):
        yield Line("ok", f"port {port}", "free for the sandbox; commands start it when they need it")
    else:
        yield Line(
            "bad",
            f"port {port}",
            f"taken by {listener(port)}, which is no sandbox",
            "stop it, or set port under [sandbox] in fin.toml",
        )


def _marts(settings: Settings) -> Iterator[Line]:
    from fin_assets.warehouse import publish
    from fin_assets.warehouse.paths import Layout, NothingPublished, WarehouseError

    layout = Layout(settings.data)
    people = layout.people
    try:
        publish.current(layout)
    except NothingPublished:
        yield Line("note", "marts", "nothing is published yet", "fin demo, or fin run SOURCE")
        return
    except WarehouseError as error:
        yield Line("bad", "marts", str(error), "fin doctor --data names every damaged file; fin build publishes again")
        return
    if people.exists():
        yield Line("ok", "marts", f"{people}, {people.stat().st_size / 2**20:.1f} MiB")
    else:
        yield Line("bad", "marts", f"{people} is missing", "fin build")


def _source(source: Source) -> Iterator[Line]:
    own = source.settings
    values = ", ".join(f"{name}={_shown(value)}" for name, value in own.model_dump().items() if name in _TOLD)
    yield Line("ok", source.name, f"{own.mode} at {', '.join(site.base_url for site in source.sites)}; {values}")
    yield from _filters(source)
    for site in source.sites:
        if site.mode != "live" or site.transport == "files":
            continue
        said = answers(site.base_url)
        good = said.startswith("answers")
        yield Line(
            "ok" if good else "bad",
            f"{source.name} {site.name}",
            said,
            "" if good else f"check the connection and base_url under [sources.{source.name}]",
        )


def _filters(source: Source) -> Iterator[Line]:
    """Warn of names in the settings that the newest stored list does not have."""
    from fin_assets.core.collection.filters import not_listed
    from fin_assets.core.storage.store import store_of

    for table in source.tables:
        for chosen in table.filters:
            found = not_listed(source, chosen, store=store_of(project()[0])) if chosen.names else None
            if found is not None and found[1]:
                day, names = found
                said = f"{chosen.setting} names {', '.join(names)}, which the list of {day} does not have"
                yield Line("warn", f"{source.name} {chosen.setting}", said, f"correct {chosen.where(source.name)}")


_TOLD = (
    "rate_per_second",
    "workers",
    "look_back_days",
    "max_attempts",
    "watchlist",
    "boards",
    "investors",
    "tickers",
    "skip_tickers",
    "min_coverage",
    "value_tolerance",
    "value_limit",
    "intraday",
)


def _shown(value: object) -> str:
    """Return a setting: of a list its entries if they are few, else their number."""
    if not isinstance(value, tuple | list):
        return str(value)
    return f"{len(value)} entries" if len(value) > FEW else "+".join(map(str, value)) or "none"
