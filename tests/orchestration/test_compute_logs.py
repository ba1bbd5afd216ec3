"""What a step prints is in Dagster's files, and no process mirrors it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import psutil
import yaml

from fin_assets.core.orchestration.compute_logs import ComputeLogs

REPOSITORY = Path(__file__).parents[2]


def test_what_a_step_prints_is_in_its_files_and_no_process_mirrors_it(tmp_path: Path, capfd) -> None:
    settings = yaml.safe_load((REPOSITORY / "dagster.yaml").read_text())
    settings["compute_logs"]["config"]["base_dir"] = str(tmp_path / "logs")
    text = yaml.safe_dump({"compute_logs": settings["compute_logs"], "telemetry": {"enabled": False}})
    (tmp_path / "dagster.yaml").write_text(text)
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    helpers = []

    @dg.op
    def prints() -> None:
        os.write(1, b"to the descriptor\n")
        subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
        helpers.extend({child.pid for child in psutil.Process().children(recursive=True)} - before)

    @dg.job
    def job() -> None:
        prints()

    with dg.DagsterInstance.from_config(str(tmp_path)) as instance, capfd.disabled():
        assert isinstance(instance.compute_log_manager, ComputeLogs)
        assert job.execute_in_process(instance=instance).success
    written = "".join(path.read_text() for path in (tmp_path / "logs").rglob("*.out"))
    assert "to the descriptor" in written
    assert "from a child" in written
    assert helpers == []
