"""A day without a session: the exchange is asked nevertheless, and its answer is quarantined, never collected."""

# No postponed annotations here: Dagster reads the type of an op's `config` at once.
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from fin_assets.core.orchestration.audits import AuditConfig
from tests.cli.conftest import flat
from tests.core.fakes import NAME, TABLE, fake_source

SATURDAY = date(2026, 3, 21)


@pytest.fixture
def exchange(site, home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """An audit whose answer is given: rows by day, or -1 for a site that does not answer."""
    rows: dict[str, int] = {}
    asset = dg.AssetKey(["staged", NAME, TABLE])

    @dg.multi_asset_check(
        name=f"audit_{NAME}__{TABLE}", specs=[dg.AssetCheckSpec("closed_days_are_empty", asset=asset)]
    )
    def audited(config: AuditConfig) -> dg.AssetCheckResult:
        [day] = config.days
        said = f"{day} could not be asked for: HTTP 403" if rows[day] < 0 else f"the site served {rows[day]} rows"
        if rows[day] > 0:
            folder = home / "data" / "quarantine" / "sandbox" / NAME / TABLE
            folder.mkdir(parents=True, exist_ok=True)
            pl.DataFrame({"rule": ["not_a_session"] * rows[day]}).write_parquet(folder / f"{day}-0123456789ab.parquet")
        return dg.AssetCheckResult(
            check_name="closed_days_are_empty",
            asset_key=asset,
            passed=rows[day] == 0,
            severity=dg.AssetCheckSeverity.WARN,
            description=said,
        )

    job = dg.define_asset_job(f"audit_{NAME}", selection=dg.AssetSelection.checks_for_assets(asset))
    monkeypatch.setattr("fin_assets.discovery.discover", lambda _settings: [fake_source(site, off_calendar=True)])
    monkeypatch.setattr(
        "fin_assets.commands.dagster_runner.build_definitions",
        lambda **_options: dg.Definitions(
            assets=[dg.AssetSpec(asset)], asset_checks=[audited], jobs=[job], executor=dg.in_process_executor
        ),
    )
    return rows


def test_what_the_exchange_serves_on_a_closed_day_is_quarantined_and_said_to_be(fin, exchange, site) -> None:
    exchange[str(SATURDAY)] = 731
    done = fin("run", NAME, "--session", str(SATURDAY))
    told = flat(done.output)
    assert done.exit_code == 0, told
    assert f"{SATURDAY} is no session of fake: closed: no session on a Saturday" in told
    assert "quarantined: the site served 731 rows; docs/runbook.md#closed_days_are_empty" in told
    assert not site.asked, "no session is collected"
    again = flat(fin("run", NAME, "--session", str(SATURDAY)).output)
    assert "quarantined: the site served 731 rows" in again, "asked again, it is said again"


def test_a_closed_day_of_which_the_exchange_has_nothing_is_as_the_calendar_says(fin, exchange) -> None:
    exchange[str(SATURDAY)] = 0
    done = fin("run", NAME, "--session", str(SATURDAY))
    assert done.exit_code == 0
    assert "as the calendar says: the site served 0 rows" in flat(done.output)


def test_an_exchange_that_cannot_be_asked_is_a_problem_with_its_remedy(fin, exchange) -> None:
    exchange[str(SATURDAY)] = -1
    done = fin("run", NAME, "--session", str(SATURDAY))
    assert done.exit_code == 1
    assert f"{SATURDAY} could not be asked for: HTTP 403" in flat(done.stderr)
    assert "fin doctor" in flat(done.stderr)


@pytest.mark.parametrize("day", ["2025-12-27", "2026-03-28"])
def test_days_before_the_start_and_days_to_come_are_not_asked_about(fin, exchange, day: str) -> None:
    done = fin("run", NAME, "--session", day)
    assert done.exit_code == 2
    assert day in flat(done.stderr)
