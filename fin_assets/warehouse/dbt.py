"""Running dbt on the private build file, in a process of its own so that its lock on the file ends with it.

The process is a child of the one that `warm_dbt` keeps, or a new one where that is not available. Says what dbt did in few
words. What the marts are made from is decided in `control`, what readers see in `publish`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fin_assets.warehouse import warm_dbt
from fin_assets.warehouse.paths import BuildFailed, Layout

BUILD_PATH_ENV = "WAREHOUSE_BUILD_PATH"
"""Read by the project's profiles.yml. Without the prefix of the settings: it is no setting."""

SHOWN_PROBLEMS = 5


@dataclass(frozen=True, slots=True)
class NodeDone:
    """One model, seed or test that dbt has finished.

    Attributes:
        unique_id: dbt's own name of it.
        kind: model, seed, test or unit_test.
        name: of the node.
        status: success, pass, fail, error, skipped or warn.
        seconds: that it took.
        failures: rows that break a test.
        done, total: progress of the whole build.
    """

    unique_id: str
    kind: str
    name: str
    status: str
    seconds: float
    failures: int
    done: int
    total: int


OnNode = Callable[[NodeDone], None]


def arguments(project: Path, *, full_refresh: bool, unchanged: Sequence[str] = ()) -> list[str]:
    """Return the dbt command of a build.

    Unit tests, seeds and macros run in a full refresh only: any change to them, or to a model, is a change of the project,
    and that is a full refresh. The models of areas whose inputs are unchanged are left out with their tests: a model costs
    dbt about 0.1 s and a test 0.03 s, whatever they have to do. The variables never change, because that would switch off
    dbt's partial parsing.
    """
    if full_refresh:
        return ["build", "--full-refresh"]
    models = project / "models"
    left_out = [
        f"path:{folder.relative_to(project).as_posix()}"
        for area in unchanged
        for folder in sorted(models.glob(f"*/{area}"))
        if folder.parent.name in {"intermediate", "marts"}
    ]
    exclude = ["--exclude", "config.materialized:duckdb_macro", *left_out]
    return ["build", "--exclude-resource-type", "unit_test", "--exclude-resource-type", "seed", *exclude]


def environment(layout: Layout) -> dict[str, str]:
    """Return the environment of a dbt process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DBT_")}
    return {
        **kept,
        BUILD_PATH_ENV: str(layout.build),
        "DBT_TARGET_PATH": str(layout.dbt_target),
        "DBT_LOG_PATH": str(layout.dbt_logs),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        # Where the machine forbids bytecode, every import of dbt is compiled again: 4 seconds of 12.
        "PYTHONDONTWRITEBYTECODE": "",
    }


def stream(
    layout: Layout, project: Path, *, full_refresh: bool, unchanged: Sequence[str] = ()
) -> Generator[NodeDone, None, None]:
    """Build and test the marts in the private build file. The caller holds `writer_lock` and no connection to it.

    Args:
        layout: of the data directory.
        project: the dbt project.
        full_refresh: build every model from nothing.
        unchanged: areas whose models are as they were; in a full refresh all are built.

    Yields:
        each model, seed and test when it has finished; ends normally only if all of them passed.

    Raises:
        BuildFailed: a model or test failed, or the project cannot be parsed; the message says which, on what.
    """
    wanted = arguments(project, full_refresh=full_refresh, unchanged=unchanged)
    command = _command(layout, project, ["--log-format", "json", "--log-level", "info"], wanted)
    # A file of the previous build would explain the wrong failure.
    (layout.dbt_target / "run_results.json").unlink(missing_ok=True)
    errors: list[str] = []
    done = 0
    run = _Run(command)
    try:
        for event in _events(run, errors):
            node = _node_done(event, done=done + 1)
            if node is not None:
                done = node.done
                yield node
    except BaseException:
        # Also when nobody wants the rest: the file must be free when the lock is given back.
        run.kill()
        raise
    if run.code != 0:
        raise BuildFailed(_failure(layout, errors))


def parse(layout: Layout, project: Path) -> Path:
    """Return the manifest of the parsed project, parsing it only if the project has changed since.

    Raises:
        BuildFailed: the project cannot be parsed.
    """
    # The caller will build next: dbt is imported meanwhile.
    warm_dbt.prepare()
    manifest = layout.dbt_target.parent / f"manifest-{project_hash(project)[:16]}.json"
    if manifest.exists():
        return manifest
    # A directory of its own: a build may be using the other one.
    target = layout.dbt_target.parent / f"parse-{os.getpid()}"
    command = _command(layout, project, ["--quiet"], ["parse"])
    command.env["DBT_TARGET_PATH"] = str(target)
    run = _Run(command)
    try:
        told = "".join(run)
    except BaseException:
        run.kill()
        raise
    if run.code != 0:
        msg = f"the dbt project cannot be parsed:\n{told.strip()[-2000:]}"
        raise BuildFailed(msg)
    for old in manifest.parent.glob("manifest-*.json"):
        old.unlink(missing_ok=True)
    (target / "manifest.json").replace(manifest)
    shutil.rmtree(target)
    return manifest


def project_hash(project: Path) -> str:
    """Return a hash of everything in the dbt project that shapes the marts."""
    digest = hashlib.sha256()
    for path in sorted(project.rglob("*")):
        relative = path.relative_to(project)
        if path.is_file() and path.suffix in {".sql", ".yml", ".csv"} and relative.parts[0] not in {"target", "logs"}:
            digest.update(relative.as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


class _Run:
    """A dbt command at work: a child of the warm process, else a process of its own. Iterate over its output.

    Attributes:
        code: exit code after the last line; None if the process was lost.
    """

    def __init__(self, command: warm_dbt.Command) -> None:
        self.code: int | None = None
        self._command = command
        self._warm = warm_dbt.run(command)
        self._cold = None if self._warm else self._start()

    def __iter__(self) -> Iterator[str]:
        if self._warm is not None:
            heard = False
            for line in self._warm.lines:
                heard = True
                yield line
            self.code = self._warm.code()
            if heard or self.code is not None:
                return
            # The server has died before it could begin.
            self._warm, self._cold = None, self._start()
        if self._cold is not None:
            with self._cold as process:
                yield from process.stdout or ()
            self.code = process.returncode

    def kill(self) -> None:
        """End the process, whatever it does, and wait for that."""
        if self._warm is not None:
            self._warm.kill()
        elif self._cold is not None:
            with self._cold as process:
                process.kill()

    def _start(self) -> subprocess.Popen[str]:
        command = self._command
        program = [sys.executable, "-c", "from dbt.cli.main import cli; cli()"]
        return subprocess.Popen(
            [*program, *command.options, *command.command, *command.places],
            env=command.env,
            cwd=command.cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def _command(layout: Layout, project: Path, options: list[str], command: list[str]) -> warm_dbt.Command:
    return warm_dbt.Command(
        options=options,
        command=command,
        places=["--project-dir", str(project), "--profiles-dir", str(project)],
        # dbt names the database in a parsed project after the build file; nothing else of a home is in it.
        key=f"{project} {layout.build.name} {project_hash(project)}",
        cwd=project,
        env=environment(layout),
    )


def problems(run_results: dict[str, Any]) -> list[str]:
    """Return one sentence for each node that failed, models before tests."""
    found = []
    for result in run_results["results"]:
        kind, _, name = result["unique_id"].partition(".")
        name = name.split(".")[1] if kind in {"test", "model", "seed"} else name.rsplit(".", 1)[-1]
        if result["status"] == "error":
            found.append(f"{kind} {name} failed: {' '.join(str(result['message']).split())}")
        elif result["status"] == "fail":
            found.append(f"{kind} {name}: {result.get('failures') or 0} rows break it. See them: {_query_hint(result)}")
    return sorted(found)


def _query_hint(result: dict[str, Any]) -> str:
    code = " ".join(str(result.get("compiled_code") or "").split())
    return code[:400] if code else " ".join(str(result.get("message")).split())


def _events(lines: Iterable[str], errors: list[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            event = json.loads(line)
        except json.JSONDecodeError:
            # Not dbt's own word: a traceback or a library's warning. It matters only if the build fails.
            errors.append(line.rstrip())
            continue
        if event["info"]["level"] == "error":
            errors.append(str(event["info"]["msg"]).strip())
        yield event


def _node_done(event: dict[str, Any], *, done: int) -> NodeDone | None:
    data = event["data"]
    node = data.get("node_info")
    if not node or not event["info"]["name"].endswith("Result"):
        return None
    # Of a unit test dbt tells the outcome only beside the node.
    known = node["node_status"] not in {"", "None"}
    return NodeDone(
        unique_id=node["unique_id"],
        kind=node["resource_type"],
        name=node["node_name"],
        status=node["node_status"] if known else str(data["status"]).lower(),
        seconds=round(float(data.get("execution_time") or 0.0), 3),
        failures=int(data.get("num_failures") or 0),
        done=done,
        total=int(data.get("total") or data.get("num_models") or 0),
    )


def _failure(layout: Layout, errors: list[str]) -> str:
    path = layout.dbt_target / "run_results.json"
    found: list[str] = []
    if path.exists():
        found = problems(json.loads(path.read_text(encoding="utf-8")))
    shown = found or [line for line in errors if line][-SHOWN_PROBLEMS:]
    more = f"\n... and {len(shown) - SHOWN_PROBLEMS} more" if len(shown) > SHOWN_PROBLEMS else ""
    body = "\n".join(f"- {problem}" for problem in shown[:SHOWN_PROBLEMS])
    log = layout.dbt_logs / "dbt.log"
    return f"the marts were not published; readers keep the previous build:\n{body}{more}\nThe whole log: {log}"
