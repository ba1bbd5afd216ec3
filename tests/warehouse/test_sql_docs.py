"""The queries of docs/sql.md run against a built warehouse and answer what they say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from dashboards.areas.data.queries import problems
from dashboards.ui.build_cache import CachedBuild
from fin_assets.sandbox.sites.idx_brokers.names import LASTING
from fin_assets.sources.hkex_southbound.source import DEFAULT_WATCHLIST
from fin_assets.warehouse.build import BuildResult
from fin_assets.warehouse.reader import Reader
from tests.warehouse.conftest import INCOMPLETE, LAST
from tests.warehouse.home import Home

DOCUMENT = (Path(__file__).parents[2] / "docs" / "sql.md").read_text(encoding="utf-8")
PRINTED = dict(re.findall(r"```sql name=(\w+)\n(.*?)```", DOCUMENT, flags=re.DOTALL))

HERE = {"'00700'": "'00001'", "'BBCA'": "'AAAA'"}
"""Stocks of the document, which the demo collects, and those of the small markets of these tests."""


def of_these_markets(query: str) -> str:
    """Return a query about the stocks that these tests have."""
    for printed, own in HERE.items():
        query = query.replace(printed, own)
    return query


QUERIES = {name: of_these_markets(query) for name, query in PRINTED.items()}


@pytest.fixture(scope="module")
def answers(reader: Reader, idx_reader: Reader) -> dict[str, pl.DataFrame]:
    """Answers by the query's name; of the Indonesian ones from the Indonesian warehouse."""
    return {name: (idx_reader if name.startswith("idx_") else reader).query(sql) for name, sql in QUERIES.items()}


def test_the_stocks_of_the_document_are_those_that_the_demo_collects_and_no_date_is_fixed() -> None:
    assert "00700" in DEFAULT_WATCHLIST
    assert "BBCA" in LASTING
    for name, query in PRINTED.items():
        assert set(re.findall(r"_code = ('\w+')", query)) <= set(HERE), name
        assert not re.search(r"\d{4}-\d\d-\d\d", query), f"{name}: a demo of another day has no such session"


def test_there_are_eighteen_questions_and_a_dictionary() -> None:
    assert len(re.findall(r"^## \d+\.", DOCUMENT, flags=re.MULTILINE)) == 18
    assert len(QUERIES) == 20


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_of_the_document_has_an_answer(answers: dict[str, pl.DataFrame], name: str) -> None:
    assert not answers[name].is_empty()


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_runs_in_the_shell_as_it_is_printed(
    built: tuple[Home, BuildResult], idx_built: Home, name: str
) -> None:
    home = idx_built if name.startswith("idx_") else built[0]
    shell = Path(sys.executable).with_name("duckdb")
    command = [str(shell), "-readonly", "-csv", str(home.data / "warehouse.duckdb"), "-c", QUERIES[name]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) > 1


def test_the_answers_are_those_of_the_small_market(answers: dict[str, pl.DataFrame]) -> None:
    assert answers["additions"].select("stock_code", "kind").rows() == [
        ("00005", "returning"),
        ("00042", "new"),
        ("00005", "removed"),
        ("00041", "new"),
        ("00042", "removed"),
    ]
    assert answers["counters"].select("old_code", "new_code", "counter_ratio").rows() == [
        ("02906", "00006", 1.0),
        ("80001", "00001", 1.0),
        ("00006", "02906", 0.2),
        ("00001", "80001", 1.0),
    ]
    assert answers["history"].height == 43
    breadth = answers["breadth"]
    assert (breadth["up"] - breadth["down"] == breadth["breadth"]).all()
    changes = answers["top_increases"]["change_pp"].to_list()
    assert changes == sorted(changes, reverse=True)


def test_what_is_missing_is_what_the_data_page_shows(
    answers: dict[str, pl.DataFrame], built: tuple[Home, BuildResult]
) -> None:
    health = answers["health"].filter(~pl.col("state").is_in(["complete", "closed"]))
    rows = {(row["table_name"], row["state"]): row for row in health.iter_rows(named=True)}
    incomplete, missing = rows["holdings", "incomplete"], rows["holdings", "missing"]
    assert (incomplete["sessions"], incomplete["last_session"]) == (1, INCOMPLETE)
    assert (missing["sessions"], missing["last_session"], missing["newest_why"]) == (1, LAST, "never collected")
    assert missing["newest_mends"].startswith("fin run ")
    page = problems(CachedBuild(Reader(built[0].data).snapshot()))
    shown = page.group_by("table_name", "state").len().sort("table_name", "state").rows()
    assert health.select("table_name", "state", "sessions").sort("table_name", "state").rows() == shown
