"""`fin status --session`: a session of hundreds of units, each missing one with its reason."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from fin_assets.commands.args import project
from fin_assets.core.contract.failures import ServerError
from fin_assets.core.contract.manifest import Manifest, PartitionState, UnitRecord, UnitState
from fin_assets.core.storage.store import store_of
from tests.cli.conftest import flat
from tests.core.fakes import NAME, TABLE

DAY = date(2026, 3, 20)


@pytest.fixture
def many(site) -> list[str]:
    """A manifest of 600 units: 3 failed, each in its own way, 40 were never asked for, 2 are proven empty."""
    names = [f"T{number:03}" for number in range(600)]
    broken = {
        "T007": ("server_error", "T007: HTTP 503", "fin heal"),
        "T011": ("server_error", "T011: HTTP 503", "fin heal"),
        "T200": ("unreconciled", "T200: buys 90 lots, the exchange has 100", "look"),
    }
    units = []
    for number, name in enumerate(names):
        if name in broken:
            kind, error, remedy = broken[name]
            record = UnitRecord(
                unit=name,
                state=UnitState.FAILED,
                attempts=4,
                error_kind=kind,
                error=error,
                remedy=remedy,
                evidence=("e.html",),
            )
        elif number >= 560:
            record = UnitRecord(
                unit=name, state=UnitState.MISSING, error_kind="not_asked", error="not asked: the site refuses"
            )
        else:
            state = UnitState.EMPTY_CONFIRMED if number in {1, 2} else UnitState.FETCHED
            record = UnitRecord(unit=name, state=state, rows=40)
        units.append(record)
    retry = datetime(2026, 3, 21, 9, 30, tzinfo=UTC)
    manifest = Manifest(
        source=NAME,
        table=TABLE,
        session=DAY,
        state=PartitionState.INCOMPLETE,
        units=tuple(units),
        attempts=1,
        requests=570,
        next_retry_at=retry,
    )
    store_of(project()[0]).save(manifest)
    return names


def test_one_session_lists_every_missing_unit_with_its_reason_on_one_screen(fin, many: list[str]) -> None:
    done = fin("status", NAME, "--session", str(DAY))
    assert done.exit_code == 0, done.output
    told = flat(done.output)
    assert "43 of 600 units are missing: 40 not_asked, 2 server_error, 1 unreconciled" in told
    assert "server_error T007: HTTP 503" in told
    assert "unreconciled T200: buys 90 lots, the exchange has 100" in told
    assert "not_asked 40 units: not asked: the site refuses" in told
    words = done.output.split()
    assert set(many[560:]) <= set(words), "the name of each unit that was not asked for"
    assert "T005" not in told, "what is there is not listed"
    assert len(done.output.splitlines()) < 40
    assert f"what to do: look; then: fin run {NAME} --table {TABLE} --session {DAY}" not in told
    assert f"what to do: fin run {NAME} --table {TABLE} --session {DAY}" in told


def test_the_list_of_all_sessions_abbreviates_what_is_missing_in_each(fin, many: list[str]) -> None:
    told = flat(fin("status", NAME).output)
    assert "43 of 600 units: 40 not_asked (T560, T561, T562, T563, T564, ...); 2 server_error (T007, T011)" in told
    assert f"each unit: fin status {NAME} --session {DAY}" in told


def test_programs_get_every_missing_unit_as_well(fin, many: list[str]) -> None:
    [row] = json.loads(fin("status", NAME, "--session", str(DAY), "--json").output)
    assert (row["state"], row["units"], row["done"], len(row["left"])) == ("incomplete", 600, 557, 43)
    first = row["left"][0]
    assert (first["unit"], first["kind"], first["attempts"], first["remedy"]) == ("T007", "server_error", 4, "fin heal")


def test_a_day_of_which_nothing_is_stored_or_due_is_no_status(fin, site) -> None:
    done = fin("status", NAME, "--session", "2026-03-22")
    assert done.exit_code == 2
    assert "is no session of fake that is due" in flat(done.stderr)
    assert "fin run fake --session 2026-03-22" in flat(done.stderr)


def test_a_run_that_leaves_many_units_says_where_each_is_listed(fin, site) -> None:
    site.units = tuple(f"u{number}" for number in range(9))
    site.broken = {(unit, DAY): ServerError("busy", status=503) for unit in site.units[:7]}
    done = fin("run", NAME, "--session", str(DAY), "--no-marts")
    assert done.exit_code == 3
    told = flat(done.output)
    assert "7 of 9 units: 7 server_error (u0, u1, u2, u3, u4, ...)" in told
    assert f"each unit: fin status {NAME} --session {DAY}" in told
