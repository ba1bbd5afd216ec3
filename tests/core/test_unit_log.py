"""The unit log: whole records count, torn ones do not, one process at a time."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from fin_assets.core.contract.manifest import RawUnit
from fin_assets.core.storage import unit_log


def raw_unit(name: str, body: bytes = b"<html>body</html>", *, closed_reason: str | None = None) -> RawUnit:
    return RawUnit(
        unit=name,
        body=body,
        url="http://127.0.0.1/page",
        status=200,
        content_type="text/html",
        transport="request",
        fetched_at=datetime(2026, 1, 5, 12, tzinfo=UTC),
        sha256=hashlib.sha256(body).hexdigest(),
        rows=3,
        attempts=1,
        seconds=0.25,
        closed_reason=closed_reason,
    )


def test_what_was_appended_is_read_back_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "2026-01-05" / "units.log"
    units = [
        raw_unit("hk/en", bytes(range(256)) * 40),
        raw_unit("hk/zh", "持股".encode(), closed_reason="Hong Kong is closed"),
    ]
    with unit_log.opened(path) as opened:
        for unit in units:
            opened.append(unit)
    assert list(unit_log.read(path).values()) == units


@given(cut=st.integers(min_value=0, max_value=5000))
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_unit_log_cut_anywhere_keeps_exactly_its_whole_records_and_takes_new_ones(tmp_path: Path, cut: int) -> None:
    path = tmp_path / f"cut-{cut}" / "units.log"
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    ends = []
    with unit_log.opened(path) as opened:
        for number in range(4):
            opened.append(raw_unit(f"u{number}", bytes([number]) * 900))
            ends.append(path.stat().st_size)
    cut = min(cut, ends[-1])
    os.truncate(path, cut)
    whole = [f"u{number}" for number, end in enumerate(ends) if end <= cut]
    assert list(unit_log.read(path)) == whole
    with unit_log.opened(path) as opened:
        assert list(opened.units) == whole
        opened.append(raw_unit("after", b"x"))
    assert list(unit_log.read(path)) == [*whole, "after"]


def test_a_flipped_byte_ends_the_whole_records(tmp_path: Path) -> None:
    path = tmp_path / "day" / "units.log"
    with unit_log.opened(path) as opened:
        opened.append(raw_unit("first"))
        keep = path.stat().st_size
        opened.append(raw_unit("second"))
    content = bytearray(path.read_bytes())
    content[keep + 40] ^= 0xFF
    path.write_bytes(content)
    assert list(unit_log.read(path)) == ["first"]


def test_a_retracted_unit_is_gone_until_it_is_appended_again(tmp_path: Path) -> None:
    path = tmp_path / "day" / "units.log"
    with unit_log.opened(path) as opened:
        opened.append(raw_unit("hk/en"))
        opened.retract("hk/en")
        assert unit_log.read(path) == {}
        opened.append(raw_unit("hk/en", b"better"))
    assert unit_log.read(path)["hk/en"].body == b"better"


def test_a_second_process_is_refused_with_the_partition_in_the_message(tmp_path: Path) -> None:
    path = tmp_path / "holdings" / "2026-01-05" / "units.log"
    with (
        unit_log.opened(path),
        pytest.raises(unit_log.PartitionBusy, match="2026-01-05 of holdings"),
        unit_log.opened(path),
    ):
        pass
    with unit_log.opened(path) as again:
        assert again.units == {}


def test_a_unit_log_that_was_removed_before_it_was_locked_is_not_written_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "day" / "units.log"
    path.parent.mkdir()
    real, removed = unit_log.fcntl.flock, []

    def lock(descriptor: int, operation: int) -> None:
        if not removed:
            # The process that sealed the partition removes its unit log just now, and gives the lock back.
            path.unlink()
            removed.append(path)
        real(descriptor, operation)

    monkeypatch.setattr(unit_log.fcntl, "flock", lock)
    with unit_log.opened(path) as opened:
        opened.append(raw_unit("a"))
        with pytest.raises(unit_log.PartitionBusy), unit_log.opened(path):
            pass
    assert list(unit_log.read(path)) == ["a"]
