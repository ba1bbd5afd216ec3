"""A home of its own for given data: which source it switches on, what it says of it, and what it refuses."""

from __future__ import annotations

import lzma
import os
import tomllib
from datetime import date
from pathlib import Path

import pytest

from fin_assets.commands.args import project
from fin_assets.commands.dataset import given_datasets, use_datasets
from fin_assets.commands.errors import Problem

LISTS = "date,stock_code\n2017-03-17,00700\n2017-10-31,00700\n"
PRICES = "Date,StockCode,Volume\n2021-05-04,BBCA,100\n2021-06-08,BBCA,200\n"


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    path = tmp_path / "lists.csv"
    path.write_text(LISTS, encoding="utf-8")
    return path


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    path = tmp_path / "prices of jakarta.csv.xz"
    path.write_bytes(lzma.compress(PRICES.encode()))
    return path


def written() -> dict:
    return tomllib.loads(Path(os.environ["FIN_CONFIG"]).read_text(encoding="utf-8"))


def test_prices_of_jakarta_switch_its_source_on_for_their_own_days_and_the_others_off(home: Path, prices: Path) -> None:
    assert use_datasets({"idx_brokers": prices}) == set(), "its pages are too many for every session"
    content = written()
    assert content["data_dir"] == str(home / "data" / "dataset-prices_of_jakarta")
    assert content["sandbox"] == {"sites": {"idx_brokers": {"dataset": str(prices)}}}
    assert content["sources"]["idx_brokers"] == {"start": date(2021, 5, 4), "end": date(2021, 6, 8)}
    assert content["sources"]["hkex_southbound"] == {"enabled": False}


def test_lists_of_hong_kong_are_collected_whole_and_leave_jakarta_out(home: Path, lists: Path) -> None:
    (home / "fin.toml").write_text(
        "[sandbox]\nport = 8777\nstart = 2026-01-02\n[sandbox.sites.idx_brokers]\ntickers = 30\n"
        "[servers]\ndagster_port = 3111\n"
    )
    assert use_datasets({"hkex_southbound": lists}) == {"hkex_southbound"}
    content = written()
    sites = {"hkex_southbound": {"dataset": str(lists)}, "idx_brokers": {"tickers": 30}}
    assert content["sandbox"] == {"port": 8777, "sites": sites}, "a dataset brings its own first day"
    assert content["servers"] == {"dagster_port": 3111}
    assert content["sources"]["hkex_southbound"]["start"] == date(2017, 3, 17)
    assert content["sources"]["idx_brokers"] == {"enabled": False}


def test_both_have_one_home(lists: Path, prices: Path) -> None:
    assert use_datasets({"hkex_southbound": lists, "idx_brokers": prices}) == {"hkex_southbound"}
    content = written()
    assert Path(content["data_dir"]).name == "dataset-lists-prices_of_jakarta"
    assert not [name for name, section in content["sources"].items() if section == {"enabled": False}]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no,columns\n1,2\n", "is no dataset for --idx-dataset"),
        (b"Date,StockCode\nlong ago,BBCA\n", "no dates such as"),
    ],
)
def test_a_file_without_dates_is_refused_with_the_option_and_the_document(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(Problem, match=said) as caught:
        use_datasets({"idx_brokers": path})
    assert "docs/sandbox.md" in caught.value.remedy


def test_a_damaged_archive_is_refused_and_not_unpacked_halfway(tmp_path: Path) -> None:
    path = tmp_path / "x.csv.xz"
    path.write_bytes(lzma.compress(PRICES.encode() * 100)[:60])
    with pytest.raises(Problem, match="is no dataset for --idx-dataset"):
        use_datasets({"idx_brokers": path})


def test_an_environment_that_names_other_data_does_not_reach_the_home(
    home: Path, lists: Path, prices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIN_DATA_DIR", str(home / "elsewhere"))
    monkeypatch.setenv("FIN_SANDBOX__SITES__IDX_BROKERS__DATASET", str(prices))
    use_datasets({"hkex_southbound": lists})
    settings, sources = project()
    assert settings.data == home / "elsewhere" / "dataset-lists"
    assert settings.sandbox.sites == {"hkex_southbound": {"dataset": str(lists)}}
    assert [source.name for source in sources] == ["hkex_southbound"]


def test_files_are_named_by_a_sites_own_flag_or_by_its_source() -> None:
    flagged = {"hkex_southbound": {"dataset": "lists.csv"}}
    assert given_datasets(flagged, ["idx_brokers=a=b.csv"]) == {
        "hkex_southbound": Path("lists.csv"),
        "idx_brokers": Path("a=b.csv"),
    }


def test_quotes_and_other_scripts_of_the_configured_settings_survive_in_the_home(home: Path, lists: Path) -> None:
    secret = 'a "quoted" \\ value with 日本'
    (home / "fin.toml").write_text(f"[browser]\nexecutable = '{secret}'\n", encoding="utf-8")
    use_datasets({"hkex_southbound": lists})
    assert written()["browser"] == {"executable": secret}
