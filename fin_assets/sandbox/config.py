"""How a sandbox is set up: from code, from a TOML or JSON file of faults and latencies, from the command line.

Nothing here serves or generates.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field
from datetime import date, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from fin_assets.sandbox.context import SiteContext
from fin_assets.sandbox.discovery import site_named, sites
from fin_assets.sandbox.errors import SandboxError
from fin_assets.sandbox.faults import Fault
from fin_assets.sandbox.options import SiteOptions, read_options

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Waiting time of the pages whose path with query matches a glob: between `least` and `most`, by the seed."""

    match: str
    least: timedelta
    most: timedelta

    def __post_init__(self) -> None:
        """Refuse a range that is none."""
        if not timedelta(0) <= self.least <= self.most:
            msg = f"latency of {self.match!r}: {self.least} to {self.most} must be a range of 0 seconds or more"
            raise SandboxError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """One sandbox.

    Attributes:
        host: address to listen on; keep it local, there is no access control.
        port: 0 takes a free one.
        seed: the same seed gives the same data and fault decisions.
        start: first day with data; None leaves it to each site.
        generated_from: first day of generated data where `start` is None.
        end: the sandbox's today; None for the real one.
        latency: waiting time of every page; `latencies` go before it, first match wins.
        faults: in force from the start.
        sites: options by site, as mappings or as the site's own model; a site that is left out has its defaults.

    Raises:
        SandboxError: a range that is none, an unknown site, an unknown option or a bad value of one.
    """

    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 7
    start: date | None = None
    generated_from: date | None = None
    end: date | None = None
    latency: timedelta = timedelta(0)
    latencies: tuple[Latency, ...] = ()
    faults: tuple[Fault, ...] = ()
    sites: Mapping[str, Mapping[str, Any] | SiteOptions] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse ranges that are none, and options that no site has."""
        if self.start is not None and self.end is not None and self.start > self.end:
            msg = f"sandbox: start {self.start} is after end {self.end}; swap them"
            raise SandboxError(msg)
        if self.latency < timedelta(0):
            msg = f"sandbox: latency = {self.latency} must not be negative"
            raise SandboxError(msg)
        checked = {name: read_options(name, site_named(name).options, given) for name, given in self.sites.items()}
        object.__setattr__(self, "sites", checked)

    def options(self, name: str) -> SiteOptions:
        """Return the options of a site.

        Raises:
            SandboxError: there is no such site.
        """
        model = site_named(name).options
        return read_options(name, model, self.sites.get(name, {}))

    def data(self) -> dict[str, str]:
        """Return what each site serves, in a few words."""
        return {name: self.options(name).data(self.seed) for name in sites()}

    def context(self) -> SiteContext:
        """Return what every site is opened with."""
        return SiteContext(seed=self.seed, start=self.start, generated_from=self.generated_from, end=self.end)

    def latency_of(self, target: str) -> tuple[timedelta, timedelta]:
        """Return the least and most waiting time of a path with query."""
        for rule in self.latencies:
            if fnmatchcase(target, rule.match):
                return rule.least, rule.most
        return self.latency, self.latency


def load_behaviour(path: Path) -> tuple[tuple[Fault, ...], tuple[Latency, ...]]:
    """Read `faults` and `latencies` from a TOML (`[[faults]]`, `[[latencies]]`) or JSON file.

    A latency has `match` and either `seconds` or `least_seconds` and `most_seconds`.

    Raises:
        SandboxError: the file cannot be read, or an entry has an unknown key or a bad value; names the file and entry.
    """
    try:
        text = path.read_text(encoding="utf-8")
        raw: Any = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}); give an existing file with --behaviour"
        raise SandboxError(msg) from error
    except ValueError as error:
        msg = f"{path}: neither valid TOML nor JSON ({error}); JSON files end in .json"
        raise SandboxError(msg) from error
    if not isinstance(raw, dict) or set(raw) - {"faults", "latencies"}:
        msg = f"{path}: only `faults` and `latencies` are known here"
        raise SandboxError(msg)
    try:
        faults = tuple(Fault.from_mapping(entry) for entry in raw.get("faults", []))
        latencies = tuple(_latency(entry) for entry in raw.get("latencies", []))
    except SandboxError as error:
        msg = f"{path}: {error}"
        raise SandboxError(msg) from error
    return faults, latencies


def _latency(raw: Mapping[str, Any]) -> Latency:
    values = dict(raw)
    match = values.pop("match", "*")
    fixed = values.pop("seconds", None)
    least, most = values.pop("least_seconds", fixed), values.pop("most_seconds", fixed)
    if values or not isinstance(least, int | float) or not isinstance(most, int | float) or not isinstance(match, str):
        msg = f"latency {dict(raw)!r}: needs match and seconds, or match, least_seconds and most_seconds"
        raise SandboxError(msg)
    return Latency(match=match, least=timedelta(seconds=least), most=timedelta(seconds=most))
