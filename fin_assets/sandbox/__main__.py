"""Command line of the sandbox: `python -m fin_assets.sandbox --help`."""

from __future__ import annotations

import argparse
import sys
from datetime import date, timedelta
from pathlib import Path

from fin_assets.sandbox import Fault, SandboxConfig, SandboxError, load_behaviour, run

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
        description="Serve the embedded exchange sites on 127.0.0.1.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=8601, help="0 takes a free one (default: 8601)")
    parser.add_argument("--seed", type=int, default=7, help="another seed, other stocks (default: 7)")
    parser.add_argument("--start", type=date.fromisoformat, help="first day with a list (default: 26 months ago)")
    parser.add_argument("--end", type=date.fromisoformat, help="the site's today (default: the real one)")
    parser.add_argument("--dataset", type=Path, help="CSV or CSV.GZ in place of generated southbound lists")
    parser.add_argument("--idx-tickers", type=int, default=60, help="companies of the Indonesian market (default: 60)")
    parser.add_argument("--idx-dataset", type=Path, help="CSV, .gz or .xz in place of the generated Indonesian market")
    parser.add_argument("--idx-page-cap", type=int, help="most rows of one answer of idx.co.id (default: no cap)")
    parser.add_argument("--no-idx-more", action="store_true", help="broker tables end at the top ten of each side")
    parser.add_argument("--latency-ms", type=_milliseconds, default=timedelta(0), help="waiting time of every page")
    parser.add_argument("--history-months", type=int, help="how far back the site answers (default: all)")
    parser.add_argument("--behaviour", type=Path, help="TOML or JSON file with faults and latencies")
    parser.add_argument(
        "--fault", action="append", default=[], help="kind=...,match=...,share=...,count=... (repeatable)"
    )
    return parser


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
            dataset=given.dataset,
            latency=given.latency_ms,
            latencies=latencies,
            faults=(*faults, *(parse_fault(text) for text in given.fault)),
            history_months=given.history_months,
            idx_tickers=given.idx_tickers,
            idx_dataset=given.idx_dataset,
            idx_more=not given.no_idx_more,
            idx_page_cap=given.idx_page_cap,
        )
        run(config, announce=_say)
    except SandboxError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
