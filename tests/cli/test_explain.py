"""`fin explain`: one stock or unit on one session, whatever state it is in, and what to do about it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from fin_assets.commands.args import project
from fin_assets.core.collection.collector import Collector
from fin_assets.core.contract.failures import CaptchaPage
from fin_assets.core.contract.manifest import PartitionKey
from fin_assets.core.storage.store import Store, store_of
from fin_assets.warehouse import publish
from fin_assets.warehouse.paths import Layout
from tests.cli.conftest import Fin, flat
from tests.core.fakes import NAME, TABLE, FakeClients, FakeSite, fake_source

DAY = date(2026, 3, 20)
KEY = PartitionKey(NAME, TABLE, DAY)


def explained(fin: Fin, code: str = "a", *options: str) -> dict[str, Any]:
    """Return the only table's part of the answer, with what to do."""
    done = fin("explain", NAME, code, "--session", str(DAY), *options, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.output)
    [table] = found["tables"]
    return table | {"what_to_do": found["what_to_do"], "marts": found["marts"]}


@pytest.fixture
def collected(site: FakeSite) -> Store:
    """The store with one complete session."""
    store, source = store_of(project()[0]), fake_source(site)
    with FakeClients() as clients:
        Collector(source, source.table(TABLE), store=store, clients=clients, on_session=lambda _: None).run([DAY])
    return store


def test_a_complete_unit_is_followed_from_the_answer_to_its_rows(fin: Fin, collected: Store) -> None:
    table = explained(fin)
    [unit] = table["units"]
    assert (unit["unit"], unit["expected"], unit["stored"], unit["verdict"]) == ("a", True, "whole", "accepted")
    assert (unit["parsed_rows"], unit["states"]) == (100, str(DAY))
    assert (unit["record"]["status"], unit["record"]["url"], unit["record"]["attempts"]) == (200, "http://site/a", 1)
    assert (table["column"], table["value"], table["rows"]) == ("unit", "a", 100)
    assert table["manifest"]["raw_file"].endswith("raw-1.parquet")
    assert table["damage"] == []
    assert [name for name, passed, _ in table["checks"] if not passed] == []
    assert table["what_to_do"] == ["nothing is published yet: fin build"]
    assert explained(fin, "A")["rows"] == 100, "case does not matter"

    told = flat(fin("explain", NAME, "a", "--session", str(DAY)).output)
    assert "things: complete, 2 of 2 units, attempts: 1, requests: 2" in told
    assert "HTTP 200" in told
    assert unit["record"]["sha256"] in told
    assert "100 of 200 rows in staged/sandbox/fake/things/2026-03-20-" in told


def test_a_failed_unit_is_shown_with_its_evidence_and_the_command(fin: Fin, site: FakeSite) -> None:
    site.broken = {("a", DAY): CaptchaPage("prove that you are human", body=b"<html>human?</html>")}
    assert fin("run", NAME, "--session", str(DAY), "--no-marts").exit_code == 3
    table = explained(fin)
    [unit] = table["units"]
    assert (unit["stored"], unit["record"]["error_kind"]) == ("no", "captcha")
    page, picture = unit["evidence"]
    assert (Path(page).suffix, Path(picture).suffix) == (".html", ".png")
    assert f"things: fin run fake --table things --session {DAY} fetches what is missing" in table["what_to_do"][-1]
    assert "captcha: prove that you are human" in flat(fin("explain", NAME, "a", "--session", str(DAY)).output)


@pytest.mark.parametrize(
    ("victim", "mended_by"),
    [
        ("manifest.json", f"things: fin run fake --table things --session {DAY}"),
        ("raw-1.parquet", f"things: fin run fake --table things --session {DAY} --refetch"),
        ("staged", f"things: fin reparse fake --table things --from {DAY} --to {DAY}"),
    ],
)
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_damaged_part_is_named_and_the_rest_is_shown(
    fin: Fin, collected: Store, victim: str, mended_by: str, damage: str
) -> None:
    staged = collected.manifest(KEY).staged  # type: ignore[union-attr]
    path = collected.data / staged.file if victim == "staged" else collected.partition_dir(KEY) / victim  # type: ignore[union-attr]
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:200])
    else:
        path.unlink()
    table = explained(fin)
    assert table["what_to_do"] == [mended_by]
    assert table["damage"]
    assert table["rows"] == (100 if victim == "raw-1.parquet" else 0)


def test_a_session_that_was_never_collected_is_due_or_not_yet(fin: Fin, site: FakeSite) -> None:
    table = explained(fin)
    assert (table["manifest"], [unit["unit"] for unit in table["units"]]) == (None, ["a"])
    assert table["what_to_do"] == [f"things: fin run fake --table things --session {DAY}"]
    later = json.loads(fin("explain", NAME, "a", "--session", "2026-03-25", "--json").output)
    assert later["what_to_do"] == ["things: nothing yet; the site has it at 2026-03-26 06:00:00 HKT at the latest"]


def test_an_excluded_answer_is_shown_with_the_way_back(fin: Fin, collected: Store) -> None:
    given = ("--table", TABLE, "--session", str(DAY), "--unit", "a")
    assert fin("exclude", NAME, *given, "--reason", "of another day", "--no-marts").exit_code == 0
    table = explained(fin)
    assert (table["units"][0]["excluded"], table["rows"]) == ("of another day", 0)
    [step] = [line for line in table["what_to_do"] if "--undo" in line]
    assert step.startswith(f"things: fin exclude fake --table things --session {DAY} --unit a --undo")


def test_a_code_that_no_table_has_and_a_day_without_a_session_are_refused(fin: Fin, collected: Store) -> None:
    unknown = fin("explain", NAME, "zz", "--session", str(DAY))
    assert unknown.exit_code == 2
    assert "No table of fake has a unit or a row 'zz' on 2026-03-20" in flat(unknown.stderr)
    assert f"fin status fake --session {DAY}" in flat(unknown.stderr)
    sunday = fin("explain", NAME, "a", "--session", "2026-03-22")
    assert sunday.exit_code == 2
    assert "2026-03-22 is no session of fake" in flat(sunday.stderr)


def test_the_published_build_is_searched_for_the_rows_and_for_what_it_lacks(fin: Fin, collected: Store) -> None:
    staged = collected.manifest(KEY).staged  # type: ignore[union-attr]
    layout = Layout(collected.data)
    layout.marts.mkdir(parents=True)

    def published(sha256: str) -> None:
        with duckdb.connect(str(layout.build)) as build:
            build.execute("create schema if not exists control")
            build.execute(
                "create or replace table control.partitions as select 'fake' as source, 'things' as table_name, "
                "date '2026-03-20' as session_date, $1 as staged_sha256, true as is_usable",
                [sha256],
            )
            build.execute(
                "create or replace table fake__things as from (values (date '2026-03-20', 'a'), (date '2026-03-20', 'b'))"
                " as rows (session_date, unit)"
            )
        publish.publish(layout, keep=2)

    published(staged.sha256)  # type: ignore[union-attr]
    table = explained(fin)
    assert table["what_to_do"] == []
    assert table["marts"]["rows"] == {"fake__things": 1}
    assert table["marts"]["where"] == "session_date = date '2026-03-20' and unit = 'a'"
    told = fin("explain", NAME, "a", "--session", str(DAY)).output
    assert "fin sql -c \"from fake__things where session_date = date '2026-03-20' and unit = 'a'\"" in told
    assert "nothing: every step is done" in told

    assert fin("run", NAME, "--session", str(DAY), "--refetch", "--no-marts").exit_code == 0
    again = fin("run", NAME, "--session", str(DAY))
    assert again.exit_code == 0
    assert "marts: nothing to do, build" in again.output

    published("another")
    assert explained(fin)["what_to_do"] == ["fin build publishes the staged rows of things"]


def test_explaining_writes_nothing(fin: Fin, collected: Store) -> None:
    def files() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in collected.data.rglob("*") if path.is_file()}

    before = files()
    explained(fin)
    assert files() == before
