"""Seconds to read and stage a session of broker tables, beside the usual way to read tables, and a year of raw pages."""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import pandas as pd
import polars as pl

from fin_assets import clock
from fin_assets.core.calendars.exchange import get_calendar
from fin_assets.core.collection.expected_units import parse_stored
from fin_assets.core.collection.records import raw_unit
from fin_assets.core.contract.manifest import Manifest, PartitionKey, PartitionState
from fin_assets.core.contract.source import Accepted, Fetched, Parsed, Table, Unit
from fin_assets.core.storage.store import Store
from fin_assets.sandbox.context import SiteContext
from fin_assets.sandbox.sites.idx_brokers.options import IdxOptions
from fin_assets.sandbox.sites.idx_brokers.pages import idx_json
from fin_assets.sandbox.sites.idx_brokers.site import IdxSite
from fin_assets.settings import Settings
from fin_assets.sources.idx_brokers.lists import parse_stock_summary, parsed_by
from fin_assets.sources.idx_brokers.parse import parse_broker_trades
from fin_assets.sources.idx_brokers.reconcile import TickerDay, facts, reconcile_unit
from fin_assets.sources.idx_brokers.source import source
from fin_assets.sources.idx_brokers.stage import stage_broker_trades, stage_stock_summary
from tests.bench.report import Section, machine, table

MINUTES = 2
DAY = date(2026, 11, 20)
TABLES, TIMES, YEAR, SAMPLED = 900, 5, 240, 6
HTML, JSON = "text/html; charset=utf-8", "application/json"
_SCALES = {"B": 10**9, "M": 10**6, "K": 10**3}


def measure() -> Section:
    """Generate the pages first; then time each way on the same bytes, one process, the clock of the processor."""
    where = machine()
    site = IdxSite(SiteContext(end=DAY), IdxOptions(tickers=920))
    pages, known = session(site, DAY)
    pages = dict(list(pages.items())[:TABLES])
    ours = [_seconds(lambda: read_and_stage(pages, known, DAY)) for _ in range(TIMES)]
    theirs = [_seconds(lambda: read_html(pages)) for _ in range(2)]
    rows = read_and_stage(pages, known, DAY).height
    parsed = median(_seconds(lambda: _examined(pages, known)) for _ in range(TIMES))
    size = sum(len(body) for body in pages.values())
    year = reparse(site)
    figures = [
        ["read, reconcile, stage", f"{median(ours):.2f}", f"{rows / median(ours):,.0f}", "1"],
        ["of that: read and reconcile, while collecting", f"{parsed:.2f}", "", ""],
        ["pandas.read_html, texts to numbers", f"{median(theirs):.2f}", f"{rows / median(theirs):,.0f}", ""],
    ]
    figures[-1][-1] = f"{median(theirs) / median(ours):.1f}"
    text = (
        f"{len(pages)} broker tables of one session, {rows:,} rows, {size / 1e6:.0f} MB of HTML; medians of {TIMES} (pandas: 2), "
        f"processor seconds of one process, no network. A page is read once: when it arrives it is parsed and reconciled with "
        f"the exchange's volume, and what was parsed is staged. {where}.\n\n"
        + table(["way", "seconds", "rows a second", "times as long"], figures)
        + f"\n\nA year of raw pages, as `fin reparse` reads them: {SAMPLED} sessions from sealed files to staged ones took "
        f"{year:.2f} s each, so that {YEAR} take {year * YEAR / 60:.1f} minutes."
    )
    return Section("Reading broker tables", text)


def session(site: IdxSite, day: date) -> tuple[dict[str, bytes], dict[str, TickerDay]]:
    """Return the complete pages of a session by unit, and what the exchange says of each."""
    rows = idx_json.stock_summary(site.session_facts(day))
    whole = answer(idx_json.envelope(rows, total=len(rows)).encode(), JSON)
    listed = accepted("all", parsed_by(parse_stock_summary)(whole, Unit(name="all")))
    known = dict(facts(stage_stock_summary([listed], session_date=day).frame))
    stated = f"{day:%m/%d/%Y}"
    pages = {}
    for unit in known:
        ticker, board, investor = unit.split("/")
        asked = {"code": ticker, "start": stated, "end": stated, "board": board, "fd": investor, "list": "full"}
        pages[unit] = site.table(asked).render().encode()
    return pages, known


def answer(body: bytes, content_type: str = HTML) -> Fetched:
    """Return an answer of the site."""
    url = "https://example.test/"
    return Fetched(body=body, url=url, status=200, content_type=content_type, transport="request")


def accepted(unit: str, parsed: Parsed) -> Accepted:
    """Return a parsed unit as staging gets it."""
    return Accepted(unit=unit, parsed=parsed, fetched_at=clock.now())


def read_and_stage(pages: dict[str, bytes], known: dict[str, TickerDay], day: date) -> pl.DataFrame:
    """Return the staged rows: what happens to a session's bytes between network and disk."""
    return stage_broker_trades(
        [accepted(unit, parsed) for unit, parsed in _examined(pages, known).items()], session_date=day
    ).frame


def _examined(pages: dict[str, bytes], known: dict[str, TickerDay]) -> dict[str, Parsed]:
    found = {}
    for unit, body in pages.items():
        parsed = parse_broker_trades(answer(body), Unit(name=unit))
        found[unit] = reconcile_unit(parsed, unit, known[unit])
    return found


def read_html(pages: dict[str, bytes]) -> pd.DataFrame:
    """Return the same rows as scripts get them: every table by `read_html`, its texts by float."""
    frames = []
    for unit, body in pages.items():
        [found] = pd.read_html(io.StringIO(body.decode()))
        for code, lots, value in (("Buyer", "B.Lot", "B.Val"), ("Seller", "S.Lot", "S.Val")):
            side = found[[code, lots, value]].dropna()
            numbers = {name: side[name].astype(str).map(_number) for name in (lots, value)}
            frames.append(side.assign(**numbers, ticker=unit.split("/")[0]))
    return pd.concat(frames)


def _number(text: str) -> float:
    body, _, suffix = text.strip().replace(",", "").partition(" ")
    return float(body) * _SCALES.get(suffix, 1) if body.replace(".", "").lstrip("-").isdigit() else float("nan")


def reparse(site: IdxSite) -> float:
    """Return processor seconds a session from the sealed raw file to the staged one."""
    days = get_calendar("XIDX").sessions(DAY - timedelta(days=30), DAY)[-SAMPLED:]
    with tempfile.TemporaryDirectory() as root:
        store = Store(Path(root))
        broker_trades = source(Settings(home=Path(root))).table("broker_trades")
        sealed = [_sealed(site, store, day) for day in days]
        return median(
            _seconds(lambda manifest=manifest: _staged_again(store, manifest, broker_trades)) for manifest in sealed
        )


def _sealed(site: IdxSite, store: Store, day: date) -> Manifest:
    key = PartitionKey("idx_brokers", "broker_trades", day)
    pages, known = session(site, day)
    units = [
        raw_unit(unit, answer(pages[unit]), parsed, attempts=1, seconds=0.0)
        for unit, parsed in _examined(pages, known).items()
    ]
    raw_file, size, _ = store.seal(key, units, generation=1)
    names = {"source": key.source, "table": key.table, "session": day}
    return Manifest(**names, state=PartitionState.COMPLETE, units=(), raw_file=raw_file, raw_bytes=size)


def _staged_again(store: Store, manifest: Manifest, table: Table) -> None:
    units = [
        Accepted(unit=raw.unit, parsed=parse_stored(table, raw), fetched_at=raw.fetched_at)
        for raw in store.units(manifest)
    ]
    staged = table.stage(units, manifest.session)
    store.write_staged(manifest.key, staged.frame, staged.quarantine, parser_version="benchmark")


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
