"""Real prices and volumes of 2021 through the pool: every session reconciles, the test session of a Saturday is quarantined."""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from pathlib import Path

import polars as pl
import pytest

from fin_assets.core.contract.manifest import PartitionState
from fin_assets.sandbox import Sandbox, SandboxConfig
from tests.e2e.idx_pipeline import NAME, SAMPLE, SUMMARY, IdxPipeline, asked, idx_pipeline, sessions

pytestmark = pytest.mark.skipif(not SAMPLE.exists(), reason=f"the real sessions are not at {SAMPLE}")

# Six sessions before the Lebaran closure of 2021 and fourteen after it; the Saturday lies among them.
DAYS = sessions(date(2021, 5, 4), date(2021, 6, 7))
HANDFUL = ["BBCA", "BYAN", "FINN", "HOPE", "SRIL", "SRTG", "TAXI", "TLKM"]
SUSPENDED = "SRIL"
"""Suspended on 2021-05-18, until after these sessions."""
DELISTED, LAST_DAY = "FINN", date(2021, 5, 4)
"""On its last day it was listed without a trade."""
LISTED, FIRST_DAY = "HOPE", date(2021, 5, 24)
"""Its first row in the recording is that of the Saturday before, which is no session."""


@lru_cache(maxsize=1)
def real() -> pl.DataFrame:
    """Return the real days: date, code, volume in shares."""
    frame = pl.read_csv(
        lzma.decompress(SAMPLE.read_bytes()), columns=["Date", "StockCode", "Volume"], try_parse_dates=True
    )
    return frame.filter(pl.col("Date").is_between(DAYS[0], DAYS[-1]))


def traded(day: date) -> dict[str, int]:
    """Return the real volume of each stock that was traded, in shares."""
    rows = real().filter(pl.col("Date") == day, pl.col("Volume") > 0)
    return dict(zip(rows["StockCode"], rows["Volume"], strict=True))


@pytest.fixture(scope="module")
def site() -> Iterator[Sandbox]:
    with Sandbox(SandboxConfig(sites={NAME: {"dataset": SAMPLE}})).run_in_thread() as running:
        yield running


def check_that_every_session_reconciles(pipeline: IdxPipeline, days: list[date], *, tickers: list[str] | None) -> None:
    assert len(days) == 20
    assert all(result.usable for result in pipeline.collect(days))
    for day in days:
        wanted = {code: volume for code, volume in traded(day).items() if tickers is None or code in tickers}
        manifest = pipeline.manifest(day)
        assert manifest.state is PartitionState.COMPLETE
        assert pipeline.tickers(day) == set(wanted), f"{day}: what was traded, and nothing else"
        sides = (
            pipeline.staged(day)
            .group_by("ticker_code")
            .agg(
                pl.col("buy_lots", "sell_lots").sum(),
                # A number such as "1.2 M" is known to half of its last digit on either side.
                slack=pl.max_horizontal(pl.col("buy_lots_step", "sell_lots_step").fill_null(1) - 1).sum(),
            )
        )
        for code, bought, sold, slack in sides.iter_rows():
            assert abs(bought - wanted[code] / 100) <= slack, (day, code)
            assert abs(sold - wanted[code] / 100) <= slack, (day, code)


def test_a_handful_of_real_stocks_reconciles_on_twenty_sessions(site: Sandbox, tmp_path: Path) -> None:
    site.clear_requests()
    pipeline = idx_pipeline(tmp_path, site, start=DAYS[0], end=DAYS[-1], tickers=HANDFUL)
    check_that_every_session_reconciles(pipeline, DAYS, tickers=HANDFUL)

    resting = {(code, f"{day:%m/%d/%Y}") for day in DAYS for code in HANDFUL if code not in traded(day)}
    assert not resting & set(asked(site)), "what rested was not asked for"
    with_unit = {code: [day for day in DAYS if code in pipeline.tickers(day)] for code in HANDFUL}
    assert with_unit["BBCA"] == DAYS
    assert with_unit[SUSPENDED] == [day for day in DAYS if day < date(2021, 5, 18)]
    assert with_unit[DELISTED] == []
    assert with_unit[LISTED] == [day for day in DAYS if day >= FIRST_DAY]
    listed = {
        day: dict(pipeline.staged(day, SUMMARY).select("ticker_code", "volume_shares").iter_rows()) for day in DAYS
    }
    assert [day for day in DAYS if DELISTED in listed[day]] == [LAST_DAY]
    assert all(listed[day][SUSPENDED] == 0 for day in DAYS if day >= date(2021, 5, 18)), "listed all the same"


@pytest.mark.slow
def test_the_whole_real_market_reconciles_on_twenty_sessions(site: Sandbox, tmp_path: Path) -> None:
    pipeline = idx_pipeline(tmp_path, site, start=DAYS[0], end=DAYS[-1])
    check_that_every_session_reconciles(pipeline, DAYS, tickers=None)
