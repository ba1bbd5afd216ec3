"""dbt in children of one warm process: what is reused, and that nothing is left when anybody dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import psutil
import pytest

from fin_assets.warehouse import dbt, warm_dbt
from fin_assets.warehouse.paths import BuildFailed, Layout

pytestmark = pytest.mark.skipif(not warm_dbt.available(), reason="the warm process is for Linux")

PROJECT = "name: tiny\nversion: '1.0'\nconfig-version: 2\nprofile: tiny\nmodel-paths: [models]\n"
PROFILE = (
    "tiny:\n  target: build\n  outputs:\n    build:\n      type: duckdb\n      threads: 1\n"
    "      path: \"{{ env_var('WAREHOUSE_BUILD_PATH') }}\"\n"
)
SLOW = "select count(*) as n from range(100000) a, range(100000) b, range(100000) c"
PATIENCE = 60.0

OWNER = """
import sys
from pathlib import Path
from fin_assets.warehouse import dbt, warm_dbt
from fin_assets.warehouse.paths import Layout
warm_dbt.prepare()
stream = dbt.stream(Layout(Path(sys.argv[1])), Path(sys.argv[2]), full_refresh=True)
print(next(stream).name, warm_dbt._owned.process.pid, flush=True)
next(stream)
"""
"""Builds the first model, reports it, and is busy with the second one until it is killed."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one model."""
    path = tmp_path / "project"
    (path / "models").mkdir(parents=True)
    (path / "dbt_project.yml").write_text(PROJECT)
    (path / "profiles.yml").write_text(PROFILE)
    (path / "models" / "a_fast.sql").write_text("select 1 as n")
    return path


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    found = Layout(tmp_path / "data")
    found.marts.mkdir(parents=True)
    return found


@pytest.fixture
def own_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No server but the one that the test starts, which ends with it."""
    monkeypatch.setattr(warm_dbt, "_owned", None)
    monkeypatch.setenv(warm_dbt.SOCKET_ENV, "/nowhere")
    yield
    warm_dbt.end()


def built(layout: Layout, project: Path) -> list[str]:
    return [f"{node.name} {node.status}" for node in dbt.stream(layout, project, full_refresh=True)]


def free(layout: Layout) -> bool:
    """Return whether nobody has the build file open."""
    with duckdb.connect(str(layout.build)):
        return True


def test_the_second_build_parses_nothing_until_the_project_changes(layout: Layout, project: Path) -> None:
    cache = layout.dbt_target / "partial_parse.msgpack"
    assert built(layout, project) == ["a_fast success"]
    assert cache.exists()
    cache.unlink()
    assert built(layout, project) == ["a_fast success"]
    assert not cache.exists()
    (project / "models" / "b_new.sql").write_text("select n + 1 as n from {{ ref('a_fast') }}")
    assert built(layout, project) == ["a_fast success", "b_new success"]
    assert cache.exists()
    assert free(layout)


def test_a_project_that_cannot_be_parsed_says_where(layout: Layout, project: Path) -> None:
    (project / "models" / "b_wrong.sql").write_text("select * from {{ ref('nobody') }}")
    with pytest.raises(BuildFailed, match="'nobody' which was not found"):
        built(layout, project)
    with pytest.raises(BuildFailed, match=r"cannot be parsed:(.|\n)*'nobody' which was not found"):
        dbt.parse(layout, project)


def test_a_consumer_that_stops_leaves_the_file_free(layout: Layout, project: Path) -> None:
    (project / "models" / "b_slow.sql").write_text(SLOW + " -- {{ ref('a_fast') }}")
    stream = dbt.stream(layout, project, full_refresh=True)
    assert next(stream).name == "a_fast"
    stream.close()
    assert free(layout)


@pytest.mark.usefixtures("own_server")
def test_a_server_that_dies_fails_the_build_and_the_next_one_has_another(layout: Layout, project: Path) -> None:
    slow = project / "models" / "b_slow.sql"
    slow.write_text(SLOW + " -- {{ ref('a_fast') }}")
    stream = dbt.stream(layout, project, full_refresh=True)
    assert next(stream).name == "a_fast"
    assert warm_dbt._owned is not None
    first = warm_dbt._owned.process
    assert psutil.Process(first.pid).num_threads() == 1, "a process with threads is not forked safely"
    first.kill()
    first.wait()
    with pytest.raises(BuildFailed, match="readers keep the previous build"):
        next(stream)
    assert free(layout)
    slow.unlink()
    assert built(layout, project) == ["a_fast success"]
    assert warm_dbt._owned.process.pid != first.pid


def test_server_and_child_end_with_a_killed_owner(layout: Layout, project: Path) -> None:
    (project / "models" / "b_slow.sql").write_text(SLOW + " -- {{ ref('a_fast') }}")
    env = {name: value for name, value in os.environ.items() if name != warm_dbt.SOCKET_ENV}
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(layout.data), str(project)], env=env, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        model, server = owner.stdout.readline().split()
        assert model == "a_fast"
        found = psutil.Process(int(server))
        family = [found, *found.children()]
        assert len(family) > 1
        owner.send_signal(signal.SIGKILL)
    _, alive = psutil.wait_procs(family, timeout=PATIENCE)
    assert alive == []
    assert free(layout)
