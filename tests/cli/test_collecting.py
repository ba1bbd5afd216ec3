"""`fin run`, `fin status`, `fin heal`, `fin reparse`: what they ask for, what they say, and how they end."""

from __future__ import annotations

import json
import os
import signal
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from fin_assets.commands.args import project
from fin_assets.commands.dagster_runner import ranges
from fin_assets.commands.run import to_heal
from fin_assets.core.contract.failures import CaptchaPage, ServerError
from fin_assets.core.contract.manifest import Manifest, PartitionKey, PartitionState, UnitRecord, UnitState
from fin_assets.core.storage.store import Store, store_of
from tests.cli.conftest import flat
from tests.core.fakes import NAME, TABLE, fake_source

DAYS = [date(2026, 3, day) for day in (16, 17, 18, 19, 20)]
BAD = DAYS[2]


def test_a_range_is_collected_healed_and_parsed_again_and_nothing_is_asked_for_twice(
    fin, site, home: Path, monkeypatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME")
    monkeypatch.setattr("sys.argv", ["/bin/fin", "heal", "fake things"])
    site.broken = {("b", BAD): ServerError("busy", status=503)}
    done = fin("run", NAME, "--from", "2026-03-14", "--to", "2026-03-20", "--no-marts")
    assert done.exit_code == 3, done.output
    assert f"incomplete things {BAD}: 1 of 2 units: 1 server_error (b)" in done.output
    mend = f"what to do: the site has a fault of its own; fin run fake --table things --session {BAD}"
    assert mend in done.output
    assert "without that, healing tries again by itself after 2026-03-24 12:10 HKT" in done.output

    shown = json.loads(fin("status", NAME, "--from", "2026-03-16", "--to", "2026-03-23", "--json").output)
    states = {row["session"]: row["state"] for row in shown}
    assert states == dict.fromkeys(map(str, DAYS), "provisional") | {str(BAD): "incomplete", "2026-03-23": "missing"}
    told = fin("status")
    assert f"incomplete fake/things {BAD}: 1 of 2 units" in told.output
    assert mend in told.output

    site.broken.clear()
    before = dict(site.asked)
    healed = fin("heal", "--no-marts")
    assert healed.exit_code == 0, healed.output
    asked = {key for key, count in site.asked.items() if count > before.get(key, 0)}
    assert asked == {("b", BAD), ("a", date(2026, 3, 23)), ("b", date(2026, 3, 23))}, "what was missed as well"
    assert fin("heal", "--no-marts").output.startswith("nothing to heal")

    before = dict(site.asked)
    again = fin("run", NAME, "--from", "2026-03-16", "--to", "2026-03-20", "--no-marts")
    reparsed = fin("reparse", NAME, "--no-marts")
    assert (again.exit_code, reparsed.exit_code) == (0, 0), again.output + reparsed.output
    assert dict(site.asked) == before

    with dg.DagsterInstance.from_config(str(home / "data" / "dagster")) as instance:
        runs = instance.get_runs()
        assert {run.job_name for run in runs} == {f"collect_{NAME}__{TABLE}"}
        assert sum(run.status is dg.DagsterRunStatus.FAILURE for run in runs) == 1
        assert {run.tags["fin/command"] for run in runs} == {"fin heal 'fake things'"}
        assert {run.tags["user"] for run in runs} == {"fin heal"}
        materialized = instance.get_materialized_partitions(dg.AssetKey(["staged", NAME, TABLE]))
        assert materialized == {*map(str, DAYS), "2026-03-23"}


def test_a_run_over_complete_sessions_starts_no_dagster_run_and_asks_for_nothing(
    fin, site, home: Path, monkeypatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME")
    asked = ("run", NAME, "--from", str(DAYS[0]), "--to", str(DAYS[-1]), "--no-marts")
    assert fin(*asked).exit_code == 0
    before = dict(site.asked)
    again = fin(*asked)
    assert again.exit_code == 0
    assert again.output == "fake/things: nothing to do, 5 sessions are there already (--refetch asks again)\n"
    assert dict(site.asked) == before

    def runs() -> int:
        with dg.DagsterInstance.from_config(str(home / "data" / "dagster")) as instance:
            return instance.get_runs_count()

    assert runs() == 1
    assert fin(*asked, "--refetch").exit_code == 0
    assert {site.asked[key] - before[key] for key in before} == {1}
    assert runs() == 2

    # Dagster has lost what it knew, as after a kill between storing and telling: the next run tells it again.
    with dg.DagsterInstance.from_config(str(home / "data" / "dagster")) as instance:
        instance.wipe_assets([dg.AssetKey(["raw", NAME, TABLE])])
    assert fin(*asked).exit_code == 0
    assert runs() == 3
    site.units = (*site.units, "c")
    assert fin(*asked).exit_code == 0
    assert site.asked["c", BAD] == 1, "a unit that is expected now and was not then"


def test_days_that_are_no_sessions_are_named_with_their_reason_and_the_rest_is_collected(fin, site) -> None:
    done = fin("run", NAME, "--from", "2026-02-13", "--to", "2026-02-20", "--no-marts")
    assert done.exit_code == 0
    assert "2026-02-17 is no session of fake: closed: no session by the calendar of Asia/Hong_Kong" in done.output
    assert {session for _, session in site.asked} == {date(2026, 2, 13), date(2026, 2, 16), date(2026, 2, 20)}


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("2026-03-21", "closed: no session on a Saturday"),
        ("2025-12-31", "before the source's start, 2026-01-02"),
        ("2026-03-24", "not over yet in Asia/Hong_Kong"),
    ],
)
def test_a_single_day_that_is_no_session_is_explained(fin, site, day: str, why: str, monkeypatch) -> None:
    from datetime import UTC, datetime

    from dagster._core.test_utils import freeze_time

    with freeze_time(datetime(2026, 3, 24, 4, tzinfo=UTC)):
        done = fin("run", NAME, "--session", day, "--no-marts")
    assert done.exit_code == 2, "a session that is none is no success"
    assert f"{day} is no session of fake: {why}" in flat(done.stderr)
    assert "nothing was collected" in flat(done.stderr)
    assert not site.asked


def test_without_a_range_the_newest_session_that_is_due_is_collected(fin, site) -> None:
    assert fin("run", NAME, "--no-marts").exit_code == 0
    assert {session for _, session in site.asked} == {date(2026, 3, 23)}


def test_a_refusing_site_ends_the_command_with_what_is_left(fin, site) -> None:
    site.units = tuple("abcdefghijkl")
    site.broken = {("a", BAD): CaptchaPage("prove that you are human")}
    done = fin("run", NAME, "--session", str(BAD), "--no-marts")
    assert done.exit_code == 3
    assert "1 captcha (a)" in done.output
    assert "not_asked" in done.output


def test_a_failed_refetch_is_reported_and_no_success_although_the_session_stays_complete(fin, site) -> None:
    assert fin("run", NAME, "--session", str(BAD), "--no-marts").exit_code == 0
    site.broken = {("a", BAD): CaptchaPage("prove that you are human")}
    done = fin("run", NAME, "--session", str(BAD), "--refetch", "--no-marts")
    assert done.exit_code == 3, done.output
    assert "failed things: 1 of 1 sessions" in flat(done.output)
    [row] = json.loads(fin("status", NAME, "--from", str(BAD), "--to", str(BAD), "--json").output)
    assert row["state"] == "provisional"


def test_healing_counts_the_look_back_from_publication(site) -> None:
    late = fake_source(site, due=timedelta(days=20), look_back_days=10)
    in_time = fake_source(site, look_back_days=10)
    known = [date(2026, 2, 10), date(2026, 3, 2)]
    store = store_of(project()[0])
    for day in known:
        units = (UnitRecord(unit="a", state=UnitState.FAILED),)
        store.save(Manifest(source=NAME, table=TABLE, session=day, state=PartitionState.INCOMPLETE, units=units))
    assert date(2026, 3, 2) in to_heal(late, late.table(TABLE), None), "it was published two days ago"
    assert date(2026, 2, 10) not in to_heal(late, late.table(TABLE), None)
    assert date(2026, 3, 2) not in to_heal(in_time, in_time.table(TABLE), None)


def test_manifests_of_other_sessions_than_asked_for_are_not_read(fin, site) -> None:
    assert fin("run", NAME, "--from", "2026-03-16", "--to", "2026-03-23", "--no-marts").exit_code == 0
    store = store_of(project()[0])
    old = store.partition_dir(PartitionKey(NAME, TABLE, date(2025, 3, 3)))
    old.mkdir(parents=True)
    (old / "manifest.json").write_text("{}")

    asked = ("--from", "2026-03-16", "--to", "2026-03-23")
    shown = json.loads(fin("status", NAME, *asked, "--json").output)
    assert {row["state"] for row in shown} == {"complete"}
    assert fin("reparse", NAME, *asked, "--no-marts").exit_code == 0
    source = fake_source(site, look_back_days=10)
    assert to_heal(source, source.table(TABLE), None) == []
    assert to_heal(source, source.table(TABLE), date(2026, 3, 16)) == []


def test_an_interrupted_run_keeps_its_units_and_continues_from_there(fin, site) -> None:
    site.units = ("a", "b", "c")

    def interrupt(unit: str, session: date) -> None:
        if session == DAYS[3]:
            raise KeyboardInterrupt

    site.before_answer = interrupt
    done = fin("run", NAME, "--from", str(DAYS[0]), "--to", str(DAYS[4]), "--no-marts")
    assert done.exit_code == 130, done.output
    said = "Interrupted (SIGINT). All stored units are kept. Run the same command again: it continues where it stopped."
    assert done.stderr.splitlines()[-1] == said
    assert "Traceback" not in done.stderr
    site.before_answer = None
    kept = {key for key in site.asked if key[1] < DAYS[3]}
    before = dict(site.asked)
    assert fin("run", NAME, "--from", str(DAYS[0]), "--to", str(DAYS[4]), "--no-marts").exit_code == 0
    assert {key: site.asked[key] for key in kept} == {key: before[key] for key in kept}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_signal_is_one_line_and_its_own_exit_code(fin, site, number: signal.Signals) -> None:
    site.before_answer = lambda _unit, _session: os.kill(os.getpid(), number)
    done = fin("run", NAME, "--session", str(BAD), "--no-marts")
    assert done.exit_code == 128 + number, done.output
    assert done.stderr.splitlines()[-1].startswith(f"Interrupted ({number.name}). All stored units are kept.")


def test_a_session_that_another_process_collects_is_a_clear_error(fin, site, home: Path) -> None:
    with Store(home / "data").open_unit_log(PartitionKey(NAME, TABLE, BAD)):
        done = fin("run", NAME, "--session", str(BAD), "--no-marts")
    assert done.exit_code == 1
    assert "is being collected by another process" in flat(done.stderr)
    assert "What to do" in flat(done.stderr)


def test_reparse_of_nothing_says_how_to_collect(fin, site) -> None:
    done = fin("reparse", NAME, "--no-marts")
    assert done.exit_code == 1
    assert "fin run fake --from" in flat(done.stderr)


def test_neighbouring_sessions_are_one_range() -> None:
    keys = ["1", "2", "3", "4", "5", "6"]
    assert ranges(keys, {"1", "2", "4", "6"}) == [("1", "2"), ("4", "4"), ("6", "6")]
    assert ranges(keys, set(keys)) == [("1", "6")]
    assert ranges(keys, {"9"}) == []
