"""A backfill of 60 sessions with one faulty day: 59 are materialized and exactly one failed, wherever it is started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus
from playwright.sync_api import Page, sync_playwright

from fin_assets.commands.dagster_home import prepare_instance
from fin_assets.commands.processes import supervised
from fin_assets.core.transport.browser.chromium import FLAGS, find_chromium, runs_as_root
from fin_assets.definitions import build_definitions
from fin_assets.discovery import discover
from fin_assets.sandbox import Fault, FaultKind, Sandbox, SandboxConfig
from fin_assets.sandbox.sites.idx_brokers.site import IdxSite
from fin_assets.settings import BrowserSettings, load
from tests.e2e.idx_pipeline import NAME, SUMMARY, TRADES, asked, day_of, sessions
from tests.e2e.test_demo import FIN, ROOT, free_ports

pytestmark = pytest.mark.e2e

START, END = date(2026, 2, 2), date(2026, 6, 30)
DAYS = sessions(START, END)[:60]
FAULTY = DAYS[7]
COMPANIES, FOLLOWED = 20, 4
"""Of the sandbox's smallest market a few are collected: what is shown does not depend on how many they are."""
STAGED = dg.AssetKey(["staged", NAME, TRADES])
PATIENCE = 60_000


@pytest.fixture
def site() -> Iterator[Sandbox]:
    """Few companies; the broker tables of one day have a column that nobody knows."""
    config = SandboxConfig(start=START, end=END, sites={NAME: {"tickers": COMPANIES}})
    with Sandbox(config).run_in_thread() as running:
        running.set_faults([Fault(kind=FaultKind.RENAMED_COLUMN, match=day_of(FAULTY))])
        yield running


@pytest.fixture
def environment(site: Sandbox, tmp_path: Path) -> dict[str, str]:
    """The environment of a home that collects from the site, on ports of its own."""
    (port,) = free_ports(1)
    traded = site.site(IdxSite).market.on(FAULTY)
    followed = [traded.codes[row] for row in traded.volume.argsort()[-FOLLOWED:]]
    (tmp_path / "fin.toml").write_text(
        f"[sandbox]\nport = {urlsplit(site.url).port}\n[sandbox.sites.{NAME}]\ntickers = {COMPANIES}\n"
        f"[servers]\ndagster_port = {port}\n"
        "[sources.hkex_southbound]\nenabled = false\n"
        f"[sources.{NAME}]\nstart = {START}\nend = {END}\nrate_per_second = 500\ntickers = {json.dumps(followed)}\n",
        encoding="utf-8",
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FIN_", "DAGSTER_HOME"))}
    return kept | {"FIN_HOME": str(tmp_path), "DAGSTER_HOME": str(tmp_path / "data" / "dagster")}


def fin(environment: dict[str, str], *arguments: str, code: int = 0) -> str:
    """Run a command to its end and return what it printed."""
    own = {name: value for name, value in environment.items() if name != "DAGSTER_HOME"}
    done = subprocess.run([FIN, *arguments], env=own, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def check_that_exactly_one_failed(environment: dict[str, str], days: list[date]) -> None:
    """Look at the manifests through `fin status`, and at what Dagster shows."""
    shown = json.loads(fin(environment, "status", NAME, "--from", str(days[0]), "--to", str(days[-1]), "--json"))
    states = {row["session"]: row["state"] for row in shown if row["table"] == TRADES}
    assert states == {str(day): "incomplete" if day == FAULTY else "complete" for day in days}
    with dg.DagsterInstance.from_config(environment["DAGSTER_HOME"]) as instance:
        materialized = instance.get_materialized_partitions(STAGED)
        assert materialized == {str(day) for day in days if day != FAULTY}


@pytest.mark.slow
@pytest.mark.parametrize("count", [12, 60])
def test_from_the_terminal_all_sessions_are_there_but_the_faulty_one_which_has_its_reason(
    site: Sandbox, environment: dict[str, str], count: int
) -> None:
    days = DAYS[:count]
    span = ("--from", str(days[0]), "--to", str(days[-1]))
    tables = ("--table", SUMMARY, "--table", TRADES)
    printed = fin(environment, "run", NAME, *span, *tables, "--newest-first", "--no-marts", code=3)
    assert f"incomplete {TRADES} {FAULTY}" in printed
    assert "drift" in printed
    assert len(printed.splitlines()) < 60, "progress is a page to read"
    check_that_exactly_one_failed(environment, days)
    first_asked = next(request.path for request in site.requests if "data-brokersummary" in request.path)
    assert parse_qs(urlsplit(first_asked).query)["start"] == [f"{days[-1]:%m/%d/%Y}"], "the newest first"

    listed = fin(environment, "status", NAME, "--session", str(FAULTY))
    missing = {ticker for ticker, day in asked(site) if day == f"{FAULTY:%m/%d/%Y}"}
    assert missing
    assert missing <= {word.removesuffix("/all/all:") for word in listed.split()}

    site.set_faults([])
    site.clear_requests()
    fin(environment, "run", NAME, *span, *tables, "--no-marts")
    assert {day for _, day in asked(site)} == {f"{FAULTY:%m/%d/%Y}"}, "run again, it asks for what is missing only"


@contextmanager
def dagster_ui(home: Path) -> Iterator[str]:
    """Run the Dagster UI with its daemon over the home of this process, as `fin serve` does."""
    settings = load(home)
    url = f"http://127.0.0.1:{settings.servers.dagster_port}"
    command = [sys.executable, "-m", "fin_assets.commands.dagster_ui", str(ROOT / "workspace.yaml")]
    with supervised(home / "logs") as servers:
        ui = servers.start("dagster", command, url=f"{url}/server_info", cwd=home)
        servers.wait_ready(ui)
        yield url


@contextmanager
def a_browser() -> Iterator[Page]:
    """Open a real browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(BrowserSettings()).path, chromium_sandbox=not runs_as_root(), args=list(FLAGS)
        )
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.set_default_timeout(PATIENCE)
        yield page
        browser.close()


def collecting_jobs(home: Path) -> list[str]:
    """Return the jobs that collect the two tables, in order; one job may take both."""
    [source] = [found for found in discover(load(home)) if found.name == NAME]
    definitions = build_definitions(settings=load(home), sources=[source], marts=False)
    names = [f"collect_{NAME}__{table}" for table in (SUMMARY, TRADES)]
    return [name for name in names if definitions.get_repository_def().has_job(name)]


def launch_backfill(page: Page, url: str, job: str) -> None:
    """Do what a person does: open the job, choose the range of sessions, launch."""
    page.goto(f"{url}/locations/fin_assets/jobs/{job}")
    page.get_by_role("button", name="Materialize all").click()
    dialog = page.get_by_role("dialog")
    # Of a history that has sessions in the last 90 days it would show these alone.
    dialog.get_by_role("button", name="All time").wait_for()
    chosen = dialog.get_by_role("textbox").first
    chosen.fill(f"[{DAYS[0]}...{DAYS[-1]}]")
    chosen.press("Enter")
    dialog.get_by_text("60 partitions").wait_for()
    dialog.get_by_role("button", name="Launch backfill").click()
    dialog.wait_for(state="hidden")


def wait_for_backfills(home: Path, count: int) -> BulkActionStatus:
    """Wait until this number of backfills have ended and return how the newest did."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        with dg.DagsterInstance.from_config(str(home)) as instance:
            statuses = [backfill.status for backfill in instance.get_backfills()]
        if len(statuses) == count and BulkActionStatus.REQUESTED not in statuses:
            return statuses[0]
        time.sleep(1)
    pytest.fail("the backfill did not end")


@pytest.mark.slow
def test_from_the_dagster_ui_59_partitions_are_materialized_and_exactly_one_failed(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIN_HOME", environment["FIN_HOME"])
    # Set to be forgotten afterwards: preparing the instance names its own.
    monkeypatch.setenv("DAGSTER_HOME", "")
    home = prepare_instance(load(tmp_path))
    with dagster_ui(tmp_path) as url, a_browser() as page:
        for count, job in enumerate(collecting_jobs(tmp_path), start=1):
            launch_backfill(page, url, job)
            ended = wait_for_backfills(home, count)
        assert ended is not BulkActionStatus.COMPLETED_SUCCESS
        page.goto(f"{url}/assets/staged/{NAME}/{TRADES}?view=partitions")
        page.get_by_text("Materialized (59)").wait_for()
        page.get_by_text("Failed (1)").wait_for()
        page.goto(f"{url}/assets/staged/{NAME}/{SUMMARY}?view=partitions")
        page.get_by_text("Materialized (60)").wait_for()
        check_that_exactly_one_failed(environment, DAYS)
