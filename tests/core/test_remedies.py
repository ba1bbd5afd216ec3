"""What is said about a session that is not complete: a command that mends exactly it, and no promise that is not kept."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from fin_assets.core.collection.remedies import promise, remedy_of, run_command
from fin_assets.core.contract import failures
from fin_assets.core.contract.failures import CollectionFailure
from fin_assets.core.contract.manifest import Manifest, PartitionState, UnitRecord, UnitState
from fin_assets.core.contract.source import Source
from tests.core.fakes import NAME, TABLE, FakeSite, fake_source

DAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 4, 4, tzinfo=UTC)
RUN = f"fin run {NAME} --table {TABLE} --session {DAY}"
KINDS = [kind for kind in vars(failures).values() if isinstance(kind, type) and issubclass(kind, CollectionFailure)]


def manifest(*kinds: type[CollectionFailure], **changes: object) -> Manifest:
    units = tuple(
        UnitRecord(
            unit=f"u{number}",
            state=UnitState(kind.state),
            error_kind=kind.kind,
            remedy=kind.remedy,
            retryable=kind.retryable,
        )
        for number, kind in enumerate(kinds)
    )
    values = {"source": NAME, "table": TABLE, "session": DAY, "state": PartitionState.INCOMPLETE, "units": units}
    return Manifest.model_validate({**values, "attempts": 1, **changes})


@pytest.fixture
def source() -> Source:
    return fake_source(FakeSite(), look_back_days=14, max_attempts=3)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_failure_names_a_command_for_that_very_session_or_what_else_to_do(kind) -> None:
    told = remedy_of(manifest(kind))
    assert told
    assert "fin heal" not in told, "it reaches back no further than the look-back"
    assert "automatically" not in told
    assert RUN in told or not kind.retryable


def test_a_refusal_speaks_for_the_units_that_were_not_asked_for(source: Source) -> None:
    told = remedy_of(manifest(failures.NotAsked, failures.CaptchaPage, failures.NotAsked))
    assert told == f"leave the site alone for three hours, lower rate_per_second in fin.toml, then: {RUN}"


def test_a_session_whose_units_are_not_known_is_mended_with_the_table_that_names_them() -> None:
    assert remedy_of(manifest()) == f"fin run {NAME} --session {DAY}"


def test_a_complete_session_needs_nothing_and_a_failed_refetch_is_repeated() -> None:
    whole = manifest(state=PartitionState.COMPLETE)
    assert remedy_of(whole) is None
    assert remedy_of(manifest(failures.ServerError), refetch=True) == (
        f"the site has a fault of its own; {RUN} --refetch"
    )


def test_several_sessions_are_one_range() -> None:
    days = [DAY, DAY + timedelta(days=3), DAY + timedelta(days=1)]
    assert run_command(NAME, None, days) == f"fin run {NAME} --from 2026-03-02 --to 2026-03-05"


@pytest.mark.parametrize(
    ("changes", "now"),
    [
        ({}, NOW + timedelta(days=15)),
        ({"attempts": 3}, NOW),
        ({"state": PartitionState.COMPLETE}, NOW),
    ],
    ids=["beyond the look-back", "tried too often", "complete"],
)
def test_healing_is_promised_only_where_it_happens(source: Source, changes: dict[str, object], now: datetime) -> None:
    found = manifest(failures.ServerError, next_retry_at=now + timedelta(hours=1), **changes)
    assert promise(source, source.table(TABLE), found, now=now) is None
    assert promise(source, source.table(TABLE), manifest(failures.LoginWall), now=NOW) is None


def test_a_time_is_named_in_the_zone_of_the_source_and_only_while_it_lies_ahead(source: Source) -> None:
    table, at = source.table(TABLE), NOW + timedelta(minutes=30)
    found = manifest(failures.ServerError, next_retry_at=at)
    assert promise(source, table, found, now=NOW) == (
        "healing tries again by itself after 2026-03-04 12:30 HKT while fin serve runs"
    )
    assert promise(source, table, found, now=at) == "healing tries again by itself while fin serve runs"
