"""An inbox of files: a unit is a content, its arrival is remembered, and a file is never changed."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path

import pytest

from fin_assets.core.contract.failures import CollectionFailure
from fin_assets.core.contract.source import Nothing, Sibling
from fin_assets.core.transport.file_client import FileGone, FilePool, Inbox, arrivals

TODAY = date(2026, 3, 2)


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inbox:
    monkeypatch.setenv("FIN_CLOCK", "2026-03-02T04:00:00+00:00")
    (tmp_path / "in").mkdir()
    return Inbox(tmp_path / "in", index=tmp_path / "index" / "in.json", timezone="Asia/Jakarta")


async def read(inbox: Inbox, unit: str) -> bytes:
    common = {"workers": 1, "rate_per_second": 1000, "request_timeout": timedelta(seconds=5)}
    async with FilePool(inbox, **common) as pool, pool.client() as client:
        return (await client.get(unit)).body


async def test_a_file_is_one_unit_named_by_its_content(inbox: Inbox) -> None:
    (inbox.directory / "trades.csv").write_bytes(b"a,b\n1,2\n")
    [arrival] = inbox.arrived(TODAY)
    assert (arrival.sha256, arrival.name, arrival.day) == (sha(b"a,b\n1,2\n"), "trades.csv", TODAY)
    assert await read(inbox, arrival.sha256) == b"a,b\n1,2\n"
    assert (inbox.directory / "trades.csv").read_bytes() == b"a,b\n1,2\n"


def test_the_same_content_under_another_name_is_no_second_unit(inbox: Inbox) -> None:
    for name in ("first.csv", "again.csv"):
        (inbox.directory / name).write_bytes(b"same")
    assert [arrival.sha256 for arrival in inbox.arrived(TODAY)] == [sha(b"same")]


def test_an_arrival_stays_on_its_day_when_the_file_is_moved_away_and_comes_back(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = inbox.directory / "trades.csv"
    path.write_bytes(b"one")
    inbox.scan()
    path.unlink()
    monkeypatch.setenv("FIN_CLOCK", "2026-03-05T04:00:00+00:00")
    assert [arrival.day for arrival in inbox.scan()] == [TODAY]
    (inbox.directory / "back.csv").write_bytes(b"one")
    (inbox.directory / "new.csv").write_bytes(b"two")
    assert [arrival.sha256 for arrival in inbox.arrived(date(2026, 3, 5))] == [sha(b"two")]
    assert [arrival.sha256 for arrival in inbox.arrived(TODAY)] == [sha(b"one")]


def test_a_changed_file_is_another_unit_and_the_first_one_stays(inbox: Inbox) -> None:
    path = inbox.directory / "trades.csv"
    path.write_bytes(b"one")
    inbox.scan()
    path.write_bytes(b"corrected")
    assert {arrival.sha256 for arrival in inbox.arrived(TODAY)} == {sha(b"one"), sha(b"corrected")}


async def test_a_file_is_found_when_another_day_is_asked_for(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    path = inbox.directory / "trades.csv"
    path.write_bytes(b"one")
    assert inbox.arrived(TODAY - timedelta(days=1)) == []
    path.rename(inbox.directory / "renamed.csv")
    monkeypatch.setenv("FIN_CLOCK", "2026-03-03T04:00:00+00:00")
    [arrival] = inbox.arrived(TODAY)
    assert (arrival.name, await read(inbox, arrival.sha256)) == ("trades.csv", b"one")


async def test_a_content_that_is_gone_says_which_and_what_to_do(inbox: Inbox) -> None:
    path = inbox.directory / "trades.csv"
    path.write_bytes(b"one")
    [arrival] = inbox.arrived(TODAY)
    path.unlink()
    with pytest.raises(CollectionFailure, match=r"trades\.csv is gone: no file of .* has the content") as caught:
        await read(inbox, arrival.sha256)
    assert type(caught.value) is FileGone
    assert "put the file into the inbox again" in caught.value.remedy


def test_a_file_that_is_moved_away_while_it_is_looked_at_has_not_arrived(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox.directory / "a.csv").write_bytes(b"moved")
    (inbox.directory / "b.csv").write_bytes(b"stays")

    def read_late(path: Path) -> str:
        if path.name == "a.csv":
            path.unlink()
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr("fin_assets.core.transport.file_client._hash", read_late)
    assert [arrival.name for arrival in inbox.scan()] == ["b.csv"]


def test_hidden_files_and_folders_are_left_out_and_an_empty_day_is_an_error(inbox: Inbox) -> None:
    (inbox.directory / ".part").write_bytes(b"half")
    (inbox.directory / "folder").mkdir()
    expected = arrivals(inbox)(TODAY, lambda _table: Sibling(state="missing"))
    assert expected == Nothing(f"no file arrived in {inbox.directory} on {TODAY}")
    (inbox.directory / "x.csv").write_bytes(b"x")
    [unit] = arrivals(inbox)(TODAY, lambda _table: Sibling(state="missing"))
    assert unit.name == sha(b"x")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
def test_a_damaged_index_is_kept_aside_and_made_again(
    inbox: Inbox, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (inbox.directory / "trades.csv").write_bytes(b"one")
    before = inbox.scan()
    index = inbox.directory.parent / "index" / "in.json"
    index.write_bytes(content)
    assert inbox.scan() == before
    assert index.with_suffix(".damaged").read_bytes() == content
    assert str(index) in caplog.text
