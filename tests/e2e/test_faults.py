"""Each fault of the site ends in its typed failure, never in a green session, and retryable when the fault ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from fin_assets.core.collection.finalize import SessionResult
from fin_assets.core.contract.manifest import PartitionState, UnitState
from fin_assets.sandbox import Fault, FaultKind, Sandbox
from tests.e2e.pipeline import LIST_DAYS, SANDBOX, Pipeline, pipeline

HISTORY = 8


@dataclass(frozen=True)
class Case:
    """A fault, the kind of failure and the unit state that it must end in."""

    fault: Fault
    kind: str
    state: UnitState = UnitState.FAILED


def hit(kind: FaultKind, **more: object) -> Fault:
    return Fault(kind=kind, match="hk:*", **more)  # type: ignore[arg-type]


CASES = {
    "slow": Case(hit(FaultKind.SLOW, delay=timedelta(seconds=20)), "network"),
    "rate_limited": Case(
        hit(FaultKind.RATE_LIMITED, retry_after=timedelta(milliseconds=0)), "rate_limited", UnitState.REFUSED
    ),
    "unavailable": Case(hit(FaultKind.UNAVAILABLE), "server_error"),
    "refused": Case(hit(FaultKind.REFUSED), "refused", UnitState.REFUSED),
    "reset": Case(hit(FaultKind.RESET), "network"),
    "truncated against its length": Case(hit(FaultKind.TRUNCATED_BODY, mode="length"), "truncated_body"),
    "truncated in chunks": Case(hit(FaultKind.TRUNCATED_BODY, mode="chunked"), "truncated_body"),
    "truncated silently": Case(hit(FaultKind.TRUNCATED_BODY, mode="silent"), "truncated_body"),
    "wrong content type": Case(hit(FaultKind.WRONG_CONTENT_TYPE), "wrong_content_type"),
    "captcha": Case(hit(FaultKind.CAPTCHA), "captcha", UnitState.REFUSED),
    "consent page": Case(hit(FaultKind.CONSENT_PAGE), "consent_page", UnitState.REFUSED),
    "login page": Case(hit(FaultKind.LOGIN_PAGE), "login_wall", UnitState.REFUSED),
    "form state": Case(hit(FaultKind.FORM_STATE_REFUSED), "form_state_refused"),
    "missing panel": Case(hit(FaultKind.MISSING_PANEL), "missing_panel"),
    "half table": Case(hit(FaultKind.HALF_TABLE), "half_table"),
    "renamed column": Case(hit(FaultKind.RENAMED_COLUMN), "drift"),
    "stale date": Case(hit(FaultKind.STALE_DATE), "stale_date"),
}


@pytest.fixture(scope="module")
def site() -> Iterator[Sandbox]:
    with Sandbox(SANDBOX).run_in_thread() as running:
        yield running


@pytest.fixture(scope="module")
def collected(site: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """A pipeline with some complete sessions, so that a half table has something to be measured by."""
    # A visitor costs more than a unit here: with two of five workers the same takes half the time.
    found = pipeline(tmp_path_factory.mktemp("home"), site, request_timeout=timedelta(seconds=2), workers=2)
    assert all(result.usable for result in found.collect(LIST_DAYS[:HISTORY]))
    return found


def without_waits(patch: pytest.MonkeyPatch) -> None:
    """Let retries follow at once."""
    patch.setattr("fin_assets.core.collection.fetch_jobs._Unit.wait", lambda _self: timedelta(0))


def day_of(name: str) -> date:
    """Return the session that a fault hits."""
    # The stale page is that of the day before, and is kept for it: no other case has that day.
    return LIST_DAYS[HISTORY + list(CASES).index(name) + (name == "stale date")]


OF_AN_ANSWER = ("wrong content type", "form state", "missing panel", "half table", "renamed column", "stale date")
"""Faults of single answers, which neither end an attempt nor count against the host: one collection meets them all."""


@pytest.fixture(scope="module")
def failed(site: Sandbox, collected: Pipeline) -> dict[str, SessionResult]:
    """What a collection of each fault's session ends in while the fault lasts."""
    with pytest.MonkeyPatch.context() as patch:
        without_waits(patch)
        site.set_faults([replace(CASES[name].fault, match=f"hk:{day_of(name)}") for name in OF_AN_ANSWER])
        results = dict(zip(OF_AN_ANSWER, collected.collect([day_of(name) for name in OF_AN_ANSWER]), strict=True))
        for name in [name for name in CASES if name not in results]:
            site.set_faults([CASES[name].fault])
            [results[name]] = collected.collect([day_of(name)])
        site.set_faults([])
    return results


@pytest.fixture(scope="module")
def healed(collected: Pipeline, failed: dict[str, SessionResult]) -> dict[str, SessionResult]:
    """What a collection of the same sessions ends in after that."""
    return dict(zip(failed, collected.collect([day_of(name) for name in failed]), strict=True))


@pytest.mark.parametrize("name", list(CASES))
def test_a_fault_is_its_typed_failure_never_green_and_heals_when_it_ends(
    name: str, collected: Pipeline, failed: dict[str, SessionResult], healed: dict[str, SessionResult]
) -> None:
    case, result = CASES[name], failed[name]
    assert result.manifest.session == day_of(name)
    [unit] = result.manifest.units
    assert (unit.error_kind, unit.state) == (case.kind, case.state), unit.error
    assert not result.manifest.state.is_done
    assert not result.findings["complete"].passed
    assert result.manifest.staged is None
    assert unit.remedy
    if unit.bytes:
        saved = [collected.store.data / path for path in unit.evidence]
        if case.kind == "wrong_content_type":
            # That fault answers with JSON, of which there is no picture.
            assert [path.suffix for path in saved] == [".json"]
        else:
            assert [path.suffix for path in saved] == [".html", ".png"]
            assert saved[1].read_bytes().startswith(b"\x89PNG")
    again = healed[name]
    assert again.manifest.session == day_of(name)
    assert again.manifest.state is PartitionState.COMPLETE
    assert again.manifest.attempts == 2
    assert all(
        again.findings[check].passed for check in ("complete", "date_is_the_pages_own", "schema", "row_count_in_band")
    )


def test_faults_on_a_third_of_the_requests_cost_retries_and_no_data(
    site: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_waits(monkeypatch)
    kinds = [FaultKind.RESET, FaultKind.UNAVAILABLE, FaultKind.TRUNCATED_BODY]
    site.set_faults([Fault(kind=kind, match="hk:*", share=0.11) for kind in kinds])
    faulty = pipeline(tmp_path / "faulty", site)
    days = LIST_DAYS[:12]
    results = faulty.collect(days)
    left = [result.manifest.session for result in results if not result.usable]
    site.set_faults([])
    faulty.collect(left)
    calm = pipeline(tmp_path / "calm", site)
    calm.collect(days)
    for day in days:
        assert faulty.staged(day).drop("observed_at").equals(calm.staged(day).drop("observed_at"))
