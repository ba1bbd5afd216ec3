"""Removing what is kept long enough: files, logs of old runs. One place for the command and for the schedule.

Superseded builds and months are removed by each publish; what a rollback to a kept build reads stays.
"""

# No postponed annotations here: Dagster reads the types of an op's arguments at once.
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import dagster as dg
import duckdb

from fin_assets import clock
from fin_assets.core.storage.leftovers import Kind, leftovers, remove
from fin_assets.settings import Settings
from fin_assets.warehouse import publish
from fin_assets.warehouse.paths import Layout, WarehouseError

if TYPE_CHECKING:
    from fin_assets.core.orchestration.run_retention import OldRuns

CLEAN = "clean"
"""Name of the job and of its schedule."""


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What can go: files by kind, and runs of Dagster."""

    kinds: list[Kind]
    runs: "OldRuns"

    @property
    def rows(self) -> list[tuple[str, int, int]]:
        """Kind, number and bytes of everything that can go."""
        files = [(kind.name, len(kind.files), kind.bytes) for kind in self.kinds]
        return [*files, ("logs of old runs", len(self.runs.forget) + len(self.runs.thin), self.runs.bytes)]

    @property
    def bytes(self) -> int:
        """Bytes of all of it."""
        return sum(size for _, _, size in self.rows)


def what_can_go(settings: Settings, instance: dg.DagsterInstance) -> Cleaning:
    """Return what `[retention]` no longer keeps.

    Raises:
        WarehouseError: a kept build cannot be read, so that the files that it reads are not known.
    """
    # Here: it loads the SQL library, which the code location alone does not need.
    from fin_assets.core.orchestration.run_retention import old_runs

    keep, now = settings.retention, clock.now()
    kinds = leftovers(settings.data, keep, now=now, in_use=_read_by_builds(Layout(settings.data)))
    return Cleaning(kinds, old_runs(instance, before=now - timedelta(days=keep.runs_days)))


def clean(settings: Settings, instance: dg.DagsterInstance) -> Cleaning:
    """Remove what `[retention]` no longer keeps, and return what it was. Raises as `what_can_go`."""
    from fin_assets.core.orchestration.run_retention import remove_runs

    found = what_can_go(settings, instance)
    remove(settings.data, found.kinds)
    remove_runs(instance, found.runs)
    return found


def cleaning_jobs(settings: Settings) -> tuple[dg.JobDefinition, dg.ScheduleDefinition]:
    """Return the job that removes what is no longer kept, and its daily schedule."""

    @dg.op(name="remove_what_is_old")
    def remove_what_is_old(context: dg.OpExecutionContext) -> None:
        found = clean(settings, context.instance)
        for name, count, size in found.rows:
            context.log.info("%s: %d, %.1f MB", name, count, size / 1e6)

    @dg.job(name=CLEAN, description="Remove what the section [retention] of the settings no longer keeps.")
    def job() -> None:
        remove_what_is_old()

    @dg.schedule(
        job=job,
        name=f"daily_{CLEAN}",
        cron_schedule="40 3 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Once a day, a run only if something is kept for longer than [retention] says.",
    )
    def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        found = what_can_go(settings, context.instance)
        if not any(count for _, count, _ in found.rows):
            return dg.SkipReason("nothing is older than [retention] says")
        return dg.RunRequest()

    return job, daily


def _read_by_builds(layout: Layout) -> set[str]:
    """Return the staged files and months that the views of kept builds read."""
    used: set[str] = set()
    for build in publish.published(layout):
        path = layout.blobs.uri(build.file)
        try:
            with duckdb.connect(path, read_only=True) as connection:
                used |= {file for (file,) in connection.execute("select file from control.archive_files").fetchall()}
        except duckdb.Error as error:
            msg = (
                f"build {build.id} cannot be read ({str(error).splitlines()[0]}), so that nothing is removed: which files it"
                " reads is not known. A newer build replaces it: fin build --full-refresh"
            )
            raise WarehouseError(msg) from error
    return used
