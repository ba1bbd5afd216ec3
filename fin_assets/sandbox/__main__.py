"""Command line of the sandbox: `python -m fin_assets.sandbox --help`."""

from __future__ import annotations

import argparse
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from fin_assets.sandbox import Fault, SandboxConfig, SandboxError, load_behaviour, run
from fin_assets.sandbox.discovery import flags, parse_site_option

_EXAMPLE = """examples:
  python -m fin_assets.sandbox --port 8601
  python -m fin_assets.sandbox --port 8601 --dataset lists.csv.gz --latency-ms 300
  python -m fin_assets.sandbox --fault kind=rate_limited,share=0.1 --fault "kind=half_table,match=hk:2026-03-*,count=1"
"""


def _milliseconds(text: str) -> timedelta:
    return timedelta(milliseconds=float(text))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def parse_fault(text: str) -> Fault:
    """Read `kind=slow,match=hk:*,share=0.5,delay_seconds=3`.

    Raises:
        SandboxError: an unknown key or a bad value.
    """
    raw: dict[str, object] = {}
    for part in text.split(","):
        key, separator, value = part.partition("=")
        if not separator:
            msg = f"--fault {text!r}: {part!r} is not key=value"
            raise SandboxError(msg)
        raw[key.strip()] = value.strip()
    for key, read in (
        ("share", float),
        ("count", int),
        ("after", int),
        ("delay_seconds", float),
        ("retry_after_seconds", float),
    ):
        if key in raw:
            try:
                raw[key] = read(str(raw[key]))
            except ValueError as error:
                msg = f"--fault {text!r}: {key} must be a number, not {raw[key]!r}"
                raise SandboxError(msg) from error
    return Fault.from_mapping(raw)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fin_assets.sandbox",
        description="Serve the embedded sites on 127.0.0.1.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=8601, help="0 takes a free one (default: 8601)")
    parser.add_argument("--seed", type=int, default=7, help="another seed, other data (default: 7)")
    parser.add_argument("--start", type=date.fromisoformat, help="first day with data (default: left to each site)")
    parser.add_argument("--end", type=date.fromisoformat, help="the site's today (default: the real one)")
    parser.add_argument("--latency-ms", type=_milliseconds, default=timedelta(0), help="waiting time of every page")
    parser.add_argument("--behaviour", type=Path, help="TOML or JSON file with faults and latencies")
    parser.add_argument(
        "--fault", action="append", default=[], help="kind=...,match=...,share=...,count=... (repeatable)"
    )
    parser.add_argument(
        "--site-option",
        action="append",
        default=[],
        metavar="SOURCE.KEY=VALUE",
        help="an option of one site (repeatable)",
    )
    for flag in flags():
        form: dict[str, Any] = (
            {"action": argparse.BooleanOptionalAction} if flag.is_bool else {"metavar": flag.flag.metavar}
        )
        parser.add_argument(
            flag.flag.name, dest=flag.dest, help=f"{flag.site}: {flag.description}".replace("%", "%%"), **form
        )
    return parser


def site_options(given: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return the options of the sites that the command line sets, by site and key.

    Raises:
        SandboxError: a `--site-option` that is none.
    """
    found: dict[str, dict[str, Any]] = {}
    for flag in flags():
        value = getattr(given, flag.dest)
        if value is not None:
            found.setdefault(flag.site, {})[flag.key] = value
    for text in given.site_option:
        site, key, value = parse_site_option(text)
        found.setdefault(site, {})[key] = value
    return found


def main(arguments: list[str] | None = None) -> int:
    """Serve until Ctrl-C; return the exit code."""
    given = _parser().parse_args(arguments)
    try:
        faults, latencies = load_behaviour(given.behaviour) if given.behaviour else ((), ())
        config = SandboxConfig(
            port=given.port,
            seed=given.seed,
            start=given.start,
            end=given.end,
            latency=given.latency_ms,
            latencies=latencies,
            faults=(*faults, *(parse_fault(text) for text in given.fault)),
            sites=site_options(given),
        )
        run(config, announce=_say)
    except SandboxError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
