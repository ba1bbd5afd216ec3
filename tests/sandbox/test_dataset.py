"""Lists from a file: what it says is what the pages show; a bad file is refused by line and column."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from fin_assets.sandbox import SandboxError
from fin_assets.sandbox.context import SiteContext
from fin_assets.sandbox.rendered import Edits
from fin_assets.sandbox.sites.hkex_southbound.dataset import DatasetMarket
from fin_assets.sandbox.sites.hkex_southbound.options import HkexOptions
from fin_assets.sandbox.sites.hkex_southbound.site import HkexSite

SAMPLE = Path(__file__).parents[3] / "shared/samples/hkexnews/southbound_daily_20170317-20171031.csv.gz"
HEADER = "date,stock_code,name_zh,shareholding,pct_of_issued_fraction\n"
GOOD = (
    HEADER
    + "2017-03-17,5,滙豐測試,1000000,0.0123\n2017-03-17,1,甲乙 & 丙,3952302,0.0046\n"
    + "2017-03-20,1,甲乙 & 丙,3952400,\n2017-03-20,5,滙豐測試,0,0.0\n"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lists.csv"


def test_a_file_gives_its_days_its_rows_in_order_of_code_and_its_percentages(path: Path) -> None:
    path.write_text(GOOD, encoding="utf-8")
    market = DatasetMarket(path)
    assert market.days == [date(2017, 3, 17), date(2017, 3, 20)]
    first, second = (market.on(day) for day in market.days)
    assert (first.codes, first.percents) == ([1, 5], [46, 123])
    assert (second.shares, second.percents) == ([3952400, 0], [None, 0])
    assert first.names_en == first.names_zh == ["甲乙 & 丙", "滙豐測試"]


def test_a_gzipped_file_is_the_same(path: Path, tmp_path: Path) -> None:
    path.write_text(GOOD, encoding="utf-8")
    zipped = tmp_path / "lists.csv.gz"
    zipped.write_bytes(gzip.compress(GOOD.encode()))
    plain, packed = DatasetMarket(path), DatasetMarket(zipped)
    assert [plain.on(d) for d in plain.days] == [packed.on(d) for d in packed.days]


def test_the_sandbox_of_a_file_ends_the_day_after_its_last_list_and_has_no_northbound(path: Path) -> None:
    path.write_text(GOOD, encoding="utf-8")
    site = HkexSite(SiteContext(), HkexOptions(dataset=path))
    assert site.today() == date(2017, 3, 21)
    newest = site.prepare("mutualmarket_c.aspx", {"t": "hk"}, None)
    assert "持股日期: 2017/03/20" in newest.render()
    assert "甲乙 &amp; 丙" in newest.render(Edits())
    northbound = site.prepare("mutualmarket.aspx", {"t": "sh"}, None)
    assert not northbound.has_result
    assert 'id="pnlResult"' not in northbound.render()


def test_a_range_cuts_a_file(path: Path) -> None:
    path.write_text(GOOD, encoding="utf-8")
    site = HkexSite(SiteContext(start=date(2017, 3, 20), end=date(2017, 3, 22)), HkexOptions(dataset=path))
    assert list(site.published("hk")) == [date(2017, 3, 20)]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("2017-3-x,1,甲,5,0.1", r"line 4, column date: '2017-3-x' is not a date"),
        ("2017-03-20,0700A,甲,5,0.1", r"line 4, column stock_code: '0700A' is not a whole number"),
        ("2017-03-20,100000,甲,5,0.1", r"line 4, column stock_code"),
        ("2017-03-20,1,,5,0.1", r"line 4, column name_zh"),
        ("2017-03-20,1,甲,-5,0.1", r"line 4, column shareholding: '-5' is not a whole number of shares"),
        ("2017-03-20,1,甲,1.5,0.1", r"line 4, column shareholding"),
        ("2017-03-20,1,甲,5,4.6", r"line 4, column pct_of_issued_fraction: '4.6' is not a fraction from 0 to 1"),
        ("2017-03-20,1,甲,5,n/a", r"line 4, column pct_of_issued_fraction"),
        ("2017-03-17,5,甲,5,0.1", r"line 4, column stock_code: '5' is not unique within its date"),
        ("2017-03-20,1,甲", r"line 4, column shareholding: None is not a whole number"),
    ],
)
def test_a_bad_value_is_refused_with_file_line_and_column(path: Path, line: str, complaint: str) -> None:
    path.write_text("\n".join([*GOOD.splitlines()[:3], line]) + "\n", encoding="utf-8")
    with pytest.raises(SandboxError, match=complaint) as refused:
        DatasetMarket(path)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("date,stock_code,name,shareholding,pct\n", "line 1: column name_zh is missing"),
        (HEADER, "no rows below the header"),
        ("", "not a readable CSV"),
    ],
)
def test_a_file_of_another_kind_is_refused(path: Path, text: str, complaint: str) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SandboxError, match=complaint):
        DatasetMarket(path)


def test_a_broken_archive_and_a_directory_are_refused(tmp_path: Path) -> None:
    broken = tmp_path / "lists.csv.gz"
    broken.write_bytes(gzip.compress(GOOD.encode())[:40])
    for wrong in (broken, tmp_path):
        with pytest.raises(SandboxError, match="not a readable CSV"):
            DatasetMarket(wrong)


@pytest.mark.skipif(not SAMPLE.exists(), reason="the recorded lists are not beside this checkout")
def test_the_recorded_lists_come_out_day_by_day_with_consistent_participants() -> None:
    with gzip.open(SAMPLE, "rt", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    counts = Counter(row["date"] for row in rows)
    site = HkexSite(SiteContext(), HkexOptions(dataset=SAMPLE))
    assert [day.isoformat() for day in site.published("hk")] == sorted(counts)
    assert len(counts) == 155
    for day in site.published("hk"):
        assert len(site.list_of(day).codes) == counts[day.isoformat()]
    day = date(2017, 6, 6)
    listed = site.list_of(day)
    assert listed.find(198) is None
    for code in (2969, 5, 700, 1):
        found, row = site.participants_of(code, day), listed.find(code)
        assert found is not None
        assert row is not None
        assert sum(h.shares for h in found.holders if h.participant_id[:1] == "A") == listed.shares[row]
        accounts = listed.shares[row] * 10_000 / found.issued
        assert accounts == pytest.approx(listed.percents[row], abs=5, rel=0.05)
