"""`fin doctor --data` finds every damaged file of a home, and --mend mends each; other commands work meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from fin_assets.commands.args import project
from fin_assets.core.collection.collector import Collector
from fin_assets.core.contract.manifest import Manifest, PartitionKey
from fin_assets.core.storage.store import Store, store_of
from fin_assets.warehouse import build as warehouse
from fin_assets.warehouse import publish
from fin_assets.warehouse.build import drain
from fin_assets.warehouse.paths import Layout
from fin_assets.warehouse.publish import Build
from tests.cli.conftest import Fin, flat
from tests.core.fakes import NAME, TABLE, FakeClients, FakeSite
from tests.core.test_recovery import cut, empty, flip, gone

FIRST, DAY, LAST = date(2026, 3, 18), date(2026, 3, 19), date(2026, 3, 20)
KEY = PartitionKey(NAME, TABLE, DAY)


@pytest.fixture
def data(site: FakeSite, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data directory of a home with three sessions and a published build, which neither dbt nor Dagster has made."""

    def stream(*_: object, **__: object) -> Iterator[object]:
        yield from ()

    def build(*, full_refresh: bool) -> Build:
        settings, sources = project()
        return drain(warehouse.run(settings, sources, store_of(settings), full_refresh=full_refresh)).build

    monkeypatch.setattr("fin_assets.warehouse.dbt.stream", stream)
    monkeypatch.setattr("fin_assets.commands.build.build_and_tell", build)
    settings, [source] = project()
    with FakeClients() as clients:
        Collector(
            source,
            source.tables[0],
            store=store_of(settings),
            clients=clients,  # type: ignore[arg-type]
            on_session=lambda _result: None,
        ).run([FIRST, DAY, LAST])
    build(full_refresh=False)
    site.asked.clear()
    return home / "data"


def manifest_of(data: Path) -> Manifest:
    found = Store(data).manifest(KEY)
    assert found is not None
    return found


def path_of(data: Path, kind: str) -> Path:
    """Return a file of the home by what it is."""
    manifest, layout = manifest_of(data), Layout(data)
    if kind in {"raw", "staged", "manifest"}:
        assert manifest.raw_file is not None
        assert manifest.staged is not None
        files = {"raw": manifest.raw_file, "staged": manifest.staged.file, "manifest": Store(data).manifest_file(KEY)}
        return data / files[kind]
    if kind == "dagster":
        return data / "dagster/history/runs.db"
    build = publish.current(layout)
    marts = {"pointer": layout.marts / "current.json", "people": layout.people, "private": layout.build}
    return marts.get(kind) or data / build.file


@pytest.mark.parametrize(
    ("kind", "damage"),
    [
        ("manifest", cut),
        ("manifest", gone),
        ("raw", flip),
        ("staged", flip),
        ("staged", gone),
        ("pointer", empty),
        ("build", flip),
        ("people", cut),
        ("private", flip),
    ],
)
def test_every_damaged_file_is_named_and_mended_and_other_commands_work(
    fin: Fin, site: FakeSite, data: Path, kind: str, damage: Callable[[Path], None]
) -> None:
    path = path_of(data, kind)
    path.chmod(0o644)
    damage(path)
    status = fin("status")
    assert status.exit_code == 0, status.output
    if kind == "manifest":
        assert str(path) in flat(status.output)
        assert f"fin run {NAME} --session {DAY}" in flat(status.output)
    found = fin("doctor", "--data")
    assert found.exit_code == 1, found.output
    assert str(path) in flat(found.output)
    assert "1 damaged files. What to do: fin doctor --data --mend" in flat(found.output)
    mended = fin("doctor", "--data", "--mend")
    assert mended.exit_code == 0, mended.output
    assert fin("doctor", "--data").exit_code == 0
    assert set(site.asked) == ({("a", DAY), ("b", DAY)} if kind == "raw" else set())
    assert manifest_of(data).generation == (2 if kind == "raw" else 1)
    assert [each.state.value for each in Store(data).manifests()] == ["complete"] * 3
    assert publish.damage_of(Layout(data), publish.current(Layout(data))) is None
    assert publish.damage_of_people(Layout(data), publish.current(Layout(data))) is None


@pytest.mark.parametrize("kind", ["manifest", "staged"])
def test_a_build_works_with_a_damaged_file_of_one_session(fin: Fin, data: Path, kind: str) -> None:
    cut(path_of(data, kind))
    assert fin("run", NAME, "--session", "2026-03-17").exit_code == 0
    assert fin("build").exit_code == 0


def test_a_run_mends_a_damaged_manifest_as_the_status_says(fin: Fin, site: FakeSite, data: Path) -> None:
    flip(path_of(data, "manifest"))
    assert f"fin run {NAME} --session {DAY}" in flat(fin("status").output)
    assert fin("run", NAME, "--session", str(DAY)).exit_code == 0
    assert not site.asked, "it is made again from what is stored"
    assert "damaged" not in flat(fin("status", "--from", str(FIRST), "--json").output)


def test_reparsing_mends_damaged_manifests_and_staged_files(fin: Fin, site: FakeSite, data: Path) -> None:
    for kind in ("staged", "manifest"):
        flip(path_of(data, kind))
        done = fin("reparse", NAME, "--from", str(DAY), "--to", str(DAY))
        assert done.exit_code == 0, done.output
        assert manifest_of(data).damage is None
        assert Store(data).read_staged(manifest_of(data)) is not None
    assert not site.asked


def test_a_damaged_session_has_its_own_state(fin: Fin, data: Path) -> None:
    path_of(data, "manifest").write_bytes(b"{")
    rows = json.loads(fin("status", "--from", str(FIRST), "--json").output)
    states = {row["session"]: row["state"] for row in rows if row["session"] <= str(LAST)}
    assert states == {str(FIRST): "provisional", str(DAY): "damaged", str(LAST): "provisional"}
    one = flat(fin("status", NAME, "--session", str(DAY)).output)
    assert "manifest.json cannot be read" in one


@pytest.mark.parametrize("damage", [cut, flip])
def test_a_damaged_database_of_dagster_is_put_aside(
    fin: Fin, data: Path, damage: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME")
    assert fin("run", NAME, "--session", "2026-03-17").exit_code == 0
    path = path_of(data, "dagster")
    path.write_bytes(b"this is no database " * 400) if damage is flip else damage(path)
    assert fin("status").exit_code == 0
    failed = fin("run", NAME, "--session", "2026-03-16")
    assert failed.exit_code == 1, failed.output
    assert "fin doctor --data --mend" in flat(failed.stderr)
    found = fin("doctor", "--data")
    assert found.exit_code == 1
    assert str(path) in flat(found.output)
    assert fin("doctor", "--data", "--mend").exit_code == 0
    assert fin("run", NAME, "--session", "2026-03-16").exit_code == 0


def test_mending_without_data_is_a_usage_error(fin: Fin) -> None:
    done = fin("doctor", "--mend")
    assert done.exit_code == 2
    assert "fin doctor --data --mend" in flat(done.stderr)


def test_what_the_site_does_not_give_again_stays_damaged_and_is_reported(fin: Fin, site: FakeSite, data: Path) -> None:
    from fin_assets.core.contract.failures import ServerError

    staged = path_of(data, "staged").read_bytes()
    flip(path_of(data, "raw"))
    site.broken["a", DAY] = site.broken["b", DAY] = ServerError("down")
    done = fin("doctor", "--data", "--mend")
    assert done.exit_code == 1
    assert "raw of" in flat(done.output)
    assert path_of(data, "staged").read_bytes() == staged
    site.broken.clear()
    assert fin("doctor", "--data", "--mend").exit_code == 0


def test_the_shell_opens_the_build_while_its_own_file_is_cut_and_names_a_damaged_one(fin: Fin, data: Path) -> None:
    people = Layout(data).people
    people.chmod(0o644)
    content = people.read_bytes()
    cut(people)
    assert fin("sql", "-c", "select 1").exit_code == 0
    people.write_bytes(content[:12] + bytes(12276) + content[12288:])
    failed = fin("sql", "-c", "select 1")
    assert failed.exit_code == 1
    assert str(people) in flat(failed.stderr)
    assert "fin build publishes it again" in flat(failed.stderr)


def test_the_doctor_without_data_names_a_damaged_pointer(fin: Fin, data: Path) -> None:
    path_of(data, "pointer").write_bytes(b"garbage")
    found = fin("doctor")
    assert found.exit_code == 1
    assert "current.json is damaged" in flat(found.output)
    assert "fin build" in flat(found.output)


def test_a_build_names_the_sessions_that_are_damaged(fin: Fin, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from fin_assets.commands.build import _print_damaged

    cut(path_of(data, "manifest"))
    assert fin("run", NAME, "--session", "2026-03-17").exit_code == 0
    _print_damaged(data)
    said = capsys.readouterr().out
    assert str(path_of(data, "pointer").parents[1] / Store(data).manifest_file(KEY)) in said
    assert f"fin run {NAME} --session {DAY}" in said
