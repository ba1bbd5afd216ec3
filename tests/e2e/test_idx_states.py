"""A holiday, a suspension, a delisting, a new listing and a failed request look the same on a disk; here they are five states."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from fin_assets.core.contract.manifest import PartitionState, UnitState
from fin_assets.core.orchestration.partitions import partitions_of
from fin_assets.sandbox import Fault, FaultKind, Sandbox, SandboxConfig
from tests.e2e.idx_pipeline import (
    NAME,
    SUMMARY,
    TRADES,
    IdxPipeline,
    asked,
    idx_pipeline,
    page_of,
    sessions,
    write_history,
)

DAYS = [date(2021, 5, 10), date(2021, 5, 11), date(2021, 5, 17), date(2021, 5, 18)]
HOLIDAY = date(2021, 5, 13)
LISTED = {
    "SOLD": [1_200_000, 900_000, 40_000, 700_000],
    "SUSP": [500_000, 0, 0, 300_000],
    "GONE": [80_000, 60_000, None, None],
    "NEWC": [None, None, 2_000_000, 1_000_000],
    "LOST": [90_000, 90_000, 90_000, 90_000],
}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Sandbox]:
    rows = [
        (day, ticker, volumes[number])
        for number, day in enumerate(DAYS)
        for ticker, volumes in LISTED.items()
        if volumes[number] is not None
    ]
    given = write_history(tmp_path / "history.csv", rows)
    with Sandbox(SandboxConfig(sites={NAME: {"dataset": given}})).run_in_thread() as running:
        yield running


@pytest.fixture
def pipeline(site: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> IdxPipeline:
    monkeypatch.setattr("fin_assets.core.collection.fetch_jobs._Unit.wait", lambda _self: timedelta(0))
    return idx_pipeline(tmp_path, site, start=DAYS[0], end=DAYS[-1])


def test_five_reasons_why_a_ticker_has_no_rows_are_five_states(site: Sandbox, pipeline: IdxPipeline) -> None:
    site.set_faults([Fault(kind=FaultKind.UNAVAILABLE, match=page_of("LOST"))])
    results = pipeline.collect(DAYS)
    assert [result.manifest.state for result in results] == [PartitionState.INCOMPLETE] * 4

    # A holiday: no partition at all, so that no unit of it can be missing.
    keys = partitions_of(pipeline.source, pipeline.source.table(TRADES)).get_partition_keys()
    assert HOLIDAY.isoformat() not in keys
    assert keys == [str(day) for day in DAYS] == [str(day) for day in sessions(DAYS[0], DAYS[-1])]

    # A suspension: in the exchange's list without volume, neither asked for nor missing, on that session alone.
    assert [("SUSP" in pipeline.tickers(day)) for day in DAYS] == [True, False, False, True]
    listed = pipeline.staged(DAYS[1], SUMMARY).filter(ticker_code="SUSP")
    assert listed["volume_shares"].to_list() == [0]

    # A delisting: gone from the exchange's list, and from then on no unit.
    assert [("GONE" in pipeline.tickers(day)) for day in DAYS] == [True, True, False, False]
    assert "GONE" not in pipeline.staged(DAYS[2], SUMMARY)["ticker_code"].to_list()

    # A new listing: a unit from its first session on, without anybody having named it.
    assert [("NEWC" in pipeline.tickers(day)) for day in DAYS] == [False, False, True, True]

    # A failed request: expected, asked for, and missing with its reason.
    for day in DAYS:
        [lost] = pipeline.manifest(day).unfinished()
        assert (lost.unit.split("/")[0], lost.state, lost.error_kind) == ("LOST", UnitState.FAILED, "server_error")
        assert "503" in (lost.error or "")
        assert lost.remedy
    never = {("SUSP", "05/11/2021"), ("SUSP", "05/17/2021"), ("GONE", "05/17/2021"), ("NEWC", "05/10/2021")}
    assert not never & set(asked(site)), "what was not traded is not asked for"

    site.set_faults([])
    site.clear_requests()
    assert all(result.manifest.state is PartitionState.COMPLETE for result in pipeline.collect(DAYS))
    assert {ticker for ticker, _ in asked(site)} == {"LOST"}, "healing asks for nothing else"
    for day, lots in zip(DAYS, range(4), strict=True):
        rows = pipeline.staged(day).filter(ticker_code="LOST")
        assert rows["buy_lots"].sum() == rows["sell_lots"].sum() == LISTED["LOST"][lots] // 100


def test_an_empty_table_of_a_ticker_that_traded_is_a_failure_and_not_a_quiet_day(
    site: Sandbox, pipeline: IdxPipeline
) -> None:
    site.set_faults([Fault(kind=FaultKind.MISSING_PANEL, match=page_of("SOLD"))])
    [result] = pipeline.collect(DAYS[:1])
    [lost] = result.manifest.unfinished()
    assert lost.unit.startswith("SOLD/")
    assert lost.error_kind in {"empty_answer", "unknown_ticker"}
    assert not result.findings["complete"].passed
    assert result.manifest.staged is None


def test_nothing_is_asked_for_while_the_exchanges_list_is_not_there(site: Sandbox, pipeline: IdxPipeline) -> None:
    site.set_faults([Fault(kind=FaultKind.UNAVAILABLE, match="*GetStockSummary*")])
    [result] = pipeline.collect(DAYS[:1])
    assert result.manifest.state is PartitionState.INCOMPLETE
    assert SUMMARY in result.manifest.why()
    assert not asked(site)
    assert result.manifest.attempts == 0, "waiting for another table uses up no attempt"
    site.set_faults([])
    [healed] = pipeline.collect(DAYS[:1])
    assert healed.manifest.state is PartitionState.COMPLETE
    assert {ticker for ticker, _ in asked(site)} == {"SOLD", "SUSP", "GONE", "LOST"}
    assert pipeline.source.name == NAME
