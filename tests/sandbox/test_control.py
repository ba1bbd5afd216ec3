"""The control API, the request log, the files and options that set a sandbox up, and starting and stopping."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fin_assets.sandbox import Fault, FaultKind, Sandbox, SandboxConfig, SandboxError, load_behaviour
from fin_assets.sandbox.__main__ import main, parse_fault
from fin_assets.sandbox.discovery import sites
from fin_assets.sandbox.sites.hkex_southbound import HKEX
from tests.sandbox.client import ask, page_url, search_holdings, search_participants

SHORT = SandboxConfig(start=date(2026, 3, 2), end=date(2026, 3, 31))


def call(site: Sandbox, method: str, path: str, body: object = None) -> tuple[int, Any]:
    async def go() -> tuple[int, Any]:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, f"{site.url}/__sandbox__/{path}", json=body) as response,
        ):
            return response.status, await (
                response.json() if response.content_type == "application/json" else response.text()
            )

    return asyncio.run(go())


def test_faults_are_set_added_listed_with_their_hits_and_ended_at_run_time(site: Sandbox) -> None:
    assert call(site, "PUT", "faults", [{"kind": "unavailable", "match": "hk:2026*", "count": 1}])[0] == 200
    call(site, "POST", "faults", {"kind": "slow", "match": "hk:2026*", "delay_seconds": 0})
    assert search_holdings(site, "2026/11/19").status == 503
    status, listed = call(site, "GET", "faults")
    assert status == 200
    assert [(entry["kind"], entry["hits"]) for entry in listed] == [("unavailable", 1), ("slow", 1)]
    assert call(site, "DELETE", "faults") == (200, [])


FOREIGN: list[dict[str, str]] = [
    {"Host": "rebound.example:8601"},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_foreign_pages_and_names_neither_read_nor_change_the_control_api(
    site: Sandbox, headers: dict[str, str]
) -> None:
    async def statuses() -> list[int]:
        found = []
        async with aiohttp.ClientSession(headers=headers) as session:
            for method, path in (
                ("GET", ""),
                ("PUT", "faults"),
                ("POST", "faults"),
                ("DELETE", "faults"),
                ("GET", "requests"),
            ):
                async with session.request(
                    method, f"{site.url}/__sandbox__/{path}", json={"kind": "captcha"}
                ) as answer:
                    found.append(answer.status)
        return found

    call(site, "PUT", "faults", [{"kind": "slow", "delay_seconds": 0}])
    assert asyncio.run(statuses()) == [403] * 5
    assert [entry["kind"] for entry in call(site, "GET", "faults")[1]] == ["slow"]
    site.set_faults([])


def test_an_own_page_may_use_the_control_api(site: Sandbox) -> None:
    async def status() -> int:
        async with (
            aiohttp.ClientSession(headers={"Origin": site.url}) as session,
            session.delete(f"{site.url}/__sandbox__/faults") as answer,
        ):
            return answer.status

    assert asyncio.run(status()) == 200


def test_a_bad_fault_is_refused_with_a_reason_and_changes_nothing(site: Sandbox) -> None:
    call(site, "PUT", "faults", {"faults": [{"kind": "captcha"}]})
    for method, body in (("PUT", {"kind": "captcha"}), ("PUT", [{"kind": "x"}]), ("POST", [1])):
        status, reason = call(site, method, "faults", body)
        assert status == 400
        assert reason.strip()
    assert [entry["kind"] for entry in call(site, "GET", "faults")[1]] == ["captcha"]


def test_the_log_tells_method_path_key_status_and_fault_of_each_page_request(site: Sandbox) -> None:
    site.set_faults([Fault(kind=FaultKind.UNAVAILABLE, match="hk:2026-11-18")])
    search_holdings(site, "2026/11/18")
    search_participants(site, "2026/11/19", "700")
    ask(f"{site.url}{HKEX}/ncms/script/main.js")
    status, log = call(site, "GET", "requests")
    assert status == 200
    assert [(r["method"], r["key"], r["status"], r["fault"]) for r in log] == [
        ("GET", "hk:newest", 200, None),
        ("POST", "hk:2026-11-18", 503, "unavailable"),
        ("GET", "searchsdw:form", 200, None),
        ("POST", "00700:2026-11-19", 200, None),
    ]
    assert log[1]["path"] == "/hkexnews/sdw/search/mutualmarket.aspx?t=hk"
    assert [r["key"] for r in call(site, "GET", "requests?key=hk:2026-11-18")[1]] == ["hk:2026-11-18"]
    assert dict(site.served()) == {("/hkexnews/sdw/search/searchsdw.aspx", "00700:2026-11-19"): 1}
    assert call(site, "DELETE", "requests") == (200, [])
    assert site.requests == []


def test_the_control_api_tells_what_is_served(site: Sandbox) -> None:
    facts = call(site, "GET", "")[1]
    assert list(facts["sites"]) == list(sites())
    hkex, idx = (facts["sites"][name] for name in ("hkex_southbound", "idx_brokers"))
    assert (hkex["today"], hkex["newest_list"], hkex["data"]) == ("2026-11-21", "2026-11-20", "generated, seed 7")
    assert (idx["today"], idx["prefixes"]) == ("2026-11-21", ["/idx", "/ipot"])
    assert idx["data"] == "generated, seed 7, 60 companies"


async def test_an_asynchronous_site_answers_while_it_is_entered_and_not_after() -> None:
    async with Sandbox(SHORT) as site, aiohttp.ClientSession() as session:
        url = page_url(site, "mutualmarket.aspx?t=hk")
        async with session.get(url) as response:
            assert response.status == 200
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(url)
    with pytest.raises(SandboxError, match="does not run"):
        _ = site.url + HKEX


def test_stopping_does_not_wait_for_slow_answers() -> None:
    async def go() -> None:
        forever = Fault(kind=FaultKind.SLOW, delay=timedelta(hours=1))
        async with aiohttp.ClientSession() as session:
            async with Sandbox(SHORT) as site:
                site.set_faults([forever])
                asked = asyncio.create_task(session.get(page_url(site, "searchsdw.aspx")))
                while site.faults.listed()[0]["hits"] == 0:  # noqa: ASYNC110 - the site has no hook for it
                    await asyncio.sleep(0.005)
            with pytest.raises(aiohttp.ClientError):
                await asked

    asyncio.run(asyncio.wait_for(go(), timeout=20))


def test_a_taken_port_is_a_clear_error_with_the_remedy() -> None:
    with Sandbox(SHORT).run_in_thread() as site:
        port = int(site.url.rsplit(":", 1)[1])
        taken = Sandbox(SandboxConfig(start=SHORT.start, end=SHORT.end, port=port))
        with pytest.raises(SandboxError, match=f"cannot listen on 127.0.0.1:{port} .* --port"), taken.run_in_thread():
            pass


@pytest.mark.parametrize("suffix", ["toml", "json"])
def test_faults_and_latencies_come_from_a_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"bad-day.{suffix}"
    toml = (
        '[[faults]]\nkind = "captcha"\nmatch = "hk:*"\nshare = 0.1\n[[faults]]\nkind = "slow"\ndelay_seconds = 2.5\n'
        '[[latencies]]\nmatch = "*searchsdw*"\nleast_seconds = 0.1\nmost_seconds = 0.3\n[[latencies]]\nseconds = 0.2\n'
    )
    faults_json = [{"kind": "captcha", "match": "hk:*", "share": 0.1}, {"kind": "slow", "delay_seconds": 2.5}]
    latencies_json = [{"match": "*searchsdw*", "least_seconds": 0.1, "most_seconds": 0.3}, {"seconds": 0.2}]
    path.write_text(toml if suffix == "toml" else json.dumps({"faults": faults_json, "latencies": latencies_json}))
    faults, latencies = load_behaviour(path)
    assert faults == (
        Fault(kind=FaultKind.CAPTCHA, match="hk:*", share=0.1),
        Fault(kind=FaultKind.SLOW, delay=timedelta(seconds=2.5)),
    )
    assert [(rule.match, rule.least, rule.most) for rule in latencies] == [
        ("*searchsdw*", timedelta(seconds=0.1), timedelta(seconds=0.3)),
        ("*", timedelta(seconds=0.2), timedelta(seconds=0.2)),
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[faults]\n", "neither valid TOML nor JSON"),
        ("[sandbox]\nport = 1\n", "only `faults` and `latencies` are known"),
        ('[[faults]]\nkind = "x"\n', "kind = 'x' must be one of"),
        ('[[latencies]]\nmatch = "*"\n', "needs match and seconds"),
        ("[[latencies]]\nleast_seconds = 2\nmost_seconds = 1\n", "must be a range"),
    ],
)
def test_a_bad_file_is_refused_by_name(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(SandboxError, match=complaint) as refused:
        load_behaviour(path)
    assert str(path) in str(refused.value)
    with pytest.raises(SandboxError, match="cannot be read"):
        load_behaviour(tmp_path / "none.toml")


def test_a_fault_is_written_on_the_command_line_as_key_value_pairs() -> None:
    assert parse_fault("kind=slow, match=hk:*,share=0.5,count=2,delay_seconds=3") == Fault(
        kind=FaultKind.SLOW, match="hk:*", share=0.5, count=2, delay=timedelta(seconds=3)
    )
    with pytest.raises(SandboxError, match="'slow' is not key=value"):
        parse_fault("slow")
    with pytest.raises(SandboxError, match="share must be a number"):
        parse_fault("kind=slow,share=all")


def test_the_command_line_ends_with_a_reason_when_it_cannot_serve(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--dataset", "no-such-file.csv"]) == 2
    assert "dataset no-such-file.csv: no such file" in capsys.readouterr().err


def test_the_module_serves_until_it_is_stopped() -> None:
    command = [
        sys.executable,
        "-m",
        "fin_assets.sandbox",
        "--port",
        "0",
        "--start",
        "2026-03-02",
        "--end",
        "2026-03-31",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if "/hkexnews/" in line)
        assert "southbound lists, 2026-03-02 to 2026-03-30" in line
        url = line.split()[1]
        assert ask(url).status == 200
        process.terminate()
        assert process.wait(timeout=20) == 0
