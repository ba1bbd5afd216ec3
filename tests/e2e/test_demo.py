"""`fin demo` as a person runs it: in a process of its own, with summary, SQL prompt, pages, Ctrl-C, and once more."""

from __future__ import annotations

import gzip
import os
import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT.parent / "shared" / "samples" / "hkexnews" / "southbound_daily_20170317-20171031.csv.gz"
FIN = Path(sys.executable).with_name("fin")
PRICES = ROOT.parent / "shared" / "samples" / "idx" / "idx_daily_all_tickers_2019-2021.csv.xz"
SETTINGS = """
[sandbox.sites.idx_brokers]
tickers = 20

[sources.hkex_southbound]
languages = ["en"]
watchlist = ["00700"]
northbound = false
"""


def free_ports(count: int) -> list[int]:
    """Return free ports; all are held until all are known."""
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    return ports


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a home below the test's directory, on ports of its own."""
    (tmp_path / "fin.toml").write_text(SETTINGS, encoding="utf-8")
    dagster, dashboards, sandbox = free_ports(3)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FIN_", "DAGSTER_HOME"))}
    return kept | {
        "FIN_HOME": str(tmp_path),
        "FIN_SERVERS__DAGSTER_PORT": str(dagster),
        "FIN_SERVERS__DASHBOARDS_PORT": str(dashboards),
        "FIN_SANDBOX__PORT": str(sandbox),
    }


def fin(environment: dict[str, str], *arguments: str) -> str:
    """Run a command to its end and return what it printed."""
    done = subprocess.run([FIN, *arguments], env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def running(environment: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command until the block ends; whatever it leaves is killed and is a failure."""
    tree: list[psutil.Process] = []
    with subprocess.Popen(
        [FIN, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
            root = psutil.Process(process.pid)
            tree = [root, *root.children(recursive=True)]
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)
        finally:
            # Python's own helper of a process leaves when it sees that the process is gone, a moment later.
            _, left = psutil.wait_procs(tree, timeout=5)
            commands = [" ".join(each.cmdline()) for each in left]
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            for each in left:
                each.kill()
    assert not commands, "Ctrl-C ends everything that was started"


def until(process: subprocess.Popen[str], text: str) -> str:
    """Return what a process prints up to a line that contains `text`."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return "".join(lines)
    raise AssertionError("".join(lines))


def rows_of_newest(summary: str, mart: str) -> int:
    """Return the rows of a mart's newest session as the summary prints them."""
    found = re.search(rf"│ {mart}\s+│[^│]+│[^│]+│\s+([\d,]+) │", summary)
    assert found, summary
    return int(found[1].replace(",", ""))


@pytest.mark.expensive("the one test of everything together, from an empty home to served pages")
def test_the_demo_collects_builds_serves_stops_and_does_no_work_twice(environment) -> None:
    with running(environment, "demo", "--sessions", "6") as process:
        printed = until(process, "Ctrl-C stops both")
        names = [each.name() for each in psutil.Process(process.pid).children(recursive=True)]
        assert not [name for name in names if "chrom" in name], "no browser is kept while pages are served"
        holdings = rows_of_newest(printed, "hk__daily_holdings")
        newest = (
            "select count(*) as n from hk__daily_holdings "
            "where session_date = (select max(session_date) from hk__daily_holdings)"
        )
        assert fin(environment, "sql", "--format", "csv", "-c", newest).split() == ["n", str(holdings)]
        assert re.search(r"│ idx__broker_daily_flow\s+│\s+view │", printed), "views are marts too"
        assert re.search(r"idx_brokers: 19 of 19 sessions .* reconciled, lowest coverage 100.0 %", printed), printed
        volumes = (
            "select count(*) filter (where not is_reconciled) as wrong, count(*) > 0 as some from idx__reconciliation"
        )
        assert fin(environment, "sql", "--format", "csv", "-c", volumes).split() == ["wrong,some", "0,true"]
        for variable, page in (
            ("FIN_SERVERS__DASHBOARDS_PORT", "/hk"),
            ("FIN_SERVERS__DASHBOARDS_PORT", "/idx"),
            ("FIN_SERVERS__DAGSTER_PORT", "/server_info"),
        ):
            with urlopen(f"http://127.0.0.1:{environment[variable]}{page}", timeout=30) as answer:
                assert answer.status == 200
    again = fin(environment, "demo", "--no-serve", "--sessions", "6")
    assert "0 sessions collected" in again
    assert "nothing has changed since build" in again


@pytest.mark.slow
@pytest.mark.skipif(not SAMPLE.exists(), reason=f"the real lists are not at {SAMPLE}")
def test_the_real_lists_are_collected_whole_and_keep_their_known_incidents(environment, tmp_path: Path) -> None:
    printed = fin(environment, "demo", "--no-serve", "--dataset", str(SAMPLE))
    with gzip.open(SAMPLE, "rt", encoding="utf-8") as lines:
        next(lines)
        given = Counter(line.split(",")[0] for line in lines)
    assert len(given) == 155
    assert re.search(r"│ complete\s+│\s+155 │", printed), printed
    assert not re.search(r"│ (?:stale|incomplete|missing)\s+│", printed), printed

    at_home = environment | {"FIN_CONFIG": str(next((tmp_path / "data").glob("dataset-*/fin.toml")))}

    def ask(query: str) -> list[str]:
        return fin(at_home, "sql", "--format", "csv", "-c", query).splitlines()[1:]

    counts = ask("select session_date::varchar, count(*) from hk__daily_holdings group by 1 order by 1")
    assert counts == [f"{day},{count}" for day, count in sorted(given.items())]
    counters = ask(
        "select session_date::varchar, stock_code, linked_stock_code from hk__additions_removals where counter_role = 'old'"
    )
    assert {"2017-06-06,00198,02969", "2017-08-14,00931,02981"} <= set(counters)
    fallen = (
        "select stock_code from hk__movers where session_date = '2017-05-02' and window_sessions = 1 "
        "order by change_pct limit 1"
    )
    assert ask(fallen) == ["02168"]
    unexplained = "select count(*) from ops__partition_health where state not in ('complete', 'closed')"
    assert ask(unexplained) == ["0"]


@pytest.mark.slow
@pytest.mark.skipif(not PRICES.exists(), reason=f"the real prices are not at {PRICES}")
def test_the_real_market_of_jakarta_is_collected_into_a_home_of_its_own(environment, tmp_path: Path) -> None:
    printed = fin(environment, "demo", "--no-serve", "--idx-dataset", str(PRICES), "--sessions", "2")
    assert re.search(r"idx_brokers: 7 of 7 sessions .* lowest coverage 100.0 %", printed), printed
    assert "hkex_southbound" not in printed, "the other source is switched off there"

    config = next((tmp_path / "data").glob("dataset-*/fin.toml"))
    at_home = environment | {"FIN_CONFIG": str(config)}
    volumes = "select distinct session_date::varchar from idx__reconciliation order by 1"
    days = fin(at_home, "sql", "--format", "csv", "-c", volumes).splitlines()[1:]
    assert days == ["2021-12-29", "2021-12-30"], "the newest two of the recording"

    told = fin(at_home, "run", "idx_brokers", "--session", "2021-05-22")
    assert "2021-05-22 is no session of idx_brokers: closed: " in told
    assert re.search(r"quarantined: 2021-05-22 is no session .* the site served [67]\d\d rows", told), told
    around = fin(at_home, "status", "idx_brokers", "--from", "2021-05-21", "--to", "2021-05-24", "--json")
    assert '"2021-05-21"' in around
    assert '"2021-05-22"' not in around, "a test session of the exchange is none of ours"
