"""How a sandbox is set up: from code, from a TOML or JSON file of faults and latencies, from the command line.

Nothing here serves or generates.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from fin_assets.sandbox.faults import Fault
from fin_assets.sandbox.idx.names import LARGEST, LEAST_COMPANIES
from fin_assets.sandbox.market import SandboxError

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
        seed: the same seed gives the same stocks, holdings and fault decisions.
        start: first day with a list; default 26 months before today, or the dataset's first day.
        end: the sandbox's today; default the real today in Hong Kong, or the day after the dataset's last list.
        dataset: CSV in place of generated southbound lists.
        latency: waiting time of every page; `latencies` go before it, first match wins.
        faults: in force from the start.
        history_months: how far back the site answers; None for all that it has. The real site keeps 12.
        publication_lag: a list is on the site so long after its day.
        quarterly_lag: a northbound list of a quarter's end is on the site so long after that quarter.
        idx_tickers: companies with which the generated Indonesian market begins; a few come later, fewer leave.
        idx_dataset: CSV of the exchange's daily list in place of that market; plain, .gz or .xz.
        idx_more: whether a broker table of more than ten rows a side has a link to the complete list.
        idx_page_cap: most rows of one answer of idx.co.id, whatever `length` asks for; None for no cap.
    """

    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 7
    start: date | None = None
    end: date | None = None
    dataset: Path | None = None
    latency: timedelta = timedelta(0)
    latencies: tuple[Latency, ...] = ()
    faults: tuple[Fault, ...] = ()
    history_months: int | None = None
    publication_lag: timedelta = timedelta(days=1)
    quarterly_lag: timedelta = timedelta(days=15)
    idx_tickers: int = 60
    idx_dataset: Path | None = None
    idx_more: bool = True
    idx_page_cap: int | None = None

    def __post_init__(self) -> None:
        """Refuse ranges that are none."""
        if self.start is not None and self.end is not None and self.start > self.end:
            msg = f"sandbox: start {self.start} is after end {self.end}; swap them"
            raise SandboxError(msg)
        if self.history_months is not None and self.history_months < 1:
            msg = f"sandbox: history_months = {self.history_months} must be 1 or more, or left out"
            raise SandboxError(msg)
        if self.latency < timedelta(0):
            msg = f"sandbox: latency = {self.latency} must not be negative"
            raise SandboxError(msg)
        if not LEAST_COMPANIES <= self.idx_tickers <= LARGEST:
            msg = f"sandbox: idx_tickers = {self.idx_tickers} must be from {LEAST_COMPANIES} to {LARGEST}"
            raise SandboxError(msg)
        if self.idx_page_cap is not None and self.idx_page_cap < 1:
            msg = f"sandbox: idx_page_cap = {self.idx_page_cap} must be 1 or more, or left out"
            raise SandboxError(msg)

    @property
    def data(self) -> str:
        """What the HKEX site serves, in a few words."""
        return str(self.dataset) if self.dataset else f"generated, seed {self.seed}"

    @property
    def idx_data(self) -> str:
        """What the Indonesian sites serve, in a few words."""
        if self.idx_dataset:
            return str(self.idx_dataset)
        return f"generated, seed {self.seed}, {self.idx_tickers} companies"

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
