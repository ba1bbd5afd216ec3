"""A given history of the Indonesian exchange: what the file says is what the sites show."""

from __future__ import annotations

import gzip
import lzma
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from fin_assets.sandbox import Sandbox, SandboxConfig, SandboxError
from fin_assets.sandbox.context import SiteContext
from fin_assets.sandbox.sites.idx_brokers.dataset import COLUMNS, DatasetIdx
from fin_assets.sandbox.sites.idx_brokers.flows import table_of
from fin_assets.sandbox.sites.idx_brokers.options import IdxOptions
from fin_assets.sandbox.sites.idx_brokers.site import IdxSite
from tests.sandbox.idx_client import BROKERS, STOCKS, broker_table, rows

SAMPLE = Path(__file__).parents[3] / "shared/samples/idx/idx_daily_all_tickers_2019-2021.csv.xz"
HEADER = ",".join(COLUMNS) + "\n"
GOOD = (
    HEADER
    + "2021-05-21,BBBB,400,0,410,398,402,500000,202000000,40,100000,0\n2021-05-21,AAAA,50,0,0,0,50,0,0,0,0,0\n"
    + "2021-05-22,BBBB,402,0,402,402,402,100,40200,1,0,100\n"
    + "2021-05-24,BBBB,80,0,85,79,81,1200000,98000000,90,0,0\n2021-05-24,AAAA,50,0,51,50,50,300,15100,2,0,300\n"
)
TEST_SESSION = date(2021, 5, 22)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    written = tmp_path / "daily.csv"
    written.write_text(GOOD)
    return written


def test_a_file_gives_its_sessions_its_rows_by_code_and_tables_over_its_volumes(path: Path) -> None:
    with Sandbox(SandboxConfig(sites={"idx_brokers": {"dataset": path}})).run_in_thread() as site:
        found = rows(site, STOCKS, date(2021, 5, 21))
        assert [(row["StockCode"], row["Volume"], row["ForeignSell"]) for row in found] == [
            ("AAAA", 0.0, 0.0),
            ("BBBB", 500000.0, 100000.0),
        ]
        assert found[1]["Change"] == 2.0
        assert rows(site, STOCKS, date(2021, 5, 23)) == []
        assert broker_table(site, "AAAA", date(2021, 5, 21)).text == ""
        assert "T. Val : 202.0 M" in broker_table(site, "BBBB", date(2021, 5, 21)).text
        assert sum(row["Value"] for row in rows(site, BROKERS, date(2021, 5, 21))) == 2 * 202_000_000


def test_a_saturdays_test_session_is_served_as_any_other(path: Path) -> None:
    with Sandbox(SandboxConfig(sites={"idx_brokers": {"dataset": path}})).run_in_thread() as site:
        (row,) = rows(site, STOCKS, TEST_SESSION)
        assert (row["Date"], row["Volume"]) == ("2021-05-22T00:00:00", 100.0)
        assert broker_table(site, "BBBB", TEST_SESSION).text


def test_a_reference_price_of_a_fifth_multiplies_the_listed_shares(path: Path) -> None:
    market = DatasetIdx(path)
    before, after = market.on(date(2021, 5, 22)), market.on(date(2021, 5, 24))
    assert after.listed[after.codes.index("BBBB")] == 5 * before.listed[before.codes.index("BBBB")]


def test_packed_files_are_the_same(path: Path, tmp_path: Path) -> None:
    packed = {tmp_path / "d.csv.gz": gzip.compress(GOOD.encode()), tmp_path / "d.csv.xz": lzma.compress(GOOD.encode())}
    for other, content in packed.items():
        other.write_bytes(content)
        assert DatasetIdx(other).sessions == DatasetIdx(path).sessions


def test_the_clock_and_the_end_bound_what_is_served(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = IdxSite(SiteContext(end=TEST_SESSION), IdxOptions(dataset=path))
    assert [site.is_published(day) for day in site.market.sessions] == [True, True, False]
    monkeypatch.setenv("FIN_CLOCK", "2021-05-21T10:00:00+00:00")
    assert IdxSite(SiteContext(), IdxOptions(dataset=path)).newest() is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (HEADER, "no rows below the header"),
        ("Date,StockCode\n2021-05-21,AAAA\n", "line 1: column Previous is missing"),
        (GOOD.replace("500000", "half a million"), "a value does not fit"),
        (GOOD.replace("500000", "500050"), "line 2, column Volume: 500050 is not a multiple of 100"),
        (GOOD.replace("202000000", "302000000"), "line 2, column Value: 302000000 is not between"),
        (GOOD.replace(",40,100000,0", ",40,600000,0"), "line 2, column ForeignSell: 600000 is not whole lots"),
        (GOOD.replace("2021-05-22", "2021-05-21"), "column StockCode: 'BBBB' is not a code that is unique"),
    ],
)
def test_a_bad_file_is_refused_by_line_and_column(path: Path, text: str, complaint: str) -> None:
    path.write_text(text)
    with pytest.raises(SandboxError, match=complaint) as refused:
        DatasetIdx(path)
    assert str(path) in str(refused.value)


def test_a_missing_file_and_a_broken_archive_are_refused_with_the_option(tmp_path: Path) -> None:
    broken = tmp_path / "daily.csv.xz"
    broken.write_bytes(b"not an archive")
    for path in (tmp_path / "none.csv", broken):
        with pytest.raises(SandboxError, match=r"cannot be read .* --idx-dataset"):
            DatasetIdx(path)


@pytest.fixture(scope="module")
def real() -> IdxSite:
    if not SAMPLE.exists():
        pytest.skip("the recorded history is not at hand (../shared/samples/idx)")
    return IdxSite(SiteContext(), IdxOptions(dataset=SAMPLE))


def test_the_real_history_has_its_sessions_and_its_saturday(real: IdxSite) -> None:
    sessions = real.market.sessions
    assert (sessions[0], sessions[-1], TEST_SESSION in sessions) == (date(2019, 1, 2), date(2021, 12, 30), True)
    facts = real.session_facts(TEST_SESSION)
    assert int((facts.volume > 0).sum()) == 114
    row = facts.codes.index("BBCA")
    assert (facts.close[row], facts.volume[row], facts.trades[row]) == (33_000, 369_300, 51)


@pytest.mark.parametrize("day", [date(2019, 1, 2), TEST_SESSION, date(2021, 10, 13), date(2021, 12, 30)])
def test_every_table_of_a_real_session_reconciles(real: IdxSite, day: date) -> None:
    facts, flows = real.session_facts(day), real.flows(day)
    total = np.zeros(2, dtype=np.int64)
    for row, code in enumerate(facts.codes):
        table = table_of([flows.cells(code, "all", "all")])
        assert (table is None) == (facts.volume[row] == 0)
        if table is None:
            continue
        for side in (table.buy, table.sell):
            assert sum(entry.lots for entry in side) == facts.volume[row] // 100
            assert sum(entry.value for entry in side) == facts.value[row]
            assert all(facts.low[row] * e.shares <= e.value <= facts.high[row] * e.shares for e in side)
            assert len(side) <= facts.trades[row]
            total += [sum(e.shares for e in side), sum(e.value for e in side)]
    shares, value, _ = flows.market()
    assert (shares.sum(), value.sum()) == tuple(total)


def test_the_split_of_october_2021_multiplies_the_listed_shares_by_five(real: IdxSite) -> None:
    before, after = real.session_facts(date(2021, 10, 12)), real.session_facts(date(2021, 10, 13))
    k, j = before.codes.index("BBCA"), after.codes.index("BBCA")
    assert after.listed[j] == 5 * before.listed[k]
